"""How often, and how much? Rates and means of every cell, with intervals."""

from collections import Counter
from statistics import stdev

from trialbed.analysis.population import Population, cells
from trialbed.analysis.stats.means import cluster_bootstrap_mean, cluster_robust_mean
from trialbed.analysis.stats.rates import wilson
from trialbed.analysis.table import Cell, Table, columns
from trialbed.core.measure import Measure, Value


def rates(population: Population, measure: Measure) -> Table:
    """Shares of the categories of `measure`, long; of a yes-or-no measure its name, and "not" its name."""
    rows: list[tuple[Cell, ...]] = []
    names = categories(population, measure)
    for cell in cells(population, measure):
        counts, n = Counter(category_of(measure, value) for value in cell.values), len(cell.values)
        for name in names:
            interval = wilson(counts[name], n, alpha=population.choices.alpha)
            rows.append((cell.variant, cell.group.name, name, counts[name], n, counts[name] / n, *interval))
    return Table(
        "rates",
        f"{measure.label}: shares by variant and subject",
        columns(
            variant="text", subject="text", strategy="text", k="count", n="count", rate="share", lo="share", hi="share"
        ),
        tuple(rows),
    )


def categories(population: Population, measure: Measure) -> list[str]:
    """All that occur, the most frequent first."""
    counts = Counter(category_of(measure, value) for _, value in population.counted(measure))
    return sorted(counts, key=lambda name: (-counts[name], name))


def category_of(measure: Measure, value: Value) -> str:
    if measure.kind == "binary":
        return measure.name if value else f"not {measure.name}"
    return str(value)


def binary_measures(population: Population) -> Table:
    rows: list[tuple[Cell, ...]] = []
    alpha = population.choices.alpha
    for measure in population.choices.measures:
        if measure.kind != "binary":
            continue
        for cell in cells(population, measure):
            n, k = len(cell.values), int(sum(cell.numbers))
            robust = cluster_robust_mean(cell.numbers, cell.clusters, alpha=alpha)
            ends = (robust.lo, robust.hi) if robust.clusters > 1 else (None, None)
            interval = wilson(k, n, alpha=alpha)
            rows.append((measure.name, cell.variant, cell.group.name, k, n, k / n, *interval, robust.clusters, *ends))
    return Table(
        "measures",
        "Rates of what is measured as yes or no",
        columns(
            measure="text",
            variant="text",
            subject="text",
            k="count",
            n="count",
            rate="share",
            lo="share",
            hi="share",
            clusters="count",
            lo_cluster="share",
            hi_cluster="share",
        ),
        tuple(rows),
        (
            "lo, hi: Wilson. lo_cluster, hi_cluster: robust to clustering by scenario, where there are several; "
            "scenarios whose ids are the same up to a slash are one cluster.",
        ),
    )


def means(population: Population) -> Table:
    rows: list[tuple[Cell, ...]] = []
    choices = population.choices
    for measure in choices.measures:
        if measure.kind != "score":
            continue
        for cell in cells(population, measure):
            numbers, clusters = cell.numbers, cell.clusters
            robust = cluster_robust_mean(numbers, clusters, alpha=choices.alpha)
            boot = cluster_bootstrap_mean(
                numbers,
                clusters,
                alpha=choices.alpha,
                resamples=choices.resamples,
                seed=choices.seed,
                expanded=True,
            )
            sd = stdev(numbers) if len(numbers) > 1 else None
            place = (measure.name, cell.variant, cell.group.name, len(cell.values))
            rows.append((*place, robust.mean, sd, robust.clusters, robust.lo, robust.hi, boot.lo, boot.hi))
    return Table(
        "means",
        "Means of what is measured as a score",
        columns(
            measure="text",
            variant="text",
            subject="text",
            n="count",
            mean="number",
            sd="number",
            clusters="count",
            lo="number",
            hi="number",
            lo_boot="number",
            hi_boot="number",
        ),
        tuple(rows),
    )
