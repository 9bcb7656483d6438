"""How does a variant differ from the baseline within blocks? Pure. Each pair is one block."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from scipy.special import bdtr
from scipy.stats import t as student

from trialbed.analysis.stats.bootstrap import mean_interval
from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.samples import by_cluster, counts, each_its_own, finite
from trialbed.analysis.stats.signed_ranks import signed_rank_p
from trialbed.analysis.stats.tango import tango_interval

_NO_SPREAD = 1e-9
"""Of the largest difference: a standard error below it is rounding."""


@dataclass(frozen=True, slots=True)
class Clustered:
    """How sure a mean difference is if pairs of one cluster are not independent. All None: nothing can be said."""

    clusters: int
    interval: Interval | None = None
    p: float | None = None


def clustered_difference(differences: Sequence[float], clusters: Sequence[Hashable], *, alpha: float) -> Clustered:
    """The cluster-robust interval and two-sided p value of the mean of paired differences.

    The sandwich estimator with G/(G-1) and Student's t with G-1 degrees of freedom, as `means.cluster_robust_mean`; for
    differences of yes and no this is a McNemar test for clustered pairs (Durkalski et al., Statistics in Medicine
    22:2417 (2003)) with a small-sample reference. Nothing is said with one cluster, with no more pairs than
    clusters, or without any spread between clusters.

    Raises:
        ValueError: no differences, one that is not finite, or not as many labels.
    """
    rows = finite(differences)
    sums, sizes = by_cluster(rows, clusters)
    n, groups, mean = len(rows), len(sums), float(rows.mean())
    if groups < 2 or groups == n:
        return Clustered(groups)
    residuals = sums - mean * sizes
    error = math.sqrt(groups / (groups - 1) * float(residuals @ residuals)) / n
    if error <= _NO_SPREAD * float(abs(rows).max()):
        return Clustered(groups)
    half = float(student.ppf(1 - alpha / 2, groups - 1)) * error
    p = 2 * float(student.sf(abs(mean) / error, groups - 1))
    return Clustered(groups, Interval(mean - half, mean + half), p)


def mcnemar_exact(b: int, c: int) -> float:
    """The two-sided p value that b and c discordant pairs are equally likely; no discordant pair: 1.

    McNemar, Psychometrika 12:153 (1947), by the exact binomial distribution: twice its tail, as both are alike.

    Raises:
        ValueError: a count is negative.
    """
    counts(b=b, c=c)
    return min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0


def paired_risk_difference(n11: int, b: int, c: int, n00: int, *, alpha: float) -> Interval:
    """The interval of (b - c) / n: the variant's rate less the baseline's, of n pairs.

    Tango's score interval; the module `tango` has the formula and why it is this one.

    Args:
        n11: pairs with yes in both; `b`: variant only; `c`: baseline only; `n00`: neither.

    Raises:
        ValueError: a count is negative, or all are 0.
    """
    counts(n11=n11, b=b, c=c, n00=n00)
    n = n11 + b + c + n00
    if not n:
        raise ValueError("at least one pair is needed")
    return tango_interval(b, c, n, alpha=alpha)


def paired_bootstrap_mean(
    differences: Sequence[float],
    *,
    alpha: float,
    resamples: int,
    seed: int,
    clusters: Sequence[Hashable] | None = None,
    expanded: bool = False,
) -> Interval | None:
    """The percentile interval of the mean difference, as the module `bootstrap` publishes it; None for a single pair.

    Without `clusters`, or if all pairs are of one, each pair is its own cluster, in the given order; else clusters
    are taken in the order of str(label). Where all differences are equal, so are the ends.

    Args:
        expanded: percentiles further out, as that module says; better with fewer than 40 clusters.

    Raises:
        ValueError: no differences, one that is not finite, not as many labels as differences, or resamples < 1.
    """
    rows = finite(differences)
    if len(rows) == 1:
        return None
    sums, sizes = each_its_own(rows) if clusters is None else by_cluster(rows, clusters)
    if len(sums) == 1:
        sums, sizes = each_its_own(rows)
    return mean_interval(sums, sizes, alpha=alpha, resamples=resamples, seed=seed, expanded=expanded)


def wilcoxon_p(differences: Sequence[float]) -> float:
    """Wilcoxon's signed-rank test of differences about 0, two-sided; all zero: 1. See the module `signed_ranks`.

    Raises:
        ValueError: no differences, or one that is not finite.
    """
    return signed_rank_p(finite(differences))
