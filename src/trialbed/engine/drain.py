"""Is the run stopping, and is there still time for another call? One per run."""

import anyio

from trialbed.core.clock import Clock
from trialbed.core.errors import Drained

_NEAR_SHARE = 0.1


class Drain:
    """Once begun: no new trials; a running trial may make another call while it is likely to finish.

    Calls in flight are cut when `grace_s` has passed, never before.
    """

    def __init__(self, *, clock: Clock, grace_s: float) -> None:
        self.begun = anyio.Event()
        self.why: str | None = None
        self._hastened = anyio.Event()
        self._clock = clock
        self._grace_s = grace_s
        self._ends_at: float | None = None
        self._slowest_s = 0.0

    @property
    def is_begun(self) -> bool:
        return self._ends_at is not None

    @property
    def left_s(self) -> float:
        """Seconds until calls in flight are cut; the whole grace before the drain has begun."""
        return self._grace_s if self._ends_at is None else max(0.0, self._ends_at - self._clock.monotonic())

    def begin(self, why: str, *, grace_s: float | None = None) -> None:
        """Start no further trial. Only the first reason counts; a later one may shorten the time that is left.

        `grace_s`: another time for calls in flight than the usual one, where nobody waits at the terminal.
        """
        ends_at = self._clock.monotonic() + (self._grace_s if grace_s is None else grace_s)
        if self._ends_at is None:
            self.why = why
            self._ends_at = ends_at
            self.begun.set()
        elif ends_at < self._ends_at:
            self._ends_at = ends_at
            self._hastened.set()
            self._hastened = anyio.Event()

    async def until_over(self, least_s: float) -> None:
        """Return when calls in flight are to be cut, `least_s` after the beginning at the earliest."""
        await self.begun.wait()
        earliest = self._clock.monotonic() + least_s
        while (rest_s := max(self.left_s, earliest - self._clock.monotonic())) > 0:
            with anyio.move_on_after(rest_s):
                await self._hastened.wait()

    def saw_call(self, seconds: float) -> None:
        """Learn how long a call can take."""
        self._slowest_s = max(seconds, self._slowest_s * 0.98)

    def check_call(self) -> None:
        """Raises:
        Drained: the run is stopping and a further call would probably be cut.
        """
        if self.is_begun and self.left_s <= max(self._slowest_s, self._grace_s * _NEAR_SHARE):
            raise Drained

    async def sleep(self, seconds: float) -> None:
        """Wait, unless the run begins to stop.

        Raises:
            Drained: it did.
        """
        if seconds > 0 and not self.is_begun:
            with anyio.move_on_after(seconds):
                await self.begun.wait()
        if self.is_begun:
            raise Drained
