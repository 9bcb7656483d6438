"""What does the command line of `trialbed execution` ask for? One frozen value; None = not said there."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

Task = Literal["prediction", "choice"]
Level = Literal["low", "medium", "high"]
LEVELS: tuple[Level, Level, Level] = ("low", "medium", "high")
EXPERIMENTS: dict[Task, str] = {"prediction": "execution_prediction", "choice": "execution_choice"}
PREFIXES: dict[Task, str] = {"prediction": "--pred", "choice": "--choice"}

_ORDERS = 2
NONE = "none"
"""Said of a temperature or top_p: it is left to the model."""


@dataclass(frozen=True)
class TaskWanted:
    """One task. `requests` counts generations per program for prediction, requests per problem for choice.

    `temperature` and `top_p` are numbers as text, or "none"; `num_problems` of 0 or less = all.
    """

    task: Task
    num_problems: int = 20
    start_index: int = 0
    requests: int = 5
    reasoning: Level = "medium"
    max_tokens: int = 1000
    temperature: str | None = None
    top_p: str | None = None
    seed: int = 42
    skip_boolean: bool = False

    @property
    def prefix(self) -> str:
        return PREFIXES[self.task]

    @property
    def repeats(self) -> int:
        """Runs of each cell of the plan. A choice is always asked in both orders, so two requests are one run."""
        return self.requests if self.task == "prediction" else self.requests // _ORDERS

    def problems(self) -> list[str]:
        """One line for each number that cannot be meant."""
        found = []
        flag = "--pred-generations" if self.task == "prediction" else "--choice-runs"
        if self.requests < 1:
            found.append(f"{flag}: must be at least 1, is {self.requests}")
        elif self.task == "choice" and self.requests % _ORDERS:
            found.append(
                f"{flag}: counts requests per problem, and every choice is asked in both orders: give an even number "
                f"(is {self.requests})"
            )
        if self.start_index < 0:
            found.append(f"{self.prefix}-start-index: must be at least 0, is {self.start_index}")
        if not 0 <= self.seed < 2**63:
            found.append(f"{self.prefix}-seed: must be from 0 to 2**63 - 1, is {self.seed}")
        return found


@dataclass(frozen=True)
class ExecutionWanted:
    """The whole command."""

    tasks: tuple[TaskWanted, ...]
    dataset: str | None = None
    split: str | None = None
    output_dir: Path | None = None
    model_id: str | None = None
    region: str | None = None
    enable_thinking: bool = False
    thinking_budget_tokens: int | None = None
    latency_profile: str | None = None
    compare_reasoning: bool = False
    comparison_samples: int = 5
    include_missing_mutations: bool = False
    enable_galileo: bool = False
    galileo_project: str | None = None
    galileo_log_stream: str | None = None
    max_cost_usd: float | None = None
    fresh: bool = False


def wanted_of(flags: Mapping[str, Any]) -> ExecutionWanted:
    """The command line as one value; `flags` by their parameters' names, a task's own after `pred_` or `choice_`."""
    tasks: tuple[Task, ...] = ("prediction", "choice") if flags["task"] == "both" else (flags["task"],)
    named = {own.name for own in fields(ExecutionWanted)} & flags.keys()
    output_dir = flags["output_dir"]
    return ExecutionWanted(
        tasks=tuple(_task_of(task, flags) for task in tasks),
        max_cost_usd=flags["max_cost"],
        output_dir=None if output_dir is None else Path(output_dir),
        **{name: flags[name] for name in named - {"output_dir"}},
    )


def _task_of(task: Task, flags: Mapping[str, Any]) -> TaskWanted:
    prefix = PREFIXES[task].lstrip("-")
    requests = flags["pred_generations" if task == "prediction" else "choice_runs"]
    own = {one.name: flags[f"{prefix}_{one.name}"] for one in fields(TaskWanted) if f"{prefix}_{one.name}" in flags}
    return TaskWanted(task=task, requests=requests, **own)
