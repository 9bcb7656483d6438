"""What does an answer of Cohere's chat v2 say? Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed.core.model import Usage
from trialbed.providers.body import mapping, string
from trialbed.providers.litellm.answers.reading import (
    EndedEarly,
    Reading,
    ToolUse,
    arguments_of,
    index_of,
    items,
    joined,
    member,
    only,
    text,
    usage_of,
)

_STOPS = {
    "COMPLETE": "end_turn",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "max_tokens",
    "TOOL_CALL": "tool_use",
}


def text_of(event: Any) -> str:
    piece = member(event, "delta", "message", "content", "text") if member(event, "type") == "content-delta" else None
    return piece if isinstance(piece, str) else ""


def assembled(events: Sequence[Any]) -> dict[str, Any]:
    """The events as one response.

    Raises:
        EndedEarly: the message did not end.
        NotAnAnswer: an event is none.
    """
    body: dict[str, Any] = {}
    contents: dict[int, tuple[list[str], list[str]]] = {}
    tools: dict[int, tuple[list[str], list[str]]] = {}
    for given in events:
        event = mapping(given, "an event")
        match event.get("type"):
            case "message-start":
                body |= only(event, {"id": "id"})
            case "content-start" | "content-delta":
                said, thought = contents.setdefault(index_of(event), ([], []))
                content = mapping(member(event, "delta", "message", "content") or {}, "content")
                said.append(text(content.get("text"), "text"))
                thought.append(text(content.get("thinking"), "thinking"))
            case "tool-call-start" | "tool-call-delta":
                name, arguments = tools.setdefault(index_of(event), ([], []))
                function = mapping(member(event, "delta", "message", "tool_calls", "function") or {}, "function")
                name.append(text(function.get("name"), "name"))
                arguments.append(text(function.get("arguments"), "arguments"))
            case "message-end":
                body |= mapping(event.get("delta"), "delta")
    if "finish_reason" not in body:
        raise EndedEarly("the stream ended before its message-end event")
    parts = [
        {"type": kind, kind: joined(pieces)}
        for index in sorted(contents)
        for kind, pieces in zip(("text", "thinking"), contents[index], strict=True)
        if any(pieces)
    ]
    calls = [
        {"function": {"name": "".join(name), "arguments": joined(given)}} for _, (name, given) in sorted(tools.items())
    ]
    return {**body, "message": {"content": parts, "tool_calls": calls}}


def read(body: Mapping[str, Any]) -> Reading:
    """Raises:
    NotAnAnswer: it is no response.
    """
    message = mapping(body.get("message"), "message")
    parts = items(message.get("content"), "content")
    finish = string(body.get("finish_reason"), "finish_reason")
    calls = items(message.get("tool_calls"), "tool_calls")
    return Reading(
        text="".join(text(part.get("text"), "text") for part in parts if part.get("type") == "text"),
        stop_reason=_STOPS.get(finish, finish),
        usage=_usage(body.get("usage")),
        reasoning="".join(text(part.get("thinking"), "thinking") for part in parts),
        tools=tuple(
            ToolUse(text(member(call, "function", "name"), "name"), arguments_of(member(call, "function", "arguments")))
            for call in calls
        ),
        echoed=only(body, {"id": "id"}),
    )


def _usage(usage: Any) -> Usage | None:
    tokens = member(usage, "tokens") or member(usage, "billed_units")
    if not isinstance(tokens, Mapping) or tokens.get("output_tokens") is None:
        return None
    return usage_of(tokens.get("input_tokens"), tokens["output_tokens"], cached=member(usage, "cached_tokens"))
