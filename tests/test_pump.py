"""Does whatever else happens in a run get its turn while trials are being started?"""

import anyio
import anyio.lowlevel

from trialbed.core.clock import SystemClock
from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import ModelName, Sampling
from trialbed.core.plan import Plan
from trialbed.engine.drain import Drain
from trialbed.engine.pump import Places, pump

SUBJECT = ModelName("bedrock", "maker.model")
DONE = 5_000


async def test_signals_are_heard_while_a_resumed_run_passes_over_what_is_done() -> None:
    plan = Plan(
        experiment="probe",
        version="1.0.0",
        scenarios=(Scenario(id="scene"),),
        variants=(Variant(id="baseline"),),
        baseline="baseline",
        subjects=(SUBJECT,),
        sampling=Sampling(),
        repeats=DONE,
        seed=42,
    )
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
