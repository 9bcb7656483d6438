"""When is a store opened and closed? On first need, once for each `run` or `flush`; again with renewed credentials."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

from trialbed.sinks.s3.store import Store, open_store
from trialbed.sinks.s3.target import Pace, S3Target


class Opening:
    """A store that is opened when it is asked for. Closed at the end of its `async with`."""

    def __init__(self, target: S3Target, pace: Pace) -> None:
        self._target = target
        self._pace = pace
        self._stack = AsyncExitStack()
        self._store: Store | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def store(self) -> Store:
        """The open store.

        Raises:
            S3Fault: it cannot be opened.
        """
        if self._store is None:
            opening: AbstractAsyncContextManager[Store] = open_store(self._target, self._pace)
            self._store = await self._stack.enter_async_context(opening)
        return self._store

    async def close(self) -> None:
        """Whoever asks next gets a new one, which reads the credentials anew."""
        self._store = None
        await self._stack.aclose()
