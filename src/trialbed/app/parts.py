"""Which parts does one sitting at a run have? Builds each and gives it what it needs."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from trialbed.app import logs
from trialbed.app.artifact_ids import artifact_ids, nonce_of
from trialbed.app.calling import judge_maker, open_calling
from trialbed.app.hub import card_of, hub_is_wanted, hub_sink
from trialbed.app.ingest import has_results, ingest_is_wanted, ingest_sink, ingest_target
from trialbed.app.instruments import self_judged, self_judging_notice, self_taught_notice
from trialbed.app.lock import deviations_of, lock_hash
from trialbed.app.models import Models
from trialbed.app.money import BUDGET
from trialbed.app.prepare import Prepared
from trialbed.app.s3 import s3_is_wanted, s3_sink, s3_target
from trialbed.app.screen import Screen
from trialbed.core.canonical import digest
from trialbed.core.clock import SystemClock, iso_z
from trialbed.core.outcome import SETTLED, Outcome
from trialbed.core.provenance import provenance
from trialbed.core.redact import Redactor
from trialbed.core.tracing import UNTRACED, RunSpan
from trialbed.engine.drain import Drain
from trialbed.engine.folder import RunFolder, write_whole
from trialbed.engine.progress import Progress
from trialbed.engine.recording import RunFacts
from trialbed.engine.run import Run
from trialbed.engine.signals import Signals
from trialbed.engine.spending import Spending
from trialbed.engine.trial_run import Bench
from trialbed.providers.bedrock.capabilities import data_date
from trialbed.settings import Settings
from trialbed.sinks.backups import Backups, missing
from trialbed.sinks.journal.state import JournalState
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Sink, Witness

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
    *,
    more_sinks: Sequence[Sink] = (),
    span: RunSpan = UNTRACED,
    patience_s: float | None = None,
) -> tuple[Run, Signals]:
    """Every part of the run, each given what it needs. `patience_s`: see `app.calling.open_calling`."""
    settings, plan, clock = prepared.settings, prepared.plan, SystemClock()
    facts = RunFacts(
        folder.name,
        folder.began_unix_s,
        plan,
        provenance(prepared.root) | {"lock_hash": lock_hash(prepared), "aws_region": settings.aws_region},
        settings.service,
        deviations_of(prepared, journal.state, redact, at=iso_z(clock.now())),
    )
    progress = _progress(prepared, journal.state)
    announce = announcer(screen, redact)
    calling = open_calling(
        prepared,
        models,
        journal,
        drain,
        spending,
        progress,
        trials=plan.size,
        announce=announce,
        redact=redact,
        patience_s=patience_s,
    )
    nonce = nonce_of(folder, journal.state)
    sinks = [*open_sinks(prepared, folder, journal, facts.provenance, announce, nonce=nonce), *more_sinks]
    bench = Bench(
        facts=facts,
        experiment=prepared.found.experiment,
        journal=journal,
        calls=calling.calls,
        clock=clock,
        make_judges=judge_maker(plan.judges, plan.judge_sampling, facts.run, facts.service),
        redact=redact,
        why_stopped=lambda: Outcome.BUDGET_STOPPED if drain.why == BUDGET else Outcome.CANCELLED,
        witnesses=[sink for sink in sinks if isinstance(sink, Witness)],
        span=span,
    )
    rate_themselves = self_judged(plan.subjects, plan.judges, models.behind)
    for judge in rate_themselves:
        announce(self_judging_notice(judge, prepared.judge_variable))
    students = () if prepared.student is None else (prepared.student,)
    for student in self_judged(plan.subjects, students, models.behind):
        announce(self_taught_notice(student))
    journal.post("run_start", None, **_start_facts(prepared, facts), self_judged=rate_themselves, nonce=nonce)
    for deviation in facts.deviations[len(journal.state.deviations) :]:
        journal.post("deviation", None, **deviation)
    signals = Signals(drain=drain, announce=announce, last_words=journal.flush_now)
    run = Run(
        plan=plan,
        bench=bench,
        journal=journal,
        sinks=sinks,
        drain=drain,
        gate=calling.gate,
        governor=calling.governor,
        signals=signals,
        progress=progress,
        clock=clock,
        max_concurrency=settings.max_concurrency,
        delay_s=settings.inter_run_delay,
        deadline_s=settings.run_deadline_s,
        flush_patience_s=flush_patience_s(settings),
        announce=announce,
        display=lambda: screen.display(progress, lambda: calling.governor.in_flight),
    )
    return run, signals


def flush_patience_s(settings: Settings) -> float:
    between_uploads_s = settings.hf_commit_every_s if hub_is_wanted(settings) else 0.0
    return max(_LEAST_FLUSH_PATIENCE_S, between_uploads_s)


def open_sinks(
    prepared: Prepared,
    folder: RunFolder,
    journal: Journal,
    provenance: Mapping[str, Any],
    announce: Callable[[str], None],
    *,
    nonce: str,
) -> list[Sink]:
    """Where the records of a run go beside its journal; each owes what the journal does not show as delivered.

    `nonce` is the run's own (see `app.artifact_ids`).
    """
    sinks: list[Sink] = []
    if prepared.settings.local_backup_enabled:
        backups = Backups(
            ledger=journal,
            folder=folder.backups,
            write=partial(write_whole, durable=False),
            announce=announce,
        )
        for trial_id in missing(journal, folder.backups, folder.began_unix_s):
            backups.offer(trial_id)
        sinks.append(backups)
    if uploads(prepared):
        card = card_of(folder, folder.read_plan(), provenance)
        sinks.append(hub_sink(prepared.settings, journal, card, announce))
    if writes_to_s3(prepared):
        ids = artifact_ids(folder.began_unix_s, nonce)
        sinks.append(s3_sink(prepared.settings, journal, ids, prepared.found.experiment, announce))
    if sends_results(prepared):
        sinks.append(ingest_sink(prepared.settings, journal, nonce, prepared.found.experiment, announce))
    return sinks


def uploads(prepared: Prepared) -> bool:
    return hub_is_wanted(prepared.settings) and not prepared.is_rehearsal


def writes_to_s3(prepared: Prepared) -> bool:
    return s3_is_wanted(prepared.settings) and not prepared.is_rehearsal


def sends_results(prepared: Prepared) -> bool:
    return ingest_is_wanted(prepared.settings) and not prepared.is_rehearsal and has_results(prepared.found.experiment)


def far_sinks(prepared: Prepared) -> tuple[str, ...]:
    """The sinks of this configuration that are not on this machine, by name."""
    wanted = {"hub": uploads(prepared), "s3": writes_to_s3(prepared), "ingest": sends_results(prepared)}
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


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
        "stream": settings.bedrock_stream,
        "capabilities_as_of": data_date(),
        "prices_as_of": prepared.prices.as_of,
        "max_cost_usd": prepared.max_cost_usd,
        "hub": {"repo": settings.hf_repo_id, "layout": settings.hf_layout} if uploads(prepared) else None,
        "s3": {"place": s3_target(settings).place} if writes_to_s3(prepared) else None,
        "ingest": {"place": ingest_target(settings).place} if sends_results(prepared) else None,
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
