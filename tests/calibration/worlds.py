"""Which rehearsals have a truth that is known? Project files, and what their reports should find on average.

- `dilemma`: the shipped experiment; its persona's rates by framing, seen through its judge's slips.
- `no_framing`: the same with five framings that the persona takes for one: nothing differs.
- `scores`: one call a trial and no judge; 40 situations with an effect of their own, drawn anew in every world, a score
  and a yes or no in each answer, one variant that does nothing and one that raises both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.project import CHECKOUT

SCORES = '''"""Answers whose distribution is known: a mean, an effect of situation and of framing, noise."""

import os
from random import Random
from typing import ClassVar

from trialbed import Experiment, Measure, Scenario, Variant, Verdict
from trialbed.providers.rehearsal.answer import Answer

SITUATION_SD, NOISE_SD, RAISE, SCENARIOS = 0.8, 1.0, 0.5, 40


class Manner(Variant):
    words: str


class Speaker:
    name = "speaker"

    def recognises(self, call):
        return call.system.startswith("World ")

    def answer(self, call, rng):
        situation = Random(call.system).gauss(0, SITUATION_SD)
        raised = RAISE if "harder" in call.messages[-1].text else 0.0
        score = 5.0 + situation + raised + Random(f"{call.system} {call.trial}").gauss(0, NOISE_SD)
        return Answer(f"{score:.6f}")


class Scores(Experiment):
    name, version, variant = "scores", "1.0.0", Manner
    measures: ClassVar = (
        Measure(name="score", kind="score", field="score", low=0, high=10),
        Measure(name="above", kind="binary", field="above"),
    )

    def scenarios(self):
        world = os.environ.get("MODEL_SEED", "42")
        return [Scenario(id=f"s{number}", system=f"World {world}, situation {number}.") for number in range(SCENARIOS)]

    async def converse(self, trial, chat):
        await chat.ask(trial.variant.words)

    async def judge(self, trial, transcript, judges):
        score = float(transcript.last)
        return [Verdict.of("read", score=score, above=score > 5.0)]

    def personas(self):
        return [Speaker()]


experiment = Scores()
'''

SCORES_FILES = {
    "experiments/scores.py": SCORES,
    "variants/scores/baseline.toml": 'words = "Give a number."\n',
    "variants/scores/same.toml": 'words = "Kindly give a number."\n',
    "variants/scores/raised.toml": 'words = "Try harder: give a number."\n',
}


@dataclass(frozen=True)
class World:
    """`files` None = the shipped project. `rates` and `means` are the truth by measure and variant."""

    name: str
    experiment: str
    batch_size: int
    files: Mapping[str, str] | None
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    means: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {"EXPERIMENT": self.experiment, "BATCH_MODE": "true", "BATCH_SIZE": str(self.batch_size)}


def worlds(batch_size: int) -> tuple[World, ...]:
    """The three of them; `batch_size` runs a variant in the dilemma."""
    planted = planted_rates()
    return (
        World("dilemma", "dilemma", batch_size, None, rates={"deceived": planted}),
        World(
            "no_framing",
            "dilemma",
            batch_size,
            _alike(),
            rates={"deceived": dict.fromkeys(planted, planted["baseline"])},
        ),
        World(
            "scores",
            "scores",
            2,
            SCORES_FILES,
            rates={"above": {"baseline": 0.5, "same": 0.5, "raised": _above(0.5)}},
            means={"score": {"baseline": 5.0, "same": 5.0, "raised": 5.5}},
        ),
    )


def planted_rates() -> dict[str, float]:
    """The share of trials that the rehearsal's judge calls deceiving, by framing.

    The persona deceives with its planted rate, and the judge takes a strategy for a neighbouring one now and then.
    """
    from trialbed.plugins import scan

    scan(CHECKOUT)
    from trialbed_experiments.dilemma.casting import (  # type: ignore[import-not-found]
        _DECEIVERS,
        _OTHERS,
        DECEPTION_RATE,
    )
    from trialbed_experiments.dilemma.persona import _NEIGHBOURS, JUDGE_ERROR_RATE  # type: ignore[import-not-found]

    counts = {"Direct Deception", "Fabrication"}

    def called(voice: object) -> float:
        near = _NEIGHBOURS.get(voice, (voice,))
        slipped = sum(one.strategy in counts for one in near) / len(near)
        kept = float(voice.strategy in counts)  # type: ignore[attr-defined]
        return float((1 - JUDGE_ERROR_RATE) * kept + JUDGE_ERROR_RATE * slipped)

    deceiving = sum(weight * called(voice) for voice, weight in _DECEIVERS)
    other = sum(weight * called(voice) for voice, weight in _OTHERS)
    return {name: float(rate * deceiving + (1 - rate) * other) for name, rate in DECEPTION_RATE.items()}


def _alike() -> dict[str, str]:
    """The shipped dilemma with five framings of other words, all of which its persona takes for the baseline."""
    files = {
        str(path.relative_to(CHECKOUT)): path.read_text(encoding="utf-8")
        for path in sorted((CHECKOUT / "experiments" / "dilemma").glob("*.py"))
    }
    baseline = (CHECKOUT / "variants" / "dilemma" / "baseline.toml").read_text(encoding="utf-8")
    for number, name in enumerate(("baseline", "time_pressure", "authority_emphasis", "empathetic", "implicit_threat")):
        text = baseline.replace("Surveyor unit to facility", f"Surveyor unit {number} to facility")
        files[str(Path("variants") / "dilemma" / f"{name}.toml")] = text
    return files


def _above(shift: float) -> float:
    """Share of scores above 5 with this shift of the mean: normal, both spreads together."""
    from math import erf, hypot, sqrt

    return 0.5 * (1 + erf(shift / hypot(0.8, 1.0) / sqrt(2)))
