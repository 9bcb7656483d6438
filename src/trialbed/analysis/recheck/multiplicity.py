"""What is left of p values when there are several? Pure; each adjusted one stands in its place."""

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's (Scand. J. Stat. 6, 1979, 65): the i-th smallest of m times m - i + 1, and no less than the one before."""
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    adjusted, least = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, ps[place] * (len(ps) - rank)))
        adjusted[place] = least
    return adjusted


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's (J. R. Stat. Soc. B 57, 1995, 289): the i-th smallest of m times m/i, and no more than
    the one after."""
    order = sorted(range(len(ps)), key=lambda place: ps[place], reverse=True)
    adjusted, most = [0.0] * len(ps), 1.0
    for rank, place in enumerate(order):
        most = min(most, ps[place] * len(ps) / (len(ps) - rank))
        adjusted[place] = most
    return adjusted
