"""Unroll a run into trials. Pure: same inputs, same ids and order, on any machine.

Knows nothing of what has been done already: that is the journal's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from random import Random
from typing import Any

from trialbed.core.canonical import canonical_json, digest, digest_of, seed_of
from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import ModelName, Sampling
from trialbed.core.student import Dialogue
from trialbed.core.trial import Trial


@dataclass(frozen=True)
class Plan:
    """The frozen set of trials of a run and everything that decides them.

    `judges` and `judge_sampling` are part of it because a verdict belongs to its instrument. `limit`
    keeps the first so many trials of the (balanced) order. `judge_repeat_share` of the trials are judged twice
    (see `is_judged_twice`). `dialogue` is there where the experiment has a student.
    """

    experiment: str
    version: str
    scenarios: tuple[Scenario, ...]
    variants: tuple[Variant, ...]
    baseline: str
    subjects: tuple[ModelName, ...]
    sampling: Sampling
    repeats: int
    seed: int
    judges: tuple[ModelName, ...] = ()
    judge_sampling: Sampling = field(default_factory=Sampling)
    limit: int | None = None
    judge_repeat_share: float = 0.0
    dialogue: Dialogue | None = None

    @cached_property
    def plan_hash(self) -> str:
        return digest(self.as_dict())

    @cached_property
    def size(self) -> int:
        whole = len(self.scenarios) * len(self.variants) * len(self.subjects) * self.repeats
        return whole if self.limit is None else min(whole, self.limit)

    def as_dict(self) -> dict[str, Any]:
        """Everything that decides the trials, as plain data; account numbers are masked."""
        return {
            "experiment": self.experiment,
            "version": self.version,
            "scenarios": [scenario.model_dump(mode="json") for scenario in self.scenarios],
            "variants": [
                {**variant.content(), "label": variant.title, "baseline": variant.id == self.baseline}
                for variant in self.variants
            ],
            "subjects": [str(subject) for subject in self.subjects],
            "sampling": self.sampling.as_dict(),
            "repeats": self.repeats,
            "seed": self.seed,
            "judges": [str(judge) for judge in self.judges],
            "judge_sampling": self.judge_sampling.as_dict(),
            "limit": self.limit,
            # Only when set: what was planned without it keeps its hash.
            **({"judge_repeat_share": self.judge_repeat_share} if self.judge_repeat_share else {}),
            **({"dialogue": self.dialogue.as_dict()} if self.dialogue is not None else {}),
        }

    def trials(self, subject: ModelName | None = None, *, first_repeat: int = 0) -> Iterator[Trial]:
        """The trials in seeded, interleaved blocks; of one subject only, if named.

        A block holds every variant of one scenario × subject × repeat, and all blocks of a repeat come
        before those of the next, so that any cut leaves a nearly balanced design. One block is made
        at a time: memory does not grow with the plan. Those of repeats before `first_repeat` are left out.
        """
        before = first_repeat * len(self.scenarios) * len(self.variants) * len(self.subjects)
        ordered = islice(self._in_order(first_repeat), max(0, self.size - before))
        for variant, cell in ordered:
            if subject is None or cell.subject == subject:
                yield self._trial(variant, cell)

    def per_variant(self) -> dict[str, int]:
        """Planned trials by variant id, in the plan's order of variants."""
        if self.limit is None:
            share = len(self.scenarios) * len(self.subjects) * self.repeats
            return {variant.id: share for variant in self.variants}
        counts = {variant.id: 0 for variant in self.variants}
        for variant, _ in islice(self._in_order(), self.size):
            counts[variant.id] += 1
        return counts

    def _in_order(self, first_repeat: int = 0) -> "Iterator[tuple[Variant, _Cell]]":
        order = Random()
        for repeat in range(first_repeat, self.repeats):
            cells = [
                _Cell(scenario, subject, repeat, number)
                for number, (scenario, subject) in enumerate(
                    (scenario, subject) for scenario in self.scenarios for subject in self.subjects
                )
            ]
            order.seed(f"{self.seed}:cells:{repeat}")
            order.shuffle(cells)
            for cell in cells:
                variants = list(self.variants)
                order.seed(f"{self.seed}:{cell.scenario.id}:{cell.subject}:{repeat}")
                order.shuffle(variants)
                for variant in variants:
                    yield variant, cell

    def _trial(self, variant: Variant, cell: "_Cell") -> Trial:
        # Canonical JSON, put together of parts: a run that goes on makes the ids of all that is done already.
        parts, scenario, subject = self._parts, cell.scenario.id, cell.subject
        block = (
            f"[{parts.names},{parts.scenario_digests[scenario]},{parts.subjects[subject]},{parts.sampling},"
            f"{cell.repeat},{self.seed}{parts.dialogue}"
        )
        place = f"{parts.scenarios[scenario]},{parts.subjects[subject]},{cell.repeat}"
        return Trial(
            trial_id=digest_of(f"{block},{parts.variant_digests[variant.id]}]"),
            block_id=digest_of(f"{block}]"),
            scenario=cell.scenario,
            variant=variant,
            subject=cell.subject,
            sampling=variant.sampling(self.sampling),
            repeat=cell.repeat,
            index=cell.repeat * len(self.scenarios) * len(self.subjects) + cell.number,
            seed=seed_of(f"[{self.seed},{parts.variants[variant.id]},{place}]"),
            dialogue=self.dialogue,
        )

    @cached_property
    def _parts(self) -> "_Parts":
        return _Parts(
            names=f"{canonical_json(self.experiment)},{canonical_json(self.version)}",
            sampling=canonical_json(self.sampling.as_dict()),
            scenarios={one.id: canonical_json(one.id) for one in self.scenarios},
            scenario_digests={one.id: canonical_json(digest(one.model_dump(mode="json"))) for one in self.scenarios},
            variants={one.id: canonical_json(one.id) for one in self.variants},
            variant_digests={one.id: canonical_json(digest(one.content())) for one in self.variants},
            subjects={one: canonical_json(str(one)) for one in self.subjects},
            dialogue="" if self.dialogue is None else f",{canonical_json(self.dialogue.as_dict())}",
        )


