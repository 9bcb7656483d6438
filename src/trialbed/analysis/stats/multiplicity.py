"""Which p values stand when there are several? Pure: adjusted ones, each in the place of the one given."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import false_discovery_control

from trialbed.analysis.stats.samples import Floats


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted so that the chance of any false rejection stays below alpha: Holm, Scand. J. Statist. 6:65 (1979).

    The i-th smallest of m is multiplied by m - i + 1, and no less than the one before it. (statsmodels does the
    same, but collects garbage at each call, which takes longer than all the rest of a report's tests.)

    Raises:
        ValueError: one is not within 0 to 1.
    """
    given = _probabilities(ps)
    order = np.argsort(given, kind="stable")
    adjusted = np.empty_like(given)
    adjusted[order] = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    return [float(p) for p in np.minimum(adjusted, 1.0)]


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Adjusted so that the expected share of false ones among the rejected stays below alpha.

    Benjamini & Hochberg, J. R. Statist. Soc. B 57:289 (1995).

    Raises:
        ValueError: one is not within 0 to 1.
    """
    given = _probabilities(ps)
    return [float(p) for p in false_discovery_control(given, method="bh")] if len(given) else []


def _probabilities(ps: Sequence[float]) -> Floats:
    given = np.asarray(ps, dtype=np.float64)
    if not ((given >= 0) & (given <= 1)).all():
        raise ValueError("a p value lies between 0 and 1")
    return given
