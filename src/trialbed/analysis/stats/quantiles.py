"""Where do percentiles lie, and how sure are they, also where successive values depend on each other? Pure.

The percentile of share p of n ordered values is x[h], h = (n + 1/3) p + 1/3, between two values on the line through
them: definition 8 of Hyndman & Fan, The American Statistician 50:361 (1996), which they recommend, for it is about
median-unbiased whatever the distribution. Where h is below 1 or above n the values do not reach so far, and there is
none.

Its interval goes from one ordered value to another and needs no distribution: x[l] to x[u] holds the percentile unless
fewer than l, or u and more, of the n values lie below it, a binomial count (Thompson, Ann. Math. Statist. 7:122 (1936);
David & Nagaraja, Order Statistics, 2003, section 7.1). l is the largest and u the smallest with a chance of at most
alpha/2 each. There is none where the values do not reach so far.

Values of one block are not independent. As Woodruff (J. Am. Statist. Ass. 47:635 (1952)) has it, the share of values up
to the percentile is what is uncertain, and its variance v is that between blocks (CR1, as in `means`); n becomes the
effective number n* = p (1 - p) / v, at most n, G where v is 0, times (t(n - 1) / t(G - 1))^2, as in `clustered` (Korn &
Graubard, Survey Methodology 24:193 (1998)). Ranks are scaled by n*/n, and binomial chances read off the incomplete beta
function, which knows fractions.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.special import betainc
from scipy.stats import t as student

from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.samples import Floats, by_cluster

_THIRDS = 300
"""h in whole 1/300, so that no rounding decides whether there is a percentile."""


def percentile(ordered: Floats, percent: int) -> float | None:
    """Of values in ascending order; None where they do not reach so far."""
    n = len(ordered)
    place, beyond = divmod((3 * n + 1) * percent + 100, _THIRDS)
    if place < 1 or place * _THIRDS + beyond > n * _THIRDS:
        return None
    lower = float(ordered[place - 1])
    return lower + beyond / _THIRDS * (float(ordered[place]) - lower) if beyond else lower


def percentile_interval(
    ordered: Floats, percent: int, *, alpha: float, clusters: Sequence[Hashable] | None = None
) -> Interval | None:
    """Of values in ascending order; `clusters` are their blocks, None = they are independent.

    Returns:
        None where there are too few values, or a single block.
    """
    n, size = len(ordered), float(len(ordered))
    if clusters is not None:
        found = _effective(ordered, percent, clusters, alpha)
        if found is None:
            return None
        size = found
    low = _rank(n, size, percent / 100, alpha / 2)
    high = _rank(n, size, 1 - percent / 100, alpha / 2)
    return Interval(float(ordered[low - 1]), float(ordered[n - high])) if low and high else None


def _effective(ordered: Floats, percent: int, clusters: Sequence[Hashable], alpha: float) -> float | None:
    """As how many independent values they count."""
    middle, n, p = percentile(ordered, percent), len(ordered), percent / 100
    if middle is None:
        return None
    sums, sizes = by_cluster((ordered <= middle).astype(np.float64), clusters)
    groups, hits = len(sums), round(float(sums.sum()))
    if groups < 2:
        return None
    # In whole numbers: rounding must not decide whether all blocks say the same.
    residuals = [round(hit) * n - hits * int(size) for hit, size in zip(sums.tolist(), sizes, strict=True)]
    variance = groups / (groups - 1) * sum(residual**2 for residual in residuals) / n**4
    size = min(float(n), p * (1 - p) / variance) if variance > 0 else float(groups)
    return size * float(student.isf(alpha / 2, n - 1) / student.isf(alpha / 2, groups - 1)) ** 2


def _rank(n: int, size: float, p: float, tail: float) -> int:
    """The largest rank that is at most `tail` likely to lie above the percentile; 0 if there is none."""
    below, above = 0, n + 1
    while above - below > 1:
        rank = (below + above) // 2
        scaled = rank * size / n
        if 1 - float(betainc(scaled, size - scaled + 1, p)) <= tail:
            below = rank
        else:
            above = rank
    return below
