"""How does a request look to Converse, and what does its answer say? Pure: no SDK, no I/O.

The answer is the JSON body as it came over the wire (see `wire`): the SDK's own parser drops members it
does not know and crashes on some malformed bodies.
"""

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
from trialbed.providers.answer_forms import AnswerMode, json_object
from trialbed.providers.bedrock.caching import has_cache_point, put_cache_points
from trialbed.providers.bedrock.forms import form_request
from trialbed.providers.body import NotAnAnswer, Repairs, count, mapping, string

_NOT_METADATA = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,\-.]", re.ASCII)
_METADATA_CHARS = 256
_METADATA_PAIRS = 16

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
        reply = _reply(mapping(answer.body, "the body"), form, mode)
    except NotAnAnswer as error:
        raise MalformedBody(str(error), code="MalformedBody", http_status=200, request_id=answer.request_id) from None
    return replace(
        reply,
        request_id=answer.request_id,
        sent=dict(sent or {}),
        unsupported=unsupported,
        timing=answer.timing,
    )


def _reply(body: Mapping[str, Any], form: AnswerForm | None, mode: AnswerMode | None) -> ModelReply:
    repairs = Repairs()
    stop_reason = repairs.text(string(body.get("stopReason"), "stopReason"))
    usage = _usage(mapping(body.get("usage"), "usage"))
    blocks = _blocks(body)
    text = repairs.text("".join(string(block["text"], "a text block") for block in blocks if "text" in block))
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


def _echoed(body: Mapping[str, Any], repairs: Repairs) -> dict[str, Any]:
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


def _blocks(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    message = mapping(mapping(body.get("output"), "output").get("message"), "output.message")
    blocks = message.get("content")
    if not isinstance(blocks, list):
        raise NotAnAnswer("output.message.content is not a list")
    return [mapping(block, "a content block") for block in blocks]


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(usage.get("inputTokens"), "usage.inputTokens"),
        output_tokens=count(usage.get("outputTokens"), "usage.outputTokens"),
        cache_read_tokens=count(usage.get("cacheReadInputTokens") or 0, "usage.cacheReadInputTokens"),
        cache_write_tokens=count(usage.get("cacheWriteInputTokens") or 0, "usage.cacheWriteInputTokens"),
    )


def _reasoning(block: Mapping[str, Any]) -> str:
    """The readable part of a reasoning block; a redacted one has none."""
    if "reasoningContent" not in block:
        return ""
    thought = mapping(block["reasoningContent"], "reasoningContent").get("reasoningText") or {}
    return string(mapping(thought, "reasoningText").get("text") or "", "reasoningText.text")


def _tool_input(blocks: list[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    """The input of the tool call, or None without one. Calls that contradict each other are no answer."""
    uses = [mapping(block["toolUse"], "toolUse") for block in blocks if "toolUse" in block]
    inputs = [use.get("input") for use in uses if use.get("name") == name]
    first = inputs[0] if inputs else None
    return first if isinstance(first, dict) and all(given == first for given in inputs) else None


def _clean_metadata(text: str) -> str:
    return _NOT_METADATA.sub("", text)[:_METADATA_CHARS]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", repair(name)[0]).lower()
