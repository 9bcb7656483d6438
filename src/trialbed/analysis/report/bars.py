"""How are shares of a whole drawn as one bar per row? Pure: geometry and references to cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from trialbed.analysis.report.forest import rows_of
from trialbed.analysis.table import Cell, Table

COLOURS = 8
"""Categories beyond the last colour share one of their own, grey."""
EXCLUSIONS = (
    "not_run",
    "truncated",
    "refused",
    "filtered",
    "parse_failed",
    "provider_error",
    "unjudged",
    "incomplete_block",
    "no_value",
)


@dataclass(frozen=True)
class Segment:
    """`start` and `width` in percent; `colour` is a number of the palette; `row` and `column` name its cell."""

    name: str
    start: str
    width: str
    colour: int
    row: int
    column: str


@dataclass(frozen=True)
class Bar:
    """`row` is the row of its table that is shown beside it."""

    label: str
    row: int
    segments: tuple[Segment, ...]
    is_baseline: bool = False


@dataclass(frozen=True)
class Bars:
    table: str
    subject: str
    bars: tuple[Bar, ...]

    @property
    def size(self) -> int:
        return len(self.bars)


def categories(table: Table) -> list[str]:
    """In the table's own order, which is that of their frequency."""
    order: dict[str, None] = {}
    for _, row in rows_of(table):
        order.setdefault(str(row["strategy"]))
    return list(order)


def strategies(table: Table, *, baseline: str) -> list[Bars]:
    """Shares of the categories; one group per subject, pooled first."""
    colour = {name: min(place, COLOURS) for place, name in enumerate(categories(table))}
    cells: dict[str, dict[str, list[tuple[int, dict[str, Cell]]]]] = {"all": {}}
    for place, row in rows_of(table):
        cells.setdefault(str(row["subject"]), {}).setdefault(str(row["variant"]), []).append((place, row))
    return [
        Bars("rates", subject, tuple(_stacked(variant, rows, colour, baseline) for variant, rows in by_variant.items()))
        for subject, by_variant in cells.items()
        if by_variant
    ]


def _stacked(variant: str, rows: Sequence[tuple[int, dict[str, Cell]]], colour: dict[str, int], baseline: str) -> Bar:
    parts = [(str(row["strategy"]), _number(row["rate"]), place) for place, row in rows]
    return Bar(
        label=variant,
        row=rows[0][0],
        segments=_segments([(name, share, colour[name], place, "rate") for name, share, place in parts]),
        is_baseline=variant == baseline,
    )


def ledger(table: Table, *, baseline: str) -> list[Bars]:
    """Where the planned trials of each cell went; one group per subject, pooled first."""
    groups: dict[str, list[Bar]] = {"all": []}
    for place, row in rows_of(table):
        planned = _number(row["planned"])
        is_everything = (row["variant"], row["subject"]) == ("all", "all")
        if is_everything or planned == 0:
            continue
        names = ("analysed", *EXCLUSIONS)
        parts = [(name, _number(row[name]) / planned, number, place, name) for number, name in enumerate(names)]
        bar = Bar(str(row["variant"]), place, _segments(parts), row["variant"] == baseline)
        groups.setdefault(str(row["subject"]), []).append(bar)
    return [Bars("ledger", subject, tuple(bars)) for subject, bars in groups.items() if bars]


def variance(table: Table) -> list[Bars]:
    """The parts of each measure's variance."""
    groups: dict[str, list[tuple[str, float, int]]] = {}
    for place, row in rows_of(table):
        groups.setdefault(str(row["measure"]), []).append((str(row["component"]), _number(row["share"]), place))
    bars = tuple(
        Bar(
            measure,
            parts[0][2],
            _segments([(name, share, number, place, "share") for number, (name, share, place) in enumerate(parts)]),
        )
        for measure, parts in groups.items()
    )
    return [Bars("variance", "all", bars)] if bars else []


def _segments(parts: Sequence[tuple[str, float, int, int, str]]) -> tuple[Segment, ...]:
    """Those that have a width, one after the other."""
    found: list[Segment] = []
    start = 0.0
    for name, share, colour, row, column in parts:
        if share > 0:
            width = min(share, 1.0 - start)
            found.append(Segment(name, f"{start * 100:.3f}%", f"{width * 100:.3f}%", colour, row, column))
            start += width
    return tuple(found)


def _number(cell: Cell) -> float:
    return 0.0 if cell is None else float(cell)
