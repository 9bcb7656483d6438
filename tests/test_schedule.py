"""Do cycles begin when they are due, whatever they and the waits between them take?"""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbed.core.errors import Drained
from trialbed.engine.drain import Drain
from trialbed.engine.schedule import FixedRate


class SetClock:
    """Stands still but for sleeps, each of which takes `late_s` too long."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.at_s = 100.0
        self.late_s = late_s

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, UTC)

    def monotonic(self) -> float:
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds + self.late_s


class Waiting(Drain):
    """A drain that is never begun and whose waits pass on the clock."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__(clock=clock, grace_s=1.0)
        self.clock = clock

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


async def test_ten_cycles_that_are_each_late_do_not_drift() -> None:
    clock = SetClock(late_s=0.3)
    schedule, drain = FixedRate(clock, 10.0), Waiting(clock)
    for number in range(1, 11):
        clock.at_s += 4.0  # what the cycle takes
        tick = await schedule.next(drain)
        assert tick.number == number
        assert tick.missed == 0
        assert clock.at_s - (100.0 + 10.0 * number) == pytest.approx(0.3)


async def test_ticks_that_nobody_was_there_for_are_counted_and_not_made_up_for() -> None:
    clock = SetClock()
    schedule, drain = FixedRate(clock, 10.0), Waiting(clock)
    clock.at_s += 47.0  # the machine slept
    tick = await schedule.next(drain)
    assert (tick.number, tick.missed) == (4, 3)
    assert clock.at_s == 147.0 and tick.late_s == pytest.approx(7.0)
    assert (await schedule.next(drain)).number == 5
    assert clock.at_s == 150.0


async def test_a_wait_that_takes_hours_too_long_is_followed_by_one_cycle_not_by_two() -> None:
    clock = SetClock(late_s=35.0)
    schedule, drain = FixedRate(clock, 10.0), Waiting(clock)
    tick = await schedule.next(drain)  # due at 110, awake at 145
    assert (tick.number, tick.missed, clock.at_s) == (4, 3, 145.0)
    clock.late_s = 0.0
    assert (await schedule.next(drain)).number == 5
    assert clock.at_s == 150.0


@given(st.lists(st.floats(0.0, 50.0), max_size=30), st.floats(0.5, 20.0))
async def test_no_tick_comes_before_its_time_or_twice(took: list[float], interval_s: float) -> None:
    clock = SetClock()
    schedule, drain = FixedRate(clock, interval_s), Waiting(clock)
    last = 0
    for took_s in took:
        clock.at_s += took_s
        tick = await schedule.next(drain)
        assert tick.number == last + tick.missed + 1
        assert clock.at_s >= 100.0 + tick.number * interval_s - 1e-6
        last = tick.number


async def test_a_stop_ends_the_wait() -> None:
    clock = SetClock()
    drain = Drain(clock=clock, grace_s=1.0)
    drain.begin("SIGTERM")
    with pytest.raises(Drained):
        await FixedRate(clock, 10.0).next(drain)


async def test_a_stop_ends_also_a_tick_that_is_due() -> None:
    clock = SetClock()
    schedule, drain = FixedRate(clock, 10.0), Drain(clock=clock, grace_s=1.0)
    clock.at_s += 10.0
    drain.begin("SIGTERM")
    with pytest.raises(Drained):
        await schedule.next(drain)
