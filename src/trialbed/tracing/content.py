"""How do prompts and answers stand in a span, where the user asked for them? As JSON in the conventions' shape.

Source: gen-ai-input-messages.json, gen-ai-output-messages.json and gen-ai-system-instructions.json of the conventions.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from trialbed.core.model import ModelReply, ModelRequest
from trialbed.tracing.span import Attributes, Value

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_ASKS = frozenset({"true", "1", "span_only", "span_and_event"})
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "refusal": "content_filter",
}
"""The conventions' words; `gen_ai.response.finish_reasons` has the provider's."""


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """`true`, or one of the newer words that put it into spans; `event_only` does not."""
    return environment.get(VARIABLE, "").strip().lower() in _ASKS


def message_attributes(request: ModelRequest, reply: ModelReply | None, redact: Callable[[str], str]) -> Attributes:
    """What was said and what came back; every text redacted before it becomes a part of any JSON."""
    found: dict[str, Value] = {
        "gen_ai.input.messages": _json(
            [{"role": message.role, "parts": [_text(message.text, redact)]} for message in request.messages]
        )
    }
    if request.system is not None:
        found["gen_ai.system_instructions"] = _json([_text(request.system, redact)])
    if reply is not None:
        finish = _FINISH.get(reply.stop_reason, reply.stop_reason)
        found["gen_ai.output.messages"] = _json(
            [{"role": "assistant", "parts": _parts(reply, redact), "finish_reason": finish}]
        )
    return found


def _parts(reply: ModelReply, redact: Callable[[str], str]) -> list[dict[str, str]]:
    parts = [] if reply.reasoning is None else [{"type": "reasoning", "content": redact(reply.reasoning)}]
    if reply.text or reply.data is None:
        parts.append(_text(reply.text, redact))
    if reply.data is not None:
        parts.append({"type": "text", "content": _json(_redacted(dict(reply.data), redact))})
    return parts


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): _redacted(inner, redact) for key, inner in value.items()}
    return [_redacted(inner, redact) for inner in value] if isinstance(value, list | tuple) else value


def _text(text: str, redact: Callable[[str], str]) -> dict[str, str]:
    return {"type": "text", "content": redact(text)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
