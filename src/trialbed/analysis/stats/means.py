"""How sure is a mean whose rows come in clusters? Pure. Rows of one cluster are not independent of each other."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from scipy.stats import t as student

from trialbed.analysis.stats.bootstrap import mean_interval
from trialbed.analysis.stats.samples import by_cluster, each_its_own, finite


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean over `n` rows of `clusters` clusters. No interval (None) can be had of a single row."""

    mean: float
    lo: float | None
    hi: float | None
    n: int
    clusters: int
    method: str


def cluster_robust_mean(values: Sequence[float], clusters: Sequence[Hashable], *, alpha: float) -> MeanEstimate:
    """The mean over rows; its error from the spread between clusters.

    The sandwich estimator of Liang & Zeger, Biometrika 73:13 (1986), for a regression on nothing but a constant,
    with the factor G/(G-1) for G clusters (CR1; there is one coefficient, so the factor for rows is 1) and
    Student's t with G-1 degrees of freedom: Cameron & Miller, J. Human Resources 50:317 (2015), section VI.
    One cluster: the ordinary t interval over rows, as if they were independent, and `method` says so.

    Raises:
        ValueError: no values, one that is not finite, or not as many labels as values.
    """
    rows = finite(values)
    sums, sizes = by_cluster(rows, clusters)
    n, groups, mean = len(rows), len(sums), float(rows.mean())
    if n == 1:
        return MeanEstimate(mean, None, None, n, groups, "one row: no interval")
    if groups == 1:
        error, df = float(rows.std(ddof=1)) / math.sqrt(n), n - 1
        method = f"t interval over rows (one cluster), {df} df"
    else:
        residuals = sums - mean * sizes
        error, df = math.sqrt(groups / (groups - 1) * float(residuals @ residuals)) / n, groups - 1
        method = f"cluster-robust (CR1), t with {df} df"
    half = float(student.ppf(1 - alpha / 2, df)) * error
    return MeanEstimate(mean, mean - half, mean + half, n, groups, method)


def cluster_bootstrap_mean(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    alpha: float,
    resamples: int,
    seed: int,
    expanded: bool = False,
) -> MeanEstimate:
    """The mean over rows; its percentile interval from resampled clusters, as the module `bootstrap` publishes it.

    Clusters are taken in the order of str(label). One cluster: each row is a cluster, in the given order, and
    `method` says so.

    Args:
        expanded: percentiles further out, as that module says; better with fewer than 40 clusters.

    Raises:
        ValueError: no values, one that is not finite, not as many labels as values, or resamples < 1.
    """
    rows = finite(values)
    sums, sizes = by_cluster(rows, clusters)
    n, groups, mean = len(rows), len(sums), float(rows.mean())
    if n == 1:
        return MeanEstimate(mean, None, None, n, groups, "one row: no interval")
    method = f"cluster bootstrap, {resamples} resamples"
    if groups == 1:
        sums, sizes = each_its_own(rows)
        method = f"bootstrap over rows (one cluster), {resamples} resamples"
    if expanded:
        method += ", expanded percentiles"
    ends = mean_interval(sums, sizes, alpha=alpha, resamples=resamples, seed=seed, expanded=expanded)
    return MeanEstimate(mean, ends.lo, ends.hi, n, groups, method)
