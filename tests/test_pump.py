"""Does whatever else happens in a run get its turn while trials are being started?"""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from trialbed.core.clock import SystemClock
from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import ModelName, Sampling
from trialbed.core.plan import Plan
from trialbed.core.trial import Trial
from trialbed.engine.crew import Crew
from trialbed.engine.drain import Drain
from trialbed.engine.pump import Place, Places, pump

SUBJECT = ModelName("bedrock", "maker.model")
DONE = 5_000


def a_plan(repeats: int) -> Plan:
    return Plan(
        experiment="probe",
        version="1.0.0",
        scenarios=(Scenario(id="scene"),),
        variants=(Variant(id="baseline"),),
        baseline="baseline",
        subjects=(SUBJECT,),
        sampling=Sampling(),
        repeats=repeats,
        seed=42,
    )


async def test_signals_are_heard_while_a_resumed_run_passes_over_what_is_done() -> None:
    plan = a_plan(DONE)
    turns = 0

    async def whatever_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(whatever_else)
        await pump(
            plan,
            SUBJECT,
            is_done=lambda _: True,
            is_stopped=lambda _: False,
            start=lambda _trial, _place: None,
            until_wanted=anyio.lowlevel.checkpoint,
            places=Places(1),
            delay_s=0.0,
            drain=Drain(clock=SystemClock(), grace_s=1.0),
            clock=SystemClock(),
        )
        group.cancel_scope.cancel()
    assert turns >= DONE / 1_000


async def test_as_many_tasks_as_there_are_trials_at_a_time_do_them_all() -> None:
    places, done, tasks = Places(1), list[str](), set[asyncio.Task[None] | None]()

    async def work(trial: Trial, place: Place) -> None:
        tasks.add(asyncio.current_task())
        await anyio.sleep(0.001)
        done.append(trial.trial_id)
        place.give_back()

    trials = list(a_plan(60).trials())
    async with anyio.create_task_group() as group:
        crew = Crew(group, work)
        for trial in trials:
            crew.start(trial, await places.take())  # two at a time
        crew.dismiss()
    assert sorted(done) == sorted(trial.trial_id for trial in trials)
    assert len(tasks) <= 3


async def test_a_trial_that_breaks_ends_all_and_so_does_cancelling() -> None:
    trials = list(a_plan(3).trials())

    async def work(trial: Trial, place: Place) -> None:
        if trial is trials[2]:
            raise ValueError("broken")

    with pytest.RaisesGroup(ValueError):
        async with anyio.create_task_group() as group:
            crew = Crew(group, work)
            for trial in trials:
                crew.start(trial, await Places(1).take())
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            crew = Crew(group, work)
            crew.start(trials[0], await Places(1).take())
            await anyio.sleep(0.01)
            group.cancel_scope.cancel()


async def test_a_trial_that_is_started_as_all_is_cancelled_breaks_nothing() -> None:
    trials, begun = list(a_plan(2).trials()), list[str]()

    async def work(trial: Trial, place: Place) -> None:
        await anyio.lowlevel.checkpoint()
        begun.append(trial.trial_id)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            crew = Crew(group, work)
            crew.start(trials[0], await Places(1).take())
            await anyio.sleep(0.01)
            place = await Places(1).take()
            group.cancel_scope.cancel()
            crew.start(trials[1], place)
            crew.dismiss()
    assert begun == [trials[0].trial_id]
