"""How many calls may be in flight, and when may the next one start? The seam for pacing.

`Ceiling` only bounds the number in flight. A governor that learns the quota takes its place without
any other code changing: it is told what is about to be sent and how it went.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import anyio

from trialbed.core.model import ModelName


class Governor(Protocol):
    @property
    def in_flight(self) -> int: ...

    def slot(self, model: ModelName, tokens: int) -> AbstractAsyncContextManager[object]:
        """Held for one attempt at `model` that reserves `tokens`; an exception says that it failed."""
        ...


class Ceiling:
    """At most `most` attempts in flight, whoever asks."""

    def __init__(self, most: int) -> None:
        self._limiter = anyio.CapacityLimiter(most)

    @property
    def in_flight(self) -> int:
        return self._limiter.borrowed_tokens

    def slot(self, model: ModelName, tokens: int) -> AbstractAsyncContextManager[object]:
        return _Borrowed(self._limiter)


class _Borrowed:
    """One token of a limiter, on behalf of this very call: a task may hold several."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter

    async def __aenter__(self) -> None:
        await self._limiter.acquire_on_behalf_of(self)

    async def __aexit__(self, *exc: object) -> None:
        self._limiter.release_on_behalf_of(self)
