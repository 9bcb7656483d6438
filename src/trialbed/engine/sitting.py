"""How does one sitting at a run's journal go? Work under a drain, then the sinks' last flush, then the last line."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import anyio
from anyio.abc import TaskGroup

from trialbed.core.clock import Clock
from trialbed.core.model import ModelName
from trialbed.core.pace.lane import Pace
from trialbed.engine.drain import Drain
from trialbed.engine.governor import Governor
from trialbed.engine.progress import Progress
from trialbed.engine.signals import Signals
from trialbed.sinks.journal.events import Kind
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Sink

_LEAST_FLUSH_S = 5.0
_QUIET_FLUSH_S = 2.0

LastLine = tuple[Kind, dict[str, Any]]


@dataclass(frozen=True)
class Sitting:
    """The parts that any sitting has, whether it runs trials or judges what they left. Built by the application."""

    journal: Journal
    sinks: Sequence[Sink]
    drain: Drain
    governor: Governor
    signals: Signals
    progress: Progress
    clock: Clock
    max_concurrency: int
    flush_patience_s: float
    announce: Callable[[str], None]
    display: Callable[[], Coroutine[Any, Any, None]]


async def sit(
    sitting: Sitting,
    work: Callable[[], Awaitable[None]],
    *,
    last_line: Callable[[], LastLine] | None = None,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Do `work` until it is done or cut; `last_line` is asked when nothing is written any more.

    `beside` is something that goes on until the end of the work and may begin the drain.

    Raises:
        ExceptionGroup: of UserError, when the journal cannot be written any more.
    """
    async with anyio.create_task_group() as house:
        house.start_soon(sitting.journal.keep, name="journal")
        house.start_soon(sitting.signals.watch, name="signals")
        house.start_soon(sitting.display, name="display")
        if beside is not None:
            house.start_soon(beside, name="beside")
        for sink in sitting.sinks:
            house.start_soon(sink.run, name=f"sink {sink.name}")
        try:
            await _until_cut(sitting.drain, work, least_s=0.0)
            await _until_cut(sitting.drain, lambda: _flush(sitting), least_s=_LEAST_FLUSH_S)
        finally:
            try:
                with anyio.CancelScope(shield=True):
                    await sitting.journal.settle()
                    for model, pace in sitting.governor.paces().items():
                        sitting.journal.post("governor", None, **pace_event(model, pace, "end"))
                    if last_line is not None:
                        kind, body = last_line()
                        await sitting.journal.write(kind, None, **body)
            finally:
                sitting.journal.close()
                house.cancel_scope.cancel()


def pace_event(model: ModelName, pace: Pace, why: str) -> dict[str, Any]:
    """How a model's lane stands, as the journal keeps it."""
    return {"model": str(model), "why": why, **asdict(pace)}


async def _flush(sitting: Sitting) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_say_what_is_owed, sitting, name="flush notice")
        async with anyio.create_task_group() as flushes:
            for sink in sitting.sinks:
                flushes.start_soon(_flush_one, sink, sitting.flush_patience_s, name=f"flush {sink.name}")
        group.cancel_scope.cancel()


async def _flush_one(sink: Sink, patience_s: float) -> None:
    """Flush until nothing is owed, or nothing more gets through; what is owed then goes with the same command again."""
    before = sink.owed + 1
    while 0 < sink.owed < before:
        before = sink.owed
        await sink.flush(patience_s)


async def _say_what_is_owed(sitting: Sitting) -> None:
    """A word to whoever wonders why a finished run does not end."""
    await sitting.clock.sleep(_QUIET_FLUSH_S)
    owed = [f"{sink.owed} records to {sink.name}" for sink in sitting.sinks if sink.owed]
    if owed:
        sitting.announce(f"still delivering {', '.join(owed)}")


async def _until_cut(drain: Drain, work: Callable[[], Awaitable[None]], *, least_s: float) -> None:
    """Do `work`; when the run begins to stop, cut it as soon as the grace (but at least `least_s`) is over."""
    async with anyio.create_task_group() as both:
        both.start_soon(_cut_after_grace, drain, both, least_s, name="grace")
        await work()
        both.cancel_scope.cancel()


async def _cut_after_grace(drain: Drain, both: TaskGroup, least_s: float) -> None:
    await drain.until_over(least_s)
    both.cancel_scope.cancel()
