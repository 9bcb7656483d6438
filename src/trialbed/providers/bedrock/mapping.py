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
from trialbed.core.model import AnswerForm, ModelReply, ModelRequest, Usage
from trialbed.core.text import repair
from trialbed.providers.bedrock.forms import AnswerMode, form_request, json_object

_NOT_METADATA = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,\-.]", re.ASCII)
_METADATA_CHARS = 256
_METADATA_PAIRS = 16
_MOST_TOKENS = 2**53

_INFERENCE = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p"}
_NOT_PARAMETERS = {"modelId", "messages", "system", "inferenceConfig", "requestMetadata", "toolConfig", "outputConfig"}
_NOT_ECHOED = {"output", "stopReason", "usage", "metrics", "trace"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200: its JSON body as it came (None if it is no JSON), and the service's id for the attempt."""

    body: Any
    request_id: str | None = None


def parameters_of(
    request: ModelRequest, mode: AnswerMode | None, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The Converse parameters of a request. There is no seed: Converse has none.

    Args:
        request: its sampling is sent as it stands; see `capabilities.fit`.
        mode: how the form is asked for; None without a form.
        extra: further members of the request, e.g. `{"serviceTier": {"type": "flex"}}`.
    """
    inference: dict[str, Any] = {"maxTokens": request.sampling.max_tokens}
    if request.sampling.temperature is not None:
        inference["temperature"] = request.sampling.temperature
    if request.sampling.top_p is not None:
        inference["topP"] = request.sampling.top_p
    parameters: dict[str, Any] = {
        **(extra or {}),
        "modelId": request.model.id,
        "messages": [{"role": message.role, "content": [{"text": message.text}]} for message in request.messages],
        "inferenceConfig": inference,
    }
    system = [request.system] if request.system else []
    if request.form is not None and mode is not None:
        asked = form_request(request.form, mode)
        parameters.update(asked.members)
        system += [asked.instruction] if asked.instruction else []
    if system:
        parameters["system"] = [{"text": text} for text in system]
    if metadata := metadata_of(request.metadata):
        parameters["requestMetadata"] = metadata
    return parameters


def metadata_of(pairs: Mapping[str, str]) -> dict[str, str]:
    """What the service takes of `pairs`: its characters only, at most 256 of them, at most 16 pairs."""
    cleaned = {_clean_metadata(key): _clean_metadata(value) for key, value in pairs.items()}
    cleaned.pop("", None)
    return dict(list(cleaned.items())[:_METADATA_PAIRS])


def sent_of(parameters: Mapping[str, Any], mode: AnswerMode | None) -> dict[str, Any]:
    """The sampling and service parameters among what was sent, in snake case."""
    inference = parameters["inferenceConfig"]
    sent = {ours: inference[theirs] for theirs, ours in _INFERENCE.items() if theirs in inference}
    sent |= {_snake(name): value for name, value in parameters.items() if name not in _NOT_PARAMETERS}
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
    return replace(reply, request_id=answer.request_id, sent=dict(sent or {}), unsupported=unsupported)


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
        echoed={_snake(name): repairs.value(value) for name, value in body.items() if name not in _NOT_ECHOED},
        reasoning=repairs.text(reasoning) if reasoning else None,
        repairs=repairs.count,
    )


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
