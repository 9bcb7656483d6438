"""How does a measure go over the days of a run? The tables `percentiles` and `over_time`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from trialbed.analysis.population import Population
from trialbed.analysis.stats.means import cluster_robust_mean
from trialbed.analysis.stats.quantiles import percentile, percentile_interval
from trialbed.analysis.stats.samples import Floats
from trialbed.analysis.table import Cell, Table, columns
from trialbed.analysis.timeline import Timeline, as_moment, began_ms
from trialbed.core.measure import Measure

_BINNED = (5, 25, 50, 75, 95)


class Timed(NamedTuple):
    """The values of a cell in ascending order, and when the trial of each began."""

    values: Floats
    at_ms: list[int]


Place = tuple[str, str]
"""Variant, and the subject with its provider."""


def percentiles(population: Population, timeline: Timeline) -> Table:
    """One row per measure, variant and subject, and one for all subjects of a provider that has several."""
    ended: Counter[Place] = Counter()
    for row in population.ended:
        ended[row.variant, row.served_by] += row.block in population.complete
    rows: list[tuple[Cell, ...]] = []
    for measure in measures_over_time(population):
        cells = _cells(population, measure)
        for (variant, subject), timed in (*cells.items(), *_of_providers(cells, ended)):
            n, numbers = len(timed.values), _numbers(timed, timeline, population.choices.alpha)
            of_row = sum(ended[place] for place in ended if _is_part(place, variant, subject))
            rows.append((variant, subject, measure.name, n, of_row - n, *numbers))
    return Table(
        "percentiles",
        "Percentiles of what is measured over time",
        columns(
            variant="text",
            subject="text",
            measure="text",
            n="count",
            missing="count",
            blocks="count",
            mean="number",
            lo_mean="number",
            hi_mean="number",
            p5="number",
            p25="number",
            p50="number",
            lo_p50="number",
            hi_p50="number",
            p75="number",
            p95="number",
            lo_p95="number",
            hi_p95="number",
            p99="number",
            min="number",
            max="number",
        ),
        tuple(rows),
        (
            "blocks: of measurements that follow each other; intervals go by the spread between them. Empty: too few "
            "for blocks, and every measurement is taken as independent. provider:* is all subjects of that provider.",
        ),
    )


def over_time(population: Population, timeline: Timeline) -> Table:
    """One row per measure, variant, subject and bin in which it counts."""
    rows: list[tuple[Cell, ...]] = []
    for measure in measures_over_time(population):
        for (variant, subject), timed in _cells(population, measure).items():
            bins: defaultdict[int, list[float]] = defaultdict(list)
            for value, at_ms in zip(timed.values, timed.at_ms, strict=True):
                bins[timeline.bin_of(at_ms)].append(float(value))
            for start, values in sorted(bins.items()):
                found = [percentile(np.asarray(values), percent) for percent in _BINNED]
                rows.append((measure.name, variant, subject, as_moment(start), len(values), *found))
    return Table(
        "over_time",
        "What is measured over time, bin by bin",
        columns(
            measure="text",
            variant="text",
            subject="text",
            bin_start="text",
            n="count",
            p5="number",
            p25="number",
            p50="number",
            p75="number",
            p95="number",
        ),
        tuple(rows),
    )


def measures_over_time(population: Population) -> list[Measure]:
    return [measure for measure in population.choices.measures if measure.over_time]


def places_in_order(population: Population, places: Mapping[Place, object]) -> Iterator[Place]:
    """By subject in the plan's order, then by variant."""
    subjects = {name: number for number, name in enumerate(population.subjects)}
    variants = {name: number for number, name in enumerate(population.variants)}

    def order(place: Place) -> tuple[int, str, int]:
        variant, subject = place
        return subjects.get(subject, subjects.get(subject.partition(":")[2], 0)), subject, variants.get(variant, -1)

    yield from sorted(places, key=order)


def _cells(population: Population, measure: Measure) -> dict[Place, Timed]:
    found: defaultdict[Place, list[tuple[float, int]]] = defaultdict(list)
    for row, value in population.counted(measure):
        found[row.variant, row.served_by].append((float(value), began_ms(row)))
    return {place: _timed(found[place]) for place in places_in_order(population, found)}


def _timed(pairs: Sequence[tuple[float, int]]) -> Timed:
    ordered = sorted(pairs)
    return Timed(np.asarray([value for value, _ in ordered]), [at_ms for _, at_ms in ordered])


def _of_providers(cells: Mapping[Place, Timed], ended: Iterable[Place]) -> Iterator[tuple[Place, Timed]]:
    """Each provider's subjects together, where trials of several ended under the variant."""
    among = Counter((variant, provider_of(subject)) for variant, subject in ended)
    subjects: defaultdict[Place, list[str]] = defaultdict(list)
    for variant, subject in cells:
        subjects[variant, f"{provider_of(subject)}:*"].append(subject)
    for (variant, name), those in subjects.items():
        if among[variant, provider_of(name)] > 1:
            pairs = [pair for subject in those for pair in zip(*cells[variant, subject], strict=True)]
            yield (variant, name), _timed(pairs)


def provider_of(subject: str) -> str:
    return subject.partition(":")[0]


def _is_part(place: Place, variant: str, subject: str) -> bool:
    """Whether a row on this subject, or on all of a provider, is about the trials of a place."""
    own = f"{provider_of(place[1])}:*" if subject.endswith(":*") else place[1]
    return (place[0], own) == (variant, subject)


def _numbers(timed: Timed, timeline: Timeline, alpha: float) -> tuple[Cell, ...]:
    values = timed.values
    blocks = None if timeline.block_ms is None else [timeline.block_of(at_ms) for at_ms in timed.at_ms]
    mean = cluster_robust_mean(values.tolist(), blocks or range(len(values)), alpha=alpha)
    ends = (None, None) if blocks and mean.clusters < 2 else (mean.lo, mean.hi)

    def sure(percent: int) -> tuple[float | None, ...]:
        return percentile_interval(values, percent, alpha=alpha, clusters=blocks) or (None, None)

    p5, p25, p50, p75, p95, p99 = (percentile(values, percent) for percent in (*_BINNED, 99))
    count = None if blocks is None else mean.clusters
    least, most = float(values[0]), float(values[-1])
    return (count, mean.mean, *ends, p5, p25, p50, *sure(50), p75, p95, *sure(95), p99, least, most)
