"""Bring a stored run to where it is owed, or compare Hub and journal. Needs the run's folder and the HF_*, RUNNER_S3_*
or INGEST_* settings."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import orjson

from trialbed.app.artifact_ids import artifact_ids, nonce_of
from trialbed.app.hub import card_of, check_hub, hub_is_wanted, hub_sink, target_of
from trialbed.app.ingest import check_ingest, has_results, ingest_is_wanted, ingest_problems, ingest_sink
from trialbed.app.journal import open_journal
from trialbed.app.s3 import check_s3, s3_is_wanted, s3_sink
from trialbed.core.errors import UserError
from trialbed.engine.folder import RunFolder
from trialbed.plugins import scan
from trialbed.settings import Settings
from trialbed.sinks.journal.writer import Journal

if TYPE_CHECKING:
    from trialbed.sinks.hub.sink import HubSink
    from trialbed.sinks.hub.verify import VerifyReport
    from trialbed.sinks.ingest.sink import IngestSink
    from trialbed.sinks.s3.sink import S3Sink

_PATIENCE_S = 10.0
_PUSH_S = 3600.0


async def push(root: Path, settings: Settings, folder: RunFolder, announce: Callable[[str], None]) -> dict[str, int]:
    """Send what the run owes to each far side that is set; returns how many records are still owed, by sink.

    Raises:
        UserError: settings, access or disk need the user's hand; or the run is being written now.
    """
    _refuse_nowhere(settings)
    with open_journal(folder, patience_s=_PATIENCE_S, announce=announce) as journal:
        _refuse_rehearsal(journal)
        problems, _ = await check_hub(settings)
        if problems:
            raise UserError("\n".join(problems))
        for note in (*await check_s3(settings), *await check_ingest(settings)):
            announce(note)
        sinks = _sinks(root, settings, folder, journal, announce)
        async with anyio.create_task_group() as group:
            group.start_soon(journal.keep, name="journal")
            try:
                async with anyio.create_task_group() as flushes:
                    for sink in sinks:
                        flushes.start_soon(sink.flush, _PUSH_S, name=f"push {sink.name}")
            finally:
                # Cancelling does not end the journal's task: it would be waited for without an end.
                journal.close()
        if stopped := [sink.stopped for sink in sinks if sink.stopped is not None]:
            raise UserError("\n".join(stopped))
        return {sink.name: sink.owed for sink in sinks}


def _refuse_nowhere(settings: Settings) -> None:
    """Raises:
    UserError: no far side is set, or one of them by half.
    """
    if problems := ingest_problems(settings):
        raise UserError("\n".join(problems))
    if not s3_is_wanted(settings) and not ingest_is_wanted(settings):
        target_of(settings)


def _sinks(
    root: Path, settings: Settings, folder: RunFolder, journal: Journal, announce: Callable[[str], None]
) -> "list[HubSink | S3Sink | IngestSink]":
    """Raises:
    UserError: the run's experiment is no longer there, or has nothing for the one far side that is set.
    """
    plan = folder.read_plan()
    sinks: list[HubSink | S3Sink | IngestSink] = []
    if hub_is_wanted(settings):
        card = card_of(folder, plan, _provenance(journal))
        sinks.append(hub_sink(settings, journal, card, announce, check_published=True))
    if not s3_is_wanted(settings) and not ingest_is_wanted(settings):
        return sinks
    experiment = scan(root).find(plan["plan"]["experiment"]).experiment
    nonce = nonce_of(folder, journal.state)
    if s3_is_wanted(settings):
        ids = artifact_ids(folder.began_unix_s, nonce)
        sinks.append(s3_sink(settings, journal, ids, experiment, announce))
    if ingest_is_wanted(settings) and has_results(experiment):
        sinks.append(ingest_sink(settings, journal, nonce, experiment, announce))
    if not sinks:
        raise UserError(
            f"INGEST_API_URL: experiment {experiment.name} sends no results there; set HF_TOKEN and HF_REPO_ID, or "
            "RUNNER_S3_BUCKET, to push this run"
        )
    return sinks


async def verify_run(settings: Settings, folder: RunFolder, announce: Callable[[str], None]) -> "VerifyReport":
    """Compare Hub, journal and plan of a run.

    Raises:
        UserError: the Hub cannot be read, or the run is being written now.
    """
    from trialbed.sinks.hub.daemon import in_daemon
    from trialbed.sinks.hub.verify import verify

    target = target_of(settings)
    with open_journal(folder, patience_s=_PATIENCE_S, announce=announce) as journal:
        planned = folder.read_plan()["planned"]
        return await in_daemon(partial(verify, target, folder.name, planned, journal), limit_s=_PUSH_S)


def _refuse_rehearsal(journal: Journal) -> None:
    """Every record of a rehearsed run is rehearsed; the first one tells.

    Raises:
        UserError: this run was a rehearsal.
    """
    first = next(journal.revisions(), None)
    if first is not None and orjson.loads(journal.record_line(first[0]))["provider"] == "rehearsal":
        raise UserError("RUN: this run was a rehearsal; its records are not uploaded. Run it on real models first")


def _provenance(journal: Journal) -> dict[str, Any]:
    starts = journal.state.run_starts
    return dict(starts[-1]["provenance"]) if starts else {}
