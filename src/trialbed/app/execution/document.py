"""What does the file of results say? Made of all records so far, under names that readers of older files know."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from trialbed.app.execution.parts import Part, Parts
from trialbed.app.execution.wanted import LEVELS, Task

Records = Sequence[Mapping[str, Any]]

_PREFIX: dict[Task, str] = {"prediction": "", "choice": "execution_choice_"}
_NAMES: dict[Task, tuple[str, str]] = {
    "prediction": ("metrics_counts", "metrics_summary"),
    "choice": ("counts", "summary"),
}
"""How an experiment names its counts and its summary; its traces are `results`."""


def document_of(
    parts: Parts, records: Mapping[int, Records], runs: Mapping[int, str], began_unix_s: int
) -> dict[str, Any]:
    """The whole file. A task that was not asked for has no members; one that has not begun has empty ones.

    Args:
        records: by a part's place, what is known of it so far.
        runs: by a part's place, the name of its run.
    """
    document: dict[str, Any] = {}
    for task in parts.wanted.tasks:
        own = [place for place, part in enumerate(parts.parts) if part.task == task and not part.is_comparison]
        prefix, (counts, summary) = _PREFIX[task.task], _NAMES[task.task]
        found = _results(
            [parts.parts[place] for place in own], [one for place in own for one in records.get(place, ())]
        )
        document[f"{prefix}config"] = _config(parts, [parts.parts[place] for place in own])
        document[f"{prefix}{counts}"] = found.get(counts, {})
        document[f"{prefix}{summary}"] = found.get(summary, {})
        document[f"{prefix}results"] = found.get("results", [])
    # Whatever the tasks, the file says at its top what was run.
    document.setdefault("config", _config(parts, parts.parts))
    if parts.wanted.compare_reasoning:
        document["reasoning_comparison"] = _comparison(parts, records)
    document["runs"] = [
        {
            "task": part.task.task,
            "reasoning": part.level,
            "is_comparison": part.is_comparison,
            "run": runs.get(place),
            "plan_hash": part.prepared.plan.plan_hash,
            "planned": part.prepared.plan.size,
            "ended": len(records.get(place, ())),
        }
        for place, part in enumerate(parts.parts)
    ]
    document["started_at"] = datetime.fromtimestamp(began_unix_s, UTC).isoformat().replace("+00:00", "Z")
    document["complete"] = all(run["ended"] == run["planned"] for run in document["runs"])
    return document


def _results(own: Sequence[Part], records: Records) -> Mapping[str, Any]:
    """What the experiment says of the records of these parts taken together."""
    if not own:
        return {}
    scenarios = [scenario for part in own for scenario in part.prepared.plan.scenarios]
    variants = list({variant.id: variant for part in own for variant in part.prepared.plan.variants}.values())
    return own[0].prepared.found.experiment.results(scenarios, variants, records)


def _config(parts: Parts, own: Sequence[Part]) -> dict[str, Any]:
    """What was asked for, and how: enough to run it again."""
    wanted = parts.wanted
    shared = {
        "model_id": parts.subject.public_id,
        "provider": parts.subject.provider,
        "dataset": parts.dataset,
        "split": wanted.split,
        "region": own[0].prepared.settings.aws_region if own else None,
        "latency_profile": wanted.latency_profile,
        "enable_thinking": wanted.enable_thinking,
        "thinking_budget_tokens": wanted.thinking_budget_tokens,
        "include_missing_mutations": wanted.include_missing_mutations,
    }
    if not own:
        return shared
    task, first = own[0].task, own[0]
    return {
        **shared,
        "task": task.task,
        "num_problems": task.num_problems,
        "start_index": task.start_index,
        "pred_generations" if task.task == "prediction" else "choice_runs": task.requests,
        "reasoning": task.reasoning,
        "seed": task.seed,
        "skip_boolean": task.skip_boolean,
        "sampling": first.prepared.plan.sampling.as_dict(),
        "experiment": first.prepared.plan.experiment,
        "experiment_version": first.prepared.plan.version,
        "loaded": dict(first.counts),
    }


def _comparison(parts: Parts, records: Mapping[int, Records]) -> dict[str, Any]:
    """By task and level, counts and summary over the problems that are compared."""
    return {
        "samples": parts.wanted.comparison_samples,
        **{
            task.task: {level: _at_level(parts, records, task.task, level) for level in LEVELS}
            for task in parts.wanted.tasks
        },
    }


def _at_level(parts: Parts, records: Mapping[int, Records], task: Task, level: str) -> dict[str, Any]:
    """Of the task's own level its own records count, as far as they are of problems that are compared."""
    compared = parts.compared.get(task, frozenset())
    places = [place for place, part in enumerate(parts.parts) if part.task.task == task and part.level == level]
    own = [parts.parts[place] for place in places]
    chosen = [one for place in places for one in records.get(place, ()) if one["scenario"] in compared]
    found = _results(_only(own, compared), chosen)
    return {name: found.get(name, {}) for name in _NAMES[task]}


def _only(own: Sequence[Part], compared: frozenset[str]) -> list[Part]:
    """Parts without the scenarios that are not compared."""
    return [part for part in own if any(scenario.id in compared for scenario in part.prepared.plan.scenarios)]
