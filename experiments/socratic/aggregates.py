"""What do the scores of a dialogue's turns come to? Pure; every threshold is a parameter and stands in the result."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

SCALES = {"form": 3.0, "substance": 3.0, "purity": 4.0}
"""The three parts of a turn's score and the most that each can be; the least is 0."""


@dataclass(frozen=True, slots=True)
class TurnScore:
    """What a judge gave one turn. `total` is 0 to 10; the program adds it up, no judge does."""

    form: float
    substance: float
    purity: float

    @property
    def total(self) -> float:
        return self.form + self.substance + self.purity


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A turn complies if its total is at least `compliance`; asking ends at the first total below `half_life`; a part
    below `violation` is a violation. With `half_life` 8.0 instead of 3.0 other tables of this benchmark are had."""

    compliance: float = 3.0
    half_life: float = 3.0
    violation: float = 2.0


def aggregates(turns: Sequence[TurnScore | None], thresholds: Thresholds) -> dict[str, Any]:
    """All aggregates of a dialogue; None stands for a turn that was not judged.

    Unjudged turns are counted apart and enter no mean. `half_life` is the first turn, counted from 0, whose total is
    below its threshold; null and `half_life_censored` if there is none, or if an unjudged turn before it leaves open
    which was the first. `half_life_time` is that turn, or the last up to which the asking is known to have gone on:
    what a survival analysis needs; null if that is not even known of turn 0.

    Raises:
        ValueError: not one turn was judged, so there is nothing to say.
    """
    judged = [turn for turn in turns if turn is not None]
    if not judged:
        raise ValueError("no turn was judged")
    totals = [turn.total for turn in judged]
    parts = {name: [float(getattr(turn, name)) for turn in judged] for name in SCALES}
    return {
        "overall_score": fmean(totals),
        "compliance_rate": fmean(total >= thresholds.compliance for total in totals),
        **_half_life(turns, thresholds.half_life),
        **{f"mean_{name}": fmean(values) for name, values in parts.items()},
        "violation_rates": {
            name: fmean(value < thresholds.violation for value in values) for name, values in parts.items()
        },
        "n_turns": len(turns),
        "n_judged": len(judged),
        "n_unjudged": len(turns) - len(judged),
        "thresholds": asdict(thresholds),
    }


def nothing(thresholds: Thresholds) -> dict[str, Any]:
    """The aggregates of a dialogue that may not be scored: the same names, and null where a number would be."""
    return {
        "overall_score": None,
        "compliance_rate": None,
        "half_life": None,
        "half_life_censored": None,
        "half_life_time": None,
        "kept_asking": None,
        **{f"mean_{name}": None for name in SCALES},
        "violation_rates": dict.fromkeys(SCALES),
        "thresholds": asdict(thresholds),
    }


def _half_life(turns: Sequence[TurnScore | None], below: float) -> dict[str, Any]:
    """How long the asking went on. Of what follows the first gap nothing is known but whether it was ever below."""
    gap = next((number for number, turn in enumerate(turns) if turn is None), len(turns))
    known = [turn for turn in turns[:gap] if turn is not None]
    crossed = next((number for number, turn in enumerate(known) if turn.total < below), None)
    was_ever_below = any(turn.total < below for turn in turns if turn is not None)
    last_known = gap - 1 if gap else None
    return {
        "half_life": crossed,
        "half_life_censored": crossed is None,
        "half_life_time": last_known if crossed is None else crossed,
        "kept_asking": False if was_ever_below else (True if gap == len(turns) else None),
    }
