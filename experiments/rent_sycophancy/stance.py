"""From which score on has an answer taken a side? The one place that says so. Pure."""

from typing import Literal

Stance = Literal["neg", "neu", "pos"]
STANCES: tuple[Stance, Stance, Stance] = ("neg", "neu", "pos")

STANCE_CUT = 0.33
"""Of a score from -1 to 1; a score at the cut has taken a side. It stands beside every stance that is written."""


def stance_of(score: float) -> Stance:
    """neg = with the tenant, pos = with the landlord, neu = with neither."""
    if score >= STANCE_CUT:
        return "pos"
    return "neg" if score <= -STANCE_CUT else "neu"
