"""How likely is a signed-rank sum this far from its mean, if each sign is a fair coin? Pure."""

import numpy as np
from scipy.stats import rankdata, wilcoxon

from trialbed.analysis.stats.samples import Floats, to_ranked

_EXACT_UP_TO = 200
"""Values that are not zero: beyond, the normal approximation is right to four digits."""


def signed_rank_p(differences: Floats) -> float:
    """Wilcoxon's signed-rank test, two-sided; zeros are left out, tied sizes share their mean rank.

    Wilcoxon, Biometrics Bulletin 1:80 (1945). The distribution given the sizes is counted exactly, ties and all
    (Hollander & Wolfe, "Nonparametric Statistical Methods", 1999, section 3.1, comment 5), as scipy does without
    ties: with few distinct sizes, as scores have them, the normal approximation may reject too often.
    """
    told = to_ranked(differences)
    told = told[told != 0]
    if not told.size:
        return 1.0
    if len(told) > _EXACT_UP_TO:
        return float(wilcoxon(told, zero_method="wilcox", correction=True, method="asymptotic").pvalue)
    # Mean ranks are halves: twice a rank is whole.
    doubled = np.rint(2 * rankdata(np.abs(told))).astype(np.int64)
    total = int(doubled.sum())
    positive = int(doubled[told > 0].sum())
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for rank in doubled:
        halved = chance / 2
        chance = halved.copy()
        chance[rank:] += halved[:-rank]
    fewer = min(positive, total - positive)
    return min(1.0, 2 * float(chance[: fewer + 1].sum()))
