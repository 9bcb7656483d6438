"""How is a plan measured again and again? Each cycle is one more repeat of it: every subject at once, each for itself.

A measurement belongs to its moment: one that failed has its record and is not made up for. One that a kill or a signal
cut off is taken up by the next sitting, before its first own cycle.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio
import orjson

from trialbed.core.errors import Drained
from trialbed.core.outcome import RECORDED, Outcome
from trialbed.core.plan import Plan
from trialbed.core.trial import Trial
from trialbed.engine.run import Run
from trialbed.engine.schedule import FixedRate
from trialbed.engine.sitting import LastLine, sit
from trialbed.engine.trial_run import Bench, run_trial

Record = Mapping[str, Any]
_KEPT = 2
"""Of weeks of cycles; whoever wants to know of each is told when it ends."""


@dataclass(frozen=True)
class Cycle:
    """One cycle that has ended: the records of its trials, and those that were left before their end."""

    number: int
    expected: int
    records: tuple[Record, ...]
    cut: tuple[Trial, ...]

    @property
    def answered(self) -> int:
        return sum(record["outcome"] == Outcome.ANSWERED for record in self.records)


@dataclass
class Watcher:
    """Who is told how measurements go; nothing that hears of it may fail them."""

    began: Callable[[Trial], None] = lambda _: None
    ended: Callable[[Trial, Record], None] = lambda _trial, _record: None
    cycle: Callable[[Cycle], None] = lambda _: None
    missed: Callable[[int], None] = lambda _: None


@dataclass
class Course:
    """How far it has come: the plan as it has grown, and the newest cycles that this sitting has measured."""

    plan: Plan
    cycles: deque[Cycle] = field(default_factory=lambda: deque(maxlen=_KEPT))


class CycleSkipped(Exception):
    """Nothing can be measured this time; the next tick may be another matter."""


@dataclass(frozen=True)
class Cycles:
    """The parts of one sitting that measures.

    Args:
        course: starts with the plan of the run, whose last repeat is measured first, as far as it is not yet.
        schedule: None = one cycle only.
        grow: puts a plan of one more repeat on disk, or raises `CycleSkipped`; None = there is to be no further cycle
            in this sitting.
        on_cycle: is told before each further cycle: sinks that gave up are to try again, models have another chance.
    """

    run: Run
    course: Course
    schedule: FixedRate | None
    grow: Callable[[Plan], Awaitable[Plan | None]]
    on_cycle: Callable[[], None]
    watcher: Watcher


async def carry_out_cycles(cycles: Cycles, *, beside: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
    """Measure, once or until the run is stopped; `beside` goes on meanwhile, to the end at most.

    Raises:
        ExceptionGroup: of UserError, when the journal cannot be written any more.
    """

    def last_line() -> LastLine:
        return "run_stop", how_they_stand(cycles)

    await sit(cycles.run, partial(_all_cycles, cycles), last_line=last_line, beside=beside)


def how_they_stand(cycles: Cycles) -> dict[str, Any]:
    """Why the sitting ends, and what is left: measurements without a record. One that failed is no longer left."""
    run, plan = cycles.run, cycles.course.plan
    outcomes = run.journal.state.outcomes(plan.size)
    owed = {sink.name: sink.owed for sink in run.sinks}
    left = sum(count for name, count in outcomes.items() if Outcome(name) not in RECORDED)
    return {
        "plan_hash": plan.plan_hash,
        "why": run.drain.why or "finished",
        "complete": not left and not any(owed.values()),
        "outcomes": outcomes,
        "owed": owed,
    }


async def _all_cycles(cycles: Cycles) -> None:
    await _cycle(cycles)
    while cycles.schedule is not None:
        try:
            tick = await cycles.schedule.next(cycles.run.drain)
        except Drained:
            return
        if tick.missed:
            cycles.watcher.missed(tick.missed)
        cycles.on_cycle()
        try:
            grown = await cycles.grow(cycles.course.plan)
        except CycleSkipped:
            continue
        if grown is None:
            return
        cycles.course.plan = grown
        await _cycle(cycles)


async def _cycle(cycles: Cycles) -> None:
    """The last repeat of the plan, as far as it has no record."""
    run, plan = cycles.run, cycles.course.plan
    number = plan.repeats - 1
    recorded = run.journal.state.recorded
    left = [trial for trial in plan.trials(first_repeat=number) if trial.trial_id not in recorded]
    run.progress.planned.update(plan.per_variant())
    bench = replace(run.bench, facts=replace(run.bench.facts, plan=plan))
    async with anyio.create_task_group() as group:
        for subject in plan.subjects:
            own = [trial for trial in left if trial.subject == subject]
            group.start_soon(_measure, cycles, bench, own, name=f"measure {subject}")
    found = [_record(run, trial) for trial in left if trial.trial_id in recorded]
    cut = [trial for trial in left if trial.trial_id not in recorded]
    cycle = Cycle(number, len(left), tuple(found), tuple(cut))
    cycles.course.cycles.append(cycle)
    cycles.watcher.cycle(cycle)


async def _measure(cycles: Cycles, bench: Bench, trials: Sequence[Trial]) -> None:
    """One subject's measurements, one after another: two at a time would take from each other's rates."""
    run = cycles.run
    for trial in trials:
        if run.drain.is_begun:
            return
        cycles.watcher.began(trial)
        outcome = await run_trial(trial, bench, on_talked=lambda: None)
        if outcome is None:
            return
        run.progress.ended(trial.variant.id, outcome)
        cycles.watcher.ended(trial, _record(run, trial))
        for sink in run.sinks:
            sink.offer(trial.trial_id)


def _record(run: Run, trial: Trial) -> Record:
    record: Record = orjson.loads(run.journal.record_line(trial.trial_id))
    return record
