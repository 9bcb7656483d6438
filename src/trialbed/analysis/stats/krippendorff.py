"""How well do raters agree where not every rater rated every unit? Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np

from trialbed.analysis.stats.agreement import Agreement, beyond_chance, over_units
from trialbed.analysis.stats.samples import Floats, finite

Level = Literal["nominal", "ordinal", "interval"]
Rating = str | float | None

_CELLS_AT_ONCE = 4_000_000


def krippendorff_alpha(
    ratings: Sequence[Sequence[Rating]], *, level: Level, alpha: float, seed: int, resamples: int
) -> Agreement:
    """1 - (disagreement within units) / (disagreement expected of ratings paired at random); units × raters.

    Krippendorff, "Content Analysis", 2004, section 11.3; Hayes & Krippendorff, Commun. Methods Measures 1:77 (2007).
    A unit with fewer than two ratings is left out, of the interval over units and of `n` too. Categories of the
    ordinal level disagree by the number of ratings between them, which is the difference of their mean
    ranks: so both ordered levels are one formula, on ranks or on the ratings themselves.

    Args:
        ratings: None = not rated.

    Raises:
        ValueError: a rating of an ordered level that is not a finite number.
    """
    name = f"Krippendorff's alpha ({level})"
    rated = [present for unit in ratings if len(present := [one for one in unit if one is not None]) > 1]
    if not rated:
        return Agreement(name, None, None, None, 0)
    scale = _scale(rated, level)
    counts = _counts(rated, scale)

    def alphas(times: Floats) -> Floats:
        at_once = max(1, _CELLS_AT_ONCE // (len(rated) + len(scale)))
        parts = [times[start : start + at_once] for start in range(0, len(times), at_once)]
        if level == "nominal":
            return np.concatenate([_nominal(counts, part) for part in parts])
        numbers = None if level == "ordinal" else np.array(scale, dtype=np.float64)
        return np.concatenate([_ordered(counts, part, numbers) for part in parts])

    return over_units(name, alphas, len(rated), alpha=alpha, seed=seed, resamples=resamples)


def _scale(rated: Sequence[Sequence[str | float]], level: Level) -> list[str | float]:
    distinct = list(dict.fromkeys(one for unit in rated for one in unit))
    if level == "nominal":
        return distinct
    numbers = [one for one in distinct if not isinstance(one, str)]
    if len(numbers) < len(distinct):
        raise ValueError(
            f"the {level} level needs numbers, and {next(s for s in distinct if isinstance(s, str))!r} is text"
        )
    finite(numbers)
    return list(sorted(numbers))


def _counts(rated: Sequence[Sequence[str | float]], scale: Sequence[str | float]) -> Floats:
    """How often each unit got each rating: (units, ratings of the scale)."""
    places = {one: place for place, one in enumerate(scale)}
    counts = np.zeros((len(rated), len(scale)))
    for row, unit in enumerate(rated):
        for one, times in Counter(unit).items():
            counts[row, places[one]] = times
    return counts


def _nominal(counts: Floats, times: Floats) -> Floats:
    ratings = counts.sum(axis=1)
    within = (ratings**2 - (counts**2).sum(axis=1)) / (ratings - 1)
    totals = times @ counts
    all_ratings = totals.sum(axis=1)
    expected = (all_ratings**2 - (totals**2).sum(axis=1)) / (all_ratings - 1)
    return beyond_chance(expected - times @ within, expected)


def _ordered(counts: Floats, times: Floats, numbers: Floats | None) -> Floats:
    """By squared differences of `numbers`, or (None) of the mean ranks in each replicate."""
    ratings = counts.sum(axis=1)
    totals = times @ counts
    all_ratings = totals.sum(axis=1)
    if numbers is None:
        points = (np.cumsum(totals, axis=1) - totals / 2) / all_ratings[:, None]
    else:
        span = float(np.ptp(numbers)) or 1.0
        points = np.broadcast_to((numbers - numbers[0]) / span, totals.shape)
    # Squared differences of all pairs of m numbers add up to 2·(m·sum of squares - square of the sum).
    sums, squares = counts @ points.T, counts @ (points**2).T
    within = (times.T * (ratings[:, None] * squares - sums**2) / (ratings[:, None] - 1)).sum(axis=0)
    all_sums, all_squares = (totals * points).sum(axis=1), (totals * points**2).sum(axis=1)
    expected = (all_ratings * all_squares - all_sums**2) / (all_ratings - 1)
    return beyond_chance(expected - within, expected)
