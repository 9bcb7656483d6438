"""Is a run's plan what its plan hash says, and do journal and plan speak of the same trials? Reads only.

Trials are unrolled here once more, from plan.json alone: it checks what `core.plan` made, so it shares no code with it
but canonical JSON.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from trialbed.core.canonical import digest
from trialbed.sinks.journal.integrity import iter_events

_FOR_PEOPLE = ("label", "baseline")
_NAMES_A_PLAN = ("run_start", "plan_grown", "run_stop")


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial as the plan has it; `subject` is `provider:model`, `index` its number within its variant."""

    variant: str
    scenario: str
    subject: str
    repeat: int
    block_id: str
    index: int


@dataclass(frozen=True)
class PlanCheck:
    """What was found. `planned` trials, also by variant, and each by its id; empty where plan.json cannot be read."""

    planned: int
    per_variant: dict[str, int]
    trials: dict[str, PlannedTrial]
    problem: str | None


def check_plan(folder: Path) -> PlanCheck:
    """Unroll the plan of the run in `folder`, and hold its journal against it.

    Raises:
        OSError: the journal cannot be read.
    """
    try:
        document: dict[str, Any] = json.loads((folder / "plan.json").read_bytes())
        plan, told = document["plan"], document["plan_hash"]
        trials, per_variant = _unrolled(plan)
        plan_hash = digest(plan)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return PlanCheck(0, {}, {}, f"plan.json: not readable as a plan ({type(error).__name__})")
    planned = sum(per_variant.values())
    problem = None
    if told != plan_hash:
        problem = f"plan.json: plan_hash is {told}, but its plan has {plan_hash}"
    elif document.get("planned") != planned:
        problem = f"plan.json: planned is {document.get('planned')}, but its plan has {planned} trials"
    elif document.get("per_variant") != per_variant:
        problem = f"plan.json: per_variant is {document.get('per_variant')}, but its plan has {per_variant}"
    return PlanCheck(planned, per_variant, trials, problem or _journal_problem(folder, document, trials))


def _unrolled(plan: dict[str, Any]) -> tuple[dict[str, PlannedTrial], dict[str, int]]:
    """Every planned trial by its id, and how many each variant has."""
    variants = {one["id"]: digest({k: v for k, v in one.items() if k not in _FOR_PEOPLE}) for one in plan["variants"]}
    scenarios = {one["id"]: digest(one) for one in plan["scenarios"]}
    most = len(variants) * len(scenarios) * len(plan["subjects"]) * plan["repeats"]
    left = most if plan["limit"] is None else min(most, plan["limit"])
    trials: dict[str, PlannedTrial] = {}
    per_variant = dict.fromkeys(variants, 0)
    for scenario, subject, repeat, index in _cells(plan, list(scenarios)):
        block: list[Any] = [plan["experiment"], plan["version"], scenarios[scenario], subject]
        block += [plan["sampling"], repeat, plan["seed"], *([plan["dialogue"]] if "dialogue" in plan else [])]
        block_id = digest(block)
        for variant in _shuffled(variants, f"{plan['seed']}:{scenario}:{subject}:{repeat}")[:left]:
            trials[digest([*block, variants[variant]])] = PlannedTrial(
                variant, scenario, subject, repeat, block_id, index
            )
            per_variant[variant] += 1
            left -= 1
    return trials, per_variant


def _cells(plan: dict[str, Any], scenarios: list[str]) -> Iterator[tuple[str, str, int, int]]:
    """`(scenario, subject, repeat, index)` of every block in the run's order."""
    pairs = [(scenario, subject) for scenario in scenarios for subject in plan["subjects"]]
    for repeat in range(plan["repeats"]):
        for number in _shuffled(range(len(pairs)), f"{plan['seed']}:cells:{repeat}"):
            yield *pairs[number], repeat, repeat * len(pairs) + number


def _shuffled(items: Any, seed: str) -> list[Any]:
    order = list(items)
    Random(seed).shuffle(order)
    return order


