"""How long were the runs at work? Pauses between sittings do not count.

A sitting begins with a `run_start` event. Its span is from the first beginning of a trial that ended in it (its
own beginning, if the trial began before) to the last end of one.
"""

from collections.abc import Iterable
from datetime import datetime

from trialbed.analysis.recheck.rows import Row, RunRows


def hours_of(runs: Iterable[RunRows]) -> float:
    """Over all sittings of all runs."""
    return sum(_span_s(sitting) for run in runs for sitting in _sittings(run)) / 3600


def _sittings(run: RunRows) -> list[list[tuple[str, str]]]:
    """(beginning, end) of the trials that ended in each sitting."""
    starts = sorted(event["at"] for event in run.of_kind("run_start") if event.get("at"))
    limits = [*starts, None]
    before = [_times(row) for row in run.rows if row.has_ended and (not starts or row.timestamp < starts[0])]
    sittings = [before]
    for start, following in zip(starts, limits[1:], strict=True):
        ended = [row for row in run.rows if row.has_ended and start <= row.timestamp]
        here = [row for row in ended if following is None or row.timestamp < following]
        sittings.append([(max(row.started_at, start), row.timestamp) for row in here])
    return [sitting for sitting in sittings if sitting]


def _times(row: Row) -> tuple[str, str]:
    return row.started_at, row.timestamp


def _span_s(times: list[tuple[str, str]]) -> float:
    first, last = min(began for began, _ in times), max(ended for _, ended in times)
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
