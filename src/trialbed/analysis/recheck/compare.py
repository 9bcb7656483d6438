"""Do two computations say the same? Pure; the first disagreement is a line that names table, row and column."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.table import Cell, Column, spelt

# Both sides are rounded to six decimals.
_NUMBER = 2e-6
_P_SHARE, _P = 1e-5, 1e-6
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\r", "＝", "＋", "－", "＠")
_MOST_SHOWN = 80


@dataclass(frozen=True)
class Reported:
    """A table as somebody has written it down: spelt cells."""

    heading: list[str]
    rows: list[list[str]]


def compare_tables(reported: Mapping[str, Reported], again: Mapping[str, Sheet]) -> str | None:
    """The first disagreement, or None. A table without rows may be missing; the order of rows is no number."""
    for name, table in reported.items():
        if name not in again:
            return f"table {name}: nobody knows how to compute it again"
        problem = _table_problem(table, again[name])
        if problem is not None:
            return problem
    for name, sheet in again.items():
        if sheet.rows and name not in reported:
            return f"table {name}: is not in the report, and has {len(sheet.rows)} rows"
    return None


def compare_facts(reported: Mapping[str, str], again: Mapping[str, Cell]) -> str | None:
    """The first fact that is another one; facts that no journal decides are passed over."""
    for name, value in again.items():
        if name in reported:
            kind = Column(name, "count" if isinstance(value, int) else "number" if isinstance(value, float) else "text")
            wanted = spelt(value, kind.kind)
            if not same(reported[name], wanted, kind, 0.0):
                return f"fact {name}: reported {_shown(reported[name])}, recomputed {_shown(wanted)}"
    return None


def same(reported: str, again: str, column: Column, slack: float) -> bool:
    """Whether two spelt cells of a column agree: counts and texts exactly, numbers but for rounding."""
    if reported == again:
        return True
    if column.kind == "text":
        return plain(reported) == plain(again)
    one, other = _number(reported), _number(again)
    if one is None or other is None:
        return False
    match column.kind:
        case "count":
            return one == other
        case "p":
            return abs(one - other) <= _P + _P_SHARE * abs(other) + slack
        case _:
            return abs(one - other) <= max(_NUMBER, 1e-9 * abs(other)) + slack


def plain(text: str) -> str:
    """A text without the apostrophe that keeps a spreadsheet from computing it, and without control characters."""
    bare = text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
    return "".join("\ufffd" if _is_control(char) else char for char in bare)


def _table_problem(reported: Reported, again: Sheet) -> str | None:
    if reported.heading != again.heading:
        return f"table {again.name}: the columns are {', '.join(reported.heading)}; not {', '.join(again.heading)}"
    wanted: dict[str, list[int]] = {}
    spelling = again.spelt()
    for place, row in enumerate(spelling):
        wanted.setdefault(_key(row, again), []).append(place)
    for row in reported.rows:
        places = wanted.get(_key(row, again))
        if not places or len(row) != len(again.columns):
            return f"table {again.name}, row {_shown(again.name_of(row))}: reported, but not recomputed"
        place = places.pop(0)
        problem = _row_problem(row, spelling[place], again, place)
        if problem is not None:
            return problem
    for key, places in wanted.items():
        if places:
            return f"table {again.name}, row {_shown(key)}: recomputed, but not reported"
    return None


def _row_problem(reported: Sequence[str], spelling: Sequence[str], again: Sheet, place: int) -> str | None:
    for column, one, other in zip(again.columns, reported, spelling, strict=True):
        if not same(one, other, column, again.slack.get((place, column.name), 0.0)):
            return (
                f"table {again.name}, row {_shown(again.name_of(spelling))}, column {column.name}: "
                f"reported {_shown(one)}, recomputed {_shown(other)}"
            )
    return None


def _key(row: Sequence[str], again: Sheet) -> str:
    return again.name_of([plain(cell) for cell in row])


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _shown(text: str) -> str:
    """On one line, as somebody's terminal may show it."""
    flat = " ".join(plain(text).split())
    return (flat if len(flat) <= _MOST_SHOWN else f"{flat[:_MOST_SHOWN]}…") or "nothing"


def _is_control(char: str) -> bool:
    return (ord(char) < 32 and char not in "\t\n") or 127 <= ord(char) < 160
