"""The main job: check, resume or begin, run, sum up."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from trialbed.analysis.summary import Summary, summarise
from trialbed.app import logs
from trialbed.app.checks import ModelCheck, check_models, refusing, setting_problems, small_calls
from trialbed.app.collector import seldom_collected
from trialbed.app.hub import check_hub
from trialbed.app.journal import open_journal
from trialbed.app.models import Models, models_of
from trialbed.app.money import (
    BUDGET,
    check_room,
    left_of,
    limit_notice,
    open_spending,
    preflight_paid,
    price_problems,
    prices_of,
    used_up,
)
from trialbed.app.parts import announcer, build_run, far_sinks, plan_facts
from trialbed.app.places import check_places
from trialbed.app.prepare import Prepared
from trialbed.app.screen import Screen
from trialbed.app.tracing import GalileoWanted, Tracing, ending_facts, open_tracing, plan_tracing
from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.outcome import Outcome
from trialbed.core.redact import Redactor
from trialbed.engine import folder as folders
from trialbed.engine.drain import Drain
from trialbed.engine.folder import RunFolder, write_whole
from trialbed.engine.run import Run, carry_out, how_it_stands
from trialbed.engine.signals import Signals
from trialbed.engine.spending import Spending, cost_text
from trialbed.settings import known_secrets
from trialbed.sinks.backups import rebuild
from trialbed.sinks.journal.state import JournalState, read_records, read_state
from trialbed.sinks.ledger import Ledger
from trialbed.sinks.sink import Sink

ANSWERED_ALL, SOME_FAILED, USER_CAN_FIX = 0, 1, 2


@dataclass(frozen=True)
class Finished:
    """How a sitting ended. `owed` is by sink; `resume` says that the same command goes on with it.

    `is_short` says that it only does so with a higher spending limit; `cost` is what the run has cost, in words.
    """

    folder: RunFolder
    summary: Summary
    owed: Mapping[str, int]
    exit_code: int
    resume: bool
    is_short: bool
    cost: str


def nothing_more(folder: RunFolder, ledger: Ledger) -> Sequence[Sink]:
    return ()


async def do_job(
    prepared: Prepared,
    screen: Screen,
    *,
    fresh: bool,
    again: bool = False,
    galileo: GalileoWanted | None = None,
    more_sinks: Callable[[RunFolder, Ledger], Sequence[Sink]] = nothing_more,
) -> Finished:
    """Run the plan, or go on with it. Of a plan that is finished, `again` begins another run.

    It is traced as the OTEL_* variables say, and to Galileo if a command asks for that with `galileo`. `more_sinks`
    makes those of a command's own, beside the run's.

    Raises:
        UserError: something the user can fix; nothing is lost.
    """
    settings = prepared.settings
    if problems := [*setting_problems(prepared), *price_problems(prepared)]:
        raise UserError("\n".join(problems))
    traced = plan_tracing(settings, os.environ, galileo=galileo)
    sinks = () if again else far_sinks(prepared)
    chosen = None if fresh else folders.find_resumable(settings.local_backup_dir, prepared.plan, sinks)
    if chosen is not None and chosen.is_complete and again:
        chosen = None
    if chosen is not None and chosen.is_complete:
        return _nothing_to_do(chosen.folder, prepared, screen)
    redact = Redactor(known_secrets(os.environ))
    announce = announcer(screen, redact)
    # Before any model is asked, even about itself.
    for note in await check_places(prepared):
        announce(note)
    async with models_of(prepared) as models:
        prices = prices_of(prepared, models)
        # A new run has no folder before its models have answered; one that goes on looks first what is left to spend.
        checks = await check_far_side(prepared, models, announce) if chosen is None else []
        clock = SystemClock()
        folder = (
            chosen.folder
            if chosen
            else folders.create(
                settings.local_backup_dir,
                prepared.plan,
                clock.now(),
                analysis=prepared.analysis,
                unless_there=not fresh,
            )
        )
        handler = logs.open_log(folder.path / "run.log", settings.log_level, redact)
        try:
            screen.began(folder, prepared, resumed=chosen is not None)
            if notice := limit_notice(prepared, prices):
                announce(notice)
            drain = Drain(clock=clock, grace_s=settings.grace_s)
            with open_journal(
                folder, patience_s=settings.grace_s, announce=announce, on_trouble=lambda: drain.begin("disk")
            ) as journal:
                spending = open_spending(prepared, prices, journal, drain)
                if chosen is not None:
                    check_room(spending, journal.state, prepared.plan.size, small_calls(prepared))
                    checks = await check_far_side(prepared, models, announce)
                if chosen is not None and chosen.grows:
                    # The journal knows the plan before plan.json does: a kill between leaves one that can be explained.
                    journal.write_first("plan_grown", None, **plan_facts(prepared))
                    folder.write_plan(prepared.plan, analysis=prepared.analysis)
                tracing = open_tracing(traced, redact, announce, _trace_facts(prepared, folder))
                run, signals = build_run(
                    prepared,
                    models,
                    folder,
                    journal,
                    drain,
                    screen,
                    redact,
                    spending,
                    more_sinks=more_sinks(folder, journal),
                    span=tracing.span,
                )
                preflight_paid(spending, journal, checks)
                await _carry_out(run, tracing, signals)
                if drain.why == BUDGET:
                    announce(used_up(spending, left_of(journal.state, run.plan.size), run.plan.size))
                return _finished(run, folder, prepared, signals, spending)
        finally:
            logs.close_log(handler)


async def _carry_out(run: Run, tracing: Tracing, signals: Signals) -> None:
    """The run itself; however it ends, its trace is closed."""
    try:
        with seldom_collected():
            await carry_out(run)
    finally:
        await tracing.end(ending_facts(how_it_stands(run)), is_cut=signals.exit_code is not None)


async def check_far_side(prepared: Prepared, models: Models, announce: Callable[[str], None]) -> list[ModelCheck]:
    """Small calls to all models, and a look at the Hub.

    Raises:
        UserError: the run cannot work with one of them.
    """
    checks = await check_models(models.by_name, prepared)
    problems = refusing(checks)
    for check in checks:
        if check.problem and not check.refuses:
            announce(check.problem)
    if not prepared.is_rehearsal:
        hub_problems, may_pass = await check_hub(prepared.settings)
        problems += hub_problems
        for line in may_pass:
            announce(f"{line}; the run goes on, records are kept and sent later")
    if problems:
        raise UserError("\n".join(problems))
    return checks


def _trace_facts(prepared: Prepared, folder: RunFolder) -> dict[str, str | int]:
    plan = prepared.plan
    return {
        "work": "run",
        "run": folder.name,
        "experiment": plan.experiment,
        "experiment_version": plan.version,
        "plan_hash": plan.plan_hash,
        "planned": plan.size,
    }


def _finished(run: Run, folder: RunFolder, prepared: Prepared, signals: Signals, spending: Spending) -> Finished:
    stands = how_it_stands(run)
    summary = summary_of(folder, run.journal.state, prepared)
    code = signals.exit_code
    if code is None:
        code = USER_CAN_FIX if run.drain.is_begun else exit_code_of(summary, stands["owed"])
    resume, is_short = not stands["complete"], run.drain.why == BUDGET
    return Finished(folder, summary, stands["owed"], code, resume, is_short, spending.as_text())


def _nothing_to_do(folder: RunFolder, prepared: Prepared, screen: Screen) -> Finished:
    screen.announce(f"this plan is finished in run {folder.name}: nothing to do. --fresh runs it again.")
    state = read_state(folder.journal)
    there = sum(1 for _ in folder.backups.glob(f"run_*_{folder.began_unix_s}_*.json"))
    if prepared.settings.local_backup_enabled and there < len(state.recorded):
        rebuild(read_records(folder.journal, state), folder.backups, partial(write_whole, durable=False))
    summary = summary_of(folder, state, prepared)
    costs = state.costs
    cost = cost_text(costs.spent_usd, costs.presumed_usd, costs.unknown, None)
    return Finished(folder, summary, {}, exit_code_of(summary, {}), resume=False, is_short=False, cost=cost)


def summary_of(folder: RunFolder, state: JournalState, prepared: Prepared) -> Summary:
    planned = prepared.plan.size
    return summarise(
        read_records(folder.journal, state),
        planned=planned,
        outcomes=state.outcomes(planned),
        headline=prepared.found.experiment.headline,
    )


def exit_code_of(summary: Summary, owed: Mapping[str, int]) -> int:
    all_answered = summary.outcomes.get(Outcome.ANSWERED, 0) == summary.planned
    return ANSWERED_ALL if all_answered and not any(owed.values()) else SOME_FAILED
