"""How far is the difference of two independent rates from an assumed one? Pure."""

import math


def score_z(k1: int, n1: int, k0: int, n0: int, *, difference: float) -> float:
    """k1/n1 - k0/n0 - Δ over its standard error if the true difference is Δ.

    Miettinen & Nurminen, Statist. Med. 4:213 (1985), with their factor N/(N - 1); the rates that are most likely
    under Δ in the closed form of Farrington & Manning, Statist. Med. 9:1447 (1990). The statistic of
    statsmodels 0.15 is not used: its rates under Δ do not solve the score equation (for 30/60 and 20/60 at Δ = 0.1
    it has 0.4604, while the likelihood is greatest at 0.4655), and with k0 = 0 they may leave 0 to 1.
    """
    far = k1 / n1 - k0 / n0 - difference
    p1 = _likeliest(k1 / n1, k0 / n0, n0 / n1, difference)
    p0 = min(1.0, max(0.0, p1 - difference))
    variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * (n1 + n0) / (n1 + n0 - 1)
    if variance > 0:
        return far / math.sqrt(variance)
    return math.copysign(math.inf, far) if far else 0.0


def _likeliest(p1: float, p0: float, ratio: float, difference: float) -> float:
    """The first rate, most likely given that the second is smaller by `difference`; a root of a cubic."""
    a = 1 + ratio
    b = -(1 + ratio + p1 + ratio * p0 + difference * (ratio + 2))
    c = difference * difference + difference * (2 * p1 + ratio + 1) + p1 + ratio * p0
    d = -p1 * difference * (1 + difference)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = math.copysign(math.sqrt(max(0.0, (b / (3 * a)) ** 2 - c / (3 * a))), v)
    # Rounding must not leave the range of the cosine.
    angle = (math.pi + math.acos(min(1.0, max(-1.0, v / u**3)) if u else 0.0)) / 3
    root = 2 * u * math.cos(angle) - b / (3 * a)
    return min(1.0, 1.0 + difference, max(0.0, difference, root))
