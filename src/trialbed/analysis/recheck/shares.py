"""How sure is a share, and a difference of two? Closed forms from their sources. Pure.

Shares are 0 to 1; `alpha` is two-sided.
"""

import math
from collections.abc import Callable

from scipy.special import ndtr, ndtri

Interval = tuple[float, float]
_STEPS = 100


def wilson(k: int, n: int, alpha: float) -> Interval:
    """Wilson's score interval (J. Am. Stat. Assoc. 22, 1927, 209): both roots of (p - k/n)^2 = z^2 p(1 - p)/n."""
    z = float(ndtri(1 - alpha / 2))
    # (1 + z^2/n) p^2 - (2k/n + z^2/n) p + (k/n)^2 = 0
    a, b, c = 1 + z * z / n, -(2 * k / n + z * z / n), (k / n) ** 2
    root = math.sqrt(b * b - 4 * a * c)
    low = 0.0 if k == 0 else (-b - root) / (2 * a)
    high = 1.0 if k == n else (-b + root) / (2 * a)
    return max(0.0, low), min(1.0, high)


def unmatched_difference(k_1: int, n_1: int, k_2: int, n_2: int, alpha: float) -> Interval:
    """Newcombe's hybrid score interval of p_1 - p_2 (Stat. Med. 17, 1998, 873, method 10)."""
    p_1, p_2 = k_1 / n_1, k_2 / n_2
    (low_1, high_1), (low_2, high_2) = wilson(k_1, n_1, alpha), wilson(k_2, n_2, alpha)
    below = math.hypot(p_1 - low_1, high_2 - p_2)
    above = math.hypot(high_1 - p_1, p_2 - low_2)
    return p_1 - p_2 - below, p_1 - p_2 + above


def paired_difference(b: int, c: int, n: int, alpha: float) -> Interval:
    """Tango's score interval of (b - c)/n (Stat. Med. 17, 1998, 891): where the statistic is within the quantile.

    Of n pairs, b are positive on the first side only and c on the second only.
    """
    z = float(ndtri(1 - alpha / 2))
    seen = (b - c) / n
    low = -1.0 if c == n else _root(lambda at: paired_z(b, c, n, at) - z, -1.0, seen)
    high = 1.0 if b == n else _root(lambda at: paired_z(b, c, n, at) + z, seen, 1.0)
    return low, high


def paired_z(b: int, c: int, n: int, delta: float) -> float:
    """Tango's statistic of (b - c)/n if the true difference is `delta`; it falls as `delta` grows."""
    # q, the chance of "second only", maximises the likelihood under p = q + delta: 2n q^2 + B q + C = 0, larger root.
    linear = (2 * n - b + c) * delta - (b + c)
    constant = -c * delta * (1 - delta)
    q = (math.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    far = (b - c) - n * delta
    if abs(far) < 1e-12 * n:
        return 0.0
    return far / math.sqrt(variance) if variance > 1e-15 else math.copysign(math.inf, far)


def paired_equivalence(b: int, c: int, n: int, margin: float) -> float:
    """Two one-sided tests (Schuirmann 1987) with Tango's statistic: the larger p."""
    return max(float(ndtr(-paired_z(b, c, n, -margin))), float(ndtr(paired_z(b, c, n, margin))))


def unmatched_equivalence(k_1: int, n_1: int, k_2: int, n_2: int, margin: float) -> float:
    """The same with the score statistic of Miettinen and Nurminen (Stat. Med. 4, 1985, 213)."""
    above = _score_z(k_1, n_1, k_2, n_2, -margin)
    below = _score_z(k_1, n_1, k_2, n_2, margin)
    return max(float(ndtr(-above)), float(ndtr(below)))


def cohens_h(p_1: float, p_2: float) -> float:
    """Cohen's h: the difference of 2 arcsin(sqrt(p)) (Cohen, Statistical Power Analysis, 2nd ed. 1988, ch. 6)."""
    return 2 * math.asin(math.sqrt(p_1)) - 2 * math.asin(math.sqrt(p_2))


def _score_z(k_1: int, n_1: int, k_2: int, n_2: int, delta: float) -> float:
    """k_1/n_1 - k_2/n_2 - delta over its standard error at the likeliest shares that differ by delta.

    The likelihood is maximised by halving on its slope, which falls all the way, instead of by the cubic's root.
    """
    low, high = max(0.0, delta), min(1.0, 1.0 + delta)

    def slope(p: float) -> float:
        return _slope(k_1, n_1, p) + _slope(k_2, n_2, p - delta)

    p = _root(slope, low, high)
    q = min(1.0, max(0.0, p - delta))
    n = n_1 + n_2
    variance = (p * (1 - p) / n_1 + q * (1 - q) / n_2) * n / (n - 1)
    far = k_1 / n_1 - k_2 / n_2 - delta
    if variance <= 1e-15:
        return math.copysign(math.inf, far) if far else 0.0
    return far / math.sqrt(variance)


def _slope(k: int, n: int, p: float) -> float:
    """Of the logarithm of the likelihood of k of n."""
    rising = (k / p if p > 0 else math.inf) if k else 0.0
    falling = ((n - k) / (1 - p) if p < 1 else math.inf) if n > k else 0.0
    return rising - falling


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function changes its sign, by halving; the nearer end if it does not."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
