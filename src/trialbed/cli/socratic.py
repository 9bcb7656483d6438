"""`socratic`: one dialogue; its summary is the only thing on stdout."""

import json
import sys
from pathlib import Path

import anyio

from trialbed.app.dialogue_summary import Told, summary_document, told_of
from trialbed.app.job import Finished, do_job
from trialbed.app.socratic import SocraticWanted, notices, prepare_socratic
from trialbed.cli.run import has_uvloop, left_to_do
from trialbed.cli.screen import TerminalScreen
from trialbed.core.outcome import Outcome
from trialbed.sinks.journal.state import read_state

_QUOTA = "if it goes on, ask for a higher quota of this model in the AWS console (Service Quotas, Amazon Bedrock)"


def socratic_command(root: Path, wanted: SocraticWanted) -> int:
    """Carry out a dialogue, or go on with an unfinished one; returns the exit code.

    Raises:
        UserError: something the user can fix; nothing is printed on stdout.
    """
    prepared = prepare_socratic(root, wanted)
    screen = TerminalScreen()
    for notice in notices(prepared):
        screen.announce(notice)

    async def job() -> Finished:
        return await do_job(prepared, screen, fresh=False, again=True)

    finished = anyio.run(job, backend_options={"use_uvloop": has_uvloop()})
    told = told_of(finished.folder, read_state(finished.folder.journal), prepared)
    summary = summary_document(told, prepared)
    for line in _words(told, finished, summary["n_unjudged"]):
        screen.announce(line)
    print(json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False))
    sys.stdout.flush()
    return finished.exit_code


def _words(told: Told, finished: Finished, unjudged: int) -> list[str]:
    """What a person wants to know beside the summary."""
    lines = [f"Journal: {finished.folder.journal}", f"Cost: {finished.cost.removeprefix('cost ')}"]
    if told.outcome is not Outcome.ANSWERED:
        lines.insert(0, f"the dialogue was not scored: {told.outcome.value}: {told.reason or 'it was stopped'}")
        if "hrottling" in (told.reason or ""):
            lines.insert(1, _QUOTA)
    elif unjudged:
        lines.append(f"{unjudged} turns were not judged; 'trialbed judge {told.run}' asks for them again")
    return lines + left_to_do(finished)
