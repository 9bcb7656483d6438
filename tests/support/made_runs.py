"""Runs on disk that were never run: a plan.json and a journal with whatever a test wants to have happened.

Records are built by the program's own `build_record`; verdicts, costs and times are then put in as the test says.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from trialbed.core.choices import Choices
from trialbed.core.experiment import Scenario, Variant
from trialbed.core.measure import Measure
from trialbed.core.model import Message, ModelName, Sampling
from trialbed.core.outcome import Outcome
from trialbed.core.plan import Plan
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.engine.recording import Ended, RunFacts, build_record

MEASURES = (
    Measure(name="lied", kind="binary", field="strategy", positive=("lie", "invention")),
    Measure(name="admitted", kind="binary", field="admitted"),
    Measure(name="harm", kind="score", field="harm.level", low=0, high=10),
    Measure(name="strategy", kind="category", field="strategy"),
    Measure(name="turns", kind="survival", field="turns", censored_field="held_out"),
)
STRATEGIES = ("truth", "silence", "lie", "invention")
JUDGES = ("bedrock:maker.judge-a", "bedrock:maker.judge-b", "bedrock:maker.judge-c")


def verdict(judge: str | None, values: Mapping[str, Any], *, name: str = "conduct", **more: Any) -> dict[str, Any]:
    """A verdict as a record holds it; `repeat` and `judging` are 0 unless given."""
    asking = {"repeat": more.pop("repeat", 0), "judging": more.pop("judging", 0)}
    marks = {"rubric_version": "1", "prompt_hash": "abc"} | more
    return {"name": name, "judge": judge, **marks, **asking, "values": dict(values)}


@dataclass(frozen=True)
class Happened:
    """What came of one trial; without verdicts it was not judged."""

    outcome: Outcome = Outcome.ANSWERED
    verdicts: tuple[Mapping[str, Any], ...] = ()
    reply: str = "a reply of so many words that nobody would leave it out"
    cost_usd: float | None = 0.001
    attempts: int = 1
    began_s: int = 0
    took_s: int = 1


Tells = Callable[[Trial], Happened | None]
"""What happened in a trial; None = it was not run."""


@dataclass
class MadeRun:
    """A run under `root`; `write` puts plan.json and the journal there."""

    root: Path
    plan: Plan
    choices: Choices | None
    name: str = "probe-20260102T030405Z"
    lines: list[bytes] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / self.name

    def add(self, kind: str, trial: str | None = None, /, **body: Any) -> None:
        """A line more, chained to the one before."""
        if not self.lines and kind != "run_start":
            self.begin()
        event = {"prev": self.head(), "e": kind, **({} if trial is None else {"trial": trial}), **body}
        rest = json.dumps(event, separators=(",", ":"))[1:].encode("ascii")
        self.lines.append(b'{"crc":"%08x",%s' % (zlib.crc32(rest), rest))

    def begin(self, *, at: str = "2026-01-02T00:00:00.000Z", lock: Mapping[str, Any] | None = None) -> None:
        """A sitting begins; without a word the run has one, without a locked plan."""
        self.add("run_start", plan_hash=self.plan.plan_hash, at=at, lock=lock)

    def record(self, trial: Trial, happened: Happened, *, revision: int = 0) -> None:
        row = record_of(self.plan, self.name, trial, happened, revision=revision)
        body = {"outcome": row["outcome"], "revision": revision, "variant": trial.variant.id}
        self.add("record", trial.trial_id, **body, record=row)

    def tell(self, tells: Tells) -> None:
        for trial in self.plan.trials():
            happened = tells(trial)
            if happened is not None:
                self.record(trial, happened)

    def write(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        document: dict[str, Any] = {"plan_hash": self.plan.plan_hash, "planned": self.plan.size}
        document |= {"per_variant": self.plan.per_variant(), "plan": self.plan.as_dict()}
        if self.choices is not None:
            document["analysis"] = self.choices.model_dump(mode="json")
        (self.folder / "plan.json").write_text(json.dumps(document))
        (self.folder / "journal.jsonl").write_bytes(b"".join(line + b"\n" for line in self.lines))
        return self.folder

    def head(self) -> str:
        """What the chain has come to."""
        return hashlib.sha256(self.lines[-1]).hexdigest()[:32] if self.lines else "0" * 32


def plan_of(
    *,
    scenarios: int = 1,
    variants: Iterable[str] = ("plain", "kind"),
    subjects: Iterable[str] = ("maker.one",),
    repeats: int = 3,
    seed: int = 7,
    limit: int | None = None,
    judges: Iterable[str] = JUDGES[:1],
) -> Plan:
    """A plan whose first variant is the baseline."""
    names = list(variants)
    return Plan(
        experiment="probe",
        version="1.0.0",
        scenarios=tuple(Scenario(id=f"s{number}") for number in range(scenarios)),
        variants=tuple(Variant(id=name, label=name.title(), baseline=name == names[0]) for name in names),
        baseline=names[0],
        subjects=tuple(ModelName("bedrock", subject) for subject in subjects),
        sampling=Sampling(temperature=0.7),
        repeats=repeats,
        seed=seed,
        judges=tuple(ModelName(*judge.split(":", 1)) for judge in judges),
        limit=limit,
    )


def choices_for(plan: Plan, **more: Any) -> Choices:
    usual = {"measures": MEASURES, "primary": "lied", "category": "strategy", "resamples": 100, "seed": plan.seed}
    return Choices(**(usual | {"baseline": plan.baseline} | more))


def record_of(plan: Plan, run: str, trial: Trial, happened: Happened, *, revision: int = 0) -> dict[str, Any]:
    """A record as a journal holds it."""
    ended = Ended(
        outcome=happened.outcome,
        reason=None,
        transcript=Transcript("Answer.", (Message("user", "Well?"), Message("assistant", happened.reply))),
        verdicts=[],
        notes=[],
        calls=[_call("subject", str(trial.subject), happened), _call("judge", JUDGES[0], happened)],
        repairs=0,
        started_at=_moment(happened.began_s),
        ended_at=_moment(happened.began_s + happened.took_s),
    )
    row = build_record(RunFacts(run, 0, plan, {}), trial, ended, revision=revision).as_row()
    newest = max((one["judging"] for one in happened.verdicts), default=0)
    first = next((one for one in happened.verdicts if one["judging"] == newest), None)
    is_judged = happened.outcome is Outcome.ANSWERED and first is not None
    row |= {"verdicts": list(happened.verdicts), "evaluation": first["values"] if first and is_judged else None}
    return row


def anything(random: Random, *, judges: int = 1, judgings: int = 1, mishaps: float = 0.15) -> Tells:
    """Happenings of every kind, effects and missing trials among them; decided by `random`."""

    def tells(trial: Trial) -> Happened | None:
        if random.random() < mishaps / 3:
            return None
        outcome = Outcome.ANSWERED
        if random.random() < mishaps:
            outcome = random.choice([one for one in Outcome if one not in _NO_RECORD and one is not Outcome.ANSWERED])
        is_judged = outcome is Outcome.ANSWERED and random.random() > mishaps / 3
        return Happened(
            outcome=outcome,
            verdicts=tuple(_verdicts(random, trial, judges, judgings)) if is_judged else (),
            reply=" ".join(["word"] * random.randint(3, 30)),
            cost_usd=None if random.random() < mishaps / 50 else round(random.random() / 100, 6),
            attempts=random.choice([1, 1, 1, 2, 3]),
            began_s=random.randint(0, 5_000),
            took_s=random.randint(1, 60),
        )

    return tells


_NO_RECORD = frozenset({Outcome.CANCELLED, Outcome.BUDGET_STOPPED, Outcome.PENDING})


def _verdicts(random: Random, trial: Trial, judges: int, judgings: int) -> Iterable[dict[str, Any]]:
    truth = _values(random, trial)
    yield verdict(JUDGES[0], truth)
    for judging in range(judgings):
        for judge in JUDGES[:judges]:
            if (judge, judging) != (JUDGES[0], 0) and random.random() < 0.9:
                yield verdict(judge, _blurred(random, truth, trial), judging=judging, rubric_version=str(judging + 1))
        if random.random() < 0.5:
            yield verdict(JUDGES[0], _blurred(random, truth, trial), judging=judging, repeat=1)
    yield verdict(JUDGES[0], {"claimed": "yes"}, name="tie")


def _values(random: Random, trial: Trial) -> dict[str, Any]:
    place = sum(map(ord, trial.variant.id + trial.scenario.id)) % 5
    weights = [6 - place, 2, 1 + place, 1]
    level = random.choice([random.randint(0, 10), round(random.random() * 10, 3)])
    return {
        "strategy": random.choices(STRATEGIES, weights)[0] if random.random() < 0.98 else None,
        "admitted": random.random() < 0.3 + place / 10,
        "harm": {"level": level} if random.random() < 0.95 else {},
        "turns": random.randint(1, 6),
        "held_out": random.random() < 0.4,
    }


def _blurred(random: Random, truth: Mapping[str, Any], trial: Trial) -> dict[str, Any]:
    """What another judge makes of it: mostly the same."""
    return dict(truth) if random.random() < 0.7 else _values(random, trial)


def _call(role: str, model: str, happened: Happened) -> dict[str, Any]:
    return {
        "role": role,
        "model": model,
        "started_at": _moment(happened.began_s),
        "latency_s": 0.5,
        "stop_reason": "end_turn",
        "request_id": "r",
        "usage": {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13},
        "cost_usd": happened.cost_usd,
        "requested_parameters": {"temperature": 0.7, "max_tokens": 500},
        "sent_parameters": {"max_tokens": 500},
        "echoed_parameters": {},
        "unsupported": ["temperature"],
        "attempts": [{"n": number + 1} for number in range(happened.attempts)],
    }


def _moment(at_s: int) -> str:
    moment = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=at_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
