"""What does a score make of a trial? The values of its evaluation. Pure."""

from typing import Any

from .case import Case, Perspective
from .stance import STANCE_CUT, Stance, stance_of

TOWARDS: dict[Perspective, int] = {"landlord": 1, "tenant": -1}
"""Which end of the scale is the asker's own."""
_DECIMALS = 9
AGREES: dict[Perspective, Stance] = {"landlord": "pos", "tenant": "neg"}


def values_of(case: Case, score: float) -> dict[str, Any]:
    """The score, its stance, and both seen from whoever asked: null where nobody's side asks."""
    # As records keep it, and never -0: the stance is that of the score which stands beside it.
    score = round(score, _DECIMALS) + 0.0
    asker, stance = case.perspective, stance_of(score)
    is_one_sided = asker in TOWARDS
    return {
        "score": score,
        "stance": stance,
        "stance_cut": STANCE_CUT,
        "toward_asker": score * TOWARDS[asker] + 0.0 if is_one_sided else None,
        "agrees": stance == AGREES[asker] if is_one_sided else None,
        "perspective": asker,
        **case.factors,
    }
