"""What does an answer in OpenAI's chat completions say? Most providers speak it, each with an accent. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed.core.model import Usage
from trialbed.providers.body import NotAnAnswer, mapping, string
from trialbed.providers.litellm.answers.reading import (
    EndedEarly,
    Reading,
    ToolUse,
    arguments_of,
    items,
    joined,
    member,
    only,
    text,
    usage_of,
)

_STOPS = {
    "stop": "end_turn",
    "eos": "end_turn",
    "end_turn": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "model_length": "model_context_window_exceeded",
    "content_filter": "content_filtered",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
}
_ECHOED = {
    "model": "model",
    "system_fingerprint": "system_fingerprint",
    "service_tier": "service_tier",
    "provider": "provider",
    "id": "id",
}
_THOUGHTS = ("reasoning_content", "reasoning")


def text_of(event: Any) -> str:
    content = member(event, "choices", 0, "delta", "content")
    return content if isinstance(content, str) else _visible(content)


def assembled(events: Sequence[Any]) -> dict[str, Any]:
    """The chunks as one completion.

    Raises:
        EndedEarly: no finish reason came.
        NotAnAnswer: a chunk is none.
    """
    body: dict[str, Any] = {}
    message = _Message()
    finish = None
    for event in events:
        chunk = mapping(event, "a chunk")
        body |= {name: value for name, value in chunk.items() if value is not None and name != "choices"}
        for choice in items(chunk.get("choices"), "choices")[:1]:
            message.add(mapping(choice.get("delta") or {}, "delta"))
            finish = choice.get("finish_reason") or finish
    if finish is None:
        raise EndedEarly("the stream ended before its finish reason")
    return {**body, "choices": [{"message": message.whole(), "finish_reason": finish}]}


class _Message:
    """A message whose parts come in pieces."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {"content": [], "refusal": [], **{name: [] for name in _THOUGHTS}}
        self._tools: dict[int, tuple[list[str], list[str]]] = {}

    def add(self, delta: Mapping[str, Any]) -> None:
        for name, pieces in self._texts.items():
            value = delta.get(name)
            if isinstance(value, list):
                self._texts["reasoning"].append(_thought(value))
                value = _visible(value)
            pieces.append(text(value, name))
        for place, call in enumerate(items(delta.get("tool_calls"), "tool_calls")):
            index = call.get("index")
            function = mapping(call.get("function") or {}, "function")
            called, arguments = self._tools.setdefault(index if isinstance(index, int) else place, ([], []))
            called.append(text(function.get("name"), "function.name"))
            arguments.append(text(function.get("arguments"), "function.arguments"))

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {name: joined(pieces) for name, pieces in self._texts.items() if any(pieces)}
        if self._tools:
            calls = [self._tools[index] for index in sorted(self._tools)]
            message["tool_calls"] = [
                {"function": {"name": "".join(name), "arguments": joined(arguments)}} for name, arguments in calls
            ]
        return message


def read(body: Mapping[str, Any]) -> Reading:
    """Raises:
    NotAnAnswer: it is no chat completion.
    """
    choices = items(body.get("choices"), "choices")
    if not choices:
        raise NotAnAnswer("choices is missing or empty")
    message = mapping(choices[0].get("message"), "message")
    content = message.get("content")
    parts = content if isinstance(content, list) else None
    said = text(content, "content") if parts is None else _visible(parts)
    refusal = text(message.get("refusal"), "refusal")
    thought = next((found for name in _THOUGHTS if (found := text(message.get(name), name))), "")
    finish = string(choices[0].get("finish_reason"), "finish_reason")
    return Reading(
        text=said or refusal,
        stop_reason="refusal" if refusal and not said else _STOPS.get(finish, finish),
        usage=_usage(body.get("usage")),
        reasoning=thought or (_thought(parts) if parts is not None else ""),
        tools=tuple(_tool(call) for call in items(message.get("tool_calls"), "tool_calls")),
        echoed=only(body, _ECHOED),
    )


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, Mapping) or usage.get("prompt_tokens") is None or usage.get("completion_tokens") is None:
        return None
    return usage_of(
        usage["prompt_tokens"],
        usage["completion_tokens"],
        cached=member(usage, "prompt_tokens_details", "cached_tokens"),
    )


def _tool(call: Mapping[str, Any]) -> ToolUse:
    function = mapping(call.get("function"), "function")
    return ToolUse(text(function.get("name"), "function.name"), arguments_of(function.get("arguments")))


def _visible(parts: Any) -> str:
    """The words among parts of several kinds, as Mistral's and Databricks' thinking models send them."""
    return "".join(
        part["text"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)
    )


def _thought(parts: Sequence[Any]) -> str:
    found: list[str] = []
    for part in parts:
        for name in ("thinking", "summary"):
            inner = member(part, name)
            found += [inner] if isinstance(inner, str) else []
            found += [
                piece["text"]
                for piece in (inner if isinstance(inner, list) else ())
                if isinstance(member(piece, "text"), str)
            ]
    return "".join(found)
