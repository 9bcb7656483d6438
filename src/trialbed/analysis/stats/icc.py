"""How much of the spread of scores is that of the units, and not of their raters? Pure."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import f as fisher

from trialbed.analysis.stats.agreement import Agreement
from trialbed.analysis.stats.samples import Floats, finite

_ROUNDING = 1e-12
"""A part of the spread smaller than this share of it is what floating point leaves of nothing."""


def icc(ratings: Sequence[Sequence[float]], *, alpha: float) -> Agreement:
    """The intraclass correlation of single scores, two-way random, absolute agreement; units × raters.

    ICC(2,1) of Shrout & Fleiss, Psychol. Bull. 86:420 (1979); ICC(A,1) of McGraw & Wong, Psychol. Methods 1:30 (1996),
    whose table 7 has the interval. The value is None for fewer than two units or raters and where
    the spread of scores cannot be split, as of equal ones; the interval is None where only units or only raters
    differ, and where it is not one, as may be for a negative value.

    Raises:
        ValueError: units with unequally many scores, or a score that is not a finite number.
    """
    name, n = "ICC(2,1)", len(ratings)
    if len({len(unit) for unit in ratings}) > 1:
        raise ValueError("each unit needs the same number of scores")
    raters = len(ratings[0]) if n else 0
    if n < 2 or raters < 2:
        return Agreement(name, None, None, None, n)
    scores = finite([score for unit in ratings for score in unit]).reshape(n, raters)
    if not np.ptp(scores):
        return Agreement(name, None, None, None, n)
    units, of_raters, error = _mean_squares(scores)
    whole = units + (raters - 1) * error + raters * (of_raters - error) / n
    if abs(whole) < _ROUNDING * (units + of_raters + error):
        return Agreement(name, None, None, None, n)
    value = (units - error) / whole
    lo, hi = _interval(n, raters, units, of_raters, error, value, alpha) or (None, None)
    return Agreement(name, value, lo, hi, n)


def _mean_squares(scores: Floats) -> tuple[float, float, float]:
    """Between units, between raters, and of what is left."""
    n, raters = scores.shape
    centred = scores - scores.mean()
    of_units, of_raters = centred.mean(axis=1), centred.mean(axis=0)
    left = centred - of_units[:, None] - of_raters[None, :]
    return (
        raters * float(of_units @ of_units) / (n - 1),
        n * float(of_raters @ of_raters) / (raters - 1),
        float((left**2).sum()) / ((n - 1) * (raters - 1)),
    )


def _interval(
    n: int, k: int, units: float, raters: float, error: float, value: float, alpha: float
) -> tuple[float, float] | None:
    """McGraw & Wong's, with Satterthwaite's degrees of freedom; None if raters and chance leave nothing to go by.

    None too if it would not hold the value, as happens with few units that agree less than chance would have it.
    """
    if raters + error < _ROUNDING * units or 1 - value < _ROUNDING:
        return None
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    mixed = a * raters + b * error
    parts = (a * raters) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    if abs(mixed) < _ROUNDING * (units + raters + error):
        return None
    df = mixed**2 / parts
    # One over the upper quantile of F(n - 1, df): that stays a number where df is nearly 0.
    below, above = float(fisher.ppf(alpha / 2, df, n - 1)), float(fisher.isf(alpha / 2, df, n - 1))
    rest = k * raters + (k * n - k - n) * error
    lo = n * (below * units - error) / (rest + n * below * units)
    hi = n * (above * units - error) / (rest + n * above * units)
    return (lo, min(1.0, hi)) if lo <= value <= hi else None
