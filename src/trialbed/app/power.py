"""What could a planned run find, and what would it take to find less? Before any call is made."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from trialbed.analysis.estimate import Estimate, duration
from trialbed.analysis.stats.power import mde_paired_rates, pairs_for_rates
from trialbed.analysis.tables.power import POWER, RATE_DIFFERENCES
from trialbed.app.prepare import Prepared
from trialbed.core.choices import choices_of
from trialbed.core.price import usd

WIDEST = 0.5
"""Of all rates the baseline may turn out to have, the one at which a difference is hardest to find."""


@dataclass(frozen=True)
class Needed:
    """What it takes to find a difference; money and time are None where they cannot be estimated."""

    difference: float
    pairs: int
    trials: int
    usd: float | None
    hours: float | None


@dataclass(frozen=True)
class PlannedPower:
    """`reached` is the smallest difference of two rates that `pairs` would find with probability `power`."""

    measure: str
    pairs: int
    baseline_rate: float
    alpha: float
    power: float
    reached: float | None
    needed: tuple[Needed, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The same for people."""
        how = f"probability {self.power:g}, alpha {self.alpha:g}, baseline rate {self.baseline_rate:g}"
        found = "no difference" if self.reached is None else f"a difference of {self.reached:.2f} or more"
        yield f"power: {self.pairs} pairs a contrast find {found} of {self.measure} ({how})"
        for one in self.needed:
            cost = "" if one.usd is None else f", about {usd(one.usd)}"
            time = "" if one.hours is None else f", {duration(one.hours)}"
            yield f"  a difference of {one.difference:g} takes {one.pairs} pairs: {one.trials} trials{cost}{time}"


def planned_power(prepared: Prepared, estimate: Estimate) -> PlannedPower | None:
    """The power of the plan's contrasts over all subjects; None if its primary measure is no rate, or nothing compares.

    Taken for pairs whose answers have nothing in common: what blocks share makes the true power higher.
    """
    plan, experiment = prepared.plan, prepared.found.experiment
    choices = choices_of(experiment, baseline=plan.baseline, seed=plan.seed)
    if choices.primary is None or choices.measure(choices.primary).kind != "binary" or len(plan.variants) < 2:
        return None
    pairs = min(plan.per_variant().values())
    cost = None if estimate.takes.usd is None or not estimate.trials else estimate.takes.usd.expected / estimate.trials
    time = estimate.hours.expected / estimate.trials if estimate.trials else None

    def needed(difference: float) -> Needed | None:
        wanted = pairs_for_rates(difference, p0=WIDEST, alpha=choices.alpha, power=POWER)
        if wanted is None:
            return None
        trials = wanted * len(plan.variants)
        money, hours = None if cost is None else trials * cost, None if time is None else trials * time
        return Needed(difference, wanted, trials, money, hours)

    return PlannedPower(
        measure=choices.primary,
        pairs=pairs,
        baseline_rate=WIDEST,
        alpha=choices.alpha,
        power=POWER,
        reached=mde_paired_rates(pairs, p0=WIDEST, alpha=choices.alpha, power=POWER) if pairs else None,
        needed=tuple(one for difference in RATE_DIFFERENCES if (one := needed(difference)) is not None),
    )
