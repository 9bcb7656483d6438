"""When does a call's turn come? The awaiting shell around `core.pace`: one lane per model, one ceiling for all.

One governor serves a process: all calls to a model, whoever makes them, stand in one queue. Where the ceiling
is what keeps them waiting, the model with the fewest calls in flight goes first, so that one that is slow
cannot take all places.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType

import anyio

from trialbed.core.clock import Clock
from trialbed.core.errors import CallError, Throttled, WarmingUp
from trialbed.core.model import ModelName, Usage
from trialbed.core.pace.lane import Lane, Need, Pace, Quota, Ticket, Unit

_WARM_UP_S = 10.0
_SHORT_SHARE = 0.25
_SHORT_LEAST = 2
_NEWS_S = 5.0
_NEWS_SHARE = 0.1

OnPace = Callable[[ModelName, Pace], None]
"""Hears how a lane stands, whenever that has changed noticeably."""


class Governor:
    """The lanes of a process. `on_pace` writes their history down."""

    def __init__(
        self,
        *,
        ceiling: int,
        quotas: Mapping[ModelName, Quota],
        clock: Clock,
        on_pace: OnPace = lambda _model, _pace: None,
        ceilings: Mapping[ModelName, int] = MappingProxyType({}),
    ) -> None:
        """`ceiling` is of all models together, `ceilings` have those of single ones."""
        self.in_flight = 0
        self._ceiling = ceiling
        self._ceilings = ceilings
        self._quotas = quotas
        self._clock = clock
        self._on_pace = on_pace
        self._queues: dict[ModelName, _Queue] = {}
        self._crowded: dict[_Queue, None] = {}

    def slot(self, model: ModelName, need: Need, *, under_way: bool = False) -> "Slot":
        """Held for one attempt; a CallError that passes through it is learnt from.

        `under_way`: a call of a trial that has begun goes ahead of those that begin one.
        """
        return Slot(self, self._queue(model), need, under_way=under_way)

    async def until_wanted(self, model: ModelName) -> None:
        """Return when few calls wait for `model`: one more would keep it busy."""
        queue = self._queue(model)
        while queue.length > queue.short:
            queue.became_short = queue.became_short or anyio.Event()
            await queue.became_short.wait()

    def paces(self) -> dict[ModelName, Pace]:
        """How each lane stands."""
        return {model: queue.lane.pace() for model, queue in self._queues.items()}

    def _queue(self, model: ModelName) -> "_Queue":
        queue = self._queues.get(model)
        if queue is None:
            most = min(self._ceiling, self._ceilings.get(model, self._ceiling))
            lane = Lane(most, self._quotas.get(model, Quota()))
            queue = self._queues[model] = _Queue(model, lane)
        return queue

    def start(self, queue: "_Queue", need: Need) -> Ticket | float:
        """The ticket of a call that starts now; else how long to wait, inf = until another call ends."""
        if not queue.lane.has_width:
            return float("inf")
        now = self._clock.monotonic()
        wait_s = queue.lane.wait_s(need, now)
        if wait_s > 0:
            self._crowded.pop(queue, None)
            return wait_s
        if self.in_flight >= self._ceiling:
            self._crowded[queue] = None
            return float("inf")
        self._crowded.pop(queue, None)
        self.in_flight += 1
        return queue.lane.start(need, now)

    async def wait(self, queue: "_Queue", need: Need, *, under_way: bool) -> Ticket:
        """Stand in line until the call may start."""
        waiter = _Waiter(need)
        queue.join(waiter, under_way=under_way)
        self.serve(queue)
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.cancelled():
                queue.leave(waiter)
                self.serve(queue)
            else:  # its turn had come as it was cancelled
                queue.lane.withdrawn(waiter.turn.result())
                self._pass_on(queue)
            raise

    def serve(self, queue: "_Queue") -> None:
        """Start those at the head of the line that may; see to it that the next is looked at in time."""
        while (waiter := queue.first) is not None:
            started = None if waiter.turn.done() else self.start(queue, waiter.need)
            if isinstance(started, float):
                queue.look_again(started, self.serve)
                return
            queue.leave(waiter)
            if started is not None:
                waiter.turn.set_result(started)
        queue.look_again(float("inf"), self.serve)
        self._crowded.pop(queue, None)

    def ended(self, queue: "_Queue", ticket: Ticket, usage: Usage | None, error: BaseException | None) -> None:
        """A call is over, in whichever way."""
        now = self._clock.monotonic()
        lane = queue.lane
        changed = False
        if isinstance(error, Throttled):
            changed = lane.throttled(ticket, _unit(error), now)
            if error.retry_after_s is not None:
                lane.hold_off(error.retry_after_s, now)
        elif isinstance(error, WarmingUp):
            lane.warming_up(ticket, _WARM_UP_S, now)
        elif usage is not None:
            spent = usage.input_tokens + usage.cache_write_tokens
            lane.answered(ticket, spent, usage.output_tokens, now, others_wait=queue.length > 0)
        elif isinstance(error, Exception) and not isinstance(error, CallError):
            # Stopped, drained or paused between its turn and its sending.
            lane.withdrawn(ticket)
        else:
            lane.failed(ticket)
        self._tell(queue, now, at_once=changed)
        self._pass_on(queue)

    def _pass_on(self, queue: "_Queue") -> None:
        """A call is over: a line kept waiting by the ceiling takes its place, fewest in flight first, or its own."""
        self.in_flight -= 1
        for crowded in sorted(self._crowded, key=lambda one: one.lane.in_flight):
            self.serve(crowded)
        self.serve(queue)

    def _tell(self, queue: "_Queue", now: float, *, at_once: bool) -> None:
        limit = queue.lane.limit
        is_news = abs(limit - queue.told_limit) > _NEWS_SHARE * queue.told_limit and now - queue.told_at > _NEWS_S
        if at_once or is_news:
            queue.told_at, queue.told_limit = now, limit
            self._on_pace(queue.model, queue.lane.pace())


class Slot:
    """One attempt's place. Say `settle` when it was answered; an exception says the rest."""

    __slots__ = ("_governor", "_need", "_queue", "_ticket", "_under_way", "_usage")

    def __init__(self, governor: Governor, queue: "_Queue", need: Need, *, under_way: bool) -> None:
        self._governor = governor
        self._queue = queue
        self._need = need
        self._under_way = under_way
        self._ticket: Ticket | None = None
        self._usage: Usage | None = None

    def settle(self, usage: Usage) -> None:
        """The attempt was answered and took so many tokens."""
        self._usage = usage

    async def __aenter__(self) -> "Slot":
        if not self._queue.length:
            started = self._governor.start(self._queue, self._need)
            if isinstance(started, Ticket):
                self._ticket = started
                return self
        self._ticket = await self._governor.wait(self._queue, self._need, under_way=self._under_way)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ticket is not None:
            self._governor.ended(self._queue, self._ticket, self._usage, error)


