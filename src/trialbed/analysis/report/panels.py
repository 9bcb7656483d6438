"""How is a figure of several panels drawn? Intervals or stacked bars, one line per variant; it knows no table."""

import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from trialbed.analysis.report.forest import POOLED
from trialbed.analysis.report.visible import one_line
from trialbed.analysis.table import Cell

Rows = list[dict[str, Cell]]
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#555555")
"""Okabe & Ito, Color Universal Design, 2008: told apart by colour-blind readers."""
OTHERS = "#BBBBBB"
INK = "#222222"
_DPI = 300
_MOST_COLUMNS = 4
_TITLE_CHARS = 36
_MOST_INCHES = 40.0


def saved(figure: Figure, form: str) -> bytes:
    """The figure as a file, without the time or the version it was made with."""
    out = io.BytesIO()
    nameless: Mapping[str, Any] = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    # A figure of very many rows would not fit the memory at full resolution.
    tallest = max(figure.get_size_inches())
    figure.savefig(out, format=form, dpi=min(_DPI, _DPI * 30 / tallest), metadata=nameless)
    return out.getvalue()


def panels(
    groups: Mapping[str, Rows],
    draw: Callable[[Axes, Rows], None],
    *,
    label: str,
    legend: Sequence[str] = (),
    per_row: str | None = "",
) -> Figure | None:
    """One panel per group; `per_row` names the column whose values share a line ("" = every row has its own)."""
    if not groups:
        return None
    columns = min(len(groups), _MOST_COLUMNS if len(groups) > 2 else 2)
    lines = -(-len(groups) // columns)
    tall = max(len({row[per_row] for row in rows}) if per_row else len(rows) for rows in groups.values())
    height = 2.6 if per_row is None else 0.7 + 0.2 * tall
    size = (2.7 * columns + 1.2, min(height * lines + 0.5, _MOST_INCHES))
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    grid: list[list[Axes]] = figure.subplots(lines, columns, squeeze=False, sharex=True).tolist()
    flat = [axes for line in grid for axes in line]
    for axes, (name, rows) in zip(flat, groups.items(), strict=False):
        draw(axes, rows)
        axes.set_title("all subjects" if name == POOLED else _title(name), loc="left")
        axes.tick_params(length=2, labelbottom=True)
    _name_each_line_once(grid)
    for axes in flat[len(groups) :]:
        axes.set_axis_off()
    figure.supxlabel(label, fontsize=8)
    if legend:
        patches = [Patch(color=_colour(place)) for place in range(len(legend))]
        figure.legend(patches, [short(name) for name in legend], loc="outside upper left", ncols=4, frameon=False)
    return figure


def _name_each_line_once(grid: Sequence[Sequence[Axes]]) -> None:
    """Panels beside each other that have the same lines share their names."""
    for line in grid:
        names = [[label.get_text() for label in axes.get_yticklabels()] for axes in line]
        for axes, its in zip(line[1:], names[1:], strict=True):
            if its == names[0]:
                axes.tick_params(labelleft=False)


def intervals(axes: Axes, rows: Rows, value: str, fill: Callable[[dict[str, Cell]], str]) -> None:
    for place, row in enumerate(rows):
        if row[value] is None:
            continue
        if row["lo"] is not None and row["hi"] is not None:
            axes.plot([float(row["lo"]), float(row["hi"])], [place, place], color=INK, linewidth=1.2, zorder=1)
        axes.plot(float(row[value] or 0), place, "o", markersize=4.5, markerfacecolor=fill(row), markeredgecolor=INK)
    named_lines(axes, [str(row["variant"]) for row in rows])


def stacked(axes: Axes, rows: Rows, part: str, value: str, names: Sequence[str]) -> None:
    variants = list(dict.fromkeys(str(row["variant"]) for row in rows))
    start = [0.0] * len(variants)
    for number, name in enumerate(names):
        width = [0.0] * len(variants)
        for row in rows:
            if row[part] == name:
                width[variants.index(str(row["variant"]))] = float(row[value] or 0)
        axes.barh(range(len(variants)), width, left=start, height=0.7, color=_colour(number), edgecolor="white")
        start = [a + b for a, b in zip(start, width, strict=True)]
    named_lines(axes, variants)


def named_lines(axes: Axes, names: Sequence[str]) -> None:
    """Names beside the lines, the first one on top."""
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)


def _colour(number: int) -> str:
    return PALETTE[number] if number < len(PALETTE) else OTHERS


def floats(rows: Rows, name: str) -> list[float]:
    return [float(row[name] or 0) for row in rows]


def _title(text: str) -> str:
    """A model's id in as many lines as it takes."""
    return "\n".join(textwrap.wrap(short(text, 120), _TITLE_CHARS) or [""])


def short(text: str, most_chars: int = 28) -> str:
    return one_line(text, most_chars=most_chars)
