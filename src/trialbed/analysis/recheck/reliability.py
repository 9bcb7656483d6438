"""How well do raters agree beyond chance? Closed forms from their sources. Pure.

A value of None: nothing can be said, as where nothing varies. An interval of None: there is no spread to go by.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtri, ndtri

from trialbed.analysis.recheck.spreads import mean

Rating = str | float
_NOTHING = 1e-12
_MOST_DRAWS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Agreed:
    """Of `n` units."""

    statistic: str
    value: float | None
    interval: tuple[float, float] | None
    n: int


def cohens_kappa(first: Sequence[Rating], second: Sequence[Rating], alpha: float) -> Agreed:
    """Cohen's kappa (Educ. Psychol. Meas. 20, 1960, 37), with the large-sample error of Fleiss, Cohen and Everitt
    (Psychol. Bull. 72, 1969, 323, eq. 13); the interval ends at -1 and 1."""
    name, n = "Cohen's kappa", len(first)
    if len({*first, *second}) < 2:
        return Agreed(name, None, None, n)
    joint = {cell: count / n for cell, count in Counter(zip(first, second, strict=True)).items()}
    left = {name: count / n for name, count in Counter(first).items()}
    right = {name: count / n for name, count in Counter(second).items()}
    seen = math.fsum(share for (a, b), share in joint.items() if a == b)
    chance = math.fsum(share * right.get(a, 0.0) for a, share in left.items())
    kappa = (seen - chance) / (1 - chance)

    def parts(a: Rating, b: Rating, share: float) -> float:
        # Of a category, the column's share of the first rater's and the row's of the second's, as the source has them.
        if a == b:
            return share * (1 - (left.get(a, 0.0) + right.get(a, 0.0)) * (1 - kappa)) ** 2
        return (1 - kappa) ** 2 * share * (right.get(a, 0.0) + left.get(b, 0.0)) ** 2

    total = math.fsum(parts(a, b, share) for (a, b), share in joint.items())
    variance = (total - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    if variance < _NOTHING:
        return Agreed(name, kappa, None, n)
    reach = float(ndtri(1 - alpha / 2)) * math.sqrt(variance)
    return Agreed(name, kappa, (max(-1.0, kappa - reach), min(1.0, kappa + reach)), n)


def icc(units: Sequence[Sequence[float]], alpha: float) -> Agreed:
    """ICC(2,1) of units x raters (Shrout & Fleiss, Psychol. Bull. 86, 1979, 420); interval of McGraw and Wong (Psychol.
    Methods 1, 1996, 30, table 7, ICC(A,1))."""
    name, n, k = "ICC(2,1)", len(units), len(units[0])
    if n < 2 or k < 2 or len({score for unit in units for score in unit}) < 2:
        return Agreed(name, None, None, n)
    rows, cols, error = _mean_squares(units)
    whole = rows + (k - 1) * error + k * (cols - error) / n
    if abs(whole) < _NOTHING * (rows + cols + error):
        return Agreed(name, None, None, n)
    value = (rows - error) / whole
    if cols + error < _NOTHING * rows or 1 - value < _NOTHING:
        return Agreed(name, value, None, n)
    a, b = k * value / (n * (1 - value)), 1 + k * value * (n - 1) / (n * (1 - value))
    mixed = a * cols + b * error
    if abs(mixed) < _NOTHING * (rows + cols + error):
        return Agreed(name, value, None, n)
    df = mixed**2 / ((a * cols) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    # The lower tail of F with its degrees of freedom exchanged is one over the upper one, and stays finite as df falls.
    f_low, f_high = float(fdtri(df, n - 1, alpha / 2)), float(fdtri(df, n - 1, 1 - alpha / 2))
    rest = k * cols + (k * n - k - n) * error
    low = n * (f_low * rows - error) / (rest + n * f_low * rows)
    high = n * (f_high * rows - error) / (rest + n * f_high * rows)
    # Raters worse than chance may leave ends that are no interval of the value.
    return Agreed(name, value, (low, min(1.0, high)) if low <= value <= high else None, n)


def fleiss_kappa(units: Sequence[Sequence[Rating]], *, alpha: float, resamples: int, seed: int) -> Agreed:
    """Fleiss' kappa (Psychol. Bull. 76, 1971, 378) of units with equally many ratings; interval over units."""
    raters = len(units[0])
    names = list(dict.fromkeys(rating for unit in units for rating in unit))
    columns = []
    for unit in units:
        counts = Counter(unit)
        agreed = sum(count * (count - 1) for count in counts.values()) / (raters * (raters - 1))
        columns.append([1.0, agreed, *(float(counts[name]) for name in names)])

    def kappa(sums: Sequence[float]) -> float | None:
        n, agreed, *totals = sums
        chance = math.fsum((total / (n * raters)) ** 2 for total in totals)
        return None if 1 - chance < _NOTHING else (agreed / n - chance) / (1 - chance)

    return _over_units("Fleiss' kappa", columns, kappa, alpha=alpha, resamples=resamples, seed=seed)


