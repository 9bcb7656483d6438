"""From where does the spread of values come: scenario, judge, or chance? Pure."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trialbed.analysis.stats.samples import Floats, Whole, finite

RESIDUAL = "repeat"
_MOST_LEVELS = 500


@dataclass(frozen=True, slots=True)
class Component:
    """`share` is of the sum of all components, 0 to 1."""

    name: str
    variance: float
    share: float


def variance_components(values: Sequence[float], factors: Mapping[str, Sequence[Hashable]]) -> list[Component]:
    """Random factors, crossed or nested, and what is left ("repeat": interactions too), in the given order.

    Henderson's method 3, fitting constants (Biometrics 9:226 (1953); Searle, Casella & McCulloch, "Variance
    Components", 1992, section 5.5): what each factor explains beyond all others, except those nested in it, is set
    equal to its expectation. That holds for unbalanced data; with balanced ones it is the ordinary analysis of
    variance. Negative estimates become 0, and shares are of what remains; a small component is therefore
    estimated a little too large on average. Factors with one level, or with another for each value, are left
    out: they cannot be told from the mean or from "repeat".

    Returns:
        Nothing if there is nothing to split (one value, no spread), if the design does not tell the factors
        apart, as when each scenario has a judge of its own, or if there are more than 500 levels
        besides those of the largest factor.

    Raises:
        ValueError: no values, one that is not finite, or a factor without a label for each value.
    """
    rows = finite(values)
    if any(len(labels) != len(rows) for labels in factors.values()):
        raise ValueError(f"each factor needs a label for each of {len(rows)} values")
    levels = {name: _levels(labels) for name, labels in factors.items()}
    told = {name: places for name, places in levels.items() if 0 < places.max() < len(rows) - 1}
    sizes = sorted(int(places.max()) + 1 for places in told.values())
    if not np.ptp(rows) or sum(sizes[:-1]) > _MOST_LEVELS:
        return []
    estimates = _fitting_constants(rows - rows.mean(), list(told.values()))
    if estimates is None:
        return []
    kept = np.maximum(estimates, 0.0)
    total = float(kept.sum())
    names = [*told, RESIDUAL]
    return [Component(name, float(one), float(one) / total) for name, one in zip(names, kept, strict=True)]


def _levels(labels: Sequence[Hashable]) -> Whole:
    places: dict[Hashable, int] = {}
    return np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.int64)


def _fitting_constants(rows: Floats, factors: Sequence[Whole]) -> Floats | None:
    """The variance of each factor and of the residual; None if they cannot be told apart."""
    every = range(len(factors))
    fits: dict[tuple[int, ...], Floats] = {}

    def fit(chosen: Sequence[int]) -> Floats:
        key = tuple(sorted(chosen))
        if key not in fits:
            fits[key] = _explained(rows, [factors[one] for one in key], factors)
        return fits[key]

    equations = []
    for one in every:
        others = [other for other in every if other != one and not _nested(factors[other], factors[one])]
        equations.append(fit([*others, one]) - fit(others))
    everything = np.array([float(rows @ rows), *[len(rows)] * len(factors), len(rows)], dtype=np.float64)
    system = np.array([*equations, everything - fit(every)]) / len(rows)
    if np.linalg.matrix_rank(system[:, 1:], tol=1e-9) < len(system):
        return None
    return np.asarray(np.linalg.solve(system[:, 1:], system[:, 0]))


def _nested(inner: Whole, outer: Whole) -> bool:
    """Is each level of `inner` found in one level of `outer` only?"""
    return len(np.unique(np.stack([inner, outer]), axis=1)[0]) == int(inner.max()) + 1


def _explained(rows: Floats, model: Sequence[Whole], factors: Sequence[Whole]) -> Floats:
    """With P the projection on the model: y'Py, then what multiplies each variance in its expectation.

    That is the trace of Z'PZ for the levels Z of each factor, and the rank of P for the residual. The largest
    factor of the model is projected out first, so that only the others' levels make a matrix.
    """
    ordered = sorted(model, key=lambda places: int(places.max()), reverse=True)
    largest, rest = (ordered[0], ordered[1:]) if ordered else (np.zeros(len(rows), dtype=np.int64), [])
    sizes = np.bincount(largest).astype(np.float64)
    totals = np.bincount(largest, weights=rows)
    beside = [_together(largest, places) for places in rest]
    across = np.hstack(beside) if beside else np.zeros((len(sizes), 0))
    scaled = across / sizes[:, None]

    def left(places: Whole) -> Floats:
        """Levels of the rest × levels of `places`, the largest factor taken out."""
        seen = [_together(other, places) for other in rest]
        return (np.vstack(seen) if seen else np.zeros((0, int(places.max()) + 1))) - scaled.T @ _together(
            largest, places
        )

    normal = np.hstack([left(places) for places in rest]) if rest else np.zeros((0, 0))
    of_rest = [np.bincount(places, weights=rows) for places in rest]
    right = (np.concatenate(of_rest) if of_rest else np.zeros(0)) - scaled.T @ totals
    values, vectors = np.linalg.eigh(normal)
    there = values > 1e-9 * len(rows)
    half = vectors[:, there] / np.sqrt(values[there])

    def trace(places: Whole) -> float:
        if any(places is own for own in model):
            return len(rows)
        return float((_together(largest, places) ** 2 / sizes[:, None]).sum() + ((half.T @ left(places)) ** 2).sum())

    explained = float((totals**2 / sizes).sum() + ((half.T @ right) ** 2).sum())
    return np.array([explained, *map(trace, factors), len(sizes) + int(there.sum())])


def _together(one: Whole, other: Whole) -> Floats:
    """How many values each pair of levels has."""
    width = int(other.max()) + 1
    flat = np.bincount(one * width + other, minlength=(int(one.max()) + 1) * width)
    return flat.reshape(-1, width).astype(np.float64)
