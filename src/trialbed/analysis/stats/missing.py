"""What could the missing trials have changed at most? Pure: no assumption about why they are missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from trialbed.analysis.stats.association import Association, association
from trialbed.analysis.stats.samples import counts


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the greatest that a difference, variant less baseline, would be with nothing missing."""

    worst: float
    best: float


def rate_difference_bounds(k1: int, n1: int, missing1: int, k0: int, n0: int, missing0: int) -> Bounds:
    """Of k1/n1 - k0/n0: all missing of one arm yes and of the other no, and the other way round.

    Manski, "Partial Identification of Probability Distributions", 2003, chapter 1. Denominators are n + missing.

    Raises:
        ValueError: a count is negative or beyond its total, or an arm has neither analysed nor missing.
    """
    counts(k1=k1, k0=k0)
    if k1 > n1 or k0 > n0:
        raise ValueError(f"{k1} of {n1} and {k0} of {n0} are not both rates")
    return mean_difference_bounds(k1, n1, missing1, k0, n0, missing0, low=0.0, high=1.0)


def mean_difference_bounds(
    sum1: float, n1: int, missing1: int, sum0: float, n0: int, missing0: int, *, low: float, high: float
) -> Bounds:
    """Of sum1/n1 - sum0/n0, if values lie between `low` and `high`: missing ones at opposite ends of the scale.

    Raises:
        ValueError: a count is negative, an arm has neither analysed nor missing, or low > high.
    """
    counts(n1=n1, missing1=missing1, n0=n0, missing0=missing0)
    all1, all0 = n1 + missing1, n0 + missing0
    if not (all1 and all0):
        raise ValueError("each arm needs a trial, analysed or missing")
    if low > high:
        raise ValueError(f"the scale ends ({high}) below its start ({low})")
    return Bounds(
        worst=(sum1 + low * missing1) / all1 - (sum0 + high * missing0) / all0,
        best=(sum1 + high * missing1) / all1 - (sum0 + low * missing0) / all0,
    )


def differential_missingness(missing: Sequence[int], analysed: Sequence[int], *, seed: int) -> Association | None:
    """Does the share of missing trials differ between variants? As `association`; None if nothing can differ.

    Raises:
        ValueError: not as many counts of one as of the other, or a negative one.
    """
    return association(list(zip(missing, analysed, strict=True)), seed=seed)
