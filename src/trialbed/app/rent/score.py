"""How are the answers of a run scored later? By the judging of stored runs; then its files are written anew."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trialbed.app.judging import JudgingFinished, judge_prepared, number_for
from trialbed.app.output import check_output_dir
from trialbed.app.prepare import read_project
from trialbed.app.prepare_judging import JudgingWanted, PreparedJudging, prepare_judging
from trialbed.app.rent.files import RUN, RunFiles, runs_in
from trialbed.app.rent.models import scorer_of
from trialbed.app.rent.wanted import EXPERIMENT, ScoreWanted, outputs_of, per_call
from trialbed.app.roster import Roster
from trialbed.app.screen import Screen
from trialbed.core.errors import UserError
from trialbed.engine.folder import RunFolder, find_run
from trialbed.engine.judging import JUDGEABLE
from trialbed.engine.rejudged import has_verdict_of
from trialbed.engine.stored_plan import stored_plan
from trialbed.sinks.journal.state import JournalState, read_records, read_state

ALL_WELL = 0


@dataclass(frozen=True)
class Scored:
    """How a scoring ended. `judging` is None if there was nothing to do; `found` is what the records come to."""

    run: RunFolder
    judging: JudgingFinished | None
    found: Mapping[str, Any]
    exit_code: int


@dataclass(frozen=True)
class ScoreReady:
    """The run that is scored, by whom, and its files."""

    run: RunFolder
    scorer: Roster
    files: RunFiles


def prepare_score(root: Path, wanted: ScoreWanted) -> ScoreReady:
    """Find the run and whoever scores it. No network.

    Raises:
        UserError: there is no such run, or nobody is named to score it.
    """
    settings, catalog = read_project(root)
    given = Path(wanted.given).expanduser().absolute()
    run = _run_of(given, settings.local_backup_dir)
    document = run.read_plan()
    if document["plan"]["experiment"] != EXPERIMENT:
        other = document["plan"]["experiment"]
        raise UserError(f"--input: {run.name} is a run of {other}; score it with 'trialbed judge {run.name}'")
    found = catalog.find(EXPERIMENT)
    plan = stored_plan(document, found).plan
    is_rehearsed = all(subject.provider == "rehearsal" for subject in plan.subjects)
    scorer = scorer_of(settings, wanted.scorer_model, root, is_rehearsed=is_rehearsed, otherwise=plan.judges)
    folder = runs_in(outputs_of(root, wanted.output_dir)) / run.name
    place = given if given.is_dir() else given.parent
    if wanted.output_dir is None and place.name == run.name and (place / RUN).exists():
        # Where the answers are, the scores belong, too.
        folder = place
    check_output_dir(folder)
    return ScoreReady(run, scorer, RunFiles(folder, found.experiment, plan))


async def score_run(
    root: Path, run: RunFolder, wanted: ScoreWanted, scorer: Roster, files: RunFiles, screen: Screen
) -> Scored:
    """Score what `scorer` has not scored yet, and write the files.

    Raises:
        UserError: something the user can fix; nothing is lost.
    """
    named = ",".join(f"{model.provider}:{model.id}" for model in scorer.models)
    ready = prepare_judging(root, run, JudgingWanted(judges=named, max_cost_usd=wanted.max_cost_usd))
    bounded = replace(ready.prepared, per_call=per_call(ready.prepared.settings), ceilings=scorer.ceilings)
    ready = replace(ready, prepared=bounded)
    if not wanted.fresh and is_done(ready, run, read_state(run.journal)):
        judges = ", ".join(map(str, scorer.models))
        screen.announce(f"{run.name} is scored by {judges} already: nothing to do. --fresh scores it again.")
        return Scored(run, None, files.write_all(run), ALL_WELL)
    judging = await judge_prepared(ready, run, screen, fresh=wanted.fresh, goes_on=True)
    found = files.write_all(run)
    return Scored(run, judging, found, judging.exit_code)


def is_done(ready: PreparedJudging, run: RunFolder, state: JournalState) -> bool:
    """Whether these very judges have judged every answer there is, as this rubric has it now."""
    number = number_for(ready, state, goes_on=True)
    answers = [record for record in read_records(run.journal, state) if record["outcome"] in JUDGEABLE]
    return bool(answers) and all(has_verdict_of(record, number) for record in answers)


def _run_of(given: Path, backups: Path) -> RunFolder:
    """The run whose file, folder or name is given."""
    name = given.parent.name if given.suffix else given.name
    try:
        return find_run(backups, name)
    except UserError:
        raise UserError(
            f"--input: there is no journal of a run {name!r} under {backups}, from which all files are made; "
            "name the run.jsonl of a run that is there, or set LOCAL_BACKUP_DIR"
        ) from None
