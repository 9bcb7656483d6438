"""How is a measure drawn over the time of a run? Pure: geometry and references to cells, no numbers.

A panel is drawn in a box of WIDTH x HEIGHT; time goes to the right. A line is broken where a bin holds nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from trialbed.analysis.report.forest import POOLED, Forest, Line, Row, Strip, rows_of
from trialbed.analysis.report.scale import Scale, around
from trialbed.analysis.table import Cell, Table

WIDTH, HEIGHT = 1000, 200
_TOP, _FLOOR = 16, 174
COLOURS, _DASHES = 8, 3
MARK = 3
"""Height of the mark of a bin without an answer; each colour has its own line of them under the axis."""
_DRAWN, _BOXED = ("p25", "p50", "p75"), ("p5", "p25", "p50", "p75", "p95")
_LABELS = 4
_DAY_S = 86_400
Seconds = float


@dataclass(frozen=True)
class Axis:
    """The time of all panels: `first_s` to `last_s` since 1970, bins of `bin_s`."""

    first_s: Seconds
    last_s: Seconds
    bin_s: Seconds

    def at(self, moment_s: Seconds) -> float:
        return WIDTH * (moment_s - self.first_s) / (self.last_s - self.first_s)

    @property
    def bin_width(self) -> float:
        return WIDTH * self.bin_s / (self.last_s - self.first_s)

    @property
    def labels(self) -> list[tuple[str, str, str]]:
        """Position in percent, anchor and text of each tick: days of a long time, hours of a short one."""
        form = "%d %b" if self.last_s - self.first_s > 2 * _DAY_S else "%d %b %H:%M"
        moments = [self.first_s + (self.last_s - self.first_s) * part / (_LABELS - 1) for part in range(_LABELS)]
        anchors = ("start", *("middle",) * (_LABELS - 2), "end")
        texts = (datetime.fromtimestamp(moment, tz=UTC).strftime(form) for moment in moments)
        places = (f"{100 * part / (_LABELS - 1):.2f}%" for part in range(_LABELS))
        return list(zip(places, anchors, texts, strict=True))


@dataclass(frozen=True)
class Curve:
    """One subject. `strokes` and `bands` are points as SVG has them; `silent` are bins without any answer (x, width).

    `row` is its row of `percentiles`; None if it has none there.
    """

    subject: str
    colour: int
    dash: int
    strokes: tuple[str, ...]
    bands: tuple[str, ...]
    silent: tuple[tuple[str, str], ...]
    level: str
    row: int | None


@dataclass(frozen=True)
class Panel:
    provider: str
    scale: Scale
    curves: tuple[Curve, ...]

    @property
    def heights(self) -> list[tuple[str, str]]:
        """Position in percent, and text, of each tick of the scale."""
        return [(f"{100 * _y(self.scale, tick) / HEIGHT:.2f}%", f"{tick:g}") for tick in self.scale.ticks]


@dataclass(frozen=True)
class Course:
    """One measure under one variant; one panel per provider, each on a scale of its own."""

    measure: str
    variant: str
    axis: Axis
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Presence:
    """One subject, all variants together; `bins` are (x, width, how): "all", "some" or "none" of a bin answered."""

    subject: str
    bins: tuple[tuple[str, str, str], ...]


def axis_of(availability: Table | None, bin_s: Cell) -> Axis | None:
    """None where there is a single bin: nothing goes over time."""
    starts = [seconds(row["bin_start"]) for _, row in rows_of(availability)]
    if not starts or bin_s is None or min(starts) == max(starts):
        return None
    return Axis(min(starts), max(starts) + float(bin_s), float(bin_s))


def seconds(moment: Cell) -> Seconds:
    return datetime.fromisoformat(str(moment)).timestamp()


def courses(tables: Mapping[str, Table], axis: Axis) -> list[Course]:
    """Of every measure and variant, in the order of the table."""
    own: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for place, row in rows_of(tables.get("over_time")):
        of_subject = own.setdefault((str(row["measure"]), str(row["variant"])), {})
        of_subject.setdefault(str(row["subject"]), []).append((place, row))
    silent = _silent(tables.get("availability"))
    known = _places(tables.get("percentiles"))
    found: list[Course] = []
    for (measure, variant), subjects in own.items():
        absent = [subject for at, subject in silent if at == variant and subject not in subjects]
        everybody = {**subjects, **{subject: [] for subject in absent}}
        panels = []
        for provider, names in _by_provider(everybody).items():
            scale = _scale((row for name in names for _, row in everybody[name]), _DRAWN)
            curves = tuple(
                _curve(
                    *(axis, scale, number, name, everybody[name]),
                    silent=silent.get((variant, name), []),
                    row=known.get((measure, variant, name)),
                )
                for number, name in enumerate(names)
            )
            panels.append(Panel(provider, scale, curves))
        found.append(Course(measure, variant, axis, tuple(panels)))
    return found


def presences(availability: Table | None, axis: Axis) -> list[Presence]:
    """Of every subject; those without any trial that ended have none."""
    rows = [row for _, row in rows_of(availability)]
    pooled = {row["subject"] for row in rows if row["variant"] == POOLED}
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in rows:
        if row["variant"] == POOLED or row["subject"] not in pooled:
            how = "none" if not row["answered"] else "some" if row["failed"] else "all"
            x, width = _bin(axis, row)
            found.setdefault(str(row["subject"]), []).append((x, width, how))
    return [Presence(subject, tuple(bins)) for subject, bins in found.items()]


def boxes(table: Table | None) -> list[Forest]:
    """Median, middle half, and where nine tenths lie; one forest per measure and variant, one axis per measure."""
    rows = [(place, row) for place, row in rows_of(table) if row["p50"] is not None]
    scales = {
        measure: _scale((row for _, row in rows if row["measure"] == measure), _BOXED)
        for measure in dict.fromkeys(row["measure"] for _, row in rows)
    }
    groups: dict[tuple[str, str], list[Line]] = {}
    for place, row in rows:
        scale = scales[row["measure"]]
        lo, hi = ((None if row[name] is None else scale.at(float(row[name] or 0))) for name in ("p25", "p75"))
        wide = [None if row[name] is None else scale.at(float(row[name] or 0)) for name in ("p5", "p95")]
        far = None if wide[0] is None or wide[1] is None else (wide[0], wide[1])
        strip = Strip(scale.at(float(row["p50"] or 0)), lo, hi, far)
        line = Line(str(row["subject"]), "percentiles", place, strip)
        groups.setdefault((str(row["measure"]), str(row["variant"])), []).append(line)
    return [Forest(measure, variant, scales[measure], tuple(lines)) for (measure, variant), lines in groups.items()]


def _curve(
    axis: Axis,
    scale: Scale,
    number: int,
    subject: str,
    rows: Sequence[Row],
    *,
    silent: Sequence[dict[str, Cell]],
    row: int | None,
) -> Curve:
    pieces = list(unbroken((one for _, one in rows), axis.bin_s))
    bands = [[one for one in piece if one["p25"] is not None and one["p75"] is not None] for piece in pieces]
    return Curve(
        subject=subject,
        colour=number % COLOURS,
        dash=number // COLOURS % _DASHES,
        strokes=tuple(_stroke(axis, scale, piece) for piece in pieces),
        bands=tuple(_band(axis, scale, band) for band in bands if len(band) > 1),
        silent=tuple(_bin(axis, one) for one in silent),
        level=str(_FLOOR + 2 + number % COLOURS * MARK),
        row=row,
    )


def unbroken(rows: Iterable[dict[str, Cell]], bin_s: Seconds) -> Iterator[list[dict[str, Cell]]]:
    """Bins that follow each other."""
    piece: list[dict[str, Cell]] = []
    for row in rows:
        if piece and seconds(row["bin_start"]) - seconds(piece[-1]["bin_start"]) > 1.5 * bin_s:
            yield piece
            piece = []
        piece.append(row)
    if piece:
        yield piece


def _stroke(axis: Axis, scale: Scale, piece: Sequence[dict[str, Cell]]) -> str:
    """Through the middle of the bins; a single one is a short level line."""
    if len(piece) == 1:
        y = _y(scale, float(piece[0]["p50"] or 0))
        start = axis.at(seconds(piece[0]["bin_start"]))
        return _points([(start, y), (start + axis.bin_width, y)])
    return _points([(_middle(axis, row), _y(scale, float(row["p50"] or 0))) for row in piece])


def _band(axis: Axis, scale: Scale, piece: Sequence[dict[str, Cell]]) -> str:
    upper = [(_middle(axis, row), _y(scale, float(row["p75"] or 0))) for row in piece]
    lower = [(_middle(axis, row), _y(scale, float(row["p25"] or 0))) for row in piece]
    return _points([*upper, *reversed(lower)])


def _middle(axis: Axis, row: Mapping[str, Cell]) -> float:
    return axis.at(seconds(row["bin_start"]) + axis.bin_s / 2)


def _bin(axis: Axis, row: Mapping[str, Cell]) -> tuple[str, str]:
    return f"{axis.at(seconds(row['bin_start'])):.1f}", f"{axis.bin_width:.1f}"


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _y(scale: Scale, value: float) -> float:
    share = (min(max(value, scale.low), scale.high) - scale.low) / (scale.high - scale.low)
    return _FLOOR - share * (_FLOOR - _TOP)


def _scale(rows: Iterable[Mapping[str, Cell]], names: Sequence[str]) -> Scale:
    """From 0; a rate or a time that is twice another is twice as high."""
    return around((float(cell) for row in rows for name in names if (cell := row[name]) is not None), always=[0.0])


def _by_provider(subjects: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for subject in subjects:
        found.setdefault(provider_of(subject), []).append(subject)
    return found


def provider_of(subject: str) -> str:
    return subject.partition(":")[0]


def _silent(table: Table | None) -> dict[tuple[str, str], list[dict[str, Cell]]]:
    """By variant and subject the bins of `availability` without any answer."""
    found: dict[tuple[str, str], list[dict[str, Cell]]] = {}
    for _, row in rows_of(table):
        if not row["answered"]:
            found.setdefault((str(row["variant"]), str(row["subject"])), []).append(row)
    return found


def _places(table: Table | None) -> dict[tuple[str, str, str], int]:
    return {(str(row["measure"]), str(row["variant"]), str(row["subject"])): place for place, row in rows_of(table)}
