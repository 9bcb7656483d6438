"""Which figures go with a report for a paper, and how are they drawn? SVG and PNG (300 dpi) of the same tables.

The same findings give the same bytes: no dates, seeded ids, one font that comes with the library.
"""

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trialbed.analysis.findings import Findings
from trialbed.analysis.report.bars import EXCLUSIONS, categories
from trialbed.analysis.report.forest import POOLED, rows_of
from trialbed.analysis.report.visible import one_line
from trialbed.analysis.table import Cell, Table

Rows = list[dict[str, Cell]]
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#555555")
"""Okabe & Ito, Color Universal Design, 2008: told apart by colour-blind readers."""
_OTHERS = "#BBBBBB"
_INK = "#222222"
_DPI = 300
_MOST_COLUMNS = 4
_MOST_INCHES = 40.0
_SETTINGS: dict[str, Any] = {
    "svg.hashsalt": "trialbed",
    "text.parse_math": False,  # an id may hold a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
}


def plots(findings: Findings) -> Iterator[tuple[str, bytes]]:
    """File names and contents: fig_NAME.svg and fig_NAME.png."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn with boxes; the tables have it whole.
        warnings.simplefilter("ignore", UserWarning)
        for name, draw in _DRAWN.items():
            figure = draw(findings)
            if figure is not None:
                yield f"fig_{name}.svg", _saved(figure, "svg")
                yield f"fig_{name}.png", _saved(figure, "png")


def _saved(figure: Figure, form: str) -> bytes:
    out = io.BytesIO()
    nameless: Mapping[str, Any] = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    # A figure of very many rows would not fit the memory at full resolution.
    tallest = max(figure.get_size_inches())
    figure.savefig(out, format=form, dpi=min(_DPI, _DPI * 30 / tallest), metadata=nameless)
    return out.getvalue()


def _estimates(findings: Findings) -> Figure | None:
    choices = findings.choices
    if choices.primary is None:
        return None
    measure = choices.measure(choices.primary)
    table, value = ("measures", "rate") if measure.kind == "binary" else ("means", "mean")
    groups = _groups(findings.tables.get(table), lambda row: row["measure"] == measure.name)

    def draw(axes: Axes, rows: Rows) -> None:
        reference = next((row[value] for row in rows if row["variant"] == choices.baseline), None)
        if reference is not None:
            axes.axvline(float(reference), color=_OTHERS, linewidth=1, linestyle="--", zorder=0)
        _intervals(axes, rows, value, lambda row: PALETTE[0])

    return _panels(groups, draw, label=f"{_name(measure.label, 60)}, {value}")


def _contrasts(findings: Findings) -> Figure | None:
    choices = findings.choices
    column = "p_holm" if choices.correction == "holm" else "p_bh"
    groups = _groups(findings.tables.get("contrasts"), lambda row: row["measure"] == choices.primary)

    def is_clear(row: dict[str, Cell]) -> bool:
        p = row[column]
        return p is not None and float(p) < choices.alpha

    def draw(axes: Axes, rows: Rows) -> None:
        axes.axvline(0, color=_INK, linewidth=0.8, zorder=0)
        _intervals(axes, rows, "difference", lambda row: PALETTE[0] if is_clear(row) else "white")

    label = f"difference from {_name(choices.baseline)} (filled: adjusted p below alpha)"
    return _panels(groups, draw, label=label)


def _strategies(findings: Findings) -> Figure | None:
    table = findings.tables.get("rates")
    if table is None or not table.rows:
        return None
    names = categories(table)
    return _panels(
        _groups(table, lambda row: True),
        lambda axes, rows: _stacked(axes, rows, "strategy", "rate", names),
        label="share of analysed trials",
        legend=names,
        per_row="variant",
    )


def _ledger(findings: Findings) -> Figure | None:
    table = findings.tables.get("ledger")
    if table is None:
        return None
    names = ["analysed", *(name for name in EXCLUSIONS if any(row[name] for _, row in rows_of(table)))]
    long: Rows = [
        {"subject": row["subject"], "variant": row["variant"], "part": name, "n": row[name]}
        for _, row in rows_of(table)
        if row["variant"] != POOLED
        for name in names
    ]
    return _panels(
        _grouped(long),
        lambda axes, rows: _stacked(axes, rows, "part", "n", names),
        label="planned trials",
        legend=names,
        per_row="variant",
    )


def _probes(findings: Findings) -> Figure | None:
    rows = [row for _, row in rows_of(findings.tables.get("probes")) if row["rate"] is not None]
    groups: dict[str, Rows] = {}
    for row in rows:
        groups.setdefault(str(row["judge"]), []).append({**row, "variant": f"{row['set']}: {row['kind']}"})
    colour = {"golden": PALETTE[2], "injection": PALETTE[5], "control": PALETTE[0]}
    return _panels(
        groups,
        lambda axes, those: _intervals(axes, those, "rate", lambda row: colour.get(str(row["set"]), _INK)),
        label="share of valid answers: golden set agrees; injection, control: verdict turned",
    )


def _survival(findings: Findings) -> Figure | None:
    groups: dict[str, Rows] = {}
    for _, row in rows_of(findings.tables.get("survival")):
        if row["subject"] == POOLED:
            groups.setdefault(str(row["measure"]), []).append(row)

    def draw(axes: Axes, rows: Rows) -> None:
        variants = list(dict.fromkeys(str(row["variant"]) for row in rows))
        for number, variant in enumerate(variants):
            those = [row for row in rows if row["variant"] == variant]
            times, alive = [0.0, *_floats(those, "time")], [1.0, *_floats(those, "survival")]
            style = ("-", "--", ":", "-.")[number // len(PALETTE) % 4]
            colour = PALETTE[number % len(PALETTE)]
            axes.step(times, alive, where="post", color=colour, linestyle=style, label=_name(variant))
        axes.set_ylim(0, 1.02)
        axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))

    return _panels(groups, draw, label="time", per_row=None)


_DRAWN: dict[str, Callable[[Findings], Figure | None]] = {
    "estimates": _estimates,
    "contrasts": _contrasts,
    "strategies": _strategies,
    "ledger": _ledger,
    "probes": _probes,
    "survival": _survival,
}


def _panels(
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
    size = (3.6 * columns + (0.6 if columns == 1 else 0.0), min(height * lines + 0.5, _MOST_INCHES))
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True)
    flat = [axes for line in grid for axes in line]
    for axes, (name, rows) in zip(flat, groups.items(), strict=False):
        draw(axes, rows)
        axes.set_title("all subjects" if name == POOLED else _name(name, 44), loc="left")
        axes.tick_params(length=2, labelbottom=True)
    for axes in flat[len(groups) :]:
        axes.set_axis_off()
    figure.supxlabel(label, fontsize=8)
    if legend:
        patches = [matplotlib.patches.Patch(color=_colour(place)) for place in range(len(legend))]
        figure.legend(patches, [_name(name) for name in legend], loc="outside upper left", ncols=4, frameon=False)
    return figure


def _intervals(axes: Axes, rows: Rows, value: str, fill: Callable[[dict[str, Cell]], str]) -> None:
    for place, row in enumerate(rows):
        if row[value] is None:
            continue
        if row["lo"] is not None and row["hi"] is not None:
            axes.plot([float(row["lo"]), float(row["hi"])], [place, place], color=_INK, linewidth=1.2, zorder=1)
        axes.plot(float(row[value] or 0), place, "o", markersize=4.5, markerfacecolor=fill(row), markeredgecolor=_INK)
    _named_lines(axes, [str(row["variant"]) for row in rows])


def _stacked(axes: Axes, rows: Rows, part: str, value: str, names: Sequence[str]) -> None:
    variants = list(dict.fromkeys(str(row["variant"]) for row in rows))
    start = [0.0] * len(variants)
    for number, name in enumerate(names):
        width = [0.0] * len(variants)
        for row in rows:
            if row[part] == name:
                width[variants.index(str(row["variant"]))] = float(row[value] or 0)
        axes.barh(range(len(variants)), width, left=start, height=0.7, color=_colour(number), edgecolor="white")
        start = [a + b for a, b in zip(start, width, strict=True)]
    _named_lines(axes, variants)


def _named_lines(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [_name(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)


def _groups(table: Table | None, keep: Callable[[dict[str, Cell]], bool]) -> dict[str, Rows]:
    return _grouped([row for _, row in rows_of(table) if keep(row)])


def _grouped(rows: Rows) -> dict[str, Rows]:
    """By subject, pooled first; a single subject is not shown twice."""
    groups: dict[str, Rows] = {POOLED: []}
    for row in rows:
        groups.setdefault(str(row["subject"]), []).append(row)
    if len(groups) == 2 and groups[POOLED]:
        return {POOLED: groups[POOLED]}
    return {name: those for name, those in groups.items() if those}


def _colour(number: int) -> str:
    return PALETTE[number] if number < len(PALETTE) else _OTHERS


def _floats(rows: Rows, name: str) -> list[float]:
    return [float(row[name] or 0) for row in rows]


def _name(text: str, most_chars: int = 28) -> str:
    return one_line(text, most_chars=most_chars)
