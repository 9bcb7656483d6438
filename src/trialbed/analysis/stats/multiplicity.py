"""Which p values stand when there are several? Pure: adjusted ones, each in the place of the one given."""

from collections.abc import Sequence

import numpy as np
from statsmodels.stats.multitest import multipletests


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted so that the chance of any false rejection stays below alpha: Holm, Scand. J. Statist. 6:65 (1979).

    Raises:
        ValueError: one is not within 0 to 1.
    """
    return _adjusted(ps, "holm")


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Adjusted so that the expected share of false ones among the rejected stays below alpha.

    Benjamini & Hochberg, J. R. Statist. Soc. B 57:289 (1995).

    Raises:
        ValueError: one is not within 0 to 1.
    """
    return _adjusted(ps, "fdr_bh")


def _adjusted(ps: Sequence[float], method: str) -> list[float]:
    given = np.asarray(ps, dtype=np.float64)
    if not ((given >= 0) & (given <= 1)).all():
        raise ValueError("a p value lies between 0 and 1")
    return [float(p) for p in multipletests(given, method=method)[1]] if len(given) else []
