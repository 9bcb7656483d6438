"""How sure is a mean, and a difference of two? Closed forms, and the bootstrap as TABLES.md publishes it. Pure."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, stdtr, stdtrit

Interval = tuple[float, float]
_MOST_DRAWS_AT_ONCE = 2_000_000


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def variance(values: Sequence[float]) -> float:
    """With n - 1."""
    middle = mean(values)
    return math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)


def robust_interval(values: Sequence[float], clusters: Sequence[str], alpha: float) -> Interval | None:
    """Of a mean: G/(G-1) * sum(e_g^2)/n^2, Student's t with G - 1 (Liang & Zeger, Biometrika 73, 1986, 13).

    With one cluster as if each value were its own; None for one value.
    """
    n, middle = len(values), mean(values)
    if n == 1:
        return None
    residuals: dict[str, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        residuals.setdefault(cluster, []).append(value - middle)
    g = len(residuals)
    if g == 1:
        return _t_interval(middle, math.sqrt(variance(values) / n), n - 1, alpha)
    squares = math.fsum(math.fsum(of_one) ** 2 for of_one in residuals.values())
    return _t_interval(middle, math.sqrt(g / (g - 1) * squares) / n, g - 1, alpha)


def robust_test(values: Sequence[float], clusters: Sequence[str], alpha: float) -> tuple[float, float, float] | None:
    """Of a mean over two clusters or more: `robust_interval`, and the two-sided p of a mean of 0 by the same error.

    None where the clusters do not differ: an error below a billionth of the largest value is rounding.
    """
    interval = robust_interval(values, clusters, alpha)
    assert interval is not None
    df = len(set(clusters)) - 1
    error = (interval[1] - interval[0]) / (2 * float(stdtrit(df, 1 - alpha / 2)))
    if error <= 1e-9 * max(map(abs, values)):
        return None
    return *interval, 2 * float(stdtr(df, -abs(mean(values)) / error))


def bootstrap_interval(
    sums: Sequence[float], sizes: Sequence[int], *, alpha: float, resamples: int, seed: int
) -> Interval:
    """Expanded percentiles of the mean over clusters drawn again and again.

    Efron & Tibshirani 1993, ch. 13; how far out they are read: Hesterberg, Am. Stat. 69, 2015, 371, section 3.3.
    """
    g = len(sums)
    random = np.random.default_rng(seed)
    totals, counts = np.asarray(sums, dtype=float), np.asarray(sizes)
    replicates: list[float] = []
    at_once = max(1, _MOST_DRAWS_AT_ONCE // g)
    while len(replicates) < resamples:
        # Some rows at a time make the same draws as all at once.
        draws = random.integers(0, g, size=(min(at_once, resamples - len(replicates)), g))
        replicates += (totals[draws].sum(axis=1) / counts[draws].sum(axis=1)).tolist()
    tail = alpha / 2
    if g > 1:
        tail = float(ndtr(-math.sqrt(g / (g - 1)) * stdtrit(g - 1, 1 - alpha / 2)))
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return float(low), float(high)


def by_cluster(values: Sequence[float], clusters: Sequence[str]) -> tuple[list[float], list[int]]:
    """Sums and sizes, clusters sorted by name."""
    members: dict[str, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        members.setdefault(cluster, []).append(value)
    return [math.fsum(members[name]) for name in sorted(members)], [len(members[name]) for name in sorted(members)]


def welch_interval(first: Sequence[float], second: Sequence[float], alpha: float) -> Interval | None:
    """Of the difference of two means (Welch, Biometrika 34, 1947, 28); None if a side has one value only."""
    if min(len(first), len(second)) < 2:
        return None
    difference = mean(first) - mean(second)
    a, b = variance(first) / len(first), variance(second) / len(second)
    if a + b == 0:
        return difference, difference
    df = (a + b) ** 2 / (a * a / (len(first) - 1) + b * b / (len(second) - 1))
    return _t_interval(difference, math.sqrt(a + b), df, alpha)


def paired_equivalence(differences: Sequence[float], margin: float) -> float:
    """Two one-sided t tests of the mean difference (Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987, 657).

    Equal differences have no spread: then one pair shows nothing (1), and n of them within the margin as much as n
    coins (2^-n).
    """
    n, middle = len(differences), mean(differences)
    if n == 1:
        return 1.0
    if len(set(differences)) == 1:
        return 0.5**n if abs(middle) < margin else 1.0
    error = math.sqrt(variance(differences) / n)
    above = float(stdtr(n - 1, -(middle + margin) / error))
    below = float(stdtr(n - 1, (middle - margin) / error))
    return max(above, below)


def cliffs_delta(first: Sequence[float], second: Sequence[float]) -> float:
    """Of all pairs of both sides, the share that is greater less the share that is smaller (Cliff 1993)."""
    # By places in the other side's order: of a hundred thousand values not all pairs can be looked at.
    others = sorted(second)
    won = sum(bisect_left(others, x) - (len(others) - bisect_right(others, x)) for x in first)
    return won / (len(first) * len(second))


def _t_interval(middle: float, error: float, df: float, alpha: float) -> Interval:
    reach = float(stdtrit(df, 1 - alpha / 2)) * error
    return middle - reach, middle + reach
