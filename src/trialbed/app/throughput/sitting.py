"""How is one set of models measured? The run that goes on or begins, its parts, and how they ended."""

import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from trialbed.app import logs
from trialbed.app.collector import seldom_collected
from trialbed.app.journal import open_journal
from trialbed.app.money import BUDGET, check_room, left_of, open_spending, prices_of, used_up
from trialbed.app.parts import announcer, build_run, far_sinks, plan_facts
from trialbed.app.prepare import Prepared
from trialbed.app.screen import Screen
from trialbed.app.throughput.expectation import Expectation
from trialbed.app.throughput.opening import Opening, open_each
from trialbed.app.throughput.prepare import Measuring, grown
from trialbed.app.throughput.remote import NoList
from trialbed.app.throughput.resume import Earlier, find_earlier
from trialbed.app.tracing import ending_facts, open_tracing, plan_tracing
from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.core.plan import Plan
from trialbed.core.redact import Redactor
from trialbed.core.tracing import RunSpan
from trialbed.engine import folder as folders
from trialbed.engine.cycles import Course, Cycle, Cycles, CycleSkipped, Watcher, carry_out_cycles, how_they_stand
from trialbed.engine.drain import Drain
from trialbed.engine.folder import RunFolder
from trialbed.engine.run import Run
from trialbed.engine.schedule import FixedRate
from trialbed.settings import known_secrets
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Persistent

_FLUSH_S = 30.0
_log = logging.getLogger(f"{logs.LOGGER}.throughput")


@dataclass(frozen=True)
class Measured:
    """What one sitting came to: its newest cycles, what is owed by sink, whether it was stopped for its spending limit,
    and the exit code of a signal, if one has stopped it."""

    folder: RunFolder
    cycles: tuple[Cycle, ...]
    owed: Mapping[str, int]
    is_short: bool
    exit_code: int | None

    @property
    def is_all_well(self) -> bool:
        """Whether every measurement succeeded and nothing is owed."""
        answered = all(cycle.answered == cycle.expected for cycle in self.cycles)
        return answered and not any(self.owed.values())


