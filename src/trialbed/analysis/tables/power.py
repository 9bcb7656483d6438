"""What could this design find, and what would it take to find less? In pairs, trials, dollars and hours."""

from statistics import stdev

from trialbed.analysis.population import Population, cells
from trialbed.analysis.stats.power import mde_paired_means, mde_paired_rates, pairs_for_means, pairs_for_rates
from trialbed.analysis.table import Cell, Table, columns

RATE_DIFFERENCES = (0.05, 0.1, 0.2, 0.3)
STANDARDISED = (0.1, 0.2, 0.5, 0.8)
POWER = 0.8


def power(population: Population, *, usd_per_trial: float | None, hours_per_trial: float | None) -> Table:
    """For the primary measure, over all subjects; the baseline's rate as it was found."""
    name = population.choices.primary
    measure = None if name is None else population.choices.measure(name)
    rows: list[tuple[Cell, ...]] = []
    if measure is not None and measure.kind in ("binary", "score"):
        arms = {
            cell.variant: dict(zip((row.block for row in cell.rows), cell.numbers, strict=True))
            for cell in cells(population, measure)
            if cell.group.is_pooled
        }
        found = _rates(population, arms) if measure.kind == "binary" else _scores(population, arms)
        for difference, pairs, note in found:
            trials = None if pairs is None else pairs * len(population.variants)
            cost = None if trials is None or usd_per_trial is None else trials * usd_per_trial
            time = None if trials is None or hours_per_trial is None else trials * hours_per_trial
            rows.append((measure.name, difference, pairs, trials, cost, time, note))
    return Table(
        "power",
        f"What a contrast of the main measure would find with probability {POWER:g}",
        columns(
            measure="text",
            difference="number",
            pairs="count",
            trials="count",
            usd="number",
            hours="number",
            note="text",
        ),
        tuple(rows),
    )


_Arms = dict[str, dict[str, float]]
_Found = list[tuple[float | None, int | None, str]]


def _rates(population: Population, arms: _Arms) -> _Found:
    base = arms.get(population.choices.baseline)
    pairs = _fewest_pairs(population, arms)
    if not base or not pairs:
        return []
    alpha, p0 = population.choices.alpha, sum(base.values()) / len(base)
    reached = mde_paired_rates(pairs, p0=p0, alpha=alpha, power=POWER)
    # Towards one half, as `mde_paired_rates` does: there is room for every difference.
    towards = 1 if p0 <= 0.5 else -1
    needed = [
        (one, pairs_for_rates(towards * one, p0=p0, alpha=alpha, power=POWER), "needed") for one in RATE_DIFFERENCES
    ]
    return [(reached, pairs, "reached"), *needed]


def _scores(population: Population, arms: _Arms) -> _Found:
    base = arms.get(population.choices.baseline)
    pairs = _fewest_pairs(population, arms)
    if not base or not pairs:
        return []
    differences = [
        value - base[block]
        for variant, arm in arms.items()
        if variant != population.choices.baseline
        for block, value in sorted(arm.items())
        if block in base
    ]
    sd, alpha = stdev(differences) if len(differences) > 1 else 0.0, population.choices.alpha
    if sd == 0:
        return []
    reached = mde_paired_means(pairs, sd_difference=sd, alpha=alpha, power=POWER)
    needed = [
        (one * sd, pairs_for_means(one * sd, sd_difference=sd, alpha=alpha, power=POWER), "needed")
        for one in STANDARDISED
    ]
    return [(reached, pairs, "reached"), *needed]


def _fewest_pairs(population: Population, arms: _Arms) -> int:
    """Of all matched contrasts: what the weakest of them rests on."""
    base = arms.get(population.choices.baseline, {})
    counts = [len(arm.keys() & base.keys()) for name, arm in arms.items() if name != population.choices.baseline]
    return min((count for count in counts if count), default=0)
