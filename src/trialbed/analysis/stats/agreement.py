"""How well do raters agree, beyond chance? Pure.

Where nothing can be said (no unit, or no variation at all, so that chance would agree as well) the value is None;
where a value has no spread, as with perfect agreement, it has no interval. Intervals "over units" resample
units as the module `bootstrap` publishes it; replicates without variation are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from trialbed.analysis.stats.bootstrap import percentile, times_drawn
from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.samples import Floats


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `n` units; 1 = perfect, 0 = as chance would have it."""

    statistic: str
    value: float | None
    lo: float | None
    hi: float | None
    n: int


def cohen_kappa(a: Sequence[str], b: Sequence[str], *, alpha: float) -> Agreement:
    """Of two raters who named one category for each unit.

    Cohen, Educ. Psychol. Meas. 20:37 (1960); interval from the large-sample error of Fleiss, Cohen & Everitt,
    Psychol. Bull. 72:323 (1969), cut off at -1 and 1.

    Raises:
        ValueError: the raters did not rate equally many units.
    """
    name, n = "Cohen's kappa", len(a)
    if len(b) != n:
        raise ValueError(f"one rater has {n} units, the other {len(b)}")
    if not n or len({*a, *b}) < 2:
        return Agreement(name, None, None, None, n)
    shares = _joint(a, b)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    seen, chance = float(np.trace(shares)), float(rows @ columns)
    kappa = (seen - chance) / (1 - chance)
    off = shares * (columns[:, None] + rows[None, :]) ** 2
    variance = (
        float(np.diag(shares) @ (1 - (rows + columns) * (1 - kappa)) ** 2)
        + (1 - kappa) ** 2 * float(off.sum() - np.trace(off))
        - (kappa - chance * (1 - kappa)) ** 2
    ) / (n * (1 - chance) ** 2)
    # At kappa = 1 the formula leaves rounding only.
    if variance < 1e-12:
        return Agreement(name, kappa, None, None, n)
    half = float(norm.isf(alpha / 2)) * variance**0.5
    return Agreement(name, kappa, max(-1.0, kappa - half), min(1.0, kappa + half), n)


def fleiss_kappa(ratings: Sequence[Sequence[str]], *, alpha: float, seed: int, resamples: int) -> Agreement:
    """Of equally many raters for each unit, who need not be the same ones; units × raters.

    Fleiss, Psychol. Bull. 76:378 (1971); interval over units.

    Raises:
        ValueError: units with unequally many ratings, or with fewer than two.
    """
    name, n = "Fleiss' kappa", len(ratings)
    if not n:
        return Agreement(name, None, None, None, 0)
    raters = len(ratings[0])
    if raters < 2 or any(len(unit) != raters for unit in ratings):
        raise ValueError("each unit needs the same number of ratings, two or more")
    categories = {category: place for place, category in enumerate(dict.fromkeys(c for unit in ratings for c in unit))}
    counts = np.zeros((n, len(categories)))
    for place, unit in enumerate(ratings):
        for category in unit:
            counts[place, categories[category]] += 1
    agreed = ((counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1)))[:, None]

    def kappas(times: Floats) -> Floats:
        units = times.sum(axis=1)
        seen = (times @ agreed)[:, 0] / units
        chance = (((times @ counts) / (units[:, None] * raters)) ** 2).sum(axis=1)
        return beyond_chance(seen - chance, 1 - chance)

    return over_units(name, kappas, n, alpha=alpha, seed=seed, resamples=resamples)


def over_units(
    name: str, statistic: Callable[[Floats], Floats], units: int, *, alpha: float, seed: int, resamples: int
) -> Agreement:
    """A statistic and its percentile interval over units.

    Args:
        statistic: from how often each unit counts, (replicates, units), to a value for each replicate, or NaN.
    """
    value = float(statistic(np.ones((1, units)))[0])
    if np.isnan(value):
        return Agreement(name, None, None, None, units)
    replicates = np.concatenate([statistic(times) for times in times_drawn(units, resamples=resamples, seed=seed)])
    lo, hi = _ends(replicates[~np.isnan(replicates)], alpha) or (None, None)
    return Agreement(name, value, lo, hi, units)


def beyond_chance(part: Floats, whole: Floats) -> Floats:
    """part / whole; NaN where the whole is nothing but rounding."""
    there = np.abs(whole) > 1e-12
    return np.where(there, part / np.where(there, whole, 1.0), np.nan)


def _ends(replicates: Floats, alpha: float) -> Interval | None:
    if not replicates.size or np.ptp(replicates) < 1e-12:
        return None
    return percentile(replicates, alpha=alpha)


def _joint(a: Sequence[str], b: Sequence[str]) -> Floats:
    """Shares of the units by the category of either rater."""
    places = {category: place for place, category in enumerate(dict.fromkeys([*a, *b]))}
    shares = np.zeros((len(places), len(places)))
    for one, other in zip(a, b, strict=True):
        shares[places[one], places[other]] += 1
    return shares / len(a)
