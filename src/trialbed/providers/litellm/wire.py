"""Which parameters does a request of LiteLLM's making really bear? Read off its JSON body; pure."""

from collections.abc import Mapping
from typing import Any

from trialbed.core.model import Sampling, thinking_shown
from trialbed.providers.answer_forms import AnswerMode

_NAMES: dict[str, tuple[str, ...]] = {
    "temperature": ("temperature", "generationConfig.temperature"),
    "top_p": ("top_p", "p", "generationConfig.top_p", "generationConfig.topP"),
    "max_tokens": (
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "generationConfig.max_output_tokens",
        "generationConfig.maxOutputTokens",
    ),
    "effort": (
        "reasoning_effort",
        "reasoning.effort",
        "output_config.effort",
        "generationConfig.thinkingConfig.thinkingLevel",
    ),
    "budget": (
        "thinking.budget_tokens",
        "thinking.token_budget",
        "reasoning.max_tokens",
        "generationConfig.thinkingConfig.thinkingBudget",
    ),
    "way": ("thinking.type",),
}
"""Our name -> the members that bear it at one provider or another."""

_SCHEMAS = (
    "response_format.json_schema.schema",
    "response_format.schema",
    "output_format.schema",
    "output_config.format.schema",
    "text.format.schema",
    "generationConfig.response_json_schema",
    "generationConfig.response_schema",
    "generationConfig.responseJsonSchema",
    "generationConfig.responseSchema",
)
_CHOICES = ("tool_choice", "toolConfig.functionCallingConfig.mode")
_FREE = ("auto", "AUTO", "none", "NONE")


def sent_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the body bears, under the names a record has for them."""
    found = {name: value for name, places in _NAMES.items() if (value := _first(body, places)) is not None}
    way, budget = found.pop("way", None), found.pop("budget", None)
    if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0:
        found |= thinking_shown(budget)
    elif way is not None and way != "disabled":
        found["thinking"] = str(way)
    if _has_cache_mark(body):
        found["prompt_cache"] = True
    return found


def mode_in(body: Mapping[str, Any]) -> AnswerMode:
    """In which way the body asks for a structured answer; "json_text" where nothing in it binds the model."""
    if _first(body, _SCHEMAS) is not None:
        return "json_schema"
    if not body.get("tools"):
        return "json_text"
    choice = _first(body, _CHOICES)
    if isinstance(choice, Mapping):
        choice = choice.get("type", "tool")
    return "auto_tool" if choice is None or choice in _FREE else "forced_tool"


def differences(asked: Sampling, body: Mapping[str, Any]) -> dict[str, str]:
    """Of each parameter that was asked for and is not in the body as it was: what LiteLLM would make of it."""
    sent = sent_in(body)
    wanted = {name: value for name, value in asked.as_dict().items() if value is not None and name != "guardrail"}
    budget = wanted.pop("thinking_tokens", None)
    if budget is not None:
        wanted["thinking"] = budget
        sent["thinking"] = sent.get("thinking_tokens")
    return {name: _said(name, sent.get(name)) for name, value in wanted.items() if not _same(value, sent.get(name))}


def _said(name: str, instead: Any) -> str:
    return f"does not take {name}" if instead is None else f"would be sent {name} {instead} instead"


def _same(asked: Any, sent: Any) -> bool:
    if isinstance(asked, str) and isinstance(sent, str):
        return asked.lower() == sent.lower()
    return bool(asked == sent)


def _first(body: Mapping[str, Any], places: tuple[str, ...]) -> Any:
    """The value of the first of these members, given as paths, that is there."""
    for place in places:
        value: Any = body
        for name in place.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _has_cache_mark(value: Any) -> bool:
    match value:
        case Mapping():
            return "cache_control" in value or any(map(_has_cache_mark, value.values()))
        case list():
            return any(map(_has_cache_mark, value))
    return False
