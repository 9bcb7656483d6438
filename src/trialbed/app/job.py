"""The main job: check, resume or begin, run, sum up. Builds every part and hands it on."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from trialbed.analysis.summary import Summary, summarise
from trialbed.app import logs
from trialbed.app.checks import check_models, refusing, setting_problems
from trialbed.app.hub import card_of, check_hub, hub_is_wanted, hub_sink
from trialbed.app.models import Models, open_models
from trialbed.app.prepare import Prepared
from trialbed.core.clock import SystemClock, iso_z
from trialbed.core.errors import UserError
from trialbed.core.governor import Ceiling
from trialbed.core.outcome import SETTLED, Outcome
from trialbed.core.provenance import provenance
from trialbed.core.redact import Redactor
from trialbed.core.trial import Trial
from trialbed.engine import folder as folders
from trialbed.engine.calls import Calls
from trialbed.engine.drain import Drain
from trialbed.engine.folder import RunFolder, write_whole
from trialbed.engine.gate import Gate
from trialbed.engine.progress import Progress
from trialbed.engine.recording import RunFacts
from trialbed.engine.run import Run, carry_out, how_it_stands
from trialbed.engine.signals import Signals
from trialbed.engine.trial_log import TrialLog
from trialbed.engine.trial_run import Bench, request_metadata
from trialbed.judging.structured import StructuredJudge
from trialbed.settings import known_secrets
from trialbed.sinks.backups import Backups, missing
from trialbed.sinks.journal.file import JournalFile
from trialbed.sinks.journal.state import JournalState, read_records, read_state
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Sink

ANSWERED_ALL, SOME_FAILED, USER_CAN_FIX = 0, 1, 2


class Screen:
    """What the job tells whoever is watching. The command line puts its own in the place of these."""

    def announce(self, line: str) -> None:
        """One line that matters."""

    def began(self, folder: RunFolder, prepared: Prepared, *, resumed: bool) -> None:
        """The run is about to start or to go on."""

    async def display(self, progress: Progress, in_flight: Callable[[], int]) -> None:
        """Show progress until cancelled."""


@dataclass(frozen=True)
class Finished:
    """How a sitting ended. `owed` is by sink; `resume` says that the same command goes on with it."""

    folder: RunFolder
    summary: Summary
    owed: Mapping[str, int]
    exit_code: int
    resume: bool


async def do_job(prepared: Prepared, screen: Screen, *, fresh: bool) -> Finished:
    """Run the plan, or go on with it.

    Raises:
        UserError: something the user can fix; nothing is lost.
    """
    settings = prepared.settings
    if problems := setting_problems(prepared):
        raise UserError("\n".join(problems))
    chosen = None if fresh else folders.find_resumable(settings.local_backup_dir, prepared.plan)
    if chosen is not None and chosen.is_complete:
        return _nothing_to_do(chosen.folder, prepared, screen)
    redact = Redactor(known_secrets(os.environ))
    personas = prepared.found.experiment.personas() if prepared.is_rehearsal else ()
    async with open_models(prepared.models, settings, personas=personas, seed=prepared.plan.seed) as models:
        await _check_far_side(prepared, models, screen)
        resumed = chosen is not None
        clock = SystemClock()
        folder = chosen.folder if chosen else folders.create(settings.local_backup_dir, prepared.plan, clock.now())
        handler = logs.open_log(folder.path / "run.log", settings.log_level, redact)
        try:
            screen.began(folder, prepared, resumed=resumed)
            async with _journal(folder, prepared, screen) as (journal, drain):
                run, signals = _build(prepared, models, folder, journal, drain, screen, redact)
                if chosen is not None and chosen.grows:
                    journal.post("plan_grown", None, plan_hash=prepared.plan.plan_hash, planned=prepared.plan.size)
                    folder.write_plan(prepared.plan)
                await carry_out(run)
                return _finished(run, folder, prepared, signals)
        finally:
            logs.close_log(handler)


async def _check_far_side(prepared: Prepared, models: Models, screen: Screen) -> None:
    checks = await check_models(models.by_name, prepared)
    problems = refusing(checks)
    for check in checks:
        if check.problem and not check.refuses:
            screen.announce(check.problem)
    if not prepared.is_rehearsal:
        hub_problems, may_pass = await check_hub(prepared.settings)
        problems += hub_problems
        for line in may_pass:
            screen.announce(f"{line}; the run goes on, records are kept and sent later")
    if problems:
        raise UserError("\n".join(problems))


@asynccontextmanager
async def _journal(folder: RunFolder, prepared: Prepared, screen: Screen) -> AsyncIterator[tuple[Journal, Drain]]:
    clock = SystemClock()
    state = JournalState()
    drain = Drain(clock=clock, grace_s=prepared.settings.grace_s)

    def on_trouble(error: OSError) -> None:
        screen.announce(f"{folder.journal}: {error.strerror}; no new trials are started: make room")
        drain.begin("disk")

    with JournalFile(folder.journal, state.take) as file:
        if file.torn_bytes:
            screen.announce(f"{folder.name}: {file.torn_bytes} bytes of a torn line were put aside (journal.torn-*)")
        yield Journal(file, state, clock=clock, patience_s=prepared.settings.grace_s, on_trouble=on_trouble), drain


def _build(
    prepared: Prepared,
    models: Models,
    folder: RunFolder,
    journal: Journal,
    drain: Drain,
    screen: Screen,
    redact: Redactor,
) -> tuple[Run, Signals]:
    """Every part of the run, each given what it needs."""
    settings, plan, clock = prepared.settings, prepared.plan, SystemClock()
    facts = RunFacts(folder.name, folder.began_unix_s, plan, provenance(prepared.root))
    progress = _progress(prepared, journal.state)
    governor = Ceiling(settings.max_concurrency)
    announce = _announcer(screen, redact)
    gate = Gate(
        drain=drain,
        refresh=models.refresh,
        announce=announce,
        on_stop=lambda model, why: journal.post("model_stopped", None, model=str(model), why=why),
    )
    calls = Calls(
        models=models.by_name,
        governor=governor,
        gate=gate,
        drain=drain,
        progress=progress,
        clock=clock,
        random=Random(),
        deadline_s=settings.call_deadline_s,
        redact=redact,
    )
    journal.post("run_start", None, **_start_facts(prepared, facts))
    signals = Signals(drain=drain, announce=announce, last_words=journal.flush_now)
    run = Run(
        plan=plan,
        bench=Bench(facts, prepared.found.experiment, journal, calls, clock, _judge_maker(prepared, facts), redact),
        journal=journal,
        sinks=_sinks(prepared, folder, journal, facts, announce),
        drain=drain,
        gate=gate,
        signals=signals,
        progress=progress,
        clock=clock,
        max_concurrency=settings.max_concurrency,
        delay_s=settings.inter_run_delay,
        announce=announce,
        display=lambda: screen.display(progress, lambda: governor.in_flight),
    )
    return run, signals


def _sinks(
    prepared: Prepared, folder: RunFolder, journal: Journal, facts: RunFacts, announce: Callable[[str], None]
) -> list[Sink]:
    sinks: list[Sink] = []
    if prepared.settings.local_backup_enabled:
        backups = Backups(
            ledger=journal,
            folder=folder.backups,
            write=lambda path, data: write_whole(path, data, durable=False),
            announce=announce,
        )
        for trial_id in missing(journal, folder.backups, facts.began_unix_s):
            backups.offer(trial_id)
        sinks.append(backups)
    if _uploads(prepared):
        card = card_of(folder, folder.read_plan(), facts.provenance)
        sinks.append(hub_sink(prepared.settings, journal, card, announce))
    return sinks


def _uploads(prepared: Prepared) -> bool:
    return hub_is_wanted(prepared.settings) and not prepared.is_rehearsal


def _judge_maker(prepared: Prepared, facts: RunFacts) -> Callable[[Trial, TrialLog, Calls], list[StructuredJudge]]:
    plan = prepared.plan

    def make(trial: Trial, log: TrialLog, calls: Calls) -> list[StructuredJudge]:
        return [
            StructuredJudge(
                name=str(model),
                model=model,
                sampling=plan.judge_sampling,
                trial_id=trial.trial_id,
                seed=trial.seed,
                send=lambda request: calls.ask(request, "judge", log),
                on_verdict=log.verdict,
                metadata=request_metadata(facts, trial),
            )
            for model in plan.judges
        ]

    return make


def _start_facts(prepared: Prepared, facts: RunFacts) -> dict[str, Any]:
    settings = prepared.settings
    return {
        "plan_hash": facts.plan.plan_hash,
        "planned": facts.plan.size,
        "provenance": dict(facts.provenance),
        "max_concurrency": settings.max_concurrency,
        "inter_run_delay_s": settings.inter_run_delay,
        "call_deadline_s": settings.call_deadline_s,
        "hub": {"repo": settings.hf_repo_id, "layout": settings.hf_layout} if _uploads(prepared) else None,
        "at": iso_z(SystemClock().now()),
    }


def _progress(prepared: Prepared, state: JournalState) -> Progress:
    progress = Progress(planned=prepared.plan.per_variant())
    for recorded in state.recorded.values():
        if recorded.outcome in SETTLED:
            progress.ended(recorded.variant, recorded.outcome, now=False)
    return progress


def _announcer(screen: Screen, redact: Redactor) -> Callable[[str], None]:
    log = logging.getLogger(logs.LOGGER)

    def announce(line: str) -> None:
        log.info(line)
        screen.announce(redact(line))

    return announce


def _finished(run: Run, folder: RunFolder, prepared: Prepared, signals: Signals) -> Finished:
    stands = how_it_stands(run)
    summary = summary_of(folder, run.journal.state, prepared)
    code = signals.exit_code
    if code is None:
        code = USER_CAN_FIX if run.drain.is_begun else exit_code_of(summary, stands["owed"])
    return Finished(folder, summary, stands["owed"], code, resume=not stands["complete"])


def _nothing_to_do(folder: RunFolder, prepared: Prepared, screen: Screen) -> Finished:
    screen.announce(f"this plan is finished in run {folder.name}: nothing to do. --fresh runs it again.")
    summary = summary_of(folder, read_state(folder.journal), prepared)
    return Finished(folder, summary, {}, exit_code_of(summary, {}), resume=False)


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
