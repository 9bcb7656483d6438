"""Has a run with these prompts and models begun already, whoever scores it? Then it is the one to go on with.

A plan names its judges, so one that is to be scored now and one that is to be scored later are two plans. Without this,
whoever first asks and then wants scores at once would pay for every answer twice.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trialbed.core.plan import Plan, grows_from
from trialbed.core.stored_plan import plan_of
from trialbed.engine.folder import find_resumable, planned_runs


def as_begun(plan: Plan, backups: Path) -> Plan:
    """The plan with the judges of the newest run that asks the same of the same models; itself if there is none, or one
    with these very judges."""
    if find_resumable(backups, plan) is not None:
        return plan
    for _, document in planned_runs(backups, plan.experiment):
        known = document["plan"]
        try:
            adapted = _with_judges_of(plan, known)
        except (KeyError, TypeError, ValueError):  # a plan of another version
            continue
        if grows_from(adapted.as_dict(), known):
            return adapted
    return plan


def _with_judges_of(plan: Plan, known: Mapping[str, Any]) -> Plan:
    theirs = plan_of(known)
    # An ARN's account number is in no file; the command line may have it.
    ours = {str(judge): judge for judge in plan.judges}
    return replace(
        plan,
        judges=tuple(ours.get(str(judge), judge) for judge in theirs.judges),
        judge_sampling=theirs.judge_sampling,
        judge_repeat_share=theirs.judge_repeat_share,
    )
