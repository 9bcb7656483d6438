"""How does the answer depend on what scenarios differ in? The primary measure by level, and levels against a baseline.

What is compared with what is in TABLES.md, under `by_factor` and `matched`.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from trialbed.analysis.population import ALL, Group, Population
from trialbed.analysis.rows import Row
from trialbed.analysis.stats.clustered import clustered_share
from trialbed.analysis.stats.matched import Side, compared_means, compared_rates
from trialbed.analysis.stats.means import cluster_robust_mean
from trialbed.analysis.table import Cell, Table, columns
from trialbed.core.canonical import canonical_json
from trialbed.core.cluster import cluster_of
from trialbed.core.factor import Factor
from trialbed.core.measure import Measure

_NOTHING: tuple[Cell, ...] = (None,) * 7


class Trial(NamedTuple):
    """A trial that counts for a measure, with its level of a factor. `place`: in what its baseline must be the same."""

    row: Row
    value: float
    level: str
    place: Hashable


def by_factor(population: Population) -> Table:
    """The primary measure at each level of each factor, of all variants together."""
    rows: list[tuple[Cell, ...]] = []
    measure = population.main
    for factor in population.choices.factors:
        if measure is None or measure.kind not in ("binary", "score"):
            continue
        trials = _trials(population, factor, measure)
        cells = _by_cell(trials)
        for level in _levels(factor, trials):
            for group in population.groups:
                own = _of(cells, population.variants, group, level)
                if own:
                    rows.append((factor.name, level, measure.name, group.name, *_mean(population, measure, own)))
    return Table(
        "by_factor",
        "The primary measure by what scenarios differ in",
        columns(
            factor="text",
            level="text",
            measure="text",
            subject="text",
            n="count",
            mean="number",
            clusters="count",
            lo="number",
            hi="number",
        ),
        tuple(rows),
        ("All variants together; scenarios whose ids are the same up to a slash are one cluster.",) if rows else (),
    )


def matched(population: Population) -> Table:
    """Every level of a factor against its baseline: each trial with the baseline's trials that match it."""
    measures = [measure for measure in population.choices.measures if measure.kind in ("binary", "score")]
    rows = [
        (factor.name, measure.name, *cells)
        for factor in population.choices.factors
        if factor.baseline is not None
        for measure in measures
        for cells in _of_measure(population, factor, measure)
    ]
    return Table(
        "matched",
        "Every level against the baseline level, each trial with those that match it",
        columns(
            factor="text",
            measure="text",
            variant="text",
            subject="text",
            level="text",
            baseline="text",
            n="count",
            n_baseline="count",
            unmatched="count",
            value="number",
            baseline_value="number",
            difference="number",
            clusters="count",
            lo="number",
            hi="number",
            p="p",
        ),
        tuple(rows),
        ("unmatched: trials without any trial of the baseline level that matches; they are in no other number.",)
        if rows
        else (),
    )


def _of_measure(population: Population, factor: Factor, measure: Measure) -> Iterator[tuple[Cell, ...]]:
    """Of a measure that counts for the baseline level and for another one; else nothing."""
    trials = _trials(population, factor, measure)
    baselines: dict[Hashable, list[Trial]] = {}
    for trial in trials:
        if trial.level == factor.baseline:
            baselines.setdefault(trial.place, []).append(trial)
    if not baselines:
        return
    cells, levels = _by_cell(trials), [level for level in _levels(factor, trials) if level != factor.baseline]
    for variant, variants in _variants(population):
        for group in population.groups:
            for level in levels:
                own = _of(cells, variants, group, level)
                if own:
                    found = _against(own, baselines, measure, population.choices.alpha)
                    yield (variant, group.name, level, factor.baseline, *found)


def _by_cell(trials: Iterable[Trial]) -> dict[tuple[str, str, str], list[Trial]]:
    """By variant, subject and level: there may be a hundred thousand."""
    found: dict[tuple[str, str, str], list[Trial]] = {}
    for trial in trials:
        found.setdefault((trial.row.variant, trial.row.subject, trial.level), []).append(trial)
    return found


def _of(
    cells: Mapping[tuple[str, str, str], list[Trial]], variants: Sequence[str], group: Group, level: str
) -> list[Trial]:
    those = (own for at, own in cells.items() if at[0] in variants and group.has(at[1]) and at[2] == level)
    return [trial for own in those for trial in own]


def _variants(population: Population) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each variant, and where there are several, all of them."""
    for variant in population.variants:
        yield variant, (variant,)
    if len(population.variants) > 1:
        yield ALL, population.variants


def _against(
    own: Sequence[Trial], baselines: Mapping[Hashable, Sequence[Trial]], measure: Measure, alpha: float
) -> tuple[Cell, ...]:
    """The cells from `n` on."""
    with_one = [trial for trial in own if trial.place in baselines]
    unmatched = len(own) - len(with_one)
    if not with_one:
        return (0, 0, unmatched, *_NOTHING)
    times = Counter(trial.place for trial in with_one)
    weighed = [(trial, count / len(baselines[place])) for place, count in times.items() for trial in baselines[place]]
    compare = compared_rates if measure.kind == "binary" else compared_means
    found = compare(
        _side(with_one),
        _side([trial for trial, _ in weighed], [weight for _, weight in weighed]),
        alpha=alpha,
    )
    lo, hi = found.interval or (None, None)
    values = (found.value, found.baseline, found.difference, found.clusters, lo, hi, found.p)
    return (found.n, found.n_baseline, unmatched, *values)


def _side(trials: Sequence[Trial], weights: Sequence[float] | None = None) -> Side:
    # Of a measure over time, too: the blocks of time in which a baseline's trials began are many.
    return Side([trial.value for trial in trials], [cluster_of(trial.row.scenario) for trial in trials], weights)


def _mean(population: Population, measure: Measure, own: Sequence[Trial]) -> tuple[Cell, ...]:
    """The cells from `n` on."""
    values = [trial.value for trial in own]
    clusters = [population.cluster(trial.row, measure) for trial in own]
    if measure.kind == "binary":
        share = clustered_share([value == 1 for value in values], clusters, alpha=population.choices.alpha)
        return (share.n, share.value, share.clusters, *(share.interval or (None, None)))
    mean = cluster_robust_mean(values, clusters, alpha=population.choices.alpha)
    return mean.n, mean.mean, mean.clusters, mean.lo, mean.hi


def _trials(population: Population, factor: Factor, measure: Measure) -> list[Trial]:
    """The trials that count for a measure and have a level of the factor."""
    found = []
    for row, value in population.counted(measure):
        level = factor.level_of(row.evaluation)
        if level is not None:
            same = tuple(map(_to_compare, factor.match_of(row.evaluation)))
            found.append(Trial(row, float(value), level, (row.run, row.subject, row.variant, same)))
    return found


def _to_compare(value: Any) -> Hashable:
    """To Python, true is 1, and an object nothing to look up by."""
    return ("json", canonical_json(value)) if isinstance(value, Mapping | list | bool) else value


def _levels(factor: Factor, trials: Iterable[Trial]) -> list[str]:
    """Those that occur: in the factor's order, then others by name."""
    there = {trial.level for trial in trials}
    return [level for level in factor.levels if level in there] + sorted(there - set(factor.levels))
