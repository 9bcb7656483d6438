"""Which trial starts next, and when? One producer per subject; trials are made as places free up."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel

from trialbed.core.clock import Clock
from trialbed.core.errors import Drained
from trialbed.core.model import ModelName
from trialbed.core.plan import Plan
from trialbed.core.trial import Trial
from trialbed.engine.drain import Drain

_SKIPPED_PER_BREATH = 1_000
_UNDER_WAY = 1_000
_TALKING_PER_SLOT = 2


class Places:
    """How many trials may be under way at once: by far more than calls in flight, but not all of them.

    Few enough may talk that some are soon at their end, whenever the run is cut; yet enough that no slot
    stands empty while others wait before a retry. Trials that are being judged are kept apart: a judge that
    is slow, or throttled, must not keep trials from starting whose subject is idle.
    """

    def __init__(self, max_concurrency: int) -> None:
        self._talking = anyio.Semaphore(_TALKING_PER_SLOT * max_concurrency, fast_acquire=True)
        self._under_way = anyio.Semaphore(_UNDER_WAY + _TALKING_PER_SLOT * max_concurrency, fast_acquire=True)

    async def take(self) -> "Place":
        await self._under_way.acquire()
        try:
            await self._talking.acquire()
        except BaseException:  # cancelled while waiting: the other half must not be lost
            self._under_way.release()
            raise
        return Place(self._talking, self._under_way)


class Place:
    """One trial's place."""

    def __init__(self, talking: anyio.Semaphore, under_way: anyio.Semaphore) -> None:
        self._talking: anyio.Semaphore | None = talking
        self._under_way = under_way

    def talked(self) -> None:
        """The dialogue is over; what is left is judging."""
        if self._talking is not None:
            self._talking.release()
            self._talking = None

    def give_back(self) -> None:
        self.talked()
        self._under_way.release()


async def pump(
    plan: Plan,
    subject: ModelName,
    *,
    is_done: Callable[[str], bool],
    is_stopped: Callable[[ModelName], bool],
    start: Callable[[Trial, Place], None],
    until_wanted: Callable[[], Awaitable[None]],
    places: Places,
    delay_s: float,
    drain: Drain,
    clock: Clock,
) -> None:
    """Start the trials of one subject in the plan's order until all are started or the run stops.

    `until_wanted` returns when the subject could do with another call waiting for it.
    `delay_s` spaces the starts; it is waited for without holding a place, and not at all once the
    subject has been stopped.
    """
    next_at = clock.monotonic()
    for number, trial in enumerate(plan.trials(subject)):
        if is_done(trial.trial_id):
            if number % _SKIPPED_PER_BREATH == 0:
                # A large run that is resumed skips for seconds, in which signals must be heard.
                await anyio.lowlevel.checkpoint()
            continue
        try:
            if delay_s and not is_stopped(subject):
                await drain.sleep(next_at - clock.monotonic())
            await until_wanted()
            place = await places.take()
            if drain.is_begun:
                place.give_back()
                return
        except Drained:
            return
        next_at = clock.monotonic() + delay_s
        start(trial, place)
        # Let it get as far as its first call, so that the next look at the queue sees it.
        await asyncio.sleep(0)
