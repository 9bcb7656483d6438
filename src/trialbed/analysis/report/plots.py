"""Which figures go with a report for a paper? SVG and PNG (300 dpi) of the same tables.

The same findings give the same bytes: no dates, seeded ids, one font that comes with the library.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trialbed.analysis.findings import Findings
from trialbed.analysis.report.bars import EXCLUSIONS, categories
from trialbed.analysis.report.course_plots import course_plots
from trialbed.analysis.report.forest import POOLED, rows_of
from trialbed.analysis.report.levels import is_clear
from trialbed.analysis.report.panels import INK, OTHERS, PALETTE, Rows, floats, intervals, panels, saved, short, stacked
from trialbed.analysis.table import Cell, Table

_MOST_PANELS = 9
_SETTINGS: Any = {
    "svg.hashsalt": "trialbed",
    "text.parse_math": False,  # an id may hold a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 7,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
}


def plots(findings: Findings) -> Iterator[tuple[str, bytes]]:
    """File names and contents: fig_NAME.svg and fig_NAME.png."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn with boxes; the tables have it whole.
        warnings.simplefilter("ignore", UserWarning)
        for name, draw in (*_DRAWN.items(), *course_plots(findings)):
            figure = draw(findings)
            if figure is not None:
                yield f"fig_{name}.svg", saved(figure, "svg")
                figure.set_layout_engine("none")  # what was laid out once stays there
                yield f"fig_{name}.png", saved(figure, "png")


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
            axes.axvline(float(reference), color=OTHERS, linewidth=1, linestyle="--", zorder=0)
        intervals(axes, rows, value, lambda row: PALETTE[0])

    return panels(groups, draw, label=f"{short(measure.label, 60)}, {value}")


def _contrasts(findings: Findings) -> Figure | None:
    choices = findings.choices
    column = "p_holm" if choices.correction == "holm" else "p_bh"
    groups = _groups(findings.tables.get("contrasts"), lambda row: row["measure"] == choices.primary)

    def is_clear(row: dict[str, Cell]) -> bool:
        p = row[column]
        return p is not None and float(p) < choices.alpha

    def draw(axes: Axes, rows: Rows) -> None:
        axes.axvline(0, color=INK, linewidth=0.8, zorder=0)
        intervals(axes, rows, "difference", lambda row: PALETTE[0] if is_clear(row) else "white")

    label = f"difference from {short(choices.baseline)} (filled: adjusted p below alpha)"
    return panels(groups, draw, label=label)


def _matched(findings: Findings) -> Figure | None:
    """Of the first factor with a baseline: each measure and level, all subjects together and each."""
    rows = [row for _, row in rows_of(findings.tables.get("matched")) if row["difference"] is not None]
    variants = {row["variant"] for row in rows}
    labels = {measure.name: measure.label for measure in findings.choices.measures}
    groups: dict[str, Rows] = {}
    for row in rows:
        is_whole = row["variant"] == POOLED or POOLED not in variants
        if is_whole and row["factor"] == rows[0]["factor"]:
            name = f"{labels.get(str(row['measure']), row['measure'])}: {row['level']}"
            pooled = row["subject"] == POOLED
            line = {**row, "variant": "all subjects" if pooled else row["subject"]}
            groups.setdefault(name, []).insert(0 if pooled else len(groups.get(name, [])), line)
    if len(groups) > _MOST_PANELS or not groups:
        return None

    def draw(axes: Axes, those: Rows) -> None:
        axes.axvline(0, color=INK, linewidth=0.8, zorder=0)
        intervals(axes, those, "difference", lambda row: PALETTE[0] if is_clear(row) else "white")

    label = f"difference from {short(str(rows[0]['baseline']))} (filled: the interval is on one side of zero)"
    return panels(groups, draw, label=label)


def _strategies(findings: Findings) -> Figure | None:
    table = findings.tables.get("rates")
    if table is None or not table.rows:
        return None
    names = categories(table)
    return panels(
        _groups(table, lambda row: True),
        lambda axes, rows: stacked(axes, rows, "strategy", "rate", names),
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
    return panels(
        _grouped(long),
        lambda axes, rows: stacked(axes, rows, "part", "n", names),
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
    return panels(
        groups,
        lambda axes, those: intervals(axes, those, "rate", lambda row: colour.get(str(row["set"]), INK)),
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
            times, alive = [0.0, *floats(those, "time")], [1.0, *floats(those, "survival")]
            style = ("-", "--", ":", "-.")[number // len(PALETTE) % 4]
            colour = PALETTE[number % len(PALETTE)]
            axes.step(times, alive, where="post", color=colour, linestyle=style, label=short(variant))
        axes.set_ylim(0, 1.02)
        axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))

    return panels(groups, draw, label="time", per_row=None)


_DRAWN: dict[str, Callable[[Findings], Figure | None]] = {
    "estimates": _estimates,
    "contrasts": _contrasts,
    "matched": _matched,
    "strategies": _strategies,
    "ledger": _ledger,
    "probes": _probes,
    "survival": _survival,
}


def _groups(table: Table | None, keep: Callable[[dict[str, Cell]], bool]) -> dict[str, Rows]:
    return _grouped([row for _, row in rows_of(table) if keep(row)])


def _grouped(rows: Rows) -> dict[str, Rows]:
    """By subject, pooled first. A single subject is not shown twice; very many make no figure for a paper."""
    groups: dict[str, Rows] = {POOLED: []}
    for row in rows:
        groups.setdefault(str(row["subject"]), []).append(row)
    if groups[POOLED] and (len(groups) == 2 or len(groups) > _MOST_PANELS):
        return {POOLED: groups[POOLED]}
    return {name: those for name, those in groups.items() if those}
