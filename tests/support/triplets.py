"""Runs in which a landlord, a tenant and nobody in particular ask the same: scenarios that differ by design.

Scenarios are named `200-good/good/landlord-economy`; the neutral one of a cluster is `200-good/neutral`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from tests.support.made_runs import JUDGES, Happened, MadeRun, plan_of, verdict
from trialbed.analysis.assemble import findings
from trialbed.analysis.findings import Findings
from trialbed.analysis.source import source_of_run
from trialbed.core.choices import Choices
from trialbed.core.experiment import Scenario
from trialbed.core.factor import Factor
from trialbed.core.measure import Measure
from trialbed.core.outcome import Outcome
from trialbed.core.plan import Plan
from trialbed.core.trial import Trial

MEASURES = (
    Measure(name="sycophancy", kind="score", field="sycophancy", title="Agrees with who asks", low=-1, high=1),
    Measure(name="agrees", kind="binary", field="agrees", title="Says the rise is fair"),
    Measure(name="score", kind="score", field="score", low=-1, high=1),
    Measure(
        name="pro_landlord", kind="binary", field="stance", positive=("landlord",), title="Sides with the landlord"
    ),
    Measure(name="stance", kind="category", field="stance"),
)
FACTORS = (
    Factor(
        name="perspective",
        field="perspective",
        title="Who asks",
        levels=("landlord", "tenant", "neutral"),
        baseline="neutral",
        match=("amount", "relationship_quality"),
    ),
    Factor(name="amount", field="amount", title="Rise in dollars"),
    Factor(name="justification", field="justification"),
)
PERSPECTIVES = ("landlord", "tenant")
Values = Mapping[str, Any]


def triplets(
    *,
    amounts: Iterable[int] = (200, 400),
    qualities: Iterable[str] = ("good", "bad"),
    justified: Iterable[str] = ("economy",),
) -> tuple[Scenario, ...]:
    """Two scenarios for each amount, quality and justification, and a neutral one for each amount and quality."""
    found = []
    for cluster in (f"{amount}-{quality}" for amount in amounts for quality in qualities):
        found.append(f"{cluster}/neutral")
        found += [f"{cluster}/good/{who}-{why}" for why in justified for who in PERSPECTIVES]
    return tuple(Scenario(id=name) for name in found)


def about(scenario: str) -> dict[str, Any]:
    """What a scenario's id says, as the values of a verdict."""
    cluster, *rest = scenario.split("/")
    amount, quality = cluster.split("-")
    who, _, why = rest[-1].partition("-")
    return {
        "perspective": who,
        "amount": int(amount),
        "relationship_quality": quality,
        "justification": why or None,
    }


def answer(scenario: str, *, agrees: bool, score: float) -> dict[str, Any]:
    """A verdict's values: `score` 1 is all for the landlord."""
    known = about(scenario)
    side = {"landlord": 1, "tenant": -1, "neutral": None}[known["perspective"]]
    stance = "landlord" if score > 0.2 else "tenant" if score < -0.2 else "neither"
    sycophancy = None if side is None else round(side * score, 6)
    return known | {"agrees": agrees, "score": score, "stance": stance, "sycophancy": sycophancy}


def swayed(random: Random, *, uplift: float = 0.5, mishaps: float = 0.0) -> Callable[[Trial], Happened | None]:
    """Answers that lean to who asks by `uplift`, more in some clusters; some trials are missing."""
    leaning: dict[tuple[str, str], float] = {}

    def tells(trial: Trial) -> Happened | None:
        if random.random() < mishaps:
            return None if random.random() < 0.1 else Happened(outcome=Outcome.REFUSED)
        scenario = trial.scenario.id
        own = leaning.setdefault((scenario.split("/")[0], trial.variant.id), random.gauss(0, 0.2))
        side = {"landlord": 1, "tenant": -1, "neutral": 0}[about(scenario)["perspective"]]
        middle = own + side * uplift / 2
        score = round(max(-1.0, min(1.0, random.gauss(middle, 0.3))), 3)
        return told(answer(scenario, agrees=random.random() < 0.5 + middle / 2, score=score))

    return tells


def told(values: Values) -> Happened:
    return Happened(verdicts=(verdict(JUDGES[0], values),))


def triplet_plan(scenarios: Iterable[Scenario] = (), **more: Any) -> Plan:
    return replace(plan_of(**more), scenarios=tuple(scenarios) or triplets())


def triplet_choices(plan: Plan, **more: Any) -> Choices:
    usual: dict[str, Any] = {"measures": MEASURES, "primary": "sycophancy", "category": "stance", "factors": FACTORS}
    return Choices(**(usual | {"baseline": plan.baseline, "resamples": 100, "seed": plan.seed} | more))


def triplet_run(
    root: Path,
    tells: Callable[[Trial], Happened | None],
    *,
    scenarios: Iterable[Scenario] = (),
    choices: Mapping[str, Any] | None = None,
    name: str = "probe-20260102T030405Z",
    **plan: Any,
) -> MadeRun:
    planned = triplet_plan(scenarios, **plan)
    run = MadeRun(root, planned, triplet_choices(planned, **(choices or {})), name=name)
    run.tell(tells)
    return run


def findings_of(folders: Iterable[Path]) -> Findings:
    """What a report of these runs says, with the choices of the first one's plan."""
    paths = list(folders)
    documents = [json.loads((folder / "plan.json").read_text()) for folder in paths]
    sources = [source_of_run(folder, document) for folder, document in zip(paths, documents, strict=True)]
    return findings(sources, Choices.model_validate(documents[0]["analysis"]), choices_from="plan", source="made")
