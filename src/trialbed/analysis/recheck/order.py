"""Where do percentiles lie, and between which ordered values? Plain loops from published formulas. Pure.

Percentiles: Hyndman & Fan, Am. Stat. 50, 1996, 361, definition 8. Intervals: ranks from binomial chances (David &
Nagaraja, Order Statistics, 2003, section 7.1), of an effective number where values come in blocks (Woodruff, J. Am.
Stat. Assoc. 47, 1952, 635; Korn & Graubard, Surv. Methodol. 24, 1998, 193). Binomial chances of numbers that need not
be whole: the incomplete beta function by its continued fraction (Abramowitz & Stegun 26.5.8; Lentz's method).
"""

import math
from collections.abc import Sequence
from fractions import Fraction

from scipy.special import stdtrit

_LEAST = 1e-300
_MOST_TERMS = 10_000


def percentile(ordered: Sequence[float], share: Fraction) -> float | None:
    """None where the values do not reach so far."""
    n = len(ordered)
    place = (n + Fraction(1, 3)) * share + Fraction(1, 3)
    if not 1 <= place <= n:
        return None
    below = math.floor(place)
    one, other = ordered[below - 1], ordered[min(below, n - 1)]
    return one if one == other else one + float(place - below) * (other - one)


def interval(
    ordered: Sequence[float], share: Fraction, alpha: float, blocks: Sequence[str] | None
) -> tuple[float, float] | None:
    """Without blocks every value is independent. None of too few values, or of one block."""
    n = len(ordered)
    effective = float(n) if blocks is None else _effective(ordered, share, alpha, blocks)
    if effective is None:
        return None
    lower = _rank(n, effective, share, alpha / 2)
    upper = n + 1 - _rank(n, effective, 1 - share, alpha / 2)
    return (ordered[lower - 1], ordered[upper - 1]) if lower >= 1 and upper <= n else None


def _effective(ordered: Sequence[float], share: Fraction, alpha: float, blocks: Sequence[str]) -> float | None:
    middle, n, g = percentile(ordered, share), len(ordered), len(set(blocks))
    if middle is None or g < 2:
        return None
    hits, sizes = dict.fromkeys(blocks, 0), dict.fromkeys(blocks, 0)
    for value, block in zip(ordered, blocks, strict=True):
        hits[block] += value <= middle
        sizes[block] += 1
    mean = Fraction(sum(hits.values()), n)
    squares = sum((hits[block] - mean * sizes[block]) ** 2 for block in sizes)
    variance = Fraction(g, g - 1) * squares / n**2
    spread = share * (1 - share)
    size = float(min(Fraction(n), spread / variance)) if variance else float(g)
    few = float(stdtrit(g - 1, 1 - alpha / 2)) / float(stdtrit(n - 1, 1 - alpha / 2))
    return size / few**2


def _rank(n: int, size: float, share: Fraction, tail: float) -> int:
    """The largest l at which fewer than l * size/n of `size` values lie below with a chance of `tail` at most."""
    # The chance grows with l: halving finds the place.
    low, high = 0, n
    while low < high:
        tried = (low + high + 1) // 2
        scaled = tried * size / n
        # Fewer than s below: so many above, by the beta function of the other side.
        if incomplete_beta(size - scaled + 1, scaled, float(1 - share)) <= tail:
            low = tried
        else:
            high = tried - 1
    return low


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised one, I_x(a, b)."""
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(1 - x)
    d = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    c, product = 1.0, d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / _not_zero(1 + term * d), _not_zero(1 + term / c)
            product *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return math.exp(front) * product / a


def _not_zero(value: float) -> float:
    return value if abs(value) > _LEAST else _LEAST
