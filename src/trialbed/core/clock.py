"""What time is it? The only place that reads a clock, so that tests can hold one still."""

import time
from datetime import UTC, datetime
from typing import Protocol

import anyio


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; for durations only."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


def iso_z(moment: datetime) -> str:
    """ISO-8601 with milliseconds and Z, e.g. `2026-11-20T12:34:56.789Z`."""
    # Cut, not rounded: a moment never seems to come after a later one. The end is "+00:00".
    return f"{moment.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"
