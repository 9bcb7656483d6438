"""What is going to be asked, and which run does it go on with? Settings, grid and command line made into a plan."""

from dataclasses import dataclass, replace
from pathlib import Path

from trialbed.app.checks import hub_problems
from trialbed.app.prepare import Prepared, analysis_of, limit_of, not_one_kind, prices_of_project, read_project
from trialbed.app.rent.earlier import as_begun
from trialbed.app.rent.grid import Grid, grid_of
from trialbed.app.rent.models import scorer_of, subjects_of
from trialbed.app.rent.wanted import EXPERIMENT, RentWanted, per_call
from trialbed.app.roster import Roster
from trialbed.choose import Choice, choose_plan
from trialbed.core.errors import UserError
from trialbed.settings import Settings

_REHEARSAL = "rehearsal"


@dataclass(frozen=True)
class RentRun:
    """One run. `scorer` are the models that are to score its answers now; empty = nobody."""

    prepared: Prepared
    grid: Grid
    scorer: Roster

    @property
    def scores_afterwards(self) -> bool:
        """Whether the answers are scored by another sitting than the one that asks for them."""
        return bool(self.scorer.models) and self.prepared.plan.judges != self.scorer.models


def prepare_rent(root: Path, wanted: RentWanted) -> RentRun:
    """The plan of a run, and its prompts. No network.

    Raises:
        UserError: one line for each thing that is wrong.
    """
    settings, catalog = read_project(root)
    found = catalog.find(EXPERIMENT)
    problems = [*wanted.grid.problems(), *hub_problems(settings)]
    if wanted.runs < 1:
        problems.append(f"--runs: must be at least 1, is {wanted.runs}")
    limit_usd = limit_of(settings, wanted.max_cost_usd, problems)
    prices = prices_of_project(settings, problems)
    subjects, scorer, why_rehearsal = _models(root, settings, wanted, problems)
    problems += not_one_kind(subjects.models, scorer.models, None)
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    grid = grid_of(root, found, settings, wanted.grid)
    whole = choose_plan(
        settings,
        replace(found, scenarios=grid.scenarios),
        Choice(variants=grid.variants, runs=wanted.runs),
        subjects=subjects.models,
        judges=scorer.models,
    )
    plan = whole if wanted.fresh else as_begun(whole, settings.local_backup_dir)
    prepared = Prepared(
        root,
        settings,
        found,
        plan,
        analysis_of(found, plan),
        why_rehearsal,
        prices,
        limit_usd,
        judge_variable="--scorer-model",
        ceilings={**scorer.ceilings, **subjects.ceilings},
        per_call=per_call(settings),
    )
    return RentRun(prepared, grid, scorer)


def _models(
    root: Path, settings: Settings, wanted: RentWanted, problems: list[str]
) -> tuple[Roster, Roster, str | None]:
    """Subjects, scorers and why they are rehearsed. Adds to `problems`."""
    subjects, scorer, why = Roster(()), Roster(()), None
    try:
        subjects, why = subjects_of(settings, wanted.models, wanted.model, root)
    except UserError as error:
        problems.append(str(error))
    is_rehearsed = bool(subjects.models) and all(one.provider == _REHEARSAL for one in subjects.models)
    if wanted.score_now:
        try:
            scorer = scorer_of(settings, wanted.scorer_model, root, is_rehearsed=is_rehearsed)
        except UserError as error:
            problems.append(str(error))
    elif wanted.scorer_model is not None:
        problems.append("--scorer-model: says nothing without --score-now; add it, or score later with 'rent score'")
    return subjects, scorer, why
