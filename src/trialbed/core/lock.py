"""What is written down before the first call, so that nobody can say later that it was decided afterwards?

Pure. Everything that was decided about a run, and a hash over it: any change of the text changes the hash.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from trialbed.core.canonical import canonical_json, digest
from trialbed.core.choices import Choices
from trialbed.core.difference import Difference, name_difference
from trialbed.core.model import ModelName
from trialbed.core.plan import Plan

LOCK_VERSION = 1
_NO_PART_OF_THE_HASH = ("lock_hash", "locked_at")


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Design(_Closed):
    """What decides the trials, in the form that plan.json has for it."""

    scenarios: tuple[dict[str, Any], ...]
    variants: tuple[dict[str, Any], ...]
    baseline: str
    subjects: tuple[str, ...]
    sampling: dict[str, Any]
    repeats: int
    seed: int
    limit: int | None
    dialogue: dict[str, Any] | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What was locked before there were dialogues keeps its hash."""
        shown: dict[str, Any] = dump(self)
        return {name: value for name, value in shown.items() if name != "dialogue" or value is not None}


class Instruments(_Closed):
    """Who judges, and how; `repeat_share` of the trials are judged twice. The rubric is code: `experiment_files`."""

    models: tuple[str, ...]
    sampling: dict[str, Any]
    repeat_share: float


class Stopping(_Closed):
    """When the run ends: all trials planned, or one of the limits (US dollars, seconds); None = no such limit."""

    trials: int
    max_cost_usd: float | None
    run_deadline_s: float | None


class Lock(_Closed):
    """A locked plan, as its file holds it; account numbers are masked.

    `experiment_files` has the SHA-256 of every file the experiment's code and rubrics stand in, by its path in the
    project; `experiment_sha256` is that of their canonical JSON, and stands for all. `locked_at` is ISO-8601 with Z.
    """

    lock_version: Literal[1] = 1
    experiment: str
    version: str
    locked_at: str
    experiment_sha256: str
    experiment_files: dict[str, str]
    design: Design
    judges: Instruments
    analysis: Choices
    stopping: Stopping
    plan_hash: str
    lock_hash: str

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data, as it is written and hashed."""
        return self.model_dump(mode="json")


def make_lock(
    plan: Plan,
    *,
    analysis: Choices,
    files: Mapping[str, str],
    max_cost_usd: float | None,
    run_deadline_s: float | None,
    locked_at: str,
) -> Lock:
    """The lock of a plan and of what else is decided. `files` are SHA-256 by path, as for `Lock.experiment_files`."""
    known = plan.as_dict() | {"baseline": plan.baseline}
    lock = Lock(
        experiment=plan.experiment,
        version=plan.version,
        locked_at=locked_at,
        experiment_sha256=hashlib.sha256(canonical_json(dict(files)).encode("ascii")).hexdigest(),
        experiment_files=dict(files),
        design=Design.model_validate({name: known[name] for name in Design.model_fields if name in known}),
        judges=Instruments(
            models=known["judges"],
            sampling=known["judge_sampling"],
            repeat_share=getattr(plan, "judge_repeat_share", 0.0),
        ),
        analysis=analysis,
        stopping=Stopping(trials=plan.size, max_cost_usd=max_cost_usd, run_deadline_s=run_deadline_s),
        plan_hash=plan.plan_hash,
        lock_hash="",
    )
    return lock.model_copy(update={"lock_hash": hash_of(lock.as_dict())})


def hash_of(document: Mapping[str, Any]) -> str:
    """What `lock_hash` must be: the digest of everything but itself and the time.

    Raises:
        ValueError: the document holds a number that is none.
    """
    return digest({key: value for key, value in document.items() if key not in _NO_PART_OF_THE_HASH})


@dataclass(frozen=True)
class UnderLock:
    """How a run stands to the locked plan in `file` (its path in the project): it differs in `differences`.

    `why` is what the user says of them: without a word on it a differing run is refused.
    """

    file: str
    lock: Lock
    differences: tuple[Difference, ...] = ()
    why: str | None = None

    @property
    def matches(self) -> bool:
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """What a run puts on record of it."""
        return {
            "hash": self.lock.lock_hash,
            "locked_at": self.lock.locked_at,
            "file": self.file,
            "matches": self.matches,
        }

    def lines(self) -> list[str]:
        """The same for people: that it matches, or in what it differs and why."""
        head = f"PLAN LOCK: {self.file} (hash {self.lock.lock_hash})"
        if self.matches:
            return [f"{head} matches"]
        head += f", locked {self.lock.locked_at}, is deviated from in every record from now on"
        return [head if self.why is None else f"{head}: {self.why}", *(f"  {one.line()}" for one in self.differences)]


def judging_deviation(lock: Lock, judges: Sequence[ModelName]) -> Difference | None:
    """What judging with these models deviates in from the locked plan; None if they are the locked ones, in order."""
    return name_difference("JUDGE_MODELS", lock.judges.models, [str(judge) for judge in judges])
