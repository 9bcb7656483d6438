"""When did which subject answer, and from when to when did it not? The tables `availability` and `outages`."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from trialbed.analysis.population import ALL, Population
from trialbed.analysis.rows import Row
from trialbed.analysis.table import Cell, Table, columns
from trialbed.analysis.tables.over_time import Place, places_in_order
from trialbed.analysis.timeline import Timeline, as_moment, began_ms
from trialbed.core.outcome import Outcome


def availability(population: Population, timeline: Timeline) -> Table:
    """One row per variant, subject and bin in which a trial began and ended; of several variants also all together."""
    rows: list[tuple[Cell, ...]] = []
    for (variant, subject), own in _by_place(population).items():
        bins: defaultdict[int, list[Row]] = defaultdict(list)
        for row in own:
            bins[timeline.bin_of(began_ms(row))].append(row)
        for start, those in sorted(bins.items()):
            answered = sum(map(_answered, those))
            failed = len(those) - answered
            place = (variant, subject, as_moment(start))
            rows.append((*place, len(those), answered, failed, _named(those), answered / len(those)))
    return Table(
        "availability",
        "How much was answered over time, bin by bin",
        columns(
            variant="text",
            subject="text",
            bin_start="text",
            ended="count",
            answered="count",
            failed="count",
            failures="text",
            share="share",
        ),
        tuple(rows),
    )


def outages(population: Population, timeline: Timeline) -> Table:
    """From when to when a subject gave no answer, for two intervals or more; by variant where others were answered."""
    rows: list[tuple[Cell, ...]] = []
    if timeline.interval_ms is not None:
        everywhere: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        several = len(population.variants) > 1
        places = _by_place(population)
        for variant, subject in sorted(places, key=lambda place: several and place[0] != ALL):
            for silent, answered_at in _silences(places[variant, subject], 2 * timeline.interval_ms):
                ends = began_ms(silent[0]), began_ms(silent[-1])
                if any(first <= ends[0] and ends[1] <= last for first, last in everywhere[subject]):
                    continue
                if variant == ALL:
                    everywhere[subject].append(ends)
                place = (subject, variant, as_moment(ends[0]), as_moment(ends[1]))
                rows.append((*place, answered_at, len(silent), _named(silent)))
    return Table(
        "outages",
        "From when to when no answer came",
        columns(
            subject="text",
            variant="text",
            first_at="text",
            last_at="text",
            answered_at="text",
            trials="count",
            failures="text",
        ),
        tuple(rows),
        ("answered_at: when the next trial that was answered began; empty where none was.",),
    )


def _by_place(population: Population) -> dict[Place, list[Row]]:
    found: defaultdict[Place, list[Row]] = defaultdict(list)
    for row in population.ended:
        found[row.variant, row.served_by].append(row)
        if len(population.variants) > 1:
            found[ALL, row.served_by].append(row)
    return {place: found[place] for place in places_in_order(population, found)}


def _silences(rows: Sequence[Row], least_ms: float) -> Iterator[tuple[list[Row], str | None]]:
    """Trials without an answer that follow each other, and when the next answered one began."""
    in_time = sorted(rows, key=lambda row: (began_ms(row), row.trial_id))
    runs = [(answered, list(those)) for answered, those in groupby(in_time, key=_answered)]
    for number, (answered, those) in enumerate(runs):
        if not answered and began_ms(those[-1]) - began_ms(those[0]) >= least_ms:
            following = runs[number + 1][1][0] if number + 1 < len(runs) else None
            yield those, None if following is None else as_moment(began_ms(following))


def _answered(row: Row) -> bool:
    return row.outcome == Outcome.ANSWERED


def _named(rows: Sequence[Row]) -> str | None:
    """Each other outcome and its number, the most frequent first."""
    counts = Counter(row.outcome for row in rows if not _answered(row))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or None
