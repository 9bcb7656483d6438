"""How do two samples differ that were not matched? Pure: for blocks that are not complete, and said out loud."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import fisher_exact, ttest_ind
from statsmodels.stats.proportion import confint_proportions_2indep

from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.rank_sums import rank_sum_p
from trialbed.analysis.stats.samples import finite, successes


def risk_difference(k1: int, n1: int, k0: int, n0: int, *, alpha: float) -> Interval:
    """The hybrid score interval of k1/n1 - k0/n0: Newcombe, Statist. Med. 17:873 (1998), method 10.

    Raises:
        ValueError: n1 or n0 < 1, or a count beyond its total.
    """
    successes(k1, n1)
    successes(k0, n0)
    lo, hi = confint_proportions_2indep(k1, n1, k0, n0, compare="diff", method="newcomb", alpha=alpha)
    return Interval(max(-1.0, float(lo)), min(1.0, float(hi)))


def fisher_p(k1: int, n1: int, k0: int, n0: int) -> float:
    """Fisher's exact test, two-sided: the chance, margins given, of a table no likelier than the one seen.

    Fisher, J. R. Statist. Soc. 98:39 (1935).

    Raises:
        ValueError: n1 or n0 < 1, or a count beyond its total.
    """
    successes(k1, n1)
    successes(k0, n0)
    return float(fisher_exact([[k1, n1 - k1], [k0, n0 - k0]]).pvalue)


def mann_whitney_p(x: Sequence[float], y: Sequence[float]) -> float:
    """The Mann–Whitney test, two-sided; all values equal: 1. See the module `rank_sums`.

    Raises:
        ValueError: a sample is empty or has a value that is not finite.
    """
    return rank_sum_p(finite(x), finite(y))


def mean_difference(x: Sequence[float], y: Sequence[float], *, alpha: float) -> Interval | None:
    """The interval of mean(x) - mean(y) without assuming equal variances; None if a sample has one value only.

    Welch, Biometrika 34:28 (1947). Where neither sample has any spread, both ends are the difference.

    Raises:
        ValueError: a sample is empty or has a value that is not finite.
    """
    one, other = finite(x), finite(y)
    if len(one) < 2 or len(other) < 2:
        return None
    if not (np.ptp(one) or np.ptp(other)):
        return Interval(float(one[0] - other[0]), float(one[0] - other[0]))
    ends = ttest_ind(one, other, equal_var=False).confidence_interval(1 - alpha)
    return Interval(float(ends.low), float(ends.high))
