"""Which trial starts next, and when? One producer per subject; trials are made as places free up."""

from collections.abc import Callable

import anyio
import anyio.lowlevel

from trialbed.core.clock import Clock
from trialbed.core.errors import Drained
from trialbed.core.model import ModelName
from trialbed.core.plan import Plan
from trialbed.core.trial import Trial
from trialbed.engine.drain import Drain

_SKIPPED_PER_BREATH = 1_000


class Places:
    """How many trials may be under way at once. Somewhat more than calls in flight, so that no slot
    stands empty while a trial waits for the journal."""

    def __init__(self, max_concurrency: int) -> None:
        self._free = anyio.Semaphore(max_concurrency + max(2, max_concurrency // 4), fast_acquire=True)

    async def take(self) -> None:
        await self._free.acquire()

    def give_back(self) -> None:
        self._free.release()


async def pump(
    plan: Plan,
    subject: ModelName,
    *,
    is_done: Callable[[str], bool],
    is_stopped: Callable[[ModelName], bool],
    start: Callable[[Trial], None],
    places: Places,
    delay_s: float,
    drain: Drain,
    clock: Clock,
) -> None:
    """Start the trials of one subject in the plan's order until all are started or the run stops.

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
            await places.take()
            if drain.is_begun:
                places.give_back()
                return
        except Drained:
            return
        next_at = clock.monotonic() + delay_s
        start(trial)
