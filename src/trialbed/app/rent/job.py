"""One run: its answers, then its scores if they are wanted now; its files written as it goes, and from the journal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbed.app.job import SOME_FAILED, Finished, do_job
from trialbed.app.output import check_output_dir
from trialbed.app.rent.files import RunFiles, kept, runs_in
from trialbed.app.rent.prepare import RentRun
from trialbed.app.rent.score import Scored, score_run
from trialbed.app.rent.wanted import RentWanted, ScoreWanted, outputs_of
from trialbed.app.screen import Screen
from trialbed.engine.folder import RunFolder
from trialbed.sinks.ledger import Ledger
from trialbed.sinks.results_file import ResultsFile


@dataclass(frozen=True)
class RentFinished:
    """How a command ended. `scored` is there if answers were scored by a sitting of their own; `found` is what the
    records come to, as the experiment's `results` has it."""

    finished: Finished
    scored: Scored | None
    found: Mapping[str, Any]
    files: RunFiles
    exit_code: int


async def do_rent(root: Path, run: RentRun, wanted: RentWanted, screen: Screen) -> RentFinished:
    """Ask, or go on with that; then score what was answered, if that is wanted and the run itself does not.

    Raises:
        UserError: something the user can fix; nothing is lost.
    """
    outputs = outputs_of(root, wanted.grid.output_dir)
    # Before any model is asked, even about itself.
    check_output_dir(runs_in(outputs))
    finished = await do_job(
        run.prepared, screen, fresh=wanted.fresh, more_sinks=_writing(run, outputs, screen.announce)
    )
    files = _files(run, outputs, finished.folder)
    found = files.write_all(finished.folder)
    if not run.scores_afterwards or finished.exit_code > SOME_FAILED:
        return RentFinished(finished, None, found, files, finished.exit_code)
    scored = await score_run(
        root,
        finished.folder,
        ScoreWanted(finished.folder.name, max_cost_usd=wanted.max_cost_usd),
        run.scorer,
        files,
        screen,
    )
    return RentFinished(finished, scored, scored.found, files, max(finished.exit_code, scored.exit_code))


def _writing(
    run: RentRun, outputs: Path, announce: Callable[[str], None]
) -> Callable[[RunFolder, Ledger], Sequence[ResultsFile]]:
    """What writes the answers while they come."""

    def make(folder: RunFolder, ledger: Ledger) -> Sequence[ResultsFile]:
        files = _files(run, outputs, folder)
        check_output_dir(files.folder)

        def write(records: Sequence[dict[str, Any]]) -> None:
            files.write_answers(records)

        return [ResultsFile(ledger=ledger, keep=kept, write=write, announce=announce)]

    return make


def _files(run: RentRun, outputs: Path, folder: RunFolder) -> RunFiles:
    prepared = run.prepared
    return RunFiles(runs_in(outputs) / folder.name, prepared.found.experiment, prepared.plan)
