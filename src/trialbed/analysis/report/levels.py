"""What is drawn of factors? Pure: the primary measure by level, and each level's difference from the baseline level."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trialbed.analysis.report.forest import POOLED, Forest, Line, Row, by_subject, numbers_of, rows_of, strip_of
from trialbed.analysis.report.scale import Scale, around, shares
from trialbed.analysis.table import Cell, Table
from trialbed.core.choices import Choices
from trialbed.core.factor import Factor


@dataclass(frozen=True)
class Drawn:
    """`by_level` are forests of levels, one for each subject; `differences` of subjects, by measure and level.

    `without` are the subjects of which no trial has a baseline for any measure, `incomplete` the rows of `matched` with
    trials that have none.
    """

    factor: Factor
    by_level: list[Forest]
    differences: list[tuple[str, list["Difference"]]]
    without: list[str]
    incomplete: frozenset[int]


@dataclass(frozen=True)
class Difference:
    """One level less the baseline level, of all subjects together and of each."""

    level: str
    forest: Forest


def drawn(tables: Mapping[str, Table], choices: Choices, *, variants: int) -> list[Drawn]:
    """Of every factor that has a row in any table. `variants`: how many there are."""
    found = []
    for factor in choices.factors:
        by_level = _by_level(_rows(tables.get("by_factor"), factor), choices)
        rows = _rows(tables.get("matched"), factor)
        # Of several variants, what all of them say; the table has each.
        rows = [(place, row) for place, row in rows if variants < 2 or row["variant"] == POOLED]
        if by_level or rows:
            incomplete = frozenset(place for place, row in rows if row["unmatched"])
            found.append(Drawn(factor, by_level, list(_by_measure(rows)), _without(rows), incomplete))
    return found


def _rows(table: Table | None, factor: Factor) -> list[Row]:
    return [(place, row) for place, row in rows_of(table) if row["factor"] == factor.name]


def _by_level(rows: list[Row], choices: Choices) -> list[Forest]:
    if not rows:
        return []
    measure = choices.measure(str(rows[0][1]["measure"]))
    if measure.kind == "binary":
        scale = shares(max(numbers_of(rows, "mean", "hi")))
    else:
        ends = [end for end in (measure.low, measure.high) if end is not None]
        scale = around(numbers_of(rows, "mean", "lo", "hi"), always=ends)

    def line(place: int, row: dict[str, Cell]) -> Line:
        return Line(str(row["level"]), "by_factor", place, strip_of(scale, row, "mean"))

    return [
        Forest(measure.name, subject, scale, tuple(line(*row) for row in those)) for subject, those in by_subject(rows)
    ]


def _by_measure(rows: list[Row]) -> Iterator[tuple[str, list[Difference]]]:
    """Levels of one measure have one axis, so that they can be compared. A single subject is not shown twice."""
    is_one = len({row["subject"] for _, row in rows}) == 2
    shown = [one for one in rows if one[1]["difference"] is not None and (one[1]["subject"] == POOLED or not is_one)]
    for measure in dict.fromkeys(str(row["measure"]) for _, row in shown):
        own = [(place, row) for place, row in shown if row["measure"] == measure]
        scale = around(numbers_of(own, "difference", "lo", "hi"), always=[0.0])
        yield (
            measure,
            [
                Difference(
                    level, Forest(measure, POOLED, scale, tuple(_line(one, scale) for one in those), scale.at(0.0))
                )
                for level, those in _grouped(own)
            ],
        )


def _grouped(rows: list[Row]) -> list[tuple[str, list[Row]]]:
    """In their order; all subjects together first."""
    groups: dict[str, list[Row]] = {str(row["level"]): [] for _, row in rows}
    for _, those in by_subject(rows):
        for place, row in those:
            groups[str(row["level"])].append((place, row))
    return list(groups.items())


def _line(one: Row, scale: Scale) -> Line:
    place, row = one
    strip = strip_of(scale, row, "difference", is_filled=is_clear(row))
    if row["subject"] == POOLED:
        return Line("all subjects", "matched", place, strip)
    return Line(str(row["subject"]), "matched", place, strip, weight="is-part")


def is_clear(row: dict[str, Cell]) -> bool:
    """Whether the interval is on one side of no difference."""
    lo, hi = row["lo"], row["hi"]
    return lo is not None and hi is not None and not float(lo) <= 0 <= float(hi)


def _without(rows: list[Row]) -> list[str]:
    """In the order in which they stand."""
    counts: dict[str, int] = {}
    for _, row in rows:
        if row["subject"] != POOLED:
            counts[str(row["subject"])] = counts.get(str(row["subject"]), 0) + int(row["n"] or 0)
    return [subject for subject, count in counts.items() if not count]
