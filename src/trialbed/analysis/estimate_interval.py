"""How much will all trials together come to, seen from a sample of trials? Pure.

The interval is a prediction interval: it is about the one sum that will come, not about a mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

CONFIDENCE = 0.99
_LEAST_TRIALS = 5
_LEAST_SPREAD = 0.5
"""Of fewer trials than that, taken together, the spread is not believed: half of the mean is assumed at the least."""


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    expected: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {"low": self.low, "expected": self.expected, "high": self.high}

    def times(self, factor: float) -> "Interval":
        return Interval(self.low * factor, self.expected * factor, self.high * factor)

    def plus(self, other: "Interval") -> "Interval":
        """The sum if both are wrong in the same direction: never too narrow."""
        return Interval(self.low + other.low, self.expected + other.expected, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Share:
    """`count` trials still to run that are expected to be like the `seen` ones.

    `doubt` is how far the mean may be off, as a share of it, because the seen ones are not quite of their kind.
    """

    count: int
    seen: Sequence[float]
    doubt: float = 0.0


def predict(shares: Sequence[Share], confidence: float = CONFIDENCE) -> Interval:
    """The sum over all trials to come.

    For m trials to come, from n seen ones with mean x and variance s², the sum is expected to be m·x, and its
    error has the variance s²·(m + m²/n): the trials' own spread and the mean's uncertainty (Hahn & Meeker,
    "Statistical Intervals", 1991, chapter 4: the interval for a mean of m, times m). Shares add up; the degrees
    of freedom of the sum are Satterthwaite's (Biometrics Bulletin 2, 1946). Shares of which too few trials were
    seen have the spread, relative to the mean, of all shares together. Doubts are taken to err together.
    """
    pooled, pooled_df = _pooled(shares)
    expected = doubt = spread = of_few = weighted = 0.0
    for share in shares:
        n, m, mean = len(share.seen), share.count, fmean(share.seen)
        expected += m * mean
        doubt += share.doubt * m * mean
        if n < _LEAST_TRIALS:
            of_few += pooled * mean * mean * (m + m * m / n)
        else:
            v = variance(share.seen) * (m + m * m / n)
            spread += v
            weighted += v * v / (n - 1)
    # One estimate of the spread serves all small shares, so it is right or wrong for all of them together.
    spread, weighted = spread + of_few, weighted + of_few * of_few / pooled_df
    # Below the least number that has a square, there is nothing to divide by.
    if weighted <= 0.0:
        margin = NormalDist().inv_cdf(0.5 + confidence / 2) * doubt
    else:
        df = spread * spread / weighted
        margin = math.hypot(t_quantile(0.5 + confidence / 2, df) * math.sqrt(spread), 2 * doubt)
    return Interval(max(0.0, expected - margin), expected, expected + margin)


def _pooled(shares: Sequence[Share]) -> tuple[float, int]:
    """The variance of trials about the mean of their share, relative to that mean, and its degrees of freedom."""
    squares, df = 0.0, 0
    for share in shares:
        mean = fmean(share.seen)
        if len(share.seen) > 1 and mean > 0:
            squares += variance(share.seen) / mean / mean * (len(share.seen) - 1)
            df += len(share.seen) - 1
    if df < _LEAST_TRIALS - 1:
        return max(_LEAST_SPREAD**2, squares / df if df else 0.0), _LEAST_TRIALS - 1
    return squares / df, df


def t_quantile(p: float, df: float) -> float:
    """The quantile of Student's t distribution for 0.5 <= p < 1 and df >= 1.

    G. W. Hill, Algorithm 396, Communications of the ACM 13 (1970): right to six digits from five degrees of
    freedom on, to three below.
    """
    tail = 2 * (1 - p)
    if df < 2:
        return math.tan(math.pi * (p - 0.5)) if df == 1 else t_quantile(p, 1.0)
    if df == 2:
        return math.sqrt(2 / (tail * (2 - tail)) - 2)
    a = 1 / (df - 0.5)
    b = 48 / (a * a)
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * df
    y = (d * tail) ** (2 / df)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(tail / 2)
        square = x * x
        if df < 5:
            c += 0.3 * (df - 4.5) * (x + 0.6)
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
        y = (((((0.4 * square + 6.3) * square + 36) * square + 94.5) / c - square - 3) / b + 1) * x
        return math.sqrt(df * math.expm1(a * y * y))
    y = ((1 / (((df + 6) / (df * y) - 0.089 * d - 0.822) * (df + 2) * 3) + 0.5 / (df + 4)) * y - 1) * (df + 1) / (
        df + 2
    ) + 1 / y
    return math.sqrt(df * y)
