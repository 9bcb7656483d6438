"""Who works on the trials? Tasks that take one after another: a new task for each costs more than most of its steps."""

import asyncio
from collections.abc import Awaitable, Callable

from anyio.abc import TaskGroup

from trialbed.core.trial import Trial
from trialbed.engine.pump import Place

Work = Callable[[Trial, Place], Awaitable[None]]
_Job = tuple[Trial, Place]


class Crew:
    """As many tasks of one group as there were trials at a time, never more."""

    def __init__(self, group: TaskGroup, work: Work) -> None:
        self._group = group
        self._work = work
        self._idle: list[asyncio.Future[_Job | None]] = []
        self._is_dismissed = False

    def start(self, trial: Trial, place: Place) -> None:
        """Have somebody begin with a trial at once."""
        while self._idle:
            waiting = self._idle.pop()
            if not waiting.cancelled():
                waiting.set_result((trial, place))
                return
        self._group.start_soon(self._keep_working, trial, place, name="trials")

    def dismiss(self) -> None:
        """Nothing more is started: whoever has nothing to do goes home, now or at the end of his trial."""
        self._is_dismissed = True
        while self._idle:
            waiting = self._idle.pop()
            if not waiting.cancelled():
                waiting.set_result(None)

    async def _keep_working(self, trial: Trial, place: Place) -> None:
        job: _Job | None = (trial, place)
        while job is not None:
            await self._work(*job)
            job = None if self._is_dismissed else await self._next()

    async def _next(self) -> _Job | None:
        waiting: asyncio.Future[_Job | None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiting)
        return await waiting
