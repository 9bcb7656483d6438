"""What was asked? One Converse request as a value, and what the service would refuse to read."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from trialbed.core.canonical import digest
from trialbed.providers.rehearsal import jsontext

CHARS_PER_TOKEN = 4
TRIAL_KEY = "trialbed_trial"
"""The member of requestMetadata by which trialbed names the trial a call belongs to."""

LEAST_BUDGET_TOKENS = 1024

_METADATA_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}")
_JSON_ONLY = re.compile(
    r"\b(?:only|nothing but|just|exactly one)\b[^.\n]{0,60}\bjson\b"
    r"|\bjson\b[^.\n]{0,40}\b(?:only|alone|nothing else)\b",
    re.IGNORECASE,
)


class UnreadableRequest(Exception):
    """The service would answer ValidationException; the text is its message."""


class Message(NamedTuple):
    """One turn, its blocks joined to one text."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Inference:
    """Sampling as it was sent; None = not sent."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that is offered: `schema` is the JSON schema of its input."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cached:
    """Tokens of a call's beginning that were read from the cache, and that were written to it."""

    read_tokens: int
    write_tokens: int


@dataclass(frozen=True, slots=True)
class Thinking:
    """How the model was asked to think; `budget_tokens` None = adaptive."""

    budget_tokens: int | None = None


