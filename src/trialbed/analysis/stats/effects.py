"""How large is a difference, whatever its unit? Pure."""

import math
from collections.abc import Sequence

import numpy as np

from trialbed.analysis.stats.samples import finite


def cohens_h(p1: float, p0: float) -> float:
    """2·asin(√p1) - 2·asin(√p0): Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988, chapter 6.

    Raises:
        ValueError: a rate is not within 0 to 1.
    """
    if not (0 <= p1 <= 1 and 0 <= p0 <= 1):
        raise ValueError(f"{p1} and {p0} are not both rates")
    return 2 * math.asin(math.sqrt(p1)) - 2 * math.asin(math.sqrt(p0))


def cliffs_delta(x: Sequence[float], y: Sequence[float]) -> float:
    """The share of pairs with x above y less the share with x below y: Cliff, Psychol. Bull. 114:494 (1993).

    Raises:
        ValueError: a sample is empty or has a value that is not finite.
    """
    one, other = finite(x), np.sort(finite(y))
    above = int(np.searchsorted(other, one, side="left").sum())
    below = len(one) * len(other) - int(np.searchsorted(other, one, side="right").sum())
    return (above - below) / (len(one) * len(other))
