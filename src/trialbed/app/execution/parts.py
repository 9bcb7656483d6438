"""Which runs does the command come to? Each part is the plan of one run; together they make one file. Asks no model.

A part is one experiment at one level of reasoning. The comparison of levels asks a small subset at the two levels that
the task itself does not have; for the third it has the task's own answers: nothing is asked, or paid, twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trialbed.app.execution.asked import Asked, read_asked
from trialbed.app.execution.earlier import by_run
from trialbed.app.execution.sampling import options_of
from trialbed.app.execution.wanted import EXPERIMENTS, LEVELS, ExecutionWanted, Level, Task, TaskWanted
from trialbed.app.prepare import Prepared, analysis_of
from trialbed.choose import Choice, choose_plan
from trialbed.core.errors import UserError
from trialbed.core.experiment import Material, Scenario
from trialbed.core.model import ModelName

_SHOWN: dict[Task, tuple[str, str]] = {
    "prediction": ("original", "mutated"),
    "choice": ("original_first", "mutated_first"),
}
"""What the ids of a task's variants begin with, the original's first; then their level of reasoning."""


@dataclass(frozen=True)
class Part:
    """One run of the command.

    Args:
        is_comparison: it only serves the comparison of levels.
        counts: of the problems and rows of its data set, as the file tells them.
    """

    task: TaskWanted
    level: Level
    prepared: Prepared
    is_comparison: bool
    counts: Mapping[str, Any]


@dataclass(frozen=True)
class Parts:
    """All runs of a command, in their order. `compared` has, by task, the ids of the scenarios that are compared."""

    wanted: ExecutionWanted
    subject: ModelName
    dataset: str
    output_dir: Path
    parts: tuple[Part, ...]
    compared: Mapping[Task, frozenset[str]]
    notices: tuple[str, ...]
    limit_usd: float | None


def prepare_execution(root: Path, wanted: ExecutionWanted) -> Parts:
    """Everything that is going to be run. Reads the data set; asks no model.

    Raises:
        UserError: one line for each thing that is wrong.
    """
    asked = read_asked(root, wanted)
    parts: list[Part] = []
    compared: dict[Task, frozenset[str]] = {}
    notices = list(asked.notices)
    for task in wanted.tasks:
        material = _material(asked, task)
        notices += material.notes
        parts += _of_task(root, asked, task, material)
        if wanted.compare_reasoning:
            subset = _material(asked, _fewer(task, wanted.comparison_samples)).scenarios
            compared[task.task] = frozenset(scenario.id for scenario in subset)
            parts += _comparisons(root, asked, task, subset)
    # Comparisons last: what was asked for first is there first.
    parts.sort(key=lambda part: part.is_comparison)
    said = tuple(dict.fromkeys(notices))
    return Parts(wanted, asked.subject, asked.dataset, asked.output_dir, tuple(parts), compared, said, asked.limit_usd)


def _of_task(root: Path, asked: Asked, task: TaskWanted, material: Material) -> Iterator[Part]:
    """The problems that have a mutant, and those that have none; each in one run, unless some have runs already."""
    shown, level = _SHOWN[task.task], task.reasoning
    for scenarios, variants in ((material.scenarios, shown), (material.baseline_only, shown[:1])):
        for prepared in _prepared(root, asked, task, scenarios, variants, level):
            yield Part(task, level, prepared, False, material.counts)


def _comparisons(root: Path, asked: Asked, task: TaskWanted, subset: Sequence[Scenario]) -> Iterator[Part]:
    for level in LEVELS:
        if level != task.reasoning:
            for prepared in _prepared(root, asked, task, subset, _SHOWN[task.task], level):
                yield Part(task, level, prepared, True, {})


def _prepared(
    root: Path, asked: Asked, task: TaskWanted, scenarios: Sequence[Scenario], shown: Sequence[str], level: Level
) -> Iterator[Prepared]:
    if not scenarios:
        return
    settings = asked.settings_of(task)
    found = asked.catalog.find(EXPERIMENTS[task.task])
    whole = choose_plan(
        settings,
        replace(found, scenarios=tuple(scenarios)),
        Choice(variants=tuple(f"{one}-{level}" for one in shown), runs=task.repeats),
        subjects=(asked.subject,),
        judges=(),
    )
    for plan in [whole] if asked.wanted.fresh else by_run(whole, settings.local_backup_dir):
        yield Prepared(
            root,
            settings,
            found,
            plan,
            analysis_of(found, plan),
            asked.why_rehearsal,
            asked.prices,
            asked.limit_usd,
            options=options_of(task, asked.wanted),
        )


def _material(asked: Asked, task: TaskWanted) -> Material:
    wanted = {
        "num_problems": task.num_problems,
        "start_index": task.start_index,
        "skip_boolean": task.skip_boolean,
        "include_missing_mutations": asked.wanted.include_missing_mutations,
    }
    name = EXPERIMENTS[task.task]
    found = asked.catalog.find(name).experiment.of_rows(asked.rows, wanted, where=asked.dataset)
    if found is None:
        raise UserError(f"experiments/{name}: takes no data set of your own; let of_rows make scenarios of its rows")
    return found


def _fewer(task: TaskWanted, most: int) -> TaskWanted:
    """The same task on its first problems, never on more than it has."""
    return replace(task, num_problems=min(most, task.num_problems) if task.num_problems > 0 else most)