@dataclass(frozen=True)
class RehearsalCall:
    """One request. `seen` counts how often this very request had arrived before; 0 = never.

    `cached` is what became of its cache points; None = it has none, or nobody looked (see `prompt_cache`).
    """

    model_id: str
    messages: tuple[Message, ...]
    system: str = ""
    inference: Inference = Inference()
    tools: tuple[Tool, ...] = ()
    forced_tool: bool = False
    output_schema: Mapping[str, Any] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    streaming: bool = False
    seen: int = 0
    thinking: Thinking | None = None
    cached: Cached | None = None

    @property
    def tool(self) -> Tool | None:
        """The tool that must be used, or else the first one offered."""
        return self.tools[0] if self.tools else None

    @property
    def trial(self) -> str | None:
        return self.metadata.get(TRIAL_KEY)

    @property
    def last(self) -> str:
        return self.messages[-1].text

    @property
    def answers_a_tool(self) -> bool:
        """The last turn brings the result of a tool, so words are due, not another use of it."""
        content = self.body["messages"][-1]["content"] if self.body else []
        return any("toolResult" in block for block in content)

    @cached_property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema that a structured answer must meet: of the tool, the output, or in the words."""
        if self.tool is not None:
            return self.tool.schema
        if self.output_schema is not None:
            return self.output_schema
        return _schema_in_words(self.last) or _schema_in_words(self.system) if self.wants_json else None

    @cached_property
    def wants_json(self) -> bool:
        """Nothing but JSON is asked for in words."""
        # the plain look first: the expression is slow on long prompts
        return any("json" in text.lower() and _JSON_ONLY.search(text) for text in (self.last, self.system))

    @property
    def is_judge(self) -> bool:
        """A structured answer is wanted, in whichever way; subjects are asked for plain words."""
        return bool(self.tools) or self.output_schema is not None or self.wants_json

    @cached_property
    def content_hash(self) -> str:
        """Of what decides the answer: model, system, messages and form. Not of sampling, service or metadata."""
        parts = [self.body.get(name) for name in ("system", "messages", "toolConfig")]
        form = {name: value for name, value in (self.body.get("outputConfig") or {}).items() if name != "effort"}
        return digest([self.model_id, *map(_without_points, parts), form or None])

    @cached_property
    def input_tokens(self) -> int:
        """Estimated at four characters per token."""
        chars = len(self.system) + sum(len(message.text) for message in self.messages)
        chars += len(json.dumps(self.body["toolConfig"])) if self.tools else 0
        return max(1, -(-chars // CHARS_PER_TOKEN))

    def after(self, seen: int) -> "RehearsalCall":
        """The same call, known to have been seen `seen` times before."""
        return replace(self, seen=seen) if seen else self

    def with_cache(self, cached: "Cached | None") -> "RehearsalCall":
        """The same call, with what became of its cache points."""
        return self if cached is None else replace(self, cached=cached)


def parse_call(model_id: str, data: bytes, *, streaming: bool = False) -> RehearsalCall:
    """Read the body of a Converse request.

    Raises:
        UnreadableRequest: the service would not take it.
    """
    try:
        body = jsontext.decode(data)
        return _call(model_id, body, streaming)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableRequest("The format of the request body is not valid. Check it and try again.") from error


def _call(model_id: str, body: Mapping[str, Any], streaming: bool) -> RehearsalCall:
    messages = tuple(_messages(body["messages"]))
    _check_order(messages)
    inference = body.get("inferenceConfig") or {}
    tool_config = body.get("toolConfig") or {}
    choice = tool_config.get("toolChoice") or {}
    return RehearsalCall(
        model_id=model_id,
        messages=messages,
        system="\n".join(block["text"] for block in body.get("system") or () if "text" in block),
        inference=Inference(
            inference.get("maxTokens"),
            inference.get("temperature"),
            inference.get("topP"),
            tuple(inference.get("stopSequences") or ()),
        ),
        tools=_tools(tool_config, choice),
        forced_tool="tool" in choice or "any" in choice,
        output_schema=_output_schema(body.get("outputConfig") or {}),
        metadata=_metadata(body.get("requestMetadata") or {}),
        thinking=_thinking(body.get("additionalModelRequestFields") or {}, inference),
        body=body,
        streaming=streaming,
    )


def _messages(messages: Sequence[Mapping[str, Any]]) -> Iterator[Message]:
    for index, message in enumerate(messages):
        if not message["content"]:
            raise UnreadableRequest(f"The content field in the Message object at messages.{index} is empty.")
        texts = []
        for place, block in enumerate(message["content"]):
            if "text" in block and not block["text"].strip():
                raise UnreadableRequest(
                    f"The text field in the ContentBlock object at messages.{index}.content.{place} is blank. "
                    "Add text to the text field, and try again."
                )
            if "cachePoint" not in block:
                texts.append(_block_text(block))
        yield Message(message["role"], "\n".join(texts))


def _block_text(block: Mapping[str, Any]) -> str:
    if "text" in block:
        return str(block["text"])
    if "toolUse" in block:
        return json.dumps(block["toolUse"].get("input"))
    results = block.get("toolResult", {}).get("content", ())
    return "\n".join(part["text"] if "text" in part else json.dumps(part.get("json")) for part in results)


def _check_order(messages: Sequence[Message]) -> None:
    if not messages or messages[0].role != "user":
        raise UnreadableRequest(
            "A conversation must start with a user message. "
            "Try again with a conversation that starts with a user message."
        )
    if any(one.role == other.role for one, other in pairwise(messages)):
        raise UnreadableRequest(
            "A conversation must alternate between user and assistant roles. "
            "Make sure the conversation alternates between user and assistant roles and try again."
        )


def _tools(config: Mapping[str, Any], choice: Mapping[str, Any]) -> tuple[Tool, ...]:
    specs = [tool["toolSpec"] for tool in config.get("tools", ()) if "toolSpec" in tool]
    tools = [Tool(spec["name"], spec.get("description", ""), spec["inputSchema"]["json"]) for spec in specs]
    wanted = choice.get("tool", {}).get("name")
    if wanted is not None and wanted not in {tool.name for tool in tools}:
        raise UnreadableRequest(f"The tool {wanted} in toolConfig.toolChoice is not among toolConfig.tools.")
    return tuple(sorted(tools, key=lambda tool: tool.name != wanted)) if wanted else tuple(tools)


def _output_schema(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """outputConfig.textFormat.structure.jsonSchema.schema, which is JSON text or an object."""
    form = (config.get("textFormat") or {}).get("structure", {}).get("jsonSchema", {}).get("schema")
    schema: Mapping[str, Any] | None = json.loads(form) if isinstance(form, str) else form
    return schema


def _thinking(fields: Mapping[str, Any], inference: Mapping[str, Any]) -> Thinking | None:
    """What is asked of it, with the rules that models which think have."""
    asked = fields.get("thinking")
    if asked is None or asked.get("type") == "disabled":
        return None
    if asked.get("type") == "adaptive":
        return Thinking()
    budget = asked["budget_tokens"]
    if asked.get("type") != "enabled" or budget < LEAST_BUDGET_TOKENS:
        raise UnreadableRequest(
            f"thinking.enabled.budget_tokens: Input should be greater than or equal to {LEAST_BUDGET_TOKENS}"
        )
    if budget >= inference.get("maxTokens", budget + 1):
        raise UnreadableRequest("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if inference.get("temperature", 1) != 1:
        raise UnreadableRequest("`temperature` may only be set to 1 when thinking is enabled.")
    if "topP" in inference:
        raise UnreadableRequest("`top_p` must be unset when thinking is enabled.")
    return Thinking(budget)


def _without_points(part: Any) -> Any:
    """A part of a body without cache points, which change no answer."""
    if isinstance(part, list):
        return [_without_points(inner) for inner in part if not (isinstance(inner, dict) and "cachePoint" in inner)]
    if isinstance(part, dict) and isinstance(part.get("content"), list):
        return {**part, "content": _without_points(part["content"])}
    return part


def _metadata(pairs: Mapping[str, str]) -> Mapping[str, str]:
    if len(pairs) > 16 or not all(_METADATA_VALUE.fullmatch(value) for value in pairs.values()):
        raise UnreadableRequest("requestMetadata takes at most 16 pairs of at most 256 plain characters each.")
    return pairs


def _schema_in_words(text: str) -> Mapping[str, Any] | None:
    """The first JSON schema of an object that stands in a prompt."""
    decoder = json.JSONDecoder()
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            value, _ = decoder.raw_decode(text, start)
        except ValueError:
            continue
        if isinstance(value, dict) and "properties" in value:
            return value
    return None
