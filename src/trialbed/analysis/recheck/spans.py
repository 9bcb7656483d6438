"""How is the time of a report cut, going by TABLES.md? Into bins that are shown, and blocks that intervals go by.

All of it in milliseconds, moments since 1970.
"""

import calendar
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from trialbed.analysis.recheck.rows import Row

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|\+00:00)")
_UNITS = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1_000}
_LADDER = {
    "s": (1, 2, 5, 10, 15, 30),
    "min": (1, 2, 5, 10, 15, 30),
    "h": (1, 2, 3, 6, 12),
    "d": (1, 2, 4, 7, 14, 28, 56, 112, 224, 448),
}
_STEPS = [_UNITS[unit] * number for unit, numbers in _LADDER.items() for number in numbers]


@dataclass(frozen=True)
class Spans:
    """`step` lies between two measurements of one kind; None = there is no such thing."""

    first: int
    step: float | None
    bin: int | None
    block: int | None

    def bin_at(self, moment: int) -> int:
        return moment - moment % self.bin if self.bin else self.first - self.first % 1000

    def block_at(self, moment: int) -> str:
        return "" if self.block is None else str(moment - moment % self.block)


def spans_of(rows: Iterable[Row], *, measures: int) -> Spans | None:
    """`measures` go over time. None where none does, or no trial has ended."""
    ended = [row for row in rows if row.has_ended]
    if not measures or not ended:
        return None
    times: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in ended:
        times[row.run, row.planned.scenario, row.planned.variant, row.planned.served_by].append(began(row))
    everything = sorted(moment for moments in times.values() for moment in moments)
    length = everything[-1] - everything[0]
    step = _middle([gap for moments in times.values() for gap in _gaps(moments)])
    if not step:
        return Spans(everything[0], None, None, None)
    series = len({(variant, subject) for _, _, variant, subject in times})
    bins = max(50, min(100, 10_000 // (series * measures)))
    block = _first_of(max(8 * step, length / 20)) if length / step >= 39 else None
    return Spans(everything[0], step, _first_of(max(2 * step, length / bins)), block)


def began(row: Row) -> int:
    """Raises:
    ValueError: the record's time is none of UTC.
    """
    return _read(row.started_at)


@lru_cache(maxsize=250_000)
def _read(text: str) -> int:
    """Every table asks for every trial's."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no time of UTC")
    seconds = calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1000 + int((found[2] or "0").ljust(6, "0")) // 1000


def moment_of(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1000))


def in_words(span: int) -> str:
    unit = next(name for name, size in _UNITS.items() if span % size == 0)
    return f"{span // _UNITS[unit]} {unit}"


def _gaps(moments: list[int]) -> list[int]:
    in_order = sorted(moments)
    return [in_order[place] - in_order[place - 1] for place in range(1, len(in_order))]


def _middle(gaps: list[int]) -> float | None:
    if not gaps:
        return None
    in_order, half = sorted(gaps), len(gaps) // 2
    return float(in_order[half]) if len(gaps) % 2 else (in_order[half - 1] + in_order[half]) / 2


def _first_of(least: float) -> int:
    enough = [step for step in _STEPS if step >= least]
    return enough[0] if enough else _STEPS[-1]