def krippendorffs_alpha(
    units: Sequence[Sequence[Rating]], *, is_interval: bool, alpha: float, resamples: int, seed: int
) -> Agreed:
    """Krippendorff's alpha (Content Analysis, 2004, section 11.3): 1 - disagreement within units over that expected
    of ratings paired at random. Units with fewer than two ratings are left out; interval over units."""
    rated = [unit for unit in units if len(unit) > 1]
    name = f"Krippendorff's alpha ({'interval' if is_interval else 'nominal'})"
    if not rated:
        return Agreed(name, None, None, 0)
    columns, ratio = _interval_parts(rated) if is_interval else _nominal_parts(rated)
    return _over_units(name, columns, ratio, alpha=alpha, resamples=resamples, seed=seed)


_Statistic = Callable[[Sequence[float]], float | None]


def _nominal_parts(units: Sequence[Sequence[Rating]]) -> tuple[list[list[float]], _Statistic]:
    """Each unit's ratings, its pairs that differ (of each rating, with the others' mean), and its counts by name."""
    names = list(dict.fromkeys(rating for unit in units for rating in unit))
    columns = []
    for unit in units:
        counts, m = Counter(unit), len(unit)
        differing = sum(count * (m - count) for count in counts.values()) / (m - 1)
        columns.append([float(m), differing, *(float(counts[name]) for name in names)])

    def value(sums: Sequence[float]) -> float | None:
        n, within, *totals = sums
        expected = math.fsum(total * (n - total) for total in totals) / (n - 1)
        return None if expected < _NOTHING else 1 - within / expected

    return columns, value


def _interval_parts(units: Sequence[Sequence[Rating]]) -> tuple[list[list[float]], _Statistic]:
    """The same with squared differences, which sums and sums of squares give."""
    numbers = [float(rating) for unit in units for rating in unit]
    middle, span = mean(numbers), (max(numbers) - min(numbers)) or 1.0
    columns = []
    for unit in units:
        points, m = [(float(rating) - middle) / span for rating in unit], len(unit)
        total, squares = math.fsum(points), math.fsum(point**2 for point in points)
        columns.append([float(m), (m * squares - total**2) / (m - 1), total, squares])

    def value(sums: Sequence[float]) -> float | None:
        n, within, total, squares = sums
        expected = (n * squares - total**2) / (n - 1)
        return None if expected < _NOTHING else 1 - within / expected

    return columns, value


def _over_units(
    name: str, columns: Sequence[Sequence[float]], statistic: _Statistic, *, alpha: float, resamples: int, seed: int
) -> Agreed:
    """A statistic of column sums, and the percentiles of it over units drawn again; what has no value is left out."""
    n = len(columns)
    value = statistic([math.fsum(column) for column in zip(*columns, strict=True)])
    if value is None:
        return Agreed(name, None, None, n)
    drawn = (statistic(sums) for sums in _drawn_sums(columns, resamples, seed))
    replicates = [one for one in drawn if one is not None]
    if not replicates or max(replicates) - min(replicates) < _NOTHING:
        return Agreed(name, value, None, n)
    low, high = np.quantile(replicates, [alpha / 2, 1 - alpha / 2])
    return Agreed(name, value, (float(low), float(high)), n)


def _drawn_sums(columns: Sequence[Sequence[float]], resamples: int, seed: int) -> list[list[float]]:
    """Column sums over drawn units, a row for each resample."""
    n, table = len(columns), np.array(columns)
    random = np.random.default_rng(seed)
    rows: list[list[float]] = []
    at_once = max(1, _MOST_DRAWS_AT_ONCE // n)
    while len(rows) < resamples:
        draws = random.integers(0, n, size=(min(at_once, resamples - len(rows)), n))
        rows += np.stack([column[draws].sum(axis=1) for column in table.T], axis=1).tolist()
    return rows


def _mean_squares(units: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Between units, between raters, and what is left."""
    n, k = len(units), len(units[0])
    grand = mean([score for unit in units for score in unit])
    of_units = [mean(unit) - grand for unit in units]
    of_raters = [mean([unit[rater] for unit in units]) - grand for rater in range(k)]
    left = math.fsum(
        (units[unit][rater] - grand - of_units[unit] - of_raters[rater]) ** 2 for unit in range(n) for rater in range(k)
    )
    between_units = k * math.fsum(one**2 for one in of_units) / (n - 1)
    between_raters = n * math.fsum(one**2 for one in of_raters) / (k - 1)
    return between_units, between_raters, left / ((n - 1) * (k - 1))
