"""Which of the problems were asked already, by a command for fewer of them? They go on in the runs they have.

A plan over more scenarios is another plan. Without this, a user who first asks twenty problems and then forty would pay
for the twenty twice.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trialbed.core.canonical import canonical_json
from trialbed.core.experiment import Scenario
from trialbed.core.plan import Plan
from trialbed.engine.folder import find_resumable, planned_runs


def by_run(plan: Plan, backups: Path) -> list[Plan]:
    """The plan in parts: one for each run that has some of its scenarios and otherwise asks the same, then the rest.

    A run counts if it has no scenario but those of the plan and no more repeats; larger ones are taken first. Where
    the plan as a whole has a run already, or none has anything of it, it is one part.
    """
    if find_resumable(backups, plan) is not None:
        return [plan]
    left = {scenario.id: scenario for scenario in plan.scenarios}
    found: list[tuple[Scenario, ...]] = []
    for there in sorted(_asked(plan, backups), key=len, reverse=True):
        if there and all(left.get(scenario.id) == scenario for scenario in there):
            found.append(there)
            for scenario in there:
                del left[scenario.id]
    places = {scenario.id: place for place, scenario in enumerate(plan.scenarios)}
    found.sort(key=lambda own: places[own[0].id])
    rest = tuple(left.values())
    return [replace(plan, scenarios=own) for own in (*found, *([rest] if rest else []))]


def _asked(plan: Plan, backups: Path) -> Iterator[tuple[Scenario, ...]]:
    """The scenarios of every run that differs from the plan in nothing else, or in fewer repeats; newest first."""
    ours = plan.as_dict()
    contents = map(canonical_json, ours["scenarios"])
    by_content = dict(zip(contents, plan.scenarios, strict=True))
    for _, document in planned_runs(backups, plan.experiment):
        theirs: dict[str, Any] = document["plan"]
        known = [by_content.get(canonical_json(content)) for content in theirs.get("scenarios", ())]
        if _asks_the_same(ours, theirs) and None not in known:
            yield tuple(scenario for scenario in known if scenario is not None)


def _asks_the_same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    every = (ours.keys() | theirs.keys()) - {"scenarios", "repeats"}
    return theirs["repeats"] <= ours["repeats"] and all(ours.get(name) == theirs.get(name) for name in every)
