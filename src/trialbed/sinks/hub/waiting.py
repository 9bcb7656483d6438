"""How long until the next try, and what ends a wait early? The first part is pure."""

from random import Random

import anyio

from trialbed.core.clock import Clock
from trialbed.sinks.hub.faults import Conflicted, HubFault, QuotaReached
from trialbed.sinks.hub.target import Pace


def wait_s(fault: HubFault, *, failures: int, pace: Pace, random: Random) -> float:
    """Seconds before the next try: full jitter under a doubling cap, or what the Hub asks for.

    `failures` counts those in a row, this one included.
    """
    doubled = pace.retry_first_s * 2 ** min(failures - 1, 20)
    if isinstance(fault, QuotaReached):
        asked = pace.quota_wait_s if fault.retry_after_s is None else fault.retry_after_s
        # Never earlier than asked: a try before its time may count against the quota too.
        return asked + random.uniform(0.0, pace.retry_first_s)
    if isinstance(fault, Conflicted):
        # Others finish their commits within seconds: no reason to stay away for long.
        return random.uniform(0.0, min(doubled, 8 * pace.retry_first_s, pace.retry_most_s))
    return random.uniform(0.0, min(doubled, pace.retry_most_s))


async def first_of(clock: Clock, seconds: float, event: anyio.Event) -> None:
    """Return after `seconds`, or as soon as `event` is set."""
    async with anyio.create_task_group() as both:

        async def wait_for_event() -> None:
            await event.wait()
            both.cancel_scope.cancel()

        both.start_soon(wait_for_event, name="hub: woken early")
        await clock.sleep(seconds)
        both.cancel_scope.cancel()
