"""Which figures for a paper show a measure over time? One of its course, one of its percentiles, one of the answers."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from trialbed.analysis.findings import Findings
from trialbed.analysis.report.course import COLOURS, Axis, provider_of, seconds, unbroken
from trialbed.analysis.report.forest import POOLED, rows_of
from trialbed.analysis.report.over_time import OverTime
from trialbed.analysis.report.panels import INK, OTHERS, PALETTE, Rows, floats, named_lines, panels, short
from trialbed.analysis.table import Cell
from trialbed.core.measure import Measure

_MOST_PANELS = 9
_MOST_NAMES = 10
"""As a legend has room for."""
_DASHES = ("-", "--", ":")
_DAY_S = 86_400


def course_plots(findings: Findings) -> Iterator[tuple[str, Callable[[Findings], Figure | None]]]:
    """Names of figures, and how each is drawn."""
    shown = OverTime(findings)
    if not shown.is_there:
        return
    for measure in shown.measures:
        yield f"over_time_{measure.name}", partial(_course, measure, shown.axis)
        yield f"percentiles_{measure.name}", partial(_percentiles, measure)
    yield "availability", partial(_availability, shown.axis)


def _course(measure: Measure, axis: Axis | None, findings: Findings) -> Figure | None:
    if axis is None:
        return None
    rows = [row for _, row in rows_of(findings.tables.get("over_time")) if row["measure"] == measure.name]
    silent = [row for _, row in rows_of(findings.tables.get("availability")) if not row["answered"]]
    groups: dict[str, Rows] = {}
    for row in _of_few_variants(rows, findings.choices.baseline):
        groups.setdefault(f"{provider_of(str(row['subject']))}, {row['variant']}", []).append(row)

    def draw(axes: Axes, those: Rows) -> None:
        subjects = list(dict.fromkeys(str(row["subject"]) for row in those))
        for number, subject in enumerate(subjects):
            own = [row for row in those if row["subject"] == subject]
            _draw_subject(axes, axis, number, subject, own)
            out = [row for row in silent if (row["subject"], row["variant"]) == (subject, own[0]["variant"])]
            for row in out:
                start, colour = seconds(row["bin_start"]), PALETTE[number % COLOURS]
                axes.hlines(0, start, start + axis.bin_s, colors=colour, linewidth=3, clip_on=False, zorder=3)
        axes.set_ylim(bottom=0)
        _name_dates(axes, axis)
        handles, names = axes.get_legend_handles_labels()
        few = handles[:_MOST_NAMES], names[:_MOST_NAMES]
        axes.legend(*few, frameon=False, fontsize=5, loc="upper left", bbox_to_anchor=(0, -0.12))

    return panels(
        groups, draw, label=f"{short(measure.label, 60)}: median and middle half; on the axis: no answer", per_row=None
    )


def _draw_subject(axes: Axes, axis: Axis, number: int, subject: str, rows: Rows) -> None:
    colour, dash = PALETTE[number % COLOURS], _DASHES[number // COLOURS % len(_DASHES)]
    label: str | None = short(subject, 40)
    for piece in unbroken(rows, axis.bin_s):
        middles = [seconds(row["bin_start"]) + axis.bin_s / 2 for row in piece]
        marker = "." if len(piece) == 1 else ""
        axes.plot(middles, floats(piece, "p50"), color=colour, linestyle=dash, linewidth=1, marker=marker, label=label)
        label = None
        inner = [(at, row) for at, row in zip(middles, piece, strict=True) if row["p25"] is not None]
        lower, upper = (floats([row for _, row in inner], name) for name in ("p25", "p75"))
        axes.fill_between([at for at, _ in inner], lower, upper, color=colour, alpha=0.18, linewidth=0)


def _percentiles(measure: Measure, findings: Findings) -> Figure | None:
    groups: dict[str, Rows] = {}
    rows = [row for _, row in rows_of(findings.tables.get("percentiles")) if row["measure"] == measure.name]
    for row in _of_few_variants(rows, findings.choices.baseline):
        groups.setdefault(str(row["variant"]), []).append(row)

    def draw(axes: Axes, those: Rows) -> None:
        for place, row in enumerate(those):
            _level(axes, place, row, ("p5", "p95"), OTHERS, 5)
            _level(axes, place, row, ("p25", "p75"), PALETTE[0], 2.5)
            axes.plot(float(row["p50"] or 0), place, "o", markersize=4, color=INK)
        named_lines(axes, [str(row["subject"]) for row in those])

    label = f"{short(measure.label, 60)}: median, middle half, 5th to 95th percentile"
    return panels(groups, draw, label=label)


def _level(axes: Axes, place: int, row: dict[str, Cell], ends: tuple[str, str], colour: str, width: float) -> None:
    lo, hi = row[ends[0]], row[ends[1]]
    if lo is not None and hi is not None:
        axes.plot([float(lo), float(hi)], [place, place], color=colour, linewidth=width, solid_capstyle="butt")


def _availability(axis: Axis | None, findings: Findings) -> Figure | None:
    if axis is None:
        return None
    rows = [row for _, row in rows_of(findings.tables.get("availability"))]
    pooled = [row for row in rows if row["variant"] == POOLED] or rows
    groups: dict[str, Rows] = {}
    for row in pooled:
        groups.setdefault(provider_of(str(row["subject"])), []).append(row)

    def draw(axes: Axes, those: Rows) -> None:
        subjects = list(dict.fromkeys(str(row["subject"]) for row in those))
        for row in those:
            colour = PALETTE[5] if not row["answered"] else PALETTE[1] if row["failed"] else PALETTE[2]
            start, place = seconds(row["bin_start"]), subjects.index(str(row["subject"]))
            axes.barh(place, axis.bin_s, left=start, height=0.6, color=colour, linewidth=0)
        named_lines(axes, subjects)
        _name_dates(axes, axis)

    label = "all answered (green), some failed (orange), none answered (red); empty: nothing was measured"
    return panels(groups, draw, label=label, per_row="subject")


def _of_few_variants(rows: Rows, baseline: str) -> Rows:
    """Every variant, or the baseline's rows where all would be too many panels."""
    count = len({(provider_of(str(row["subject"])), row["variant"]) for row in rows})
    of_baseline = [row for row in rows if row["variant"] == baseline]
    return of_baseline if count > _MOST_PANELS and of_baseline else rows


def _name_dates(axes: Axes, axis: Axis) -> None:
    form = "%d %b" if axis.last_s - axis.first_s > 2 * _DAY_S else "%d %b %H:%M"
    axes.set_xlim(axis.first_s, axis.last_s)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: datetime.fromtimestamp(at, tz=UTC).strftime(form)))
