"""Which parts does one sitting at a run have? Builds each and gives it what it needs."""

import logging
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from trialbed.app import logs
from trialbed.app.hub import card_of, hub_is_wanted, hub_sink
from trialbed.app.lock import deviations_of, lock_hash
from trialbed.app.models import Models
from trialbed.app.money import BUDGET
from trialbed.app.prepare import Prepared
from trialbed.app.screen import Screen
from trialbed.core.canonical import digest
from trialbed.core.clock import SystemClock, iso_z
from trialbed.core.model import ModelName
from trialbed.core.outcome import SETTLED, Outcome
from trialbed.core.pace.lane import Pace, Quota
from trialbed.core.provenance import provenance
from trialbed.core.redact import Redactor
from trialbed.core.trial import Trial
from trialbed.engine.attempts import RetryBudget
from trialbed.engine.calls import Calls
from trialbed.engine.drain import Drain
from trialbed.engine.folder import RunFolder, write_whole
from trialbed.engine.gate import Gate
from trialbed.engine.governor import Governor
from trialbed.engine.progress import Progress
from trialbed.engine.recording import RunFacts
from trialbed.engine.run import Run, pace_event
from trialbed.engine.signals import Signals
from trialbed.engine.spending import Spending
from trialbed.engine.trial_log import TrialLog
from trialbed.engine.trial_run import Bench, request_metadata
from trialbed.judging.structured import StructuredJudge
from trialbed.providers.bedrock.capabilities import capabilities_of, data_date
from trialbed.sinks.backups import Backups, missing
from trialbed.sinks.journal.state import JournalState
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Sink

_LEAST_RETRIES, _RETRIES_PER_TRIAL = 100, 2
_LEAST_FLUSH_PATIENCE_S = 60.0
"""A finished run waits for a sink as long as anything gets through in this time, or in that between two uploads."""


def build_run(
    prepared: Prepared,
    models: Models,
    folder: RunFolder,
    journal: Journal,
    drain: Drain,
    screen: Screen,
    redact: Redactor,
    spending: Spending,
) -> tuple[Run, Signals]:
    """Every part of the run, each given what it needs."""
    settings, plan, clock = prepared.settings, prepared.plan, SystemClock()
    facts = RunFacts(
        folder.name,
        folder.began_unix_s,
        plan,
        provenance(prepared.root) | {"lock_hash": lock_hash(prepared)},
        settings.service,
        deviations_of(prepared, journal.state, redact, at=iso_z(clock.now())),
    )
    progress = _progress(prepared, journal.state)
    progress.spending = spending
    governor = _governor(prepared, models, journal)
    announce = announcer(screen, redact)
    gate = _gate(models, journal, drain, announce)
    calls = Calls(
        models=models.by_name,
        governor=governor,
        spending=spending,
        retries=RetryBudget(per_call=settings.call_attempts, per_run=_retries(prepared)),
        gate=gate,
        drain=drain,
        progress=progress,
        clock=clock,
        random=Random(),
        deadline_s=settings.call_deadline_s,
        redact=redact,
    )
    bench = Bench(
        facts=facts,
        experiment=prepared.found.experiment,
        journal=journal,
        calls=calls,
        clock=clock,
        make_judges=_judge_maker(prepared, facts),
        redact=redact,
        why_stopped=lambda: Outcome.BUDGET_STOPPED if drain.why == BUDGET else Outcome.CANCELLED,
    )
    journal.post("run_start", None, **_start_facts(prepared, facts))
    for deviation in facts.deviations[len(journal.state.deviations) :]:
        journal.post("deviation", None, **deviation)
    signals = Signals(drain=drain, announce=announce, last_words=journal.flush_now)
    run = Run(
        plan=plan,
        bench=bench,
        journal=journal,
        sinks=_sinks(prepared, folder, journal, facts, announce),
        drain=drain,
        gate=gate,
        governor=governor,
        signals=signals,
        progress=progress,
        clock=clock,
        max_concurrency=settings.max_concurrency,
        delay_s=settings.inter_run_delay,
        deadline_s=settings.run_deadline_s,
        flush_patience_s=max(_LEAST_FLUSH_PATIENCE_S, settings.hf_commit_every_s),
        announce=announce,
        display=lambda: screen.display(progress, lambda: governor.in_flight),
    )
    return run, signals


