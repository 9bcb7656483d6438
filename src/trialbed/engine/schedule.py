"""When does the next cycle begin? At a fixed rate: what a cycle takes, or a wait takes too long, moves no later one."""

from dataclasses import dataclass

from trialbed.core.clock import Clock
from trialbed.engine.drain import Drain


@dataclass(frozen=True, slots=True)
class Tick:
    """A cycle that is due. `number` counts from 0; `missed` are those before it that nobody was there for."""

    number: int
    missed: int
    late_s: float


class FixedRate:
    """Ticks at `began + n * interval_s`, by the monotonic clock."""

    def __init__(self, clock: Clock, interval_s: float) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._began = clock.monotonic()
        self._number = 0

    async def next(self, drain: Drain) -> Tick:
        """Wait for the next tick. Those whose time has passed altogether are left out: nothing is made up for.

        Raises:
            Drained: the run is stopping.
        """
        due = max(self._number + 1, self._passed)
        # Not for a moment too short: a timer may come early by what the clock cannot tell.
        while (rest_s := self._moment(due) - self._clock.monotonic()) > 0:
            await drain.sleep(rest_s)
        if drain.is_begun:
            await drain.sleep(0)
        # The wait itself may have taken much longer: a machine sleeps, a process is stopped.
        due = max(due, self._passed)
        missed = due - self._number - 1
        self._number = due
        return Tick(due, missed, self._clock.monotonic() - self._moment(due))

    @property
    def _passed(self) -> int:
        """The newest tick whose moment has come."""
        return int((self._clock.monotonic() - self._began) / self._interval_s)

    def _moment(self, number: int) -> float:
        return self._began + number * self._interval_s
