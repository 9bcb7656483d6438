"""How is a survival curve drawn? Pure: the steps of one variant over those of the baseline, in percent of a panel."""

from collections.abc import Sequence
from dataclasses import dataclass

from trialbed.analysis.report.forest import POOLED, Row, rows_of
from trialbed.analysis.report.scale import Scale, around
from trialbed.analysis.table import Table

Stroke = tuple[str, str, str, str]
"""x1, y1, x2, y2."""
_TOP, _HEIGHT = 4.0, 92.0


@dataclass(frozen=True)
class Panel:
    """`band` holds x, y, width, height of the interval between two steps."""

    measure: str
    variant: str
    scale: Scale
    curve: tuple[Stroke, ...]
    baseline: tuple[Stroke, ...]
    band: tuple[Stroke, ...]
    last_row: int


def panels(table: Table, *, baseline: str) -> list[Panel]:
    """One per measure and variant, of all subjects together."""
    curves: dict[tuple[str, str], list[Row]] = {}
    for place, row in rows_of(table):
        if row["subject"] == POOLED and row["time"] is not None and row["survival"] is not None:
            curves.setdefault((str(row["measure"]), str(row["variant"])), []).append((place, row))
    found: list[Panel] = []
    for (measure, variant), rows in curves.items():
        times = [float(row["time"] or 0) for key, those in curves.items() if key[0] == measure for _, row in those]
        scale = around(times, always=[0.0])
        beside = curves.get((measure, baseline), []) if variant != baseline else []
        found.append(
            Panel(measure, variant, scale, _steps(rows, scale), _steps(beside, scale), _band(rows, scale), rows[-1][0])
        )
    return found


def _steps(rows: Sequence[Row], scale: Scale) -> tuple[Stroke, ...]:
    """From the start at 1: level to each time, then down."""
    if not rows:
        return ()
    strokes: list[Stroke] = []
    x, y = scale.at(0.0), _height(1.0)
    for _, row in rows:
        to_x, to_y = scale.at(float(row["time"] or 0)), _height(float(row["survival"] or 0))
        strokes += [(x, y, to_x, y), (to_x, y, to_x, to_y)]
        x, y = to_x, to_y
    return (*strokes, (x, y, scale.at(scale.high), y))


def _band(rows: Sequence[Row], scale: Scale) -> tuple[Stroke, ...]:
    boxes: list[Stroke] = []
    ends = [float(row["time"] or 0) for _, row in rows[1:]] + [scale.high]
    for (_, row), end in zip(rows, ends, strict=True):
        if row["lo"] is None or row["hi"] is None:
            continue
        left, right = _percent(scale.at(float(row["time"] or 0))), _percent(scale.at(end))
        top, bottom = _percent(_height(float(row["hi"]))), _percent(_height(float(row["lo"])))
        boxes.append((f"{left:.2f}%", f"{top:.2f}%", f"{right - left:.2f}%", f"{bottom - top:.2f}%"))
    return tuple(boxes)


def _height(survival: float) -> str:
    return f"{_TOP + (1.0 - min(max(survival, 0.0), 1.0)) * _HEIGHT:.2f}%"


def _percent(text: str) -> float:
    return float(text.rstrip("%"))
