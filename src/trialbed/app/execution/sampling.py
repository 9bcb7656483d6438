"""With which parameters is a task asked? Pure. What was typed holds; defaults give way to what the model takes.

A combination that the model or the service refuses is named before the first call, by the flag that was typed.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from trialbed.app.execution.wanted import NONE, ExecutionWanted, TaskWanted
from trialbed.core.model import ADAPTIVE, BUDGETED, Sampling, Service
from trialbed.providers.bedrock.capabilities import Capabilities, fit, refusals

DEFAULT_TEMPERATURE, DEFAULT_TOP_P = 0.6, 0.95
DEFAULT_BUDGET_TOKENS = 2000
LEAST_BUDGET_TOKENS = 1024
_ROOM_FOR_AN_ANSWER = 1000


@dataclass(frozen=True)
class Chosen:
    """`notices` say which defaults gave way; with `problems` nothing may be asked."""

    sampling: Sampling
    notices: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def options_of(task: TaskWanted, wanted: ExecutionWanted) -> dict[str, str]:
    """Parameter, as records name it -> the flag that sets it for this task; what a variable set keeps its name."""
    return {
        "temperature": f"{task.prefix}-temperature",
        "top_p": f"{task.prefix}-top-p",
        "max_tokens": f"{task.prefix}-max-tokens",
        "thinking": "--enable-thinking",
    } | ({} if wanted.latency_profile is None else {"latency": "--latency-profile"})


def choose_sampling(
    task: TaskWanted,
    wanted: ExecutionWanted,
    capabilities: Capabilities,
    *,
    service: Service,
    effort: str | None = None,
    guardrail: str | None = None,
    drops: bool = False,
) -> Chosen:
    """The parameters of a task for a model of these capabilities.

    Args:
        effort, guardrail: as the settings have them.
        drops: what the model will not take is left out by whoever asks it (ON_UNSUPPORTED=drop), so it is no problem.
    """
    problems = [*_number_problems(task), *_budget_problems(task, wanted)]
    if problems:
        return Chosen(Sampling(task.max_tokens), (), tuple(problems))
    thinking, notices = _thinking(wanted, capabilities)
    if isinstance(thinking, int) and thinking >= task.max_tokens and _may_have_budget(capabilities):
        what = f"--enable-thinking: its budget, {thinking} if none is given, must be below {task.prefix}-max-tokens"
        return Chosen(Sampling(task.max_tokens), (), (_no_room(task, thinking, what),))
    sampling = Sampling(
        task.max_tokens,
        _number(task.temperature, DEFAULT_TEMPERATURE),
        _number(task.top_p, DEFAULT_TOP_P),
        thinking=thinking,
        effort=effort,
        guardrail=guardrail,
    )
    sampling, gave_way = _without_refused_defaults(sampling, task, capabilities)
    options = options_of(task, wanted)
    if wanted.thinking_budget_tokens is not None and capabilities.thinking:
        # It thinks, only not with a budget.
        options["thinking"] = "--thinking-budget-tokens"
    refused = [] if drops else refusals(sampling, capabilities, service, "subject", options)
    return Chosen(sampling, (*notices, *gave_way), tuple(refused))


def _thinking(
    wanted: ExecutionWanted, capabilities: Capabilities
) -> tuple[int | Literal["adaptive"] | None, list[str]]:
    """A budget where the model takes one, and adaptive thinking where it takes nothing else and no budget was typed."""
    if not wanted.enable_thinking:
        return None, []
    ways = capabilities.thinking
    if wanted.thinking_budget_tokens is None and ways is not None and BUDGETED not in ways and ADAPTIVE in ways:
        notice = f"{capabilities.model} takes adaptive thinking: no budget is set; MODEL_EFFORT says how much it may do"
        return ADAPTIVE, [notice]
    return wanted.thinking_budget_tokens or DEFAULT_BUDGET_TOKENS, []


def _may_have_budget(capabilities: Capabilities) -> bool:
    return capabilities.thinking is None or BUDGETED in capabilities.thinking


def _budget_problems(task: TaskWanted, wanted: ExecutionWanted) -> list[str]:
    """What is wrong with a budget whatever the model."""
    budget = wanted.thinking_budget_tokens
    if budget is not None and not wanted.enable_thinking:
        return ["--thinking-budget-tokens: says nothing without --enable-thinking; add it, or leave the budget out"]
    if budget is not None and budget < LEAST_BUDGET_TOKENS:
        return [f"--thinking-budget-tokens: must be at least {LEAST_BUDGET_TOKENS}, is {budget}; raise it"]
    if budget is not None and budget >= task.max_tokens:
        return [_no_room(task, budget, f"--thinking-budget-tokens: must be below {task.prefix}-max-tokens")]
    return []


def _no_room(task: TaskWanted, budget: int, what: str) -> str:
    least = budget + _ROOM_FOR_AN_ANSWER
    return f"{what} ({budget} and {task.max_tokens}); set e.g. {task.prefix}-max-tokens {least}"


def _without_refused_defaults(
    sampling: Sampling, task: TaskWanted, capabilities: Capabilities
) -> tuple[Sampling, list[str]]:
    """Leave the temperature or top_p to the model where it refuses the default and nothing was typed."""
    notices = []
    for name, typed in (("top_p", task.top_p), ("temperature", task.temperature)):
        problem = fit(sampling, capabilities)[1].get(name)
        both = name == "temperature" and task.top_p is not None and _is_one_of_two(sampling, capabilities)
        if typed is None and getattr(sampling, name) is not None and (problem is not None or both):
            nothing: dict[str, Any] = {name: None}
            sampling = replace(sampling, **nothing)
            why = problem or "takes temperature or top_p, not both"
            notices.append(
                f"{task.prefix}-{name.replace('_', '-')}: its default is left out: {capabilities.model} {why}"
            )
    return sampling, notices


def _is_one_of_two(sampling: Sampling, capabilities: Capabilities) -> bool:
    return capabilities.exclusive and sampling.temperature is not None and sampling.top_p is not None


def _number(said: str | None, default: float) -> float | None:
    if said is None:
        return default
    return None if said.strip().lower() == NONE else float(said)


def _number_problems(task: TaskWanted) -> list[str]:
    """What is wrong with numbers that were typed, whatever the model."""
    found = []
    if task.max_tokens < 1:
        found.append(f"{task.prefix}-max-tokens: must be at least 1, is {task.max_tokens}")
    bounds = (("temperature", task.temperature, 0.0, 2.0), ("top-p", task.top_p, 0.0, 1.0))
    for name, said, low, high in bounds:
        if said is None or said.strip().lower() == NONE:
            continue
        try:
            is_fine = low <= float(said) <= high and not (name == "top-p" and float(said) == 0)
        except ValueError:
            is_fine = False
        if not is_fine:
            found.append(f"{task.prefix}-{name}: must be a number from {low:g} to {high:g}, or none (is {said!r})")
    return found
