"""How do rows differ from what is said where all else is the same? Pure: each row is compared with its own baseline.

A row's baseline is the mean of its baseline rows. Rows may share them (one neutral prompt is the baseline of several
others), so nothing here takes rows as independent: what shares a baseline belongs into one cluster, and all errors come
from the spread between clusters (CR1, as in `means`).

Means have the t interval of their differences. That of rates is made of two score intervals, so that it has a width
where all rows say yes and all baselines no (MOVER: Zou & Donner, Statistics in Medicine 27:1693 (2008)). With p1 the
mean of the values, p0 that of the baselines, and l, u the ends of their intervals (see `clustered`):

    lo = p1 - p0 - sqrt((p1 - l1)^2 - 2 r (p1 - l1)(u0 - p0) + (u0 - p0)^2)
    hi = p1 - p0 + sqrt((u1 - p1)^2 - 2 r (u1 - p1)(p0 - l0) + (p0 - l0)^2)

r is the correlation of the clusters' sums of residuals, a positive one less 1 / (2 n sqrt(p1 (1 - p1) p0 (1 - p0))) and
never below 0: the correction of Newcombe, Statistics in Medicine 17:2635 (1998), method 10, for n rows; 0 where the
values, the baselines or their differences have no spread between clusters, since nothing is then known of it.

Measured in 200 designs, 10,000 simulated data sets each: 12 clusters of three rows, or of three times five, that share
one neutral prompt, asked once or five times; no variation between clusters up to six tenths of it; rates from 0.05 to
0.95 and 1, effects from 0 to 0.9. 95 % intervals hold the truth in 94.1 to 99.1 % of cases, 96.2 % on average; in more
than 98 % only where both rates are 0.1 or less, or 0.95, without effect, and where all values are yes. The t interval
of the differences: 71 to 99 %, lowest near 0 and 1. Without the correction of r: 91.8 % at the least. Taking each
triplet for a cluster, as if it did not share its neutral prompt: down to 81 % with five repeats, 90 % on average.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from trialbed.analysis.stats.clustered import NO_SPREAD, effective_wilson
from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.paired import robust_difference
from trialbed.analysis.stats.samples import Floats, by_cluster, finite


@dataclass(frozen=True, slots=True)
class Matched:
    """`n` rows against the means of their baseline rows.

    `baseline` is the mean over rows of these means; `n_baseline` counts baseline rows once. `interval` is that of the
    difference, `p` two-sided that there is none. None: fewer than two clusters, or no spread between them that could
    tell (rates have an interval then, too).
    """

    n: int
    n_baseline: int
    clusters: int
    value: float
    baseline: float
    interval: Interval | None
    p: float | None

    @property
    def difference(self) -> float:
        return self.value - self.baseline


def matched_means(
    values: Sequence[float],
    baselines: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    n_baseline: int,
    alpha: float,
) -> Matched:
    """The mean of each value less its baseline: cluster-robust, Student's t with one less than clusters.

    Args:
        baselines: of each row the mean of its baseline rows.
        n_baseline: distinct baseline rows.

    Raises:
        ValueError: no rows, a number that is not finite, not as many baselines or labels as values, n_baseline < 1.
    """
    ours, theirs = _both(values, baselines, n_baseline)
    found = robust_difference((ours - theirs).tolist(), clusters, alpha=alpha)
    means = float(ours.mean()), float(theirs.mean())
    return Matched(len(ours), n_baseline, found.clusters, *means, found.interval, found.p)


def matched_rates(
    values: Sequence[float],
    baselines: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    n_baseline: int,
    alpha: float,
) -> Matched:
    """The same of yes (1) and no (0) against shares: the interval of the module, the p value of the t of differences.

    Raises:
        ValueError: as `matched_means`, a value is neither 0 nor 1, or a baseline is not between them.
    """
    ours, theirs = _both(values, baselines, n_baseline)
    if not (((ours == 0) | (ours == 1)).all() and ((theirs >= 0) & (theirs <= 1)).all()):
        raise ValueError("values must be 0 or 1, and baselines between them")
    by_t = matched_means(values, baselines, clusters, n_baseline=n_baseline, alpha=alpha)
    p1, p0 = by_t.value, by_t.baseline
    if by_t.clusters < 2:
        return by_t
    v1, v0, r = _spread(ours, theirs, clusters)
    if by_t.p is None:
        r = 0.0
    if r > 0:
        r = max(0.0, r - 1 / (2 * by_t.n * math.sqrt(p1 * (1 - p1) * p0 * (1 - p0))))
    one = effective_wilson(p1, v1, n=by_t.n, clusters=by_t.clusters, alpha=alpha)
    other = effective_wilson(p0, v0, n=n_baseline, clusters=by_t.clusters, alpha=alpha)
    lo = p1 - p0 - _together(p1 - one.lo, other.hi - p0, r)
    hi = p1 - p0 + _together(one.hi - p1, p0 - other.lo, r)
    interval = Interval(max(-1.0, lo), min(1.0, hi))
    return Matched(by_t.n, n_baseline, by_t.clusters, p1, p0, interval, by_t.p)


def _both(values: Sequence[float], baselines: Sequence[float], n_baseline: int) -> tuple[Floats, Floats]:
    """Raises:
    ValueError: see `matched_means`.
    """
    ours, theirs = finite(values), finite(baselines)
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} values, but {len(theirs)} baselines")
    if n_baseline < 1:
        raise ValueError(f"at least one baseline row is needed, not {n_baseline}")
    return ours, theirs


def _spread(ours: Floats, theirs: Floats, clusters: Sequence[Hashable]) -> tuple[float, float, float]:
    """The cluster-robust variances of both means, and the correlation of their residuals."""
    residuals = []
    for rows in (ours, theirs):
        sums, sizes = by_cluster(rows, clusters)
        residuals.append(sums - float(rows.mean()) * sizes)
    one, other = residuals
    factor = len(one) / (len(one) - 1) / len(ours) ** 2
    v1, v0, together = (factor * float(a @ b) for a, b in ((one, one), (other, other), (one, other)))
    if min(v1, v0) <= NO_SPREAD**2:
        return v1, v0, 0.0
    return v1, v0, max(-1.0, min(1.0, together / math.sqrt(v1 * v0)))


def _together(one: float, other: float, r: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * r * one * other + other * other))
