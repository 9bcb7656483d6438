"""One command's measurements: a cycle, or cycles until it is stopped. Each set of models has a run of its own."""

import logging
from functools import partial

import anyio

from trialbed.app import logs
from trialbed.app.hub import check_hub
from trialbed.app.money import price_problems
from trialbed.app.places import check_places
from trialbed.app.screen import Screen
from trialbed.app.throughput.expectation import Expectation
from trialbed.app.throughput.owing import deliver_earlier
from trialbed.app.throughput.prepare import Measuring
from trialbed.app.throughput.remote import NoList
from trialbed.app.throughput.sitting import Measured, MeasuringSitting
from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.engine.cycles import Watcher
from trialbed.engine.schedule import FixedRate

_AFTERWARDS_S = 30.0
_log = logging.getLogger(f"{logs.LOGGER}.throughput")


async def measure(measuring: Measuring, screen: Screen, watcher: Watcher) -> list[Measured]:
    """Measure once, or again and again; another set of models, as a list on the web may have it, is another run.

    Raises:
        UserError: something the user can fix; nothing is lost.
    """
    clock = SystemClock()
    expectation = Expectation(measuring, clock)
    try:
        models = await expectation.models()
    except NoList as error:
        raise UserError(f"BENCHMARK_MODELS_URL: {error}; try again when it is back") from None
    await _check_far_side(measuring, models)
    schedule = FixedRate(clock, measuring.wanted.interval_s) if measuring.wanted.daemon else None
    beside = partial(_deliver_between, measuring) if measuring.wanted.daemon else None
    done: list[Measured] = []
    while True:
        sitting = MeasuringSitting(measuring, models, schedule, expectation, screen, watcher, beside=beside)
        done.append(await sitting.carry_out(fresh=measuring.wanted.fresh and not done))
        if sitting.refused is not None:
            raise sitting.refused
        if sitting.next_models is None:
            break
        models = sitting.next_models
        _log.info("the list of models has changed: %d are expected from now on", len(models))
    if not measuring.wanted.daemon and done[-1].exit_code is None:
        with anyio.move_on_after(_AFTERWARDS_S):
            await deliver_earlier(measuring.root, measuring.settings, but=done[-1].folder.name)
    return done


async def _deliver_between(measuring: Measuring) -> None:
    """When a cycle is probably over: reading journals takes from the times that are measured."""
    await anyio.sleep(measuring.wanted.interval_s / 2)
    await deliver_earlier(measuring.root, measuring.settings)


async def _check_far_side(measuring: Measuring, models: tuple[ModelName, ...]) -> None:
    """Raises:
    UserError: a place for the records is not as it must be, or the spending limit cannot hold.
    """
    prepared = measuring.prepared(models)
    problems = price_problems(prepared)
    if not prepared.is_rehearsal:
        mend, may_pass = await check_hub(measuring.settings)
        problems += mend
        for line in may_pass:
            _log.warning("%s; measuring goes on, records are kept and sent later", line)
    if problems:
        raise UserError("\n".join(problems))
    for line in await check_places(prepared):
        _log.warning(line)
