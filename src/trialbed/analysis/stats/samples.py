"""Which numbers may a statistic be computed from? Pure: finite ones, as arrays; clusters as their sums and sizes."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def finite(values: Sequence[float]) -> Floats:
    """The values as an array.

    Raises:
        ValueError: there are none, or one of them is NaN or infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError("at least one value is needed")
    if not np.isfinite(array).all():
        raise ValueError("every value must be a finite number")
    return array


def by_cluster(values: Floats, clusters: Sequence[Hashable]) -> tuple[Floats, Whole]:
    """The sum and the number of the values of each cluster; clusters in the order of the text of their labels.

    Labels that differ but read alike follow each other in the order in which they are first met.

    Raises:
        ValueError: there are not as many labels as values.
    """
    if len(clusters) != len(values):
        raise ValueError(f"{len(values)} values, but {len(clusters)} cluster labels")
    places = {label: place for place, label in enumerate(sorted(dict.fromkeys(clusters), key=str))}
    of_row = np.array([places[label] for label in clusters])
    sums = np.bincount(of_row, weights=values, minlength=len(places)).astype(np.float64)
    return sums, np.bincount(of_row, minlength=len(places)).astype(np.int64)


def each_its_own(rows: Floats) -> tuple[Floats, Whole]:
    """Sums and sizes of clusters of one row each, in the given order."""
    return rows, np.ones(len(rows), dtype=np.int64)


def counts(**named: int) -> None:
    """Refuse what cannot be a count.

    Raises:
        ValueError: one is negative; the message names it.
    """
    for name, count in named.items():
        if count < 0:
            raise ValueError(f"{name} is a count and cannot be {count}")


def successes(k: int, n: int) -> None:
    """Refuse what cannot be k of n.

    Raises:
        ValueError: n < 1, k < 0 or k > n.
    """
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a rate")


def to_ranked(values: Floats) -> Floats:
    """As shares of the largest, to twelve decimals, so that 0.1 + 0.2 ties with 0.3 where values are ranked."""
    largest = float(np.abs(values).max())
    return np.round(values / largest, 12) if largest else values
