"""Who judges the stored transcripts of a run, and by which rubric? Plan.json, settings and command line together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trialbed.app.checks import hub_problems
from trialbed.app.prepare import Prepared, limit_of, prices_of_project, read_project
from trialbed.app.roster import named_models
from trialbed.core.choices import choices_of
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.core.redact import ACCOUNT_MASK
from trialbed.engine.folder import RunFolder
from trialbed.engine.stored_plan import StoredPlan, stored_plan


@dataclass(frozen=True)
class JudgingWanted:
    """What the command line asks for; None = as the run had it. `fresh` begins another judging in any case."""

    judges: str | None = None
    repeat_share: float | None = None
    max_cost_usd: float | None = None
    fresh: bool = False


@dataclass(frozen=True)
class PreparedJudging:
    """`prepared.plan` is the run's with the judges, their sampling and their share of repeats that hold now."""

    prepared: Prepared
    stored: StoredPlan

    @property
    def facts(self) -> dict[str, Any]:
        """What makes two judgings the same, as `judging_start` has it."""
        plan = self.prepared.plan
        return {
            "judges": [str(judge) for judge in plan.judges],
            "judge_sampling": plan.judge_sampling.as_dict(),
            "repeat_share": plan.judge_repeat_share,
            "experiment_version": self.prepared.found.experiment.version,
        }


def prepare_judging(root: Path, folder: RunFolder, wanted: JudgingWanted) -> PreparedJudging:
    """Read settings, experiment and plan.json. No network.

    Raises:
        UserError: one line for each thing that is wrong.
    """
    settings, catalog = read_project(root)
    document = folder.read_plan()
    found = catalog.find(document["plan"]["experiment"])
    stored = stored_plan(document, found)
    problems = hub_problems(settings)
    limit_usd = limit_of(settings, wanted.max_cost_usd, problems)
    share = stored.plan.judge_repeat_share if wanted.repeat_share is None else wanted.repeat_share
    if not 0 <= share <= 1:
        problems.append(f"--repeat-share: must be a share from 0 to 1, is {share:g}")
    prices = prices_of_project(settings, problems)
    judges, ceilings = _judges(wanted.judges, stored.plan.judges, settings.judge_models, root, problems)
    if found.experiment.needs_judge and not judges:
        problems.append(
            "--judges: this experiment needs a judge, and its run had none; name one, csv of provider:model"
        )
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    plan = replace(stored.plan, judges=judges, judge_sampling=found.experiment.judge_sampling, judge_repeat_share=share)
    analysis = choices_of(found.experiment, baseline=plan.baseline, seed=plan.seed)
    prepared = Prepared(
        root, settings, found, plan, analysis, None, prices, limit_usd, asks_subjects=False, ceilings=ceilings
    )
    return PreparedJudging(prepared, stored)


def _judges(
    named: str | None, of_run: Sequence[ModelName], in_settings: str, root: Path, problems: list[str]
) -> tuple[tuple[ModelName, ...], Mapping[ModelName, int]]:
    """Those named, else those of the run, and their ceilings. A record of a run has no account number; the settings
    may have it."""
    if named is not None:
        roster = named_models(named, root)
        return roster.models, roster.ceilings
    roster = named_models(in_settings, root)
    known = {str(model): model for model in roster.models}
    judges = tuple(known.get(str(judge), judge) for judge in of_run)
    problems += [
        f"--judges: {judge} of this run is an ARN whose account number is not kept; name it, or set JUDGE_MODELS"
        for judge in judges
        if ACCOUNT_MASK in judge.id
    ]
    return judges, roster.ceilings
