"""What does an answer of Gemini's generateContent say, of AI Studio or Vertex AI? Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed.core.model import Usage
from trialbed.providers.body import NotAnAnswer, count, mapping
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

_FILTERED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY")
_STOPS = {"STOP": "end_turn", "MAX_TOKENS": "max_tokens", **dict.fromkeys(_FILTERED, "content_filtered")}
_ECHOED = {"modelVersion": "model", "responseId": "id", "trafficType": "service_tier"}


def text_of(event: Any) -> str:
    parts = member(event, "candidates", 0, "content", "parts")
    return "".join(
        part["text"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(member(part, "text"), str) and not part.get("thought")
    )


def assembled(events: Sequence[Any]) -> dict[str, Any]:
    """The chunks as one response.

    Raises:
        EndedEarly: no finish reason came.
        NotAnAnswer: a chunk is none.
    """
    body: dict[str, Any] = {}
    parts: list[Mapping[str, Any]] = []
    finish = None
    for event in events:
        chunk = mapping(event, "a chunk")
        body |= {name: value for name, value in chunk.items() if name != "candidates"}
        for candidate in items(chunk.get("candidates"), "candidates")[:1]:
            content = mapping(candidate.get("content") or {}, "content")
            parts += items(content.get("parts"), "parts")
            finish = candidate.get("finishReason") or finish
    if finish is None and not member(body, "promptFeedback", "blockReason"):
        raise EndedEarly("the stream ended before its finish reason")
    candidate = {"content": {"parts": parts}, "finishReason": finish}
    return {**body, "candidates": [candidate] if finish is not None else []}


def read(body: Mapping[str, Any]) -> Reading:
    """Raises:
    NotAnAnswer: it is no response.
    """
    blocked = member(body, "promptFeedback", "blockReason")
    candidates = items(body.get("candidates"), "candidates")
    if not candidates and not blocked:
        raise NotAnAnswer("candidates is missing or empty")
    candidate = candidates[0] if candidates else {"finishReason": "SAFETY"}
    finish = candidate.get("finishReason")
    if not isinstance(finish, str):
        raise NotAnAnswer("finishReason is missing or not a string")
    parts = items(mapping(candidate.get("content") or {}, "content").get("parts"), "parts")
    calls = [mapping(part["functionCall"], "functionCall") for part in parts if "functionCall" in part]
    stop = _STOPS.get(finish, finish)
    return Reading(
        text=joined(text(part.get("text"), "text") for part in parts if not part.get("thought")),
        stop_reason="tool_use" if calls and stop == "end_turn" else stop,
        usage=_usage(body.get("usageMetadata")),
        reasoning=joined(text(part.get("text"), "text") for part in parts if part.get("thought")),
        tools=tuple(ToolUse(text(call.get("name"), "name"), arguments_of(call.get("args") or {})) for call in calls),
        echoed={**only(body, _ECHOED), **({"block_reason": blocked} if blocked else {})},
    )


def _usage(usage: Any) -> Usage | None:
    """What is thought counts as output, as it is billed."""
    if not isinstance(usage, Mapping) or usage.get("promptTokenCount") is None:
        return None
    answered = count(usage.get("candidatesTokenCount") or 0, "candidatesTokenCount")
    thought = count(usage.get("thoughtsTokenCount") or 0, "thoughtsTokenCount")
    return usage_of(usage["promptTokenCount"], answered + thought, cached=usage.get("cachedContentTokenCount"))
