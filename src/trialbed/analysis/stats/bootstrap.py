"""Between what do means of resampled clusters lie? Pure: the seed decides every draw.

The algorithm is public, so that another program can recompute each interval: with G clusters,
`draws = numpy.random.default_rng(seed).integers(0, G, size=(resamples, G))`; a replicate is the statistic of the
clusters of one row of `draws`, each as often as it was drawn; the ends are the `numpy.quantile`s ("linear") of
the replicates at alpha/2 and 1 - alpha/2: the percentile interval of Efron & Tibshirani, "An Introduction to the
Bootstrap", 1993, chapter 13.

With few clusters that interval is too narrow: 95 % ones hold the mean in 90 % of cases with 10 or 12 clusters, in 92.7
to 93.4 % with 30, in 94 % with 40 and 60 (5,000 or 10,000 simulated data sets each). "Expanded" percentiles mend it:
for alpha/2 they take Φ(-sqrt(G/(G-1))·t), with t the upper alpha/2 quantile of Student's t with G-1 degrees of freedom
(Hesterberg, The American Statistician 69:371 (2015), section 3.3); the same data sets then give 94.1 to 95.2 %.
"""

import math
from collections.abc import Iterator

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.samples import Floats, Whole

_DRAWN_AT_ONCE = 2_000_000
"""Bounds the memory. A generator asked twice goes on where it stopped, so parts are the same draws as the whole."""


def drawn(clusters: int, *, resamples: int, seed: int) -> Iterator[Whole]:
    """The draws, some replicates at a time: arrays of (replicates, clusters) places.

    Raises:
        ValueError: fewer than one resample is asked for.
    """
    if resamples < 1:
        raise ValueError(f"at least one resample is needed, not {resamples}")
    rng = np.random.default_rng(seed)
    at_once = max(1, _DRAWN_AT_ONCE // clusters)
    for start in range(0, resamples, at_once):
        yield rng.integers(0, clusters, size=(min(at_once, resamples - start), clusters))


def times_drawn(clusters: int, *, resamples: int, seed: int) -> Iterator[Floats]:
    """The same draws, as how often each cluster is in each replicate: arrays of (replicates, clusters) counts."""
    for places in drawn(clusters, resamples=resamples, seed=seed):
        rows = np.arange(len(places))[:, None] * clusters
        flat = np.bincount((places + rows).ravel(), minlength=places.size)
        yield flat.reshape(places.shape).astype(np.float64)


def mean_interval(
    sums: Floats, sizes: Whole, *, alpha: float, resamples: int, seed: int, expanded: bool = False
) -> Interval:
    """The interval for the mean over rows; a replicate is the sum of the drawn clusters' sums over that of their sizes.

    Resampling whole clusters: Field & Welsh, J. R. Statist. Soc. B 69:369 (2007). One cluster has no spread
    between replicates, and its interval no width.
    """
    replicates = [
        sums[places].sum(axis=1) / sizes[places].sum(axis=1)
        for places in drawn(len(sums), resamples=resamples, seed=seed)
    ]
    if expanded and len(sums) > 1:
        alpha = 2 * _expanded_tail(alpha / 2, len(sums))
    return percentile(np.concatenate(replicates), alpha=alpha)


def _expanded_tail(tail: float, clusters: int) -> float:
    return float(norm.cdf(-math.sqrt(clusters / (clusters - 1)) * student.isf(tail, clusters - 1)))


def percentile(replicates: Floats, *, alpha: float) -> Interval:
    lo, hi = np.quantile(replicates, [alpha / 2, 1 - alpha / 2])
    return Interval(float(lo), float(hi))
