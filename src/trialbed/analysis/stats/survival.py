"""After which turn does it happen, where some trials end before? Pure: right-censored times, one event at most."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm
from statsmodels.duration.survfunc import survdiff

from trialbed.analysis.stats.samples import Floats, finite


@dataclass(frozen=True, slots=True)
class SurvivalStep:
    """What is known at `time`: `survival` is the chance to get beyond it without the event.

    `lo` and `hi` are None while there was no event yet and once survival is 0: the interval is not defined there.
    """

    time: float
    at_risk: int
    events: int
    survival: float
    lo: float | None
    hi: float | None


def kaplan_meier(times: Sequence[float], observed: Sequence[bool], *, alpha: float) -> list[SurvivalStep]:
    """One step for each distinct time, of events and of censorings; no times, no steps.

    Kaplan & Meier, J. Am. Statist. Ass. 53:457 (1958); a trial censored at a time is still at risk at it. Pointwise
    interval from Greenwood's variance on the log(-log) scale: Kalbfleisch & Prentice, "The Statistical Analysis of
    Failure Time Data", 2002, section 1.4.

    Args:
        observed: was it the event (True), or did the trial end without it (False)?

    Raises:
        ValueError: not as many times as marks, or a time that is negative or not finite.
    """
    if not len(times) and not len(observed):
        return []
    at, event = _checked(times, observed)
    z = float(norm.isf(alpha / 2))
    distinct, places = np.unique(at, return_inverse=True)
    events = np.bincount(places, weights=event).astype(int)
    at_risk = len(at) - np.concatenate([[0], np.cumsum(np.bincount(places))[:-1]])
    steps: list[SurvivalStep] = []
    survival, greenwood = 1.0, 0.0
    for time, risk, dead in zip(distinct.tolist(), at_risk.tolist(), events.tolist(), strict=True):
        survival *= 1 - dead / risk
        greenwood += dead / (risk * (risk - dead)) if dead < risk else 0.0
        lo = hi = None
        if 0 < survival < 1:
            spread = math.exp(z * math.sqrt(greenwood) / abs(math.log(survival)))
            lo, hi = survival**spread, survival ** (1 / spread)
        steps.append(SurvivalStep(time, risk, dead, survival, lo, hi))
    return steps


def median_survival(steps: Sequence[SurvivalStep]) -> float | None:
    """The first time at which survival is at most one half; None if it never is."""
    # A product of fractions may miss one half by its rounding.
    return next((step.time for step in steps if step.survival <= 0.5 + 1e-12), None)


def median_interval(steps: Sequence[SurvivalStep]) -> tuple[float | None, float | None]:
    """The times that the median is not distinguishable from: where the interval of survival holds one half.

    Brookmeyer & Crowley, Biometrics 38:29 (1982), with the interval of the steps: from the first time at which its
    lower end is at most one half to the first at which its upper end is. None = not within the times there are.
    """
    lo = next((step.time for step in steps if step.lo is not None and step.lo <= 0.5), None)
    hi = next((step.time for step in steps if step.hi is not None and step.hi <= 0.5), None)
    return lo, hi


def log_rank_p(groups: Sequence[tuple[Sequence[float], Sequence[bool]]]) -> float | None:
    """The chance of curves this different if all groups are one; None where nothing can be compared.

    Mantel, Cancer Chemother. Rep. 50:163 (1966); Peto & Peto, J. R. Statist. Soc. A 135:185 (1972): chi-square with
    one degree of freedom less than groups. Groups of which no trial is left at the first event are left out.

    Raises:
        ValueError: as `kaplan_meier`.
    """
    checked = [_checked(times, observed) for times, observed in groups if len(times) or len(observed)]
    first = min((float(at[event].min()) for at, event in checked if event.any()), default=math.inf)
    told = [(at, event) for at, event in checked if at.max() >= first]
    if len(told) < 2:
        return None
    labels = np.repeat(np.arange(len(told)), [len(at) for at, _ in told])
    at, event = (np.concatenate(part) for part in zip(*told, strict=True))
    try:
        square, _ = survdiff(at, event.astype(int), labels)
    except np.linalg.LinAlgError:
        # The events leave no variance between groups, as when all at risk have it at the same time.
        return None
    return float(chi2.sf(square, len(told) - 1)) if math.isfinite(square) else None


def _checked(times: Sequence[float], observed: Sequence[bool]) -> tuple[Floats, NDArray[np.bool_]]:
    if len(times) != len(observed):
        raise ValueError(f"{len(times)} times, but {len(observed)} marks of what was observed")
    at = finite(times)
    if (at < 0).any():
        raise ValueError("a time cannot be negative")
    return at, np.asarray(observed, dtype=np.bool_)
