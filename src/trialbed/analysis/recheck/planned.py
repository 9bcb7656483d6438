"""Which trials were planned, going by plan.json alone? Pure.

Ids are hashes of content, as `core.plan` documents them: SHA-256 of canonical JSON, shortened to 20 hex characters, of

    [experiment, version, digest of the scenario, subject, sampling, repeat, seed]                          the block
    [experiment, version, digest of the scenario, subject, sampling, repeat, seed, digest of the variant]   the trial

A variant's digest leaves out `label` and `baseline`. The order decides only which trials a limit leaves in.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

_DIGEST_CHARS = 20
_FOR_PEOPLE = ("label", "baseline")


@dataclass(frozen=True, slots=True)
class Planned:
    """One planned trial; `subject` is its name in tables, `served_by` has its provider before it in any case."""

    trial_id: str
    block_id: str
    scenario: str
    variant: str
    subject: str
    served_by: str

    @property
    def cluster(self) -> str:
        """Scenarios of one cluster have the same beginning, up to their first slash."""
        return self.scenario.split("/", 1)[0]


def planned_trials(plan: Mapping[str, Any]) -> Iterator[Planned]:
    """Every trial of the `plan` member of a plan.json."""
    scenarios = [(scenario["id"], _digest(scenario)) for scenario in plan["scenarios"]]
    variants = [(variant["id"], _digest(_content(variant))) for variant in plan["variants"]]
    for repeat in range(plan["repeats"]):
        cells = [(scenario, subject) for scenario in scenarios for subject in plan["subjects"]]
        yield from _of_repeat(plan, repeat, cells, variants)


def the_planned(plan: Mapping[str, Any]) -> list[Planned]:
    """All of them, or as many as the plan's limit leaves."""
    return list(islice(planned_trials(plan), plan["limit"]))


def subject_names(plan: Mapping[str, Any]) -> dict[str, str]:
    """By `provider:model`: as records name it, without its provider, unless another provider serves the same id."""
    bare = [subject.split(":", 1)[1] for subject in plan["subjects"]]
    pairs = zip(plan["subjects"], bare, strict=True)
    return {subject: name if bare.count(name) == 1 else subject for subject, name in pairs}


def _of_repeat(
    plan: Mapping[str, Any], repeat: int, cells: list[tuple[tuple[str, str], str]], variants: list[tuple[str, str]]
) -> Iterator[Planned]:
    seed, names = plan["seed"], subject_names(plan)
    Random(f"{seed}:cells:{repeat}").shuffle(cells)
    for (scenario, scenario_digest), subject in cells:
        block = [plan["experiment"], plan["version"], scenario_digest, subject, plan["sampling"], repeat, seed]
        # Where there is another side: who plays it, and for how many turns.
        block += [plan["dialogue"]] if "dialogue" in plan else []
        in_order = list(variants)
        Random(f"{seed}:{scenario}:{subject}:{repeat}").shuffle(in_order)
        for variant, variant_digest in in_order:
            ids = _digest([*block, variant_digest]), _digest(block)
            yield Planned(*ids, scenario, variant, names[subject], subject)


def _content(variant: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in variant.items() if name not in _FOR_PEOPLE}


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGEST_CHARS]
