"""How often do the two trials of a block disagree, and how often does the exact McNemar test then notice? Pure."""

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

_SPREADS = 9
"""So many standard deviations of the number of discordant pairs are looked at; beyond is less than 1e-15."""


class Discordance(NamedTuple):
    """The probabilities of a block with variant yes and baseline no, and of the reverse."""

    gained: float
    lost: float


def discordance(p0: float, p1: float, correlation: float) -> Discordance:
    """From the two rates and the correlation of the two answers within a block (phi).

    P(both) = p0·p1 + phi·sqrt(p0(1-p0)·p1(1-p1)). Where rates so different cannot be correlated so strongly,
    as strongly as they can.
    """
    both = p0 * p1 + correlation * math.sqrt(p0 * (1 - p0) * p1 * (1 - p1))
    both = min(p0, p1, max(0.0, p0 + p1 - 1, both))
    return Discordance(p1 - both, p0 - both)


def mcnemar_power(pairs: int, chances: Discordance, *, alpha: float) -> float:
    """The chance that the exact two-sided test rejects.

    Given m discordant pairs the test is binomial; m is binomial too: Duffy, Biometrics 40:1005 (1984).
    """
    moved = chances.gained + chances.lost
    if pairs < 1 or moved <= 0:
        return 0.0
    middle, reach = pairs * moved, _SPREADS * math.sqrt(pairs * moved) + _SPREADS
    discordant = np.arange(max(0, math.floor(middle - reach)), min(pairs, math.ceil(middle + reach)) + 1)
    # The largest count on the rarer side with which the test still rejects; -1 if there is none.
    critical = binom.ppf(alpha / 2, discordant, 0.5)
    critical = np.where(2 * binom.cdf(critical, discordant, 0.5) <= alpha, critical, critical - 1)
    share = min(1.0, chances.gained / moved)
    rejects = binom.cdf(critical, discordant, share) + binom.cdf(critical, discordant, 1 - share)
    return float(np.minimum(1.0, rejects) @ binom.pmf(discordant, pairs, min(1.0, moved)))
