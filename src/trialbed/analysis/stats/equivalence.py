"""Is a difference smaller than what would matter? Pure: two one-sided tests, and the larger of their p values.

Schuirmann, J. Pharmacokinet. Biopharm. 15:657 (1987): p < alpha shows |difference| < margin at level alpha; it
is so exactly if the interval of the same statistic, at 1 - 2·alpha, lies within the margin. The tests of rates are
asymptotic: at a single rate their level may be exceeded by half a point, on average over rates it is kept.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from trialbed.analysis.stats.samples import counts, finite, successes
from trialbed.analysis.stats.score_difference import score_z
from trialbed.analysis.stats.tango import tango_z


def tost_paired(differences: Sequence[float], *, margin: float) -> float:
    """Of the mean difference, by Student's t over pairs.

    Equal differences have no spread to divide by: the sign test against the margin takes its place, 2^-n for n
    pairs within it and 1 otherwise (Dixon & Mood, J. Am. Statist. Ass. 41:557 (1946)). A single pair shows nothing: 1.

    Raises:
        ValueError: margin <= 0, no differences, or one that is not finite.
    """
    _positive(margin)
    rows = finite(differences)
    n, mean = len(rows), float(rows.mean())
    if n == 1:
        return 1.0
    if not np.ptp(rows):
        return 0.5**n if abs(mean) < margin else 1.0
    error = float(rows.std(ddof=1)) / math.sqrt(n)
    above, below = student.sf((mean + margin) / error, n - 1), student.cdf((mean - margin) / error, n - 1)
    return float(max(above, below))


def tost_rates(k1: int, n1: int, k0: int, n0: int, *, margin: float) -> float:
    """Of k1/n1 - k0/n0, unmatched, by the score statistic of Miettinen & Nurminen (module `score_difference`).

    Raises:
        ValueError: margin not within 0 to 1, n1 or n0 < 1, or a count beyond its total.
    """
    _share(margin)
    successes(k1, n1)
    successes(k0, n0)
    above = score_z(k1, n1, k0, n0, difference=-margin)
    below = score_z(k1, n1, k0, n0, difference=margin)
    return float(max(norm.sf(above), norm.cdf(below)))


def tost_paired_rates(n11: int, b: int, c: int, n00: int, *, margin: float) -> float:
    """Of (b - c) / n, by the score statistic of Tango (module `tango`); counts as in `paired_risk_difference`.

    Raises:
        ValueError: margin not within 0 to 1, a count is negative, or all are 0.
    """
    _share(margin)
    counts(n11=n11, b=b, c=c, n00=n00)
    n = n11 + b + c + n00
    if not n:
        raise ValueError("at least one pair is needed")
    above, below = tango_z(b, c, n, difference=-margin), tango_z(b, c, n, difference=margin)
    return float(max(norm.sf(above), norm.cdf(below)))


def _positive(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"a margin is above 0, not {margin}")


def _share(margin: float) -> None:
    if not 0 < margin < 1:
        raise ValueError(f"a margin of rates lies between 0 and 1, not at {margin}")
