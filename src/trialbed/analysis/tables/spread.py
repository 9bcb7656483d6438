"""Where does the spread come from, and when does an event come? Variance components and survival."""

from collections import defaultdict
from collections.abc import Iterator

from trialbed.analysis.population import Cell as Measured
from trialbed.analysis.population import Population, cells
from trialbed.analysis.rows import Row
from trialbed.analysis.stats.survival import kaplan_meier, log_rank_p, median_interval, median_survival
from trialbed.analysis.stats.variance import variance_components
from trialbed.analysis.table import Cell, Table, columns
from trialbed.analysis.verdicts import newest_by_judge
from trialbed.core.measure import Measure


def variance(population: Population) -> Table:
    """How the variance within variant and subject splits between scenario, judge and the rest."""
    rows: list[tuple[Cell, ...]] = []
    for measure in population.choices.measures:
        if measure.kind not in ("binary", "score"):
            continue
        observed = [
            (row, judge, value) for row, _ in population.counted(measure) for judge, value in _seen(row, measure)
        ]
        if len(observed) < 2:
            continue
        sums: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for row, _, value in observed:
            sums[row.variant, row.subject].append(value)
        centre = {cell: sum(values) / len(values) for cell, values in sums.items()}
        found = variance_components(
            [value - centre[row.variant, row.subject] for row, _, value in observed],
            {"scenario": [row.scenario for row, _, _ in observed], "judge": [judge for _, judge, _ in observed]},
        )
        rows += [(measure.name, one.name, one.variance, one.share) for one in found]
    return Table(
        "variance",
        "Where the spread within a cell comes from",
        columns(measure="text", component="text", variance="number", share="share"),
        tuple(rows),
    )


def _seen(row: Row, measure: Measure) -> Iterator[tuple[str, float]]:
    """The value by judge; what was found by code alone counts as one judge's."""
    by_judge = newest_by_judge(row)
    if not by_judge:
        value = measure.value_of(row.evaluation)
        if value is not None:
            yield "", float(value)
    for judge, said in sorted(by_judge.items()):
        value = measure.value_of(said.values)
        if value is not None:
            yield judge, float(value)


def survival(population: Population) -> Table:
    """Kaplan–Meier steps of every survival measure."""
    rows: list[tuple[Cell, ...]] = []
    for measure in population.choices.measures:
        if measure.kind != "survival":
            continue
        for cell in cells(population, measure):
            for step in kaplan_meier(*_times(cell, measure), alpha=population.choices.alpha):
                place = (measure.name, cell.variant, cell.group.name)
                rows.append((*place, step.time, step.at_risk, step.events, step.survival, step.lo, step.hi))
    return Table(
        "survival",
        "How long until the event; censored where it never came",
        columns(
            measure="text",
            variant="text",
            subject="text",
            time="number",
            at_risk="count",
            events="count",
            survival="share",
            lo="share",
            hi="share",
        ),
        tuple(rows),
    )


def medians(population: Population) -> Table:
    """By which time the event has come in half of the trials, of every survival measure; and whether the whole curve is
    another than the baseline's."""
    rows: list[tuple[Cell, ...]] = []
    for measure in population.choices.measures:
        if measure.kind != "survival":
            continue
        of_group = {(cell.group.name, cell.variant): cell for cell in cells(population, measure)}
        for (group, variant), cell in of_group.items():
            seen = _times(cell, measure)
            steps = kaplan_meier(*seen, alpha=population.choices.alpha)
            beside = of_group.get((group, population.choices.baseline))
            is_compared = beside is not None and variant != population.choices.baseline
            p = log_rank_p([seen, _times(beside, measure)]) if is_compared and beside is not None else None
            rows.append(
                (
                    *(measure.name, variant, group, len(cell.rows), sum(seen[1])),
                    *(median_survival(steps), *median_interval(steps), p),
                )
            )
    return Table(
        "medians",
        "By when it has come in half of the trials",
        columns(
            measure="text",
            variant="text",
            subject="text",
            n="count",
            events="count",
            median="number",
            lo="number",
            hi="number",
            p="p",
        ),
        tuple(rows),
        ("p: log-rank test of the whole curve against the baseline's; not adjusted for the number of variants.",),
    )


def _times(cell: Measured, measure: Measure) -> tuple[list[float], list[bool]]:
    """Each trial's time, and whether it ended with the event."""
    return cell.numbers, [not measure.is_censored(row.evaluation) for row in cell.rows]
