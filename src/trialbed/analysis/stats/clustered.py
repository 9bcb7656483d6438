"""How sure is a share whose rows come in clusters, also where it is near 0 or 1? Pure.

A cluster-robust standard error is 0 where all rows say the same, and its interval then a single point. So the clusters
are made into an effective number of rows, and Wilson's score interval is taken for that many:

    n* = p (1 - p) / v, at most n;  n* = G, at most n, where p is 0 or 1 or v is 0 (or rounding: its root 1e-9 or less);
    then  n* (t(n - 1) / t(G - 1))^2, at most n*

with v the cluster-robust variance of p (CR1, as in `means`), G clusters, t(d) the upper alpha/2 quantile of Student's t
with d degrees of freedom. The effective size and its correction for few clusters: Korn & Graubard, Survey Methodology
24:193 (1998); with Wilson's interval: Dean & Pagano, J. Survey Statistics and Methodology 3:484 (2015). Clusters that
say the same throughout are taken as one row each, which is cautious.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from scipy.stats import norm
from scipy.stats import t as student

from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.samples import by_cluster, finite

NO_SPREAD = 1e-9
"""A standard error of a share that is no larger is rounding."""


@dataclass(frozen=True, slots=True)
class Share:
    """`k` of `n` rows in `clusters` clusters. There is no interval (None) with fewer than two clusters."""

    k: int
    n: int
    clusters: int
    interval: Interval | None

    @property
    def value(self) -> float:
        return self.k / self.n


def clustered_share(hits: Sequence[bool], clusters: Sequence[Hashable], *, alpha: float = 0.05) -> Share:
    """The share of rows that are true, with its interval.

    Raises:
        ValueError: no rows, or not as many labels as rows.
    """
    rows = finite([float(hit) for hit in hits])
    sums, sizes = by_cluster(rows, clusters)
    n, groups, p = len(rows), len(sums), float(rows.mean())
    if groups < 2:
        return Share(round(float(rows.sum())), n, groups, None)
    residuals = sums - p * sizes
    variance = groups / (groups - 1) * float(residuals @ residuals) / n**2
    interval = effective_wilson(p, variance, n=n, clusters=groups, alpha=alpha)
    return Share(round(float(rows.sum())), n, groups, interval)


def effective_wilson(p: float, variance: float, *, n: int, clusters: int, alpha: float) -> Interval:
    """The interval of a share whose cluster-robust variance is known, for as many rows as its clusters are worth.

    Args:
        n: rows that the share is of; there may be fewer of them than clusters, where clusters share them.

    Raises:
        ValueError: no rows, or fewer than two clusters.
    """
    if n < 1 or clusters < 2:
        raise ValueError(f"{n} rows of {clusters} clusters: at least one row and two clusters are needed")
    spread = p * (1 - p)
    has_spread = spread > 0 and variance > NO_SPREAD**2
    effective = min(float(n), spread / variance if has_spread else float(clusters))
    narrower = float(student.isf(alpha / 2, n - 1) / student.isf(alpha / 2, clusters - 1)) if n > 1 else 1.0
    return _wilson(p, effective * min(1.0, narrower) ** 2, alpha)


def _wilson(p: float, n: float, alpha: float) -> Interval:
    """Wilson, J. Am. Statist. Ass. 22:209 (1927), for a number of rows that need not be whole."""
    z = float(norm.isf(alpha / 2))
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return Interval(0.0 if p == 0 else max(0.0, middle - half), 1.0 if p == 1 else min(1.0, middle + half))