def _governor(prepared: Prepared, models: Models, journal: Journal) -> Governor:
    settings = prepared.settings

    def quota(model: ModelName) -> Quota:
        burndown = capabilities_of(model.id, models.behind.get(model)).burndown
        return Quota(settings.quota_rpm, settings.quota_tpm, burndown)

    def tell(model: ModelName, pace: Pace) -> None:
        journal.post("governor", None, **pace_event(model, pace, "pace"))

    return Governor(
        ceiling=settings.max_concurrency,
        quotas={model: quota(model) for model in prepared.models},
        clock=SystemClock(),
        on_pace=tell,
    )


def _retries(prepared: Prepared) -> int:
    asked = prepared.settings.run_retries
    return max(_LEAST_RETRIES, _RETRIES_PER_TRIAL * prepared.plan.size) if asked is None else asked


def _gate(models: Models, journal: Journal, drain: Drain, announce: Callable[[str], None]) -> Gate:
    return Gate(
        drain=drain,
        refresh=models.refresh,
        announce=announce,
        on_stop=lambda model, why: journal.post("model_stopped", None, model=str(model), why=why),
    )


def _sinks(
    prepared: Prepared, folder: RunFolder, journal: Journal, facts: RunFacts, announce: Callable[[str], None]
) -> list[Sink]:
    sinks: list[Sink] = []
    if prepared.settings.local_backup_enabled:
        backups = Backups(
            ledger=journal,
            folder=folder.backups,
            write=partial(write_whole, durable=False),
            announce=announce,
        )
        for trial_id in missing(journal, folder.backups, facts.began_unix_s):
            backups.offer(trial_id)
        sinks.append(backups)
    if uploads(prepared):
        card = card_of(folder, folder.read_plan(), facts.provenance)
        sinks.append(hub_sink(prepared.settings, journal, card, announce))
    return sinks


def uploads(prepared: Prepared) -> bool:
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
                service=facts.service,
            )
            for model in plan.judges
        ]

    return make


def plan_facts(prepared: Prepared) -> dict[str, Any]:
    """By which a journal names the plan it goes by, and how that is to be analysed."""
    return {
        "plan_hash": prepared.plan.plan_hash,
        "planned": prepared.plan.size,
        "analysis_hash": digest(prepared.analysis.model_dump(mode="json")),
    }


def _start_facts(prepared: Prepared, facts: RunFacts) -> dict[str, Any]:
    settings = prepared.settings
    return {
        **plan_facts(prepared),
        "lock": None if prepared.lock is None else prepared.lock.as_dict(),
        "provenance": dict(facts.provenance),
        "max_concurrency": settings.max_concurrency,
        "inter_run_delay_s": settings.inter_run_delay,
        "call_deadline_s": settings.call_deadline_s,
        "service": settings.service.as_dict(),
        "capabilities_as_of": data_date(),
        "prices_as_of": prepared.prices.as_of,
        "max_cost_usd": prepared.max_cost_usd,
        "hub": {"repo": settings.hf_repo_id, "layout": settings.hf_layout} if uploads(prepared) else None,
        "at": iso_z(SystemClock().now()),
    }


def _progress(prepared: Prepared, state: JournalState) -> Progress:
    progress = Progress(planned=prepared.plan.per_variant())
    for recorded in state.recorded.values():
        if recorded.outcome in SETTLED:
            progress.ended(recorded.variant, recorded.outcome, now=False)
    return progress


def announcer(screen: Screen, redact: Redactor) -> Callable[[str], None]:
    log = logging.getLogger(logs.LOGGER)

    def announce(line: str) -> None:
        log.info(line)
        screen.announce(redact(line))

    return announce