class MeasuringSitting:
    """Measuring one set of models, to the end of one cycle, of the schedule, or of the set.

    `next_models` is another set, if that is why it has ended; `refused` is raised when its run is in order again.
    """

    def __init__(
        self,
        measuring: Measuring,
        models: tuple[ModelName, ...],
        schedule: FixedRate | None,
        expectation: Expectation,
        screen: Screen,
        watcher: Watcher,
        *,
        beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self.next_models: tuple[ModelName, ...] | None = None
        self.refused: UserError | None = None
        self._measuring = measuring
        self._models = models
        self._schedule = schedule
        self._expectation = expectation
        self._screen = screen
        self._watcher = watcher
        self._beside = beside
        self._redact = Redactor(known_secrets(os.environ))

    async def carry_out(self, *, fresh: bool) -> Measured:
        """Go on in the run that these models have, unless a `fresh` one is wanted.

        Raises:
            UserError: another process writes the run, or the limit leaves nothing to measure with.
        """
        settings = self._measuring.settings
        first = self._measuring.prepared(self._models)
        earlier = None if fresh else find_earlier(settings.local_backup_dir, first.plan)
        traced = plan_tracing(settings, os.environ)
        announce = announcer(self._screen, self._redact)
        personas = first.found.experiment.personas() if first.is_rehearsal else ()
        async with open_each(first.models, settings, personas=personas, seed=first.plan.seed) as opening:
            folder = _folder(first, earlier, fresh=fresh)
            handler = logs.open_log(folder.path / "run.log", settings.log_level, self._redact)
            drain = Drain(clock=SystemClock(), grace_s=settings.grace_s)
            try:
                with open_journal(
                    folder, patience_s=settings.grace_s, announce=announce, on_trouble=lambda: drain.begin("disk")
                ) as journal:
                    prepared = _to_begin(first, earlier, folder, journal)
                    tracing = open_tracing(traced, self._redact, announce, _trace_facts(prepared, folder))
                    cycles = self._cycles(prepared, opening, folder, journal, drain, tracing.span)
                    try:
                        # A collection in the middle of a stream would count as the model's time.
                        with seldom_collected():
                            await carry_out_cycles(cycles, beside=self._beside)
                    finally:
                        is_cut = cycles.run.signals.exit_code is not None
                        await tracing.end(ending_facts(how_they_stand(cycles)), is_cut=is_cut)
                    return _measured(cycles, folder)
            finally:
                logs.close_log(handler)

    def _cycles(
        self, prepared: Prepared, opening: Opening, folder: RunFolder, journal: Journal, drain: Drain, span: RunSpan
    ) -> Cycles:
        models = opening.models
        spending = open_spending(prepared, prices_of(prepared, models), journal, drain)
        check_room(spending, journal.state, prepared.plan.size, ())
        patience_s = self._measuring.patience_s
        run, _ = build_run(
            prepared,
            models,
            folder,
            journal,
            drain,
            self._screen,
            self._redact,
            spending,
            span=span,
            patience_s=patience_s,
        )
        if far_sinks(prepared) == ("ingest",):
            # Its answers are quick: whoever waits at the terminal for a server that is away need not wait long.
            run = replace(run, flush_patience_s=_FLUSH_S)
        return Cycles(
            run=run,
            course=Course(prepared.plan),
            schedule=self._schedule,
            grow=partial(self._grow, prepared, opening, folder, journal),
            on_cycle=partial(_begin_anew, run),
            watcher=self._watcher,
        )

    async def _grow(
        self, prepared: Prepared, opening: Opening, folder: RunFolder, journal: Journal, plan: Plan
    ) -> Plan | None:
        """The plan of one more cycle, on disk; None if the models are other ones by now, or the list refuses.

        Raises:
            CycleSkipped: nobody knows which models are expected.
        """
        try:
            expected = await self._expectation.models()
        except NoList as error:
            _log.error("%s; nothing is measured in this cycle", error)
            raise CycleSkipped from None
        except UserError as error:
            self.refused = error
            return None
        if set(expected) != set(self._models):
            self.next_models = expected
            return None
        await opening.again()
        more = grown(prepared, plan.repeats + 1)
        # The journal knows the plan before plan.json does: a kill between leaves one that can be explained.
        await journal.write("plan_grown", None, **plan_facts(more))
        folder.write_plan(more.plan, analysis=more.analysis)
        return more.plan


def _folder(prepared: Prepared, earlier: Earlier | None, *, fresh: bool) -> RunFolder:
    if earlier is not None:
        return earlier.folder
    backups, now = prepared.settings.local_backup_dir, SystemClock().now()
    return folders.create(backups, prepared.plan, now, analysis=prepared.analysis, unless_there=not fresh)


def _to_begin(prepared: Prepared, earlier: Earlier | None, folder: RunFolder, journal: Journal) -> Prepared:
    """The plan whose last cycle is measured first: the earlier one's if some of it is left, else one cycle more."""
    if earlier is None:
        return prepared
    same = grown(prepared, earlier.repeats)
    last = same.plan.trials(first_repeat=earlier.repeats - 1)
    if any(trial.trial_id not in journal.state.recorded for trial in last):
        return same
    more = grown(prepared, earlier.repeats + 1)
    journal.write_first("plan_grown", None, **plan_facts(more))
    folder.write_plan(more.plan, analysis=more.analysis)
    return more


def _begin_anew(run: Run) -> None:
    """Before another cycle: a model that was refused, or a record that was left alone, is tried again."""
    run.gate.give_another_chance()
    for sink in run.sinks:
        if isinstance(sink, Persistent):
            sink.try_again()


def _trace_facts(prepared: Prepared, folder: RunFolder) -> dict[str, str | int]:
    plan = prepared.plan
    return {
        "work": "throughput",
        "run": folder.name,
        "experiment": plan.experiment,
        "experiment_version": plan.version,
        "plan_hash": plan.plan_hash,
        "planned": plan.size,
    }


def _measured(cycles: Cycles, folder: RunFolder) -> Measured:
    run, stands = cycles.run, how_they_stand(cycles)
    is_short = run.drain.why == BUDGET
    if is_short and run.progress.spending is not None:
        planned = cycles.course.plan.size
        run.announce(used_up(run.progress.spending, left_of(run.journal.state, planned), planned))
    return Measured(folder, tuple(cycles.course.cycles), stands["owed"], is_short, run.signals.exit_code)
