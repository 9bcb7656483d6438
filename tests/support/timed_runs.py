"""Runs that measured for days: planted medians, values that depend on the ones before, and a planted outage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from tests.support.made_runs import Happened, MadeRun, plan_of, verdict
from trialbed.core.choices import Choices
from trialbed.core.measure import Measure
from trialbed.core.model import ModelName
from trialbed.core.outcome import Outcome
from trialbed.core.trial import Trial

SPEED = Measure(
    name="tokens_per_second",
    kind="score",
    field="tokens_per_second",
    title="Tokens per second",
    over_time=True,
    better="higher",
)
FIRST_TEXT = Measure(
    name="time_to_first_token",
    kind="score",
    field="time_to_first_token",
    title="Seconds to the first text",
    over_time=True,
    better="lower",
)
DECODE = Measure(name="decode_tokens_per_second", kind="score", field="decode_tokens_per_second")
MEDIANS = {"groq:llama-fast": 300.0, "bedrock:maker.steady": 50.0, "bedrock:maker.slow": 20.0}
"""Tokens per second; the first text comes after a hundredth of what a token takes, in seconds."""
HALF_HOUR_S = 1_800


@dataclass(frozen=True)
class World:
    """`out` are cycles in which a subject fails, by its name, or its name and a variant: from and to, both of them out;
    `phi` is how much each logarithm of a value has of the one before."""

    cycles: int = 336
    interval_s: int = HALF_HOUR_S
    variants: Sequence[str] = ("short", "long_context")
    medians: Mapping[str, float] = field(default_factory=lambda: MEDIANS)
    out: Mapping[str, tuple[int, int]] = field(default_factory=lambda: {"bedrock:maker.slow": (100, 149)})
    phi: float = 0.5
    spread: float = 0.2
    seed: int = 5
    is_over_time: bool = True


def timed_run(root: Path, world: World, *, name: str = "probe-20260102T030405Z") -> MadeRun:
    """The run, told but not written."""
    plan = replace(
        plan_of(variants=world.variants, repeats=world.cycles, judges=()),
        subjects=tuple(ModelName(*subject.split(":", 1)) for subject in world.medians),
    )
    measures = (SPEED, FIRST_TEXT, DECODE)
    if not world.is_over_time:
        measures = tuple(one.model_copy(update={"over_time": False, "better": None}) for one in measures)
    choices = Choices(measures=measures, primary=SPEED.name, baseline=plan.baseline, resamples=100, seed=7)
    run = MadeRun(root, plan, choices, name=name)
    run.begin()
    series = {
        (subject, variant): _series(world, f"{world.seed}:{subject}:{variant}")
        for subject in world.medians
        for variant in world.variants
    }
    run.tell(lambda trial: _happened(world, trial, series[str(trial.subject), trial.variant.id]))
    return run


def _series(world: World, seed: str) -> list[float]:
    """Standard normal, each with `phi` of the one before."""
    random = Random(seed)
    values = [random.gauss(0, 1)]
    for _ in range(world.cycles - 1):
        values.append(world.phi * values[-1] + math.sqrt(1 - world.phi**2) * random.gauss(0, 1))
    return values


def _happened(world: World, trial: Trial, series: Sequence[float]) -> Happened:
    subject, began_s = str(trial.subject), trial.repeat * world.interval_s + world.variants.index(trial.variant.id) * 3
    first, last = world.out.get(subject) or world.out.get(f"{subject} {trial.variant.id}", (0, -1))
    if first <= trial.repeat <= last:
        return Happened(outcome=Outcome.PROVIDER_ERROR, began_s=began_s)
    speed = world.medians[subject] * math.exp(world.spread * series[trial.repeat])
    values: dict[str, Any] = {"tokens_per_second": speed, "time_to_first_token": 1 / speed}
    values["decode_tokens_per_second"] = speed * 1.1 if trial.repeat % 3 else None
    return Happened(verdicts=(verdict(None, values, name="throughput"),), began_s=began_s)