class _Waiter:
    """`turn` brings the ticket; it is cancelled with the task that waits for it."""

    __slots__ = ("need", "turn")

    def __init__(self, need: Need) -> None:
        self.need = need
        self.turn: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()


class _Queue:
    """Who waits for one model: first the calls of trials under way, then those that begin one."""

    def __init__(self, model: ModelName, lane: Lane) -> None:
        self.model = model
        self.lane = lane
        self.became_short: anyio.Event | None = None
        self.told_at = float("-inf")
        self.told_limit = lane.limit
        self._under_way: deque[_Waiter] = deque()
        self._beginning: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def length(self) -> int:
        return len(self._under_way) + len(self._beginning)

    @property
    def short(self) -> int:
        """A line of this length keeps the lane busy."""
        return max(_SHORT_LEAST, int(self.lane.limit * _SHORT_SHARE))

    @property
    def first(self) -> "_Waiter | None":
        line = self._under_way or self._beginning
        return line[0] if line else None

    def join(self, waiter: "_Waiter", *, under_way: bool) -> None:
        """Stand in line."""
        (self._under_way if under_way else self._beginning).append(waiter)

    def leave(self, waiter: "_Waiter") -> None:
        for line in (self._under_way, self._beginning):
            if waiter in line:
                line.remove(waiter)
                break
        if self.became_short is not None and self.length <= self.short:
            self.became_short.set()
            self.became_short = None

    def look_again(self, after_s: float, serve: "Callable[[_Queue], None]") -> None:
        """Have the line served after so long; inf = not before a call ends or another comes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if after_s != float("inf"):
            self._timer = asyncio.get_running_loop().call_later(after_s, serve, self)


def _unit(error: CallError) -> Unit:
    """Which quota turned a call away, in the service's words."""
    return "tokens" if "token" in error.detail.lower() else "requests"
