"""How long has a run been at work? Pure: pauses between sittings do not count."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any


class Sittings:
    """Gathers when trials began and ended, each in the sitting in which it ended.

    `starts` are the run_start events; rows without any are taken as one sitting.
    """

    def __init__(self, starts: Iterable[Mapping[str, Any]]) -> None:
        self._starts = sorted(start["at"] for start in starts if start.get("at"))
        self._ends: dict[int, tuple[str, str]] = {}

    def add(self, started_at: str, ended_at: str) -> None:
        """Times are ISO-8601 with Z and so many digits, so that their order is that of text."""
        number = bisect_right(self._starts, ended_at)
        began = max(started_at, self._starts[number - 1]) if number else started_at
        first, last = self._ends.get(number, (began, ended_at))
        self._ends[number] = (min(first, began), max(last, ended_at))

    @property
    def hours(self) -> float:
        """From the first trial's beginning to the last one's end, summed over the sittings."""
        spans = (datetime.fromisoformat(last) - datetime.fromisoformat(first) for first, last in self._ends.values())
        return sum(span.total_seconds() for span in spans) / 3600