@dataclass(frozen=True, slots=True)
class _Cell:
    scenario: Scenario
    subject: ModelName
    repeat: int
    number: int


@dataclass(frozen=True, slots=True)
class _Parts:
    """What trials have in common, as canonical JSON; scenarios and variants by id. `dialogue` begins with its comma."""

    names: str
    sampling: str
    scenarios: dict[str, str]
    scenario_digests: dict[str, str]
    variants: dict[str, str]
    variant_digests: dict[str, str]
    subjects: dict[ModelName, str]
    dialogue: str


def is_judged_twice(seed: int, share: float) -> bool:
    """Whether the trial of this seed is in the subsample that judges are asked about a second time.

    The seed alone decides, so that neither order nor growth moves a trial in or out, and a larger share holds the
    trials of a smaller one.
    """
    return Random(f"{seed}:judged twice").random() < share


def grows_from(new: dict[str, Any], old: dict[str, Any]) -> bool:
    """Whether every trial of `old` is one of `new` under the same id and run id (both as `Plan.as_dict` gives them).

    So it is when `new` only adds repeats or variants, raises the limit, or changes what is for people to read.
    """
    # Of both: what only one version of the tool writes into a plan decides its trials too.
    if any(new.get(key) != old.get(key) for key in (new.keys() | old.keys()) - {"repeats", "variants", "limit"}):
        return False
    ours, theirs = _contents(new), _contents(old)
    if new["limit"] is None:
        return new["repeats"] >= old["repeats"] and all(variant in ours for variant in theirs)
    # A limit cuts the order, and other variants make another order.
    return ours == theirs and new["repeats"] >= old["repeats"] and new["limit"] >= _size(old)


def _contents(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The variants without what is no part of a trial."""
    return [{key: value for key, value in v.items() if key not in _FOR_PEOPLE} for v in plan["variants"]]


def _size(plan: dict[str, Any]) -> int:
    whole: int = len(plan["scenarios"]) * len(plan["variants"]) * len(plan["subjects"]) * plan["repeats"]
    return whole if plan["limit"] is None else min(whole, plan["limit"])


_FOR_PEOPLE = {"label", "baseline"}
