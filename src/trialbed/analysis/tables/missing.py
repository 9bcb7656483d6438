"""What could the trials that are missing have changed? Bounds, a test for differential missingness, sensitivity."""

from collections import Counter

from trialbed.analysis.population import Group, Population, cells
from trialbed.analysis.stats.association import association
from trialbed.analysis.stats.missing import differential_missingness, mean_difference_bounds
from trialbed.analysis.table import Cell, Table, columns
from trialbed.analysis.tables.contrasts import ESTIMATED, contrasts_of
from trialbed.analysis.tables.rates import category_of
from trialbed.core.measure import Measure


def bounds(population: Population) -> Table:
    """Worst and best case of every contrast of the primary measure, over complete blocks."""
    measure = population.main
    rows: list[tuple[Cell, ...]] = []
    if measure is not None and (scale := _scale(measure)) is not None:
        there = {(cell.group, cell.variant): cell.numbers for cell in cells(population, measure)}
        ended = _measured_in_complete_blocks(population, measure)
        baseline = population.choices.baseline
        for group in population.groups:
            for variant in population.variants:
                ours, theirs = there.get((group, variant)), there.get((group, baseline))
                if variant == baseline or ours is None or theirs is None:
                    continue
                missing = _of(ended, group, variant) - len(ours)
                missing_0 = _of(ended, group, baseline) - len(theirs)
                difference = sum(ours) / len(ours) - sum(theirs) / len(theirs)
                ends = mean_difference_bounds(
                    sum(ours), len(ours), missing, sum(theirs), len(theirs), missing_0, low=scale[0], high=scale[1]
                )
                holds = ends.worst * difference > 0 and ends.best * difference > 0
                place = (measure.name, group.name, variant, baseline)
                said = "yes" if holds else "no"
                rows.append((*place, difference, ends.worst, ends.best, missing, missing_0, said))
    return Table(
        "bounds",
        "Worst and best case of the main contrasts, whatever the missing trials would have been",
        columns(
            measure="text",
            subject="text",
            variant="text",
            baseline="text",
            difference="number",
            worst="number",
            best="number",
            missing_variant="count",
            missing_baseline="count",
            sign_holds="text",
        ),
        tuple(rows),
    )


def missingness(population: Population) -> Table:
    """Are trials missing from some variants more often than from others?"""
    rows: list[tuple[Cell, ...]] = []
    measure = population.main
    if measure is not None:
        counted = Counter((row.variant, row.subject) for row, _ in population.counted(measure))
        ended = _measured_in_complete_blocks(population, measure)
        for group in population.groups:
            there = [_of(counted, group, variant) for variant in population.variants]
            missing = [_of(ended, group, v) - n for v, n in zip(population.variants, there, strict=True)]
            found = differential_missingness(missing, there, seed=population.choices.seed)
            if sum(there) + sum(missing):
                tested = ("none missing" if not sum(missing) else "not testable", None, None)
                shown = tested if found is None else (found.test, found.p, found.cramers_v)
                rows.append((group.name, sum(missing), sum(there), *shown))
    return Table(
        "missingness",
        "Are trials missing more often under some variants?",
        columns(subject="text", missing="count", analysed="count", test="text", p="p", cramers_v="number"),
        tuple(rows),
    )


def sensitivity(population: Population) -> Table:
    """The contrasts of the primary measure without trials that have a very short reply."""
    least = population.choices.least_words
    rows: list[tuple[Cell, ...]] = []
    if least and population.choices.primary is not None:
        measure = population.choices.measure(population.choices.primary)
        short = [
            (row.run, row.trial_id)
            for row in population.analysed
            if row.shortest_reply is not None and row.shortest_reply < least
        ]
        if measure.kind in ("binary", "score"):
            for one in contrasts_of(population.without(short), measure):
                rows.append((len(short), *one.estimated, one.p))
    return Table(
        "sensitivity",
        f"The main contrasts without trials that have a reply of fewer than {least} words",
        columns(without="count") + ESTIMATED + columns(p="p"),
        tuple(rows),
        ("Leaving out short replies selects by what was said; hence a check beside the result, not the result.",),
    )


def category_association(population: Population, measure: Measure) -> Table:
    """Category x variant, per subject and for all."""
    rows: list[tuple[Cell, ...]] = []
    counts = Counter(
        (row.variant, row.subject, category_of(measure, value)) for row, value in population.counted(measure)
    )
    names = sorted({name for _, _, name in counts})
    for group in population.groups:
        table = [
            [
                sum(counts[variant, subject, name] for subject in population.subjects if group.has(subject))
                for name in names
            ]
            for variant in population.variants
        ]
        found = association(table, seed=population.choices.seed)
        if found is not None:
            result = (found.test, found.statistic, found.df, found.p, found.cramers_v, found.n)
            rows.append((measure.name, group.name, *result))
    return Table(
        "association",
        "Do the shares of the categories depend on the variant?",
        columns(
            measure="text",
            subject="text",
            test="text",
            statistic="number",
            df="count",
            p="p",
            cramers_v="number",
            n="count",
        ),
        tuple(rows),
    )


def _scale(measure: Measure) -> tuple[float, float] | None:
    if measure.kind == "binary":
        return 0.0, 1.0
    return None if measure.low is None or measure.high is None else (measure.low, measure.high)


def _measured_in_complete_blocks(population: Population, measure: Measure) -> Counter[tuple[str, str]]:
    """Trials that ended in complete blocks, but for those that the measure is not about."""
    complete = population.complete
    ended = Counter((trial.variant, trial.subject) for trial in population.planned.values() if trial.block in complete)
    others = Counter((row.variant, row.subject) for row in population.analysed if not measure.is_about(row.evaluation))
    return ended - others


def _of(counts: Counter[tuple[str, str]], group: Group, variant: str) -> int:
    return sum(count for (name, subject), count in counts.items() if name == variant and group.has(subject))
