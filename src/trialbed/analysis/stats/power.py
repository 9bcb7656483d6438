"""How small a difference can a run detect, and how large must it be to detect one? Pure."""

import math
from collections.abc import Callable

from scipy.optimize import bisect
from scipy.stats import nct
from scipy.stats import t as student

from trialbed.analysis.stats.discordance import discordance, mcnemar_power

_MOST_PAIRS = 10**6


def mde_paired_rates(
    n_pairs: int, *, p0: float, alpha: float, power: float = 0.8, correlation: float = 0.0
) -> float | None:
    """The smallest |risk difference| from baseline rate `p0` that the exact McNemar test detects; None if none.

    Towards one half, that is up from p0 <= 0.5 and down from above: there is room for it, and the other
    way, where rates vary less, as large a difference is detected at least as often. The power is exact (module
    `discordance`).

    Args:
        correlation: of the answers of the two trials of a block (phi).

    Raises:
        ValueError: a rate, alpha or power that is none, or a correlation not within -1 to 1.
    """
    _probabilities(p0=p0)
    _open(alpha=alpha, power=power)
    _correlation(correlation)
    sign, room = (1, 1 - p0) if p0 <= 0.5 else (-1, p0)

    def above_target(size: float) -> float:
        p1 = min(1.0, max(0.0, p0 + sign * size))
        return mcnemar_power(n_pairs, discordance(p0, p1, correlation), alpha=alpha) - power

    return None if above_target(room) < 0 else float(bisect(above_target, 0.0, room, xtol=1e-6))


def pairs_for_rates(
    difference: float, *, p0: float, alpha: float, power: float = 0.8, correlation: float = 0.0
) -> int | None:
    """From how many pairs on the exact McNemar test detects p0 + `difference`; None if a million do not.

    The exact test is not quite monotone: a few pairs more may by chance have a power below the target by less than a
    point.

    Raises:
        ValueError: as `mde_paired_rates`, or p0 + difference is not a rate.
    """
    # A sum that should be 0 or 1 may miss it by its rounding.
    p1 = round(p0 + difference, 12)
    _probabilities(p0=p0, p1=p1)
    _open(alpha=alpha, power=power)
    _correlation(correlation)
    chances = discordance(p0, p1, correlation)
    return _fewest(lambda n: mcnemar_power(n, chances, alpha=alpha) >= power, least=1) if difference else None


def mde_paired_means(n_pairs: int, *, sd_difference: float, alpha: float, power: float = 0.8) -> float | None:
    """The smallest |mean difference| that the paired t test detects; None for fewer than two pairs.

    By the noncentral t distribution: Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988, chapter 2.

    Args:
        sd_difference: standard deviation of the differences of pairs.

    Raises:
        ValueError: alpha or power is none, or a negative standard deviation.
    """
    _open(alpha=alpha, power=power)
    _spread(sd_difference)
    if n_pairs < 2:
        return None
    far = 1.0
    while _t_power(n_pairs, far, alpha) < power:
        far *= 2
    if _t_power(n_pairs, 0.0, alpha) >= power:
        return 0.0
    size = bisect(lambda at: _t_power(n_pairs, at, alpha) - power, 0.0, far, xtol=1e-9)
    return float(size) * sd_difference


def pairs_for_means(difference: float, *, sd_difference: float, alpha: float, power: float = 0.8) -> int:
    """The fewest pairs with which the paired t test detects `difference`; at least two.

    Raises:
        ValueError: as `mde_paired_means`, or the difference is 0 or too small for a million pairs.
    """
    _open(alpha=alpha, power=power)
    _spread(sd_difference)
    if not difference:
        raise ValueError("no number of pairs detects a difference of 0")
    if not sd_difference:
        return 2
    size = abs(difference) / sd_difference
    pairs = _fewest(lambda n: _t_power(n, size, alpha) >= power, least=2)
    if pairs is None:
        raise ValueError(f"a difference of {difference} would need more than {_MOST_PAIRS:,} pairs")
    return pairs


def _t_power(pairs: int, size: float, alpha: float) -> float:
    """Of a mean difference of `size` standard deviations."""
    df, away = pairs - 1, size * math.sqrt(pairs)
    critical = float(student.isf(alpha / 2, df))
    # To reject on the wrong side is the rarer the larger the difference; scipy has NaN where that is below 1e-12.
    wrong_side = float(nct.cdf(-critical, df, away))
    return float(nct.sf(critical, df, away)) + (0.0 if math.isnan(wrong_side) else wrong_side)


def _fewest(enough: Callable[[int], bool], *, least: int) -> int | None:
    """By doubling, then halving: as many as are enough, while one fewer is not."""
    most = least
    while not enough(most):
        if most >= _MOST_PAIRS:
            return None
        most = min(2 * most, _MOST_PAIRS)
    too_few = max(least - 1, most // 2 if most > least else least - 1)
    while most - too_few > 1:
        middle = (most + too_few) // 2
        too_few, most = (too_few, middle) if enough(middle) else (middle, most)
    return most


def _probabilities(**named: float) -> None:
    for name, one in named.items():
        if not 0 <= one <= 1:
            raise ValueError(f"{name} = {one} is not a rate")


def _open(**named: float) -> None:
    for name, one in named.items():
        if not 0 < one < 1:
            raise ValueError(f"{name} lies between 0 and 1, not at {one}")


def _correlation(correlation: float) -> None:
    if not -1 <= correlation <= 1:
        raise ValueError(f"a correlation lies within -1 to 1, not at {correlation}")


def _spread(sd_difference: float) -> None:
    if not sd_difference >= 0:
        raise ValueError(f"a standard deviation is not negative, as {sd_difference} is")
