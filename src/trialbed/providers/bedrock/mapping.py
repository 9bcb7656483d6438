"""How does a request look to Converse, and what does its answer say? Pure: no SDK, no I/O.

The answer is the JSON body as it came over the wire (see `wire`): the SDK's own parser drops members it
does not know and crashes on some malformed bodies.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trialbed.core.errors import MalformedBody
from trialbed.core.model import (
    ADAPTIVE,
    BUDGETED,
    AnswerForm,
    ModelReply,
    ModelRequest,
    Sampling,
    Service,
    Usage,
    masked,
    thinking_shown,
)
from trialbed.core.text import repair
from trialbed.core.timing import StreamTiming
from trialbed.providers.bedrock.caching import has_cache_point, put_cache_points
from trialbed.providers.bedrock.forms import AnswerMode, form_request, json_object

_NOT_METADATA = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,\-.]", re.ASCII)
_METADATA_CHARS = 256
_METADATA_PAIRS = 16
_MOST_TOKENS = 2**53

_INFERENCE = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p"}
_NOT_ECHOED = {"output", "stopReason", "usage", "metrics"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200: its JSON body as it came (None if it is no JSON), and the service's id for the attempt; of a stream also
    when its pieces came."""

    body: Any
    request_id: str | None = None
    timing: StreamTiming | None = None


def parameters_of(request: ModelRequest, mode: AnswerMode | None, *, cache_tokens: int = 0) -> dict[str, Any]:
    """The Converse parameters of a request. There is no seed: Converse has none.

    Args:
        request: its sampling and service are sent as they stand; see `capabilities.fit_request`.
        mode: how the form is asked for; None without a form.
        cache_tokens: the shortest beginning that the model caches, in tokens; see `caching`.
    """
    asked = None if request.form is None or mode is None else form_request(request.form, mode)
    system = [{"text": text} for text in (request.system, asked and asked.instruction) if text]
    messages = [{"role": message.role, "content": [{"text": message.text}]} for message in request.messages]
    parameters: dict[str, Any] = {
        "modelId": request.model.id,
        "messages": messages,
        "inferenceConfig": _inference(request.sampling),
        **_extras(request.sampling, request.service),
        **(asked.members if asked else {}),
    }
    if request.sampling.effort is not None:
        parameters["outputConfig"] = {"effort": request.sampling.effort, **parameters.get("outputConfig", {})}
    if system:
        parameters["system"] = system
    if request.service.prompt_cache:
        put_cache_points(parameters, least_tokens=cache_tokens)
    if metadata := metadata_of(request.metadata):
        parameters["requestMetadata"] = metadata
    return parameters


