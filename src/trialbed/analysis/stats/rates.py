"""How sure is a rate? Pure."""

from statsmodels.stats.proportion import proportion_confint

from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.samples import successes


def wilson(k: int, n: int, *, alpha: float = 0.05) -> Interval:
    """The score interval of k of n: Wilson, J. Am. Statist. Ass. 22:209 (1927); without continuity correction.

    Raises:
        ValueError: n < 1, or k is not within 0 to n.
    """
    successes(k, n)
    lo, hi = proportion_confint(k, n, alpha=alpha, method="wilson")
    # In floating point the ends at the border miss it by 1e-17.
    return Interval(0.0 if k == 0 else float(lo), 1.0 if k == n else float(hi))
