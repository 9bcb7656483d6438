"""What does an answer in Anthropic's messages API say? Its stop reasons are Bedrock's. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed.core.model import Usage
from trialbed.providers.body import NotAnAnswer, count, mapping, string
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
)

_ECHOED = {"model": "model", "id": "id"}
_PIECES = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "input"),
}


def text_of(event: Any) -> str:
    piece = member(event, "delta", "text") if member(event, "delta", "type") == "text_delta" else None
    return piece if isinstance(piece, str) else ""


def assembled(events: Sequence[Any]) -> dict[str, Any]:
    """The events as one message.

    Raises:
        EndedEarly: the message did not stop.
        NotAnAnswer: an event is none.
    """
    message: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    pieces: dict[tuple[int, str], list[str]] = {}
    has_stopped = False
    for given in events:
        event = mapping(given, "an event")
        match event.get("type"):
            case "message_start":
                message |= mapping(event.get("message"), "message")
            case "content_block_start":
                blocks[index_of(event)] = dict(mapping(event.get("content_block"), "content_block"))
            case "content_block_delta":
                delta = mapping(event.get("delta"), "delta")
                if found := _PIECES.get(str(delta.get("type"))):
                    pieces.setdefault((index_of(event), found[1]), []).append(text(delta.get(found[0]), found[0]))
            case "message_delta":
                usage = {**(message.get("usage") or {}), **(event.get("usage") or {})}
                message |= {**mapping(event.get("delta") or {}, "delta"), "usage": usage}
            case "message_stop":
                has_stopped = True
    if not has_stopped:
        raise EndedEarly("the stream ended before its message_stop event")
    for (index, name), found_pieces in pieces.items():
        block = blocks.setdefault(index, {"type": name})
        begun = block.get(name)
        block[name] = (begun if isinstance(begun, str) else "") + joined(found_pieces)
    return {**message, "content": [blocks[index] for index in sorted(blocks)]}


def read(body: Mapping[str, Any]) -> Reading:
    """Raises:
    NotAnAnswer: it is no message.
    """
    blocks = items(body.get("content"), "content")
    if body.get("content") is None:
        raise NotAnAnswer("content is missing")
    return Reading(
        text="".join(string(block.get("text"), "text") for block in blocks if block.get("type") == "text"),
        stop_reason=string(body.get("stop_reason"), "stop_reason"),
        usage=_usage(body.get("usage")),
        reasoning="".join(text(block.get("thinking"), "thinking") for block in blocks),
        tools=tuple(
            ToolUse(text(block.get("name"), "name"), arguments_of(block.get("input")))
            for block in blocks
            if block.get("type") == "tool_use"
        ),
        echoed={
            **only(body, _ECHOED),
            **({"service_tier": tier} if (tier := member(body, "usage", "service_tier")) else {}),
        },
    )


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, Mapping) or usage.get("output_tokens") is None:
        return None
    return Usage(
        input_tokens=count(usage.get("input_tokens") or 0, "usage.input_tokens"),
        output_tokens=count(usage["output_tokens"], "usage.output_tokens"),
        cache_read_tokens=count(usage.get("cache_read_input_tokens") or 0, "usage.cache_read_input_tokens"),
        cache_write_tokens=count(usage.get("cache_creation_input_tokens") or 0, "usage.cache_creation_input_tokens"),
    )
