"""Bring a stored run to the Hub, or compare the two. Needs only the run's folder and the HF_* settings."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import orjson

from trialbed.app.hub import card_of, check_hub, hub_sink, target_of
from trialbed.app.journal import open_journal
from trialbed.core.errors import UserError
from trialbed.engine.folder import RunFolder
from trialbed.settings import Settings
from trialbed.sinks.journal.writer import Journal

if TYPE_CHECKING:
    from trialbed.sinks.hub.verify import VerifyReport

_PATIENCE_S = 10.0
_PUSH_S = 3600.0


async def push(settings: Settings, folder: RunFolder, announce: Callable[[str], None]) -> int:
    """Send what the run owes; returns how many records are still owed.

    Raises:
        UserError: settings, access or disk need the user's hand; or the run is being written now.
    """
    target_of(settings)
    with open_journal(folder, patience_s=_PATIENCE_S, announce=announce) as journal:
        _refuse_rehearsal(journal)
        problems, _ = await check_hub(settings)
        if problems:
            raise UserError("\n".join(problems))
        card = card_of(folder, folder.read_plan(), _provenance(journal))
        sink = hub_sink(settings, journal, card, announce, check_published=True)
        async with anyio.create_task_group() as group:
            group.start_soon(journal.keep, name="journal")
            try:
                await sink.flush(_PUSH_S)
            finally:
                # Cancelling does not end the journal's task: it would be waited for without an end.
                journal.close()
        if sink.stopped is not None:
            raise UserError(sink.stopped)
        return sink.owed


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
