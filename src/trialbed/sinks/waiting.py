"""What ends a wait early?"""

import anyio

from trialbed.core.clock import Clock


async def first_of(clock: Clock, seconds: float, event: anyio.Event) -> None:
    """Return after `seconds`, or as soon as `event` is set."""
    async with anyio.create_task_group() as both:

        async def wait_for_event() -> None:
            await event.wait()
            both.cancel_scope.cancel()

        both.start_soon(wait_for_event, name="woken early")
        await clock.sleep(seconds)
        both.cancel_scope.cancel()
