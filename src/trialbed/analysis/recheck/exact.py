"""How probable is so much, if nothing differs? Tests by counting, or by the normal approximation. Pure.

All are two-sided. Where nothing can speak against "no difference" (no pair differs, all values are equal) p = 1.
Values are ranked after rounding to twelve digits of the largest, so that 0.1 + 0.2 ties with 0.3.
"""

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from scipy.special import ndtr

MOST_SIGNS_COUNTED = 200
MOST_VALUES_COUNTED = 100
_DIGITS = 12


def mcnemar(b: int, c: int) -> float:
    """Exact McNemar: b or c of b + c fair coins (Psychometrika 12, 1947, 153), twice the smaller tail."""
    n = b + c
    tail = sum(math.comb(n, i) for i in range(min(b, c) + 1))
    return float(min(Fraction(1), 2 * Fraction(tail, 2**n)))


def fisher(k_1: int, n_1: int, k_2: int, n_2: int) -> float:
    """Fisher's exact test of a 2 x 2 table: all tables with the same margins that are no more probable."""
    k, n = k_1 + k_2, n_1 + n_2
    ways = [math.comb(n_1, i) * math.comb(n_2, k - i) for i in range(max(0, k - n_2), min(n_1, k) + 1)]
    seen = math.comb(n_1, k_1) * math.comb(n_2, k_2)
    return float(Fraction(sum(way for way in ways if way <= seen), math.comb(n, k)))


def wilcoxon(differences: Sequence[float]) -> float:
    """Wilcoxon's signed-rank test (Biometrics Bull. 1, 1945, 80); zeros are left out, ties share their mean rank.

    Up to 200 differences all signs are counted; beyond, the normal approximation with corrections for ties and
    continuity.
    """
    nonzero = [value for value in _rounded(differences) if value != 0]
    if not nonzero:
        return 1.0
    sizes = [abs(value) for value in nonzero]
    doubled = doubled_ranks(sizes)
    positive = sum(rank for rank, value in zip(doubled, nonzero, strict=True) if value > 0)
    n = len(nonzero)
    if n <= MOST_SIGNS_COUNTED:
        return _by_signs(doubled, positive)
    variance = Fraction(n * (n + 1) * (2 * n + 1), 24) - Fraction(_ties(sizes), 48)
    far = abs(Fraction(positive, 2) - Fraction(n * (n + 1), 4))
    return _tails_beyond(far, variance)


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Mann and Whitney's test of two rank sums (Ann. Math. Stat. 18, 1947, 50).

    Up to 100 values in all, every choice of ranks is counted, and those at least as far from the mean make p; beyond,
    the normal approximation with corrections for ties and continuity.
    """
    pooled = _rounded([*first, *second])
    if len(set(pooled)) == 1:
        return 1.0
    n_1, n_2 = len(first), len(second)
    n = n_1 + n_2
    doubled = doubled_ranks(pooled)
    seen = sum(doubled[:n_1])
    if n <= MOST_VALUES_COUNTED:
        return _by_choices(doubled, n_1, seen)
    variance = Fraction(n_1 * n_2, 12) * (n + 1 - Fraction(_ties(pooled), n * (n - 1)))
    return _tails_beyond(abs(Fraction(seen, 2) - Fraction(n_1 * (n + 1), 2)), variance)


def doubled_ranks(values: Sequence[float]) -> list[int]:
    """Twice the ranks from 1; equal values share the mean of theirs, so twice a rank is whole."""
    first_at: dict[float, int] = {}
    last_at: dict[float, int] = {}
    for place, value in enumerate(sorted(values), start=1):
        first_at.setdefault(value, place)
        last_at[value] = place
    return [first_at[value] + last_at[value] for value in values]


def _by_signs(doubled: Sequence[int], positive: int) -> float:
    """Twice the smaller tail of the sum of positive ranks, over all equally likely signs."""
    step = math.gcd(*doubled)
    # The distribution is symmetric: the smaller tail is all that lies at or below the smaller of both sums.
    most = min(positive, sum(doubled) - positive) // step
    ways = [1] + [0] * most
    for rank in doubled:
        jump = rank // step
        ways = [count + (ways[total - jump] if total >= jump else 0) for total, count in enumerate(ways)]
    return float(min(Fraction(1), 2 * Fraction(sum(ways), 2 ** len(doubled))))


def _by_choices(doubled: Sequence[int], chosen: int, seen: int) -> float:
    """The share of all choices of ranks whose sum is at least as far from the mean of all as the one seen."""
    # The other side's sum is as far from its own mean: count the smaller side.
    if 2 * chosen > len(doubled):
        chosen, seen = len(doubled) - chosen, sum(doubled) - seen
    mean = chosen * (len(doubled) + 1)
    ways: list[Counter[int]] = [Counter({0: 1})] + [Counter() for _ in range(chosen)]
    for rank in doubled:
        for size in range(chosen, 0, -1):
            larger = ways[size]
            for total, count in ways[size - 1].items():
                larger[total + rank] += count
    far = abs(seen - mean)
    as_far = sum(count for total, count in ways[chosen].items() if abs(total - mean) >= far)
    return float(Fraction(as_far, math.comb(len(doubled), chosen)))


def _tails_beyond(far: Fraction, variance: Fraction) -> float:
    """Both normal tails beyond a distance from the mean, half a step nearer for continuity."""
    z = float(far - Fraction(1, 2)) / math.sqrt(variance)
    return min(1.0, 2 * float(ndtr(-z)))


def _ties(values: Sequence[float]) -> int:
    return sum(t**3 - t for t in Counter(values).values())


def _rounded(values: Sequence[float]) -> list[float]:
    largest = max(abs(value) for value in values)
    if largest == 0:
        return [0.0 for _ in values]
    places = _DIGITS - 1 - math.floor(math.log10(largest))
    return [round(value, places) for value in values]
