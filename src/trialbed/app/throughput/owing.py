"""What do earlier runs of measurements owe the results server? It is sent beside the measuring, run after run."""

import logging
from pathlib import Path

import anyio.to_thread

from trialbed.app import logs
from trialbed.app.ingest import ingest_is_wanted
from trialbed.app.push import push
from trialbed.app.stored import owed_by_sink
from trialbed.app.throughput.wanted import EXPERIMENT
from trialbed.core.errors import UserError
from trialbed.engine.folder import RunFolder, last_event, runs_newest_first
from trialbed.settings import Settings
from trialbed.sinks.journal.state import read_state

_MOST_RUNS = 20
_SINK = "ingest"
_log = logging.getLogger(f"{logs.LOGGER}.throughput")


async def deliver_earlier(root: Path, settings: Settings, *, but: str = "") -> None:
    """Send what the newest runs owe, but for the one of that name. Goes on until cancelled, or done."""
    if not ingest_is_wanted(settings):
        return
    for folder in await anyio.to_thread.run_sync(_owing, settings.local_backup_dir, but):
        try:
            owed = (await push(root, settings, folder, _log.info)).get(_SINK, 0)
        except UserError as error:
            # Another process writes it, or the server refuses: the run that measures says so itself.
            _log.debug("%s: %s", folder.name, error)
            continue
        _log.info("%s: %s", folder.name, f"{owed} results are still owed" if owed else "all its results are delivered")


def _owing(backups: Path, but: str) -> list[RunFolder]:
    every = runs_newest_first(backups)
    folders = [folder for folder in every if folder.name.startswith(f"{EXPERIMENT}-") and folder.name != but]
    return [folder for folder in folders[:_MOST_RUNS] if _owes(folder)]


def _owes(folder: RunFolder) -> bool:
    """A sitting that came to its end has written what it owed: then the rest of a journal of weeks is not read."""
    last = last_event(folder.journal) or {}
    if not folder.journal.exists() or (last.get("e") == "run_stop" and not last["owed"].get(_SINK)):
        return False
    return bool(owed_by_sink(read_state(folder.journal)).get(_SINK))
