"""What does an answer of OpenAI's Responses API say? LiteLLM asks some newer models that way. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed.core.model import Usage
from trialbed.providers.body import NotAnAnswer, mapping
from trialbed.providers.litellm.answers.reading import (
    EndedEarly,
    Reading,
    ToolUse,
    arguments_of,
    items,
    member,
    only,
    text,
    usage_of,
)

_INCOMPLETE = {"max_output_tokens": "max_tokens", "content_filter": "content_filtered"}
_ECHOED = {"model": "model", "service_tier": "service_tier", "id": "id"}
_CLOSING = ("response.completed", "response.incomplete", "response.failed")


def text_of(event: Any) -> str:
    piece = member(event, "delta") if member(event, "type") == "response.output_text.delta" else None
    return piece if isinstance(piece, str) else ""


def assembled(events: Sequence[Any]) -> dict[str, Any]:
    """The response that the closing event bears whole.

    Raises:
        EndedEarly: there is none.
        NotAnAnswer: it bears none.
    """
    for event in reversed(events):
        if member(event, "type") in _CLOSING:
            return dict(mapping(member(event, "response"), "response"))
    raise EndedEarly("the stream ended before its response was completed")


def read(body: Mapping[str, Any]) -> Reading:
    """Raises:
    NotAnAnswer: it is no response.
    """
    if body.get("output") is None:
        raise NotAnAnswer("output is missing")
    output = items(body.get("output"), "output")
    parts = [part for item in output if item.get("type") == "message" for part in items(item.get("content"), "content")]
    refusal = "".join(text(part.get("refusal"), "refusal") for part in parts)
    said = "".join(text(part.get("text"), "text") for part in parts)
    calls = [item for item in output if item.get("type") == "function_call"]
    thoughts = [
        text(piece.get("text"), "text")
        for item in output
        if item.get("type") == "reasoning"
        for piece in items(item.get("summary"), "summary")
    ]
    return Reading(
        text=said or refusal,
        stop_reason="refusal" if refusal and not said else _stop(body, has_calls=bool(calls)),
        usage=_usage(body.get("usage")),
        reasoning="".join(thoughts),
        tools=tuple(ToolUse(text(call.get("name"), "name"), arguments_of(call.get("arguments"))) for call in calls),
        echoed=only(body, _ECHOED),
    )


def _stop(body: Mapping[str, Any], *, has_calls: bool) -> str:
    status = body.get("status")
    if status == "completed":
        return "tool_use" if has_calls else "end_turn"
    reason = member(body, "incomplete_details", "reason")
    return _INCOMPLETE.get(str(reason), str(reason or status))


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, Mapping) or usage.get("input_tokens") is None:
        return None
    cached = member(usage, "input_tokens_details", "cached_tokens")
    return usage_of(usage["input_tokens"], usage.get("output_tokens"), cached=cached)
