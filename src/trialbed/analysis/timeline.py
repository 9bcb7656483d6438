"""Over which time does a report go, and into which bins and blocks is it cut? Pure; the rules are in TABLES.md."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from trialbed.analysis.rows import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
WIDTHS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(number * _MINUTE for number in (1, 2, 5, 10, 15, 30)),
    *(number * _HOUR for number in (1, 2, 3, 6, 12)),
    *(number * _DAY for number in (1, 2, 4, 7, 14, 28, 56, 112, 224, 448)),
)
"""Widths that people count time in; each is at most two and a half times the one before."""
_MOST_BINS, _FEWER_BINS, _MOST_ROWS = 100, 50, 10_000
_MOST_BLOCKS, _LEAST_STEPS, _LEAST_CYCLES = 20, 8, 40
"""Few and long blocks depend little on each other; 10 to 30 are enough (Schmeiser, Oper. Res. 30:556 (1982))."""


@dataclass(frozen=True)
class Timeline:
    """All times in milliseconds since 1970, UTC.

    Args:
        interval_ms: between two measurements of one kind, in the middle; None if each was made once.
        bin_ms: the width of a bin; None = everything is one bin.
        block_ms: the width of a block, whose measurements are taken as dependent; None = the time is too short for it.
    """

    first_ms: int
    last_ms: int
    interval_ms: float | None
    bin_ms: int | None
    block_ms: int | None

    def bin_of(self, at_ms: int) -> int:
        """The beginning of the bin."""
        return self.first_ms // 1000 * 1000 if self.bin_ms is None else at_ms // self.bin_ms * self.bin_ms

    def block_of(self, at_ms: int) -> int:
        """The beginning of the block; without blocks nobody asks."""
        assert self.block_ms is not None
        return at_ms // self.block_ms * self.block_ms


def timeline_of(ended: Sequence[Row], *, measures: int) -> Timeline | None:
    """Of all trials that ended; `measures` is how many go over it. None of no trial."""
    if not ended:
        return None
    series: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in ended:
        series[row.variant, row.served_by, row.scenario, row.run].append(began_ms(row))
    first, last = min(map(min, series.values())), max(map(max, series.values()))
    interval = _interval(series.values())
    if interval is None:
        return Timeline(first, last, None, None, None)
    cells = len({key[:2] for key in series})
    most_bins = min(_MOST_BINS, max(_FEWER_BINS, _MOST_ROWS // max(1, cells * measures)))
    # Two intervals at least: a measurement that is made a little late leaves no bin empty.
    bin_ms = _width(max(2 * interval, (last - first) / most_bins))
    is_long = (last - first) / interval + 1 >= _LEAST_CYCLES
    block_ms = _width(max(_LEAST_STEPS * interval, (last - first) / _MOST_BLOCKS)) if is_long else None
    return Timeline(first, last, interval, bin_ms, block_ms)


def began_ms(row: Row) -> int:
    return (datetime.fromisoformat(row.started_at) - _EPOCH) // _MS


def as_moment(at_ms: int) -> str:
    """To the second, as ISO 8601 has it."""
    return (_EPOCH + at_ms * _MS).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_width(width_ms: int) -> str:
    """`30 min`, `12 h`, `1 d`."""
    units = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))
    seconds, name = next((unit for unit in units if width_ms % (unit[0] * 1000) == 0), units[-1])
    return f"{width_ms // 1000 // seconds} {name}"


def _interval(series: Iterable[list[int]]) -> float | None:
    steps = [later - earlier for times in series for earlier, later in pairwise(sorted(times))]
    return float(median(steps)) or None if steps else None


def _width(least_ms: float) -> int:
    """The first that is not shorter; else the longest."""
    return next((width * 1000 for width in WIDTHS_S if width * 1000 >= least_ms), WIDTHS_S[-1] * 1000)
