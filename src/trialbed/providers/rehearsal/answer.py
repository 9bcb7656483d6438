"""What does a persona say, and what of it fits into a reply? Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trialbed.providers.rehearsal.call import CHARS_PER_TOKEN, RehearsalCall


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A structured answer. Where no tool was offered it is sent as JSON text.

    `input` is an object unless a fault made it something else; `name` None = the tool of the call.
    """

    input: Any
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply. `stop_reason` None = the usual one; `latency_s` None = drawn from the configuration.

    `reasoning` is what a model that was asked to think says before it; `fit` adds it.
    """

    content: str | ToolUse
    stop_reason: str | None = None
    latency_s: float | None = None
    reasoning: str | None = None

    @property
    def text(self) -> str:
        """The words, or the structured answer as JSON text."""
        return self.content if isinstance(self.content, str) else _json_text(self.content.input)

    @property
    def output_tokens(self) -> int:
        return tokens(self.text) + tokens(self.reasoning or "")


def tokens(text: str) -> int:
    """Estimated at four characters per token."""
    return -(-len(text) // CHARS_PER_TOKEN)


def fit(answer: Answer, call: RehearsalCall) -> Answer:
    """The answer as a service would deliver it: in the form asked for, cut by stop sequences and maxTokens."""
    answer = _thought_over(in_form(answer, call), call)
    if isinstance(answer.content, str):
        return _within(_stopped(answer, answer.content, call), call)
    return _within(replace(answer, stop_reason=answer.stop_reason or "tool_use"), call)


def in_form(answer: Answer, call: RehearsalCall) -> Answer:
    """The same answer as the use of the tool offered, or as JSON text where none is."""
    content = answer.content
    if isinstance(content, str):
        return answer
    if call.tool is None:
        return replace(answer, content=_json_text(content.input))
    return replace(answer, content=ToolUse(content.input, content.name or call.tool.name))


def _thought_over(answer: Answer, call: RehearsalCall) -> Answer:
    """With the thoughts before it, where they were asked for: as many as the budget and maxTokens leave room for."""
    if call.thinking is None:
        return answer
    most = call.thinking.budget_tokens or call.inference.max_tokens
    thoughts = answer.reasoning or f"The question is: {call.last} I weigh what is asked, and answer."
    return replace(answer, reasoning=thoughts if most is None else thoughts[: most * CHARS_PER_TOKEN])


def _stopped(answer: Answer, text: str, call: RehearsalCall) -> Answer:
    places = [place for stop in call.inference.stop if stop and (place := text.find(stop)) >= 0]
    if places:
        return replace(answer, content=text[: min(places)], stop_reason="stop_sequence")
    return replace(answer, stop_reason=answer.stop_reason or "end_turn")


def _within(answer: Answer, call: RehearsalCall) -> Answer:
    most = call.inference.max_tokens
    if most is None or answer.output_tokens <= most:
        return answer
    return shortened(answer, max(0, most - tokens(answer.reasoning or "")) * CHARS_PER_TOKEN)


def shortened(answer: Answer, chars: int) -> Answer:
    """Cut off after `chars` characters, as when the token limit is reached."""
    content = answer.content
    if isinstance(content, str):
        return replace(answer, content=content[:chars], stop_reason="max_tokens")
    return replace(
        answer, content=ToolUse(_first_members(content.input, chars), content.name), stop_reason="max_tokens"
    )


def _first_members(value: Any, chars: int) -> Any:
    """The leading members of an object that fit, which is what the service makes of half a tool input."""
    kept: dict[str, Any] = {}
    for name, member in value.items() if isinstance(value, Mapping) else ():
        if len(_json_text({**kept, name: member})) > chars:
            break
        kept[name] = member
    return kept


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
