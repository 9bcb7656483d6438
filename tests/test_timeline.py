"""Is the time of a run cut so that an hour, a day and a month can be looked at, and no cut makes a gap?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.rows import row
from trialbed.analysis.rows import Row
from trialbed.analysis.timeline import WIDTHS_S, Timeline, as_moment, as_width, began_ms, timeline_of

START = datetime(2026, 1, 2, 10, 17, 3, tzinfo=UTC)
DAY_S = 86_400


def measured(at_s: float, *, variant: str = "short", subject: str = "m") -> Row:
    moment = START + timedelta(seconds=at_s)
    began = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return replace(row(variant, f"{at_s}", subject=subject), started_at=began, served_by=f"bedrock:{subject}")


def measured_for(length_s: float, interval_s: float, *, jitter_s: float = 0.0, subjects: int = 1) -> list[Row]:
    draw = Random(1)
    return [
        measured(cycle * interval_s + draw.random() * jitter_s, subject=f"m{number}")
        for cycle in range(round(length_s / interval_s))
        for number in range(subjects)
    ]


def cut(rows: list[Row], measures: int = 2) -> Timeline:
    found = timeline_of(rows, measures=measures)
    assert found is not None
    return found


def bins(rows: list[Row], timeline: Timeline) -> list[int]:
    return sorted({timeline.bin_of(began_ms(one)) for one in rows})


@pytest.mark.parametrize(
    ("days", "minutes", "bin_width", "block_width"),
    [
        (1, 30, "1 h", "6 h"),
        (1, 5, "15 min", "2 h"),
        (7, 30, "2 h", "12 h"),
        (14, 30, "6 h", "1 d"),
        (30, 30, "12 h", "2 d"),
        (30, 60, "12 h", "2 d"),
        (365, 30, "4 d", "28 d"),
    ],
)
def test_a_day_a_week_and_a_month_have_20_to_100_bins(
    days: int, minutes: int, bin_width: str, block_width: str
) -> None:
    rows = measured_for(days * DAY_S, minutes * 60)
    timeline = cut(rows)
    assert timeline.bin_ms is not None and timeline.block_ms is not None
    assert (as_width(timeline.bin_ms), as_width(timeline.block_ms)) == (bin_width, block_width)
    assert 20 <= len(bins(rows, timeline)) <= 101


def test_one_cycle_is_one_bin_and_has_no_blocks() -> None:
    rows = [measured(number * 7, subject=f"m{number}") for number in range(20)]
    timeline = cut(rows)
    assert (timeline.interval_ms, timeline.bin_ms, timeline.block_ms) == (None, None, None)
    assert [as_moment(start) for start in bins(rows, timeline)] == ["2026-01-02T10:17:03Z"]


def test_without_a_trial_there_is_no_time() -> None:
    assert timeline_of([], measures=1) is None


def test_a_few_cycles_are_too_short_for_blocks() -> None:
    assert cut(measured_for(39 * 1800, 1800)).block_ms is None
    assert cut(measured_for(40 * 1800, 1800)).block_ms is not None


@pytest.mark.parametrize("jitter_s", [0.0, 0.05, 600.0, 1_700.0])
def test_a_measurement_that_is_made_late_leaves_no_bin_empty(jitter_s: float) -> None:
    rows = measured_for(3 * DAY_S, 1800, jitter_s=jitter_s)
    timeline = cut(rows)
    starts = bins(rows, timeline)
    assert {later - earlier for earlier, later in pairwise(starts)} == {timeline.bin_ms}


def test_many_models_have_fewer_bins_but_never_few() -> None:
    widths = []
    for subjects in (1, 40, 400):
        timeline = cut(measured_for(8 * DAY_S, 1800, subjects=subjects), measures=4)
        assert timeline.bin_ms is not None
        widths.append(8 * DAY_S * 1000 / timeline.bin_ms)
    assert widths[0] > widths[1] == widths[2] >= 20


def test_a_stop_of_some_days_does_not_change_the_interval() -> None:
    rows = measured_for(2 * DAY_S, 1800)
    later = [measured(9 * DAY_S + cycle * 1800) for cycle in range(96)]
    assert cut(rows + later).interval_ms == 1_800_000


@settings(deadline=None, max_examples=60)
@given(st.floats(0.1, 5e7), st.integers(2, 80))
def test_bins_are_never_more_than_a_few_over_100_whatever_the_interval(interval_s: float, cycles: int) -> None:
    rows = [measured(round(number * interval_s, 3)) for number in range(cycles)]
    timeline = cut(rows)
    assert len(bins(rows, timeline)) <= 101
    assert timeline.bin_ms is not None and timeline.bin_ms // 1000 in WIDTHS_S


@pytest.mark.parametrize("width", WIDTHS_S)
def test_a_width_in_words_is_that_width(width: int) -> None:
    number, unit = as_width(width * 1000).split()
    assert int(number) * {"s": 1, "min": 60, "h": 3_600, "d": DAY_S}[unit] == width
