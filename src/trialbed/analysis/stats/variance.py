"""From where does the spread of values come: scenario, judge, or chance? Pure."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trialbed.analysis.stats.samples import Floats, Whole, finite

RESIDUAL = "repeat"


@dataclass(frozen=True, slots=True)
class Component:
    """`share` is of the sum of all components, 0 to 1."""

    name: str
    variance: float
    share: float


def variance_components(values: Sequence[float], factors: Mapping[str, Sequence[Hashable]]) -> list[Component]:
    """Crossed random factors and what is left ("repeat": interactions too), in the given order.

    Henderson's method 1 (Biometrics 9:226 (1953); Searle, Casella & McCulloch, "Variance Components", 1992, section
    5.3): sums of squares of level totals are set equal to their expectations, which holds for unbalanced data; with
    balanced ones it is the ordinary analysis of variance. Negative estimates become 0, and shares are of what
    remains; the estimate of a small component is therefore a little too large on average. Factors with one level,
    or with another for each value, are left out: they cannot be told from the mean or from "repeat".

    Returns:
        Nothing if there is nothing to split (one value, no spread), or if the design does not tell the factors
        apart, as when each scenario has a judge of its own.

    Raises:
        ValueError: no values, one that is not finite, or a factor without a label for each value.
    """
    rows = finite(values)
    if any(len(labels) != len(rows) for labels in factors.values()):
        raise ValueError(f"each factor needs a label for each of {len(rows)} values")
    levels = {name: _levels(labels) for name, labels in factors.items()}
    told = {name: places for name, places in levels.items() if 0 < places.max() < len(rows) - 1}
    if not np.ptp(rows):
        return []
    estimates = _henderson(rows - rows.mean(), list(told.values()))
    if estimates is None:
        return []
    kept = np.maximum(estimates, 0.0)
    total = float(kept.sum())
    names = [*told, RESIDUAL]
    return [Component(name, float(one), float(one) / total) for name, one in zip(names, kept, strict=True)]


def _levels(labels: Sequence[Hashable]) -> Whole:
    places: dict[Hashable, int] = {}
    return np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.int64)


def _henderson(rows: Floats, factors: Sequence[Whole]) -> Floats | None:
    """The variance of each factor and of the residual; None if they cannot be told apart.

    Both sides of each equation are less what they are for the mean, whose square is in all of them.
    """
    n = len(rows)
    grand = np.zeros(n, dtype=np.int64)
    single = np.arange(n)
    seen = [_square_of_totals(rows, places) for places in (*factors, single)]
    expected = [[_coefficient(f, places) for f in (*factors, single)] for places in (*factors, single)]
    of_mean = [_coefficient(f, grand) for f in (*factors, single)]
    matrix = (np.array(expected) - np.array(of_mean)) / n
    if np.linalg.matrix_rank(matrix, tol=1e-9) < len(matrix):
        return None
    return np.asarray(np.linalg.solve(matrix, (np.array(seen) - _square_of_totals(rows, grand)) / n))


def _square_of_totals(rows: Floats, places: Whole) -> float:
    """The sum over levels of (total of the level)² / (its number of values)."""
    totals, sizes = np.bincount(places, weights=rows), np.bincount(places)
    return float((totals**2 / sizes).sum())


def _coefficient(factor: Whole, places: Whole) -> float:
    """How often the variance of `factor` is in the expected square of the totals over `places`.

    The sum over cells of (values in the cell)² / (values in its level of `places`).
    """
    cells, of_value = np.unique(places * (int(factor.max()) + 1) + factor, return_inverse=True)
    together = np.bincount(of_value)
    sizes = np.bincount(places)
    return float((together**2 / sizes[cells // (int(factor.max()) + 1)]).sum())
