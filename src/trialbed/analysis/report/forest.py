"""Which estimates stand below each other on one axis, and where? Pure: geometry and references to cells, no numbers.

An estimate is a line: a name, a strip with its interval, and the cells of its table row that a reader is shown.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from trialbed.analysis.report.scale import Scale, around, shares
from trialbed.analysis.table import Cell, Table
from trialbed.core.choices import Choices

POOLED = "all"
Row = tuple[int, dict[str, Cell]]
"""A row and its place in its table."""


@dataclass(frozen=True)
class Strip:
    """Positions in percent. `far` is what missing trials could have made of it."""

    point: str
    lo: str | None
    hi: str | None
    far: tuple[str, str] | None = None
    is_filled: bool = True


@dataclass(frozen=True)
class Line:
    """`bounds` is the row of the table `bounds` that goes with it; `weight` is "is-beside" or "is-part" of another."""

    label: str
    table: str
    row: int
    strip: Strip
    is_baseline: bool = False
    weight: str = ""
    bounds: int | None = None
    method: str = ""
    is_tested_equal: bool = False


@dataclass(frozen=True)
class Forest:
    """`reference` is where a line through all strips stands: no difference, or the baseline's value."""

    measure: str
    subject: str
    scale: Scale
    lines: tuple[Line, ...]
    reference: str | None = None

    @property
    def size(self) -> int:
        return len(self.lines)


def rows_of(table: Table | None) -> Iterator[Row]:
    """Rows as dicts, with their places."""
    if table is None:
        return
    names = [column.name for column in table.columns]
    for place, row in enumerate(table.rows):
        yield place, dict(zip(names, row, strict=True))


def estimates(table: Table, choices: Choices, measure: str) -> list[Forest]:
    """A measure by variant: of `measures` the rates, of `means` the means; one forest per subject, one axis for all."""
    value = "rate" if table.name == "measures" else "mean"
    rows = [(place, row) for place, row in rows_of(table) if row["measure"] == measure and row[value] is not None]
    if value == "rate":
        scale = shares(max((_number(row["hi"], row[value]) for _, row in rows), default=1.0))
    else:
        chosen = choices.measure(measure)
        scale = around(
            numbers_of(rows, value, "lo", "hi"), always=[x for x in (chosen.low, chosen.high) if x is not None]
        )

    def line(place: int, row: dict[str, Cell]) -> Line:
        is_baseline = row["variant"] == choices.baseline
        weight = "is-beside" if is_baseline else ""
        return Line(str(row["variant"]), table.name, place, strip_of(scale, row, value), is_baseline, weight)

    return [
        Forest(measure, subject, scale, tuple(line(*row) for row in those), _baseline_at(those, scale, value, choices))
        for subject, those in by_subject(rows)
    ]


def contrasts(
    table: Table | None, choices: Choices, *, keep: Callable[[dict[str, Cell]], bool], bounds: Table | None = None
) -> list[Forest]:
    """Differences from the baseline; one forest per measure and subject, one axis per measure."""
    limits = {(row["subject"], row["variant"]): (place, row) for place, row in rows_of(bounds)}
    kept = [(place, row) for place, row in rows_of(table) if row["difference"] is not None and keep(row)]
    forests: list[Forest] = []
    for measure, of_measure in groupby(kept, key=lambda item: str(item[1]["measure"])):
        rows = list(of_measure)
        found = limits if measure == choices.primary else {}
        scale = around(numbers_of(rows, "difference", "lo", "hi"), always=[0.0])
        for subject, those in by_subject(rows):
            lines = tuple(
                _contrast(table.name if table else "", scale, choices, place, row, found.get((subject, row["variant"])))
                for place, row in those
            )
            forests.append(Forest(measure, subject, scale, lines, scale.at(0.0)))
    return forests


def probes(table: Table | None) -> list[Forest]:
    """How often a judge was right, and how often it was turned; one forest per judge, sets in their order."""
    scale = shares(1.0)
    rows = [(place, row) for place, row in rows_of(table) if row["rate"] is not None]

    def line(place: int, row: dict[str, Cell]) -> Line:
        weight = "" if row["kind"] == POOLED else "is-part"
        return Line(_probe_name(row), "probes", place, strip_of(scale, row, "rate"), weight=weight)

    return [
        Forest("probes", str(judge), scale, tuple(line(*row) for row in those))
        for judge, those in groupby(rows, key=lambda item: item[1]["judge"])
    ]


def _probe_name(row: dict[str, Cell]) -> str:
    names = {
        "golden": "golden set, agrees",
        "injection": "injection, verdict turned",
        "control": "control, verdict turned",
    }
    name = names.get(str(row["set"]), str(row["set"]))
    return name if row["kind"] in (POOLED, None) else str(row["kind"]).replace("_", " ")


def _contrast(table: str, scale: Scale, choices: Choices, place: int, row: dict[str, Cell], limit: Row | None) -> Line:
    adjusted = row["p_holm"] if choices.correction == "holm" else row["p_bh"]
    is_clear = adjusted is not None and float(adjusted) < choices.alpha
    strip = strip_of(scale, row, "difference", is_filled=is_clear, limit=limit[1] if limit else None)
    method = str(row["method"])
    return Line(
        str(row["variant"]),
        table,
        place,
        strip,
        bounds=limit[0] if limit else None,
        method=method,
        is_tested_equal=row.get("p_equivalence") is not None,
    )


def strip_of(
    scale: Scale, row: dict[str, Cell], value: str, *, is_filled: bool = True, limit: dict[str, Cell] | None = None
) -> Strip:
    ends = [None if row[name] is None else scale.at(float(row[name] or 0)) for name in ("lo", "hi")]
    far = None
    if limit is not None and limit["worst"] is not None and limit["best"] is not None:
        least, most = sorted((float(limit["worst"]), float(limit["best"])))
        far = scale.at(least), scale.at(most)
    return Strip(scale.at(float(row[value] or 0)), ends[0], ends[1], far, is_filled)


def by_subject(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """The pooled rows first: they are the answer, the others show whether it holds everywhere."""
    groups: dict[str, list[Row]] = {POOLED: []}
    for place, row in rows:
        groups.setdefault(str(row["subject"]), []).append((place, row))
    return [(subject, those) for subject, those in groups.items() if those]


def _baseline_at(rows: Sequence[Row], scale: Scale, value: str, choices: Choices) -> str | None:
    return next((scale.at(float(row[value] or 0)) for _, row in rows if row["variant"] == choices.baseline), None)


def numbers_of(rows: Iterable[Row], *names: str) -> list[float]:
    return [float(cell) for _, row in rows for name in names if (cell := row[name]) is not None]


def _number(cell: Cell, otherwise: Cell) -> float:
    return float(cell if cell is not None else otherwise or 0)
