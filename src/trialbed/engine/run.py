"""How does a whole run go? Trials under a drain, then the sinks' last flush, then the end of the journal."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup

from trialbed.core.clock import Clock
from trialbed.core.model import ModelName
from trialbed.core.outcome import SETTLED, Outcome
from trialbed.core.pace.lane import Pace
from trialbed.core.plan import Plan
from trialbed.core.trial import Trial
from trialbed.engine.crew import Crew
from trialbed.engine.drain import Drain
from trialbed.engine.gate import Gate
from trialbed.engine.governor import Governor
from trialbed.engine.progress import Progress
from trialbed.engine.pump import Place, Places, pump
from trialbed.engine.signals import Signals
from trialbed.engine.trial_run import Bench, run_trial
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Sink

_LEAST_FLUSH_S = 5.0
_QUIET_FLUSH_S = 2.0


@dataclass(frozen=True)
class Run:
    """The parts of one sitting at a run, built by the application."""

    plan: Plan
    bench: Bench
    journal: Journal
    sinks: Sequence[Sink]
    drain: Drain
    gate: Gate
    governor: Governor
    signals: Signals
    progress: Progress
    clock: Clock
    max_concurrency: int
    delay_s: float
    deadline_s: float | None
    flush_patience_s: float
    announce: Callable[[str], None]
    display: Callable[[], Coroutine[Any, Any, None]]


async def carry_out(run: Run) -> None:
    """Run what the journal does not have yet.

    Raises:
        ExceptionGroup: of UserError, when the journal cannot be written any more.
    """
    async with anyio.create_task_group() as house:
        house.start_soon(run.journal.keep, name="journal")
        house.start_soon(run.signals.watch, name="signals")
        house.start_soon(run.display, name="display")
        if run.deadline_s is not None:
            house.start_soon(_end_at_deadline, run, run.deadline_s, name="deadline")
        for sink in run.sinks:
            house.start_soon(sink.run, name=f"sink {sink.name}")
        try:
            await _until_cut(run.drain, lambda: _all_trials(run), least_s=0.0)
            await _until_cut(run.drain, lambda: _flush(run), least_s=_LEAST_FLUSH_S)
        finally:
            try:
                with anyio.CancelScope(shield=True):
                    await run.journal.settle()
                    for model, pace in run.governor.paces().items():
                        run.journal.post("governor", None, **pace_event(model, pace, "end"))
                    await run.journal.write("run_stop", None, **how_it_stands(run))
            finally:
                run.journal.close()
                house.cancel_scope.cancel()


def how_it_stands(run: Run) -> dict[str, Any]:
    """Why the sitting ends, and what is left to do."""
    outcomes = run.journal.state.outcomes(run.plan.size)
    owed = {sink.name: sink.owed for sink in run.sinks}
    left = sum(count for name, count in outcomes.items() if Outcome(name) not in SETTLED)
    return {
        "plan_hash": run.plan.plan_hash,
        "why": run.drain.why or "finished",
        "complete": not left and not any(owed.values()),
        "outcomes": outcomes,
        "owed": owed,
    }


def pace_event(model: ModelName, pace: Pace, why: str) -> dict[str, Any]:
    """How a model's lane stands, as the journal keeps it."""
    return {"model": str(model), "why": why, **asdict(pace)}


async def _end_at_deadline(run: Run, deadline_s: float) -> None:
    await run.clock.sleep(deadline_s)
    run.announce(f"RUN_DEADLINE_S: {deadline_s:.0f} s are over; no new trials: the same command goes on")
    run.drain.begin("deadline")


async def _all_trials(run: Run) -> None:
    places = Places(run.max_concurrency)
    async with anyio.create_task_group() as trials:
        crew = Crew(trials, partial(_one, run))
        async with anyio.create_task_group() as pumps:
            for subject in run.plan.subjects:
                pumps.start_soon(_pump_subject, run, subject, crew.start, places, name=f"pump {subject}")
        crew.dismiss()


async def _pump_subject(run: Run, subject: Any, start: Callable[[Trial, Place], None], places: Places) -> None:
    await pump(
        run.plan,
        subject,
        is_done=run.journal.state.is_settled,
        is_stopped=lambda model: run.gate.is_stopped(model, "subject"),
        start=start,
        until_wanted=partial(run.governor.until_wanted, subject),
        places=places,
        delay_s=run.delay_s,
        drain=run.drain,
        clock=run.clock,
    )


async def _one(run: Run, trial: Trial, place: Place) -> None:
    run.progress.running += 1
    try:
        outcome = await run_trial(trial, run.bench, on_talked=place.talked)
    finally:
        run.progress.running -= 1
        place.give_back()
    if outcome is not None:
        run.progress.ended(trial.variant.id, outcome)
        for sink in run.sinks:
            sink.offer(trial.trial_id)


async def _flush(run: Run) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_say_what_is_owed, run, name="flush notice")
        async with anyio.create_task_group() as flushes:
            for sink in run.sinks:
                flushes.start_soon(_flush_one, sink, run.flush_patience_s, name=f"flush {sink.name}")
        group.cancel_scope.cancel()


async def _flush_one(sink: Sink, patience_s: float) -> None:
    """Flush until nothing is owed, or nothing more gets through; what is owed then goes with the same command again."""
    before = sink.owed + 1
    while 0 < sink.owed < before:
        before = sink.owed
        await sink.flush(patience_s)


async def _say_what_is_owed(run: Run) -> None:
    """A word to whoever wonders why a finished run does not end."""
    await run.clock.sleep(_QUIET_FLUSH_S)
    owed = [f"{sink.owed} records to {sink.name}" for sink in run.sinks if sink.owed]
    if owed:
        run.announce(f"still delivering {', '.join(owed)}")


async def _until_cut(drain: Drain, work: Callable[[], Awaitable[None]], *, least_s: float) -> None:
    """Do `work`; when the run begins to stop, cut it as soon as the grace (but at least `least_s`) is over."""
    async with anyio.create_task_group() as both:
        both.start_soon(_cut_after_grace, drain, both, least_s, name="grace")
        await work()
        both.cancel_scope.cancel()


async def _cut_after_grace(drain: Drain, both: TaskGroup, least_s: float) -> None:
    await drain.until_over(least_s)
    both.cancel_scope.cancel()