def _journal_problem(folder: Path, document: dict[str, Any], trials: dict[str, PlannedTrial]) -> str | None:
    """The first event that does not fit the plan; without a journal there is none."""
    if not (folder / "journal.jsonl").exists():
        return None
    plans = _Plans()
    for number, event in enumerate(iter_events(folder / "journal.jsonl"), start=1):
        try:
            problem = plans.take(number, event) or _event_problem(event, trials)
        except (KeyError, TypeError, AttributeError):
            problem = "not an event of a run"
        if problem is not None:
            return f"journal.jsonl line {number}: {problem}"
    return plans.problem_with(document["plan_hash"]) or plans.problem_with_analysis(document.get("analysis"))


def _event_problem(event: dict[str, Any], trials: dict[str, PlannedTrial]) -> str | None:
    trial = event.get("trial")
    if trial is not None and trial not in trials and not _is_a_probe(event):
        return f"trial {trial} is not in the plan"
    return _differs(event, trials[event["trial"]]) if event["e"] == "record" else None


def _is_a_probe(event: dict[str, Any]) -> bool:
    """Whether an event may be of a question to a judge alone, which belongs to no trial."""
    match event["e"]:
        case "attempt" | "attempt_failed":
            return bool(event["role"] == "judge")
        case "answer":
            return bool(event["call"]["role"] == "judge")
        case kind:
            return kind in ("verdict", "probe")


def _differs(event: dict[str, Any], planned: PlannedTrial) -> str | None:
    """The first way in which a record, or what its line says of it, is not of the trial that was planned."""
    record: dict[str, Any] = event["record"]
    pairs = {
        "trial_id": (record.get("trial_id"), event["trial"]),
        "outcome": (record.get("outcome"), event.get("outcome")),
        "revision": (record.get("revision"), event.get("revision")),
        "variant": (event.get("variant"), planned.variant),
        "prompt_variant": (record.get("prompt_variant"), planned.variant),
        "scenario": (record.get("scenario"), planned.scenario),
        "subject": (f"{record.get('provider')}:{record.get('steward_model')}", planned.subject),
        "repeat": (record.get("repeat"), planned.repeat),
        "block_id": (record.get("block_id"), planned.block_id),
        "index": (str(record.get("run_id")).rpartition("_")[2], str(planned.index)),
    }
    for name, (there, wanted) in pairs.items():
        if there != wanted:
            return f"the record of trial {event['trial']} has {name} {there!r}; it should be {wanted!r}"
    return None


@dataclass
class _Plans:
    """Which plans a journal names, and where it does so last (line numbers).

    A plan changes by growing only, and the journal says so before plan.json is written. A kill in between leaves
    the old plan.json, and in the journal a grown plan that no record was made of.
    """

    named: dict[str, int] = field(default_factory=dict)
    grown: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    analyses: set[str] = field(default_factory=set)

    def take(self, number: int, event: dict[str, Any]) -> str | None:
        """Fold in an event; what is wrong with it, if anything."""
        if event["e"] == "record":
            plan_hash = event["record"].get("plan_hash")
            self.used[plan_hash] = number
            return None if plan_hash in self.named else f"its record has plan_hash {plan_hash!r}, named nowhere before"
        if event["e"] in _NAMES_A_PLAN and "plan_hash" in event:
            self.named[event["plan_hash"]] = number
            if "analysis_hash" in event:
                self.analyses.add(event["analysis_hash"])
            if event["e"] == "plan_grown":
                self.grown[event["plan_hash"]] = number
        return None

    def problem_with_analysis(self, analysis: Any) -> str | None:
        """Whether the analysis was decided when a sitting began; plans and journals of earlier versions name none."""
        if not self.analyses or (analysis is not None and digest(analysis) in self.analyses):
            return None
        return "plan.json: its analysis is none that the journal names: it was changed afterwards"

    def problem_with(self, plan_hash: str) -> str | None:
        """What is wrong with all of them when plan.json holds this one."""
        if not self.named:
            return None
        if plan_hash not in self.named:
            return f"plan.json: its plan {plan_hash} is named nowhere in the journal"
        here, last_grown = self.named[plan_hash], max(self.grown.values(), default=0)
        for other, number in self.named.items():
            never_begun = other in self.grown and self.used.get(other, 0) < self.grown[other]
            if other == plan_hash or never_begun:
                continue
            if number > here:
                return f"journal.jsonl line {number}: goes on with plan {other}, but plan.json holds {plan_hash}"
            if number > last_grown:
                return f"journal.jsonl line {number}: names plan {other}, and no growth to {plan_hash} follows"
        return None
