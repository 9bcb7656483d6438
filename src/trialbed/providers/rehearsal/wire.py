"""How does an answer or an error look on the wire of Converse and ConverseStream? Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from trialbed.providers.rehearsal import jsontext
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall

Event = tuple[str, Mapping[str, Any]]
"""Type and payload of one event of a stream."""

ROLE = "assistant"
SIGNATURE = "cmVoZWFyc2Vk"
"""What a service signs its model's thoughts with."""
GATEWAY_HTML = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


def error_body(message: str, members: Mapping[str, Any] | None = None) -> bytes:
    """The body of an error answer; its code travels in the header x-amzn-errortype."""
    return jsontext.encode({"message": message, **(members or {})})


def usage(answer: Answer, call: RehearsalCall) -> dict[str, int]:
    """What is billed; input that was read from the cache, or written to it, counts for itself."""
    spent = answer.output_tokens
    counts = {"inputTokens": call.input_tokens, "outputTokens": spent, "totalTokens": call.input_tokens + spent}
    if call.cached is None:
        return counts
    read, written = call.cached.read_tokens, call.cached.write_tokens
    fresh = {"inputTokens": call.input_tokens - read - written}
    return counts | fresh | {"cacheReadInputTokens": read, "cacheWriteInputTokens": written}


def converse_body(answer: Answer, call: RehearsalCall, *, latency_s: float, tool_use_id: str) -> bytes:
    """The 200 body of Converse for a fitted answer."""
    if isinstance(answer.content, str):
        block: dict[str, Any] = {"text": answer.content}
    else:
        used = {"toolUseId": tool_use_id, "name": answer.content.name, "input": answer.content.input}
        block = {"toolUse": used}
    return jsontext.encode(
        {
            "output": {"message": {"role": ROLE, "content": [*_thoughts(answer), block]}},
            "stopReason": answer.stop_reason,
            "usage": usage(answer, call),
            "metrics": {"latencyMs": round(latency_s * 1000)},
            **_echoes(call),
        }
    )


def _thoughts(answer: Answer) -> list[dict[str, Any]]:
    if answer.reasoning is None:
        return []
    return [{"reasoningContent": {"reasoningText": {"text": answer.reasoning, "signature": SIGNATURE}}}]


def wrong_shape_body(answer: Answer, call: RehearsalCall) -> bytes:
    """Valid JSON with status 200 in which the output is missing."""
    return jsontext.encode({"stopReason": answer.stop_reason, "usage": usage(answer, call)})


def opening_events(answer: Answer, *, tool_use_id: str, piece_chars: int) -> Iterator[Event]:
    """What a stream says before the first piece of the answer; thoughts come in pieces too."""
    yield "messageStart", {"role": ROLE}
    if answer.reasoning is not None:
        for thought in (
            *({"text": piece} for piece in _pieces(answer.reasoning, piece_chars)),
            {"signature": SIGNATURE},
        ):
            yield "contentBlockDelta", {"delta": {"reasoningContent": thought}, "contentBlockIndex": 0}
        yield "contentBlockStop", {"contentBlockIndex": 0}
    if not isinstance(answer.content, str):
        start = {"toolUse": {"toolUseId": tool_use_id, "name": answer.content.name}}
        yield "contentBlockStart", {"start": start, "contentBlockIndex": _place(answer)}


def piece_events(answer: Answer, *, piece_chars: int) -> Iterator[Event]:
    """The answer in pieces of `piece_chars` characters; a tool input comes as pieces of its JSON text."""
    is_text = isinstance(answer.content, str)
    for piece in _pieces(answer.text, piece_chars):
        delta: dict[str, Any] = {"text": piece} if is_text else {"toolUse": {"input": piece}}
        yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": _place(answer)}


def closing_events(answer: Answer, call: RehearsalCall, *, latency_s: float) -> Iterator[Event]:
    """What a stream says after the last piece of the answer."""
    yield "contentBlockStop", {"contentBlockIndex": _place(answer)}
    yield "messageStop", {"stopReason": answer.stop_reason}
    yield (
        "metadata",
        {
            "usage": usage(answer, call),
            "metrics": {"latencyMs": round(latency_s * 1000)},
            **_echoes(call),
        },
    )


def _pieces(text: str, chars: int) -> list[str]:
    return [text[start : start + chars] for start in range(0, len(text), chars)]


def _place(answer: Answer) -> int:
    """The answer's block comes after that of the thoughts."""
    return 0 if answer.reasoning is None else 1


def _echoes(call: RehearsalCall) -> dict[str, Any]:
    """The service repeats the tier and performance setting that it applied."""
    return {name: call.body[name] for name in ("serviceTier", "performanceConfig") if name in call.body}
