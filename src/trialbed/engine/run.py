"""Which trials does a sitting run, and how does it stand at its end? The rest is in `sitting`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio

from trialbed.core.outcome import SETTLED, Outcome
from trialbed.core.plan import Plan
from trialbed.core.trial import Trial
from trialbed.engine.crew import Crew
from trialbed.engine.gate import Gate
from trialbed.engine.pump import Place, Places, pump
from trialbed.engine.sitting import LastLine, Sitting, sit
from trialbed.engine.trial_run import Bench, run_trial


@dataclass(frozen=True)
class Run(Sitting):
    """The parts of one sitting at a run, built by the application."""

    plan: Plan
    bench: Bench
    gate: Gate
    delay_s: float
    deadline_s: float | None


async def carry_out(run: Run) -> None:
    """Run what the journal does not have yet.

    Raises:
        ExceptionGroup: of UserError, when the journal cannot be written any more.
    """

    def last_line() -> LastLine:
        return "run_stop", how_it_stands(run)

    deadline = None if run.deadline_s is None else partial(_end_at_deadline, run, run.deadline_s)
    await sit(run, partial(_all_trials, run), last_line=last_line, beside=deadline)


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
