"""What is a table of a report, and how does a cell look in a file? Pure.

One spelling of a number serves all files, so that an audit can compare them character by character.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Cell = str | int | float | None
Kind = Literal["text", "count", "share", "number", "p"]
"""share: 0 to 1 or a difference of such; p: a probability value; number: any other real number."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """`name` is the stem of its files. A cell is None where there is nothing to say, never 0 for that."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def where(self, **wanted: Cell) -> list[dict[str, Cell]]:
        """The rows in which the named columns have these values, as dicts."""
        names = [column.name for column in self.columns]
        found = (dict(zip(names, row, strict=True)) for row in self.rows)
        return [row for row in found if all(row[name] == value for name, value in wanted.items())]


def columns(**kinds: Kind) -> tuple[Column, ...]:
    """`columns(variant="text", k="count")`."""
    return tuple(Column(name, kind) for name, kind in kinds.items())


def spelt(cell: Cell, kind: Kind) -> str:
    """A cell as it stands in the CSV: six decimals, six significant digits for p values, empty for None."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if kind == "count":
        return str(int(cell))
    if kind == "p":
        return f"{float(cell):.6g}"
    if kind in ("share", "number"):
        text = f"{float(cell):.6f}"
        return text.lstrip("-") if float(text) == 0 else text
    return str(cell)


def shown(cell: Cell, kind: Kind) -> str:
    """A cell as people read it: three decimals, p values as papers give them, a dash for None."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return "–"
    match kind:
        case "count":
            return f"{int(cell):,}"
        case "p":
            return "< 0.001" if float(cell) < 0.001 else f"{float(cell):.3f}"
        case "share" | "number":
            text = f"{float(cell):.3f}"
            return text.lstrip("-") if float(text) == 0 else text
        case _:
            return str(cell)


def spelt_rows(table: Table) -> list[list[str]]:
    """All cells as they stand in the CSV, without the heading."""
    return [[spelt(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]


def heading(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def one(rows: Sequence[dict[str, Cell]]) -> dict[str, Cell]:
    """The only row of a selection."""
    (row,) = rows
    return row