def _inference(sampling: Sampling) -> dict[str, Any]:
    inference: dict[str, Any] = {"maxTokens": sampling.max_tokens}
    if sampling.temperature is not None:
        inference["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        inference["topP"] = sampling.top_p
    return inference


def _extras(sampling: Sampling, service: Service) -> dict[str, Any]:
    """The members that are there only when asked for."""
    extras: dict[str, Any] = {}
    if service.tier is not None:
        extras["serviceTier"] = {"type": service.tier}
    if service.latency is not None:
        extras["performanceConfig"] = {"latency": service.latency}
    if sampling.guardrail is not None:
        name, _, version = sampling.guardrail.rpartition(":")
        # Without its trace, which would bring back the very text that it blocked.
        guardrail = {"guardrailIdentifier": name, "guardrailVersion": version, "trace": "disabled"}
        extras["guardrailConfig"] = guardrail
    if isinstance(sampling.thinking, int):
        thinking = {"type": BUDGETED, "budget_tokens": sampling.thinking}
        extras["additionalModelRequestFields"] = {"thinking": thinking}
    elif sampling.thinking is not None:
        extras["additionalModelRequestFields"] = {"thinking": {"type": sampling.thinking}}
    return extras


def metadata_of(pairs: Mapping[str, str]) -> dict[str, str]:
    """What the service takes of `pairs`: its characters only, at most 256 of them, at most 16 pairs."""
    cleaned = {_clean_metadata(key): _clean_metadata(value) for key, value in pairs.items()}
    cleaned.pop("", None)
    return dict(list(cleaned.items())[:_METADATA_PAIRS])


def sent_of(parameters: Mapping[str, Any], mode: AnswerMode | None) -> dict[str, Any]:
    """The sampling and service parameters among what was sent, under the names a record has for them."""
    inference = parameters["inferenceConfig"]
    sent = {ours: inference[theirs] for theirs, ours in _INFERENCE.items() if theirs in inference}
    if fields := parameters.get("additionalModelRequestFields"):
        sent |= thinking_shown(fields["thinking"].get("budget_tokens", ADAPTIVE))
    if "effort" in (output := parameters.get("outputConfig", {})):
        sent["effort"] = output["effort"]
    if guardrail := parameters.get("guardrailConfig"):
        sent["guardrail"] = masked(f"{guardrail['guardrailIdentifier']}:{guardrail['guardrailVersion']}")
    if tier := parameters.get("serviceTier"):
        sent["service_tier"] = tier["type"]
    if performance := parameters.get("performanceConfig"):
        sent["latency"] = performance["latency"]
    if has_cache_point(parameters):
        sent["prompt_cache"] = True
    return sent if mode is None else {**sent, "answer_mode": mode}


def reply_of(
    answer: Answer,
    *,
    form: AnswerForm | None = None,
    mode: AnswerMode | None = None,
    sent: Mapping[str, Any] | None = None,
    unsupported: tuple[str, ...] = (),
) -> ModelReply:
    """What a 200 brought. `sent` and `unsupported` are put on it as they are.

    Raises:
        MalformedBody: it is no answer of Converse.
    """
    try:
        reply = _reply(_mapping(answer.body, "the body"), form, mode)
    except _NotAnAnswer as error:
        raise MalformedBody(str(error), code="MalformedBody", http_status=200, request_id=answer.request_id) from None
    return replace(
        reply,
        request_id=answer.request_id,
        sent=dict(sent or {}),
        unsupported=unsupported,
        timing=answer.timing,
    )


def _reply(body: Mapping[str, Any], form: AnswerForm | None, mode: AnswerMode | None) -> ModelReply:
    repairs = _Repairs()
    stop_reason = repairs.text(_string(body.get("stopReason"), "stopReason"))
    usage = _usage(_mapping(body.get("usage"), "usage"))
    blocks = _blocks(body)
    text = repairs.text("".join(_string(block["text"], "a text block") for block in blocks if "text" in block))
    reasoning = "".join(_reasoning(block) for block in blocks)
    data = None
    if form is not None:
        # Repaired like the text: a JSON escape may bring a lone surrogate back.
        data = json_object(text) if mode == "json_schema" else _tool_input(blocks, form.name)
        data = None if data is None else repairs.value(data)
    return ModelReply(
        text=text,
        stop_reason=stop_reason,
        usage=usage,
        data=data,
        echoed=_echoed(body, repairs),
        reasoning=repairs.text(reasoning) if reasoning else None,
        repairs=repairs.count,
    )


def _echoed(body: Mapping[str, Any], repairs: "_Repairs") -> dict[str, Any]:
    """What the service says of how it served: every member beside the answer, and how long what was cached is kept."""
    echoed = {_snake(name): value for name, value in body.items() if name not in _NOT_ECHOED}
    if details := body["usage"].get("cacheDetails"):
        echoed["cache_details"] = details
    return {name: _without_accounts(repairs.value(value)) for name, value in echoed.items()}


def _without_accounts(value: Any) -> Any:
    """A JSON value without the account numbers that ARNs in it hold."""
    match value:
        case str():
            return masked(value)
        case dict():
            return {key: _without_accounts(part) for key, part in value.items()}
        case list():
            return [_without_accounts(part) for part in value]
    return value


class _NotAnAnswer(Exception):
    """Says which part of a body is missing or of the wrong type."""


class _Repairs:
    """Repairs text and counts the characters that had to be replaced."""

    def __init__(self) -> None:
        self.count = 0

    def text(self, text: str) -> str:
        repaired, count = repair(text)
        self.count += count
        return repaired

    def value(self, value: Any, depth: int = 0) -> Any:
        """A JSON value with all its strings repaired; an integer beyond 64 bits, which no reader holds, as text.

        Raises:
            _NotAnAnswer: it holds NaN or an infinity, which is not JSON, or nests too deep to be kept.
        """
        if depth > 100:
            raise _NotAnAnswer("a value is nested over 100 deep")
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(key): self.value(part, depth + 1) for key, part in value.items()}
            case list():
                return [self.value(part, depth + 1) for part in value]
            case float() if not math.isfinite(value):
                raise _NotAnAnswer("a number is not finite")
            case int() if not -(2**63) <= value < 2**63:
                return str(value)
        return value


def _blocks(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    message = _mapping(_mapping(body.get("output"), "output").get("message"), "output.message")
    blocks = message.get("content")
    if not isinstance(blocks, list):
        raise _NotAnAnswer("output.message.content is not a list")
    return [_mapping(block, "a content block") for block in blocks]


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=_count(usage.get("inputTokens"), "usage.inputTokens"),
        output_tokens=_count(usage.get("outputTokens"), "usage.outputTokens"),
        cache_read_tokens=_count(usage.get("cacheReadInputTokens") or 0, "usage.cacheReadInputTokens"),
        cache_write_tokens=_count(usage.get("cacheWriteInputTokens") or 0, "usage.cacheWriteInputTokens"),
    )


def _reasoning(block: Mapping[str, Any]) -> str:
    """The readable part of a reasoning block; a redacted one has none."""
    if "reasoningContent" not in block:
        return ""
    thought = _mapping(block["reasoningContent"], "reasoningContent").get("reasoningText") or {}
    return _string(_mapping(thought, "reasoningText").get("text") or "", "reasoningText.text")


def _tool_input(blocks: list[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    """The input of the tool call, or None without one. Calls that contradict each other are no answer."""
    uses = [_mapping(block["toolUse"], "toolUse") for block in blocks if "toolUse" in block]
    inputs = [use.get("input") for use in uses if use.get("name") == name]
    first = inputs[0] if inputs else None
    return first if isinstance(first, dict) and all(given == first for given in inputs) else None


def _clean_metadata(text: str) -> str:
    return _NOT_METADATA.sub("", text)[:_METADATA_CHARS]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", repair(name)[0]).lower()


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _NotAnAnswer(f"{what} is {'missing' if value is None else 'not an object'}")
    return value


def _string(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise _NotAnAnswer(f"{what} is {'missing' if value is None else 'not a string'}")
    return value


def _count(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST_TOKENS:
        raise _NotAnAnswer(f"{what} is {'missing' if value is None else 'not a count'}")
    return value
