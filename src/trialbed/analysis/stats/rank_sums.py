"""How likely is a rank sum this far from its mean, if the two samples are one? Pure."""

import numpy as np
from scipy.stats import mannwhitneyu, rankdata

from trialbed.analysis.stats.samples import Floats, to_ranked

_EXACT_UP_TO = 100
"""Values of both samples together: counting beyond takes more than a tenth of a second."""


def rank_sum_p(x: Floats, y: Floats) -> float:
    """The Wilcoxon–Mann–Whitney test, two-sided; tied values share their mean rank.

    Mann & Whitney, Ann. Math. Statist. 18:50 (1947). The distribution over all choices of len(x) of the ranks is
    counted exactly, ties and all (Streitberg & Röhmel, Statistical Software Newsletter 12:10 (1986)): with few
    distinct values the normal approximation may reject too often. The p value is the chance of a sum at least as
    far from its mean as the one seen. For larger samples: scipy's normal approximation, corrected for ties and
    continuity.
    """
    fewer, more = (x, y) if len(x) <= len(y) else (y, x)
    pooled = to_ranked(np.concatenate([fewer, more]))
    if (pooled == pooled[0]).all():
        return 1.0
    chosen = len(fewer)
    if len(pooled) > _EXACT_UP_TO:
        return float(mannwhitneyu(pooled[:chosen], pooled[chosen:], use_continuity=True, method="asymptotic").pvalue)
    # Mean ranks are halves: twice a rank is whole.
    doubled = np.rint(2 * rankdata(pooled)).astype(np.int64)
    most = int(np.sort(doubled)[-chosen:].sum())
    ways = np.zeros((chosen + 1, most + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        # Downwards in one step: the right side is evaluated before anything is added.
        ways[1:, rank:] += ways[:-1, : most + 1 - rank]
    sums = ways[chosen]
    # The mean of the doubled sum is chosen·(N + 1): whole, so the comparison is exact.
    off = np.abs(np.arange(most + 1) - chosen * (len(pooled) + 1))
    seen = abs(int(doubled[:chosen].sum()) - chosen * (len(pooled) + 1))
    return min(1.0, float(sums[off >= seen].sum() / sums.sum()))
