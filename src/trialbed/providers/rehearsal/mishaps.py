"""What can be wrong with an answer that arrives? Pure: each mishap turns an answer into a spoilt one."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any, assert_never

from trialbed.providers.rehearsal.answer import Answer, ToolUse, in_form, shortened
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.faults import BadJudgeKind, MishapKind
from trialbed.providers.rehearsal.quotes import is_quote

HALF_A_PAIR = "\ud83d"
OUTSIDE_EVERY_SET = "Something Else Entirely"
INVENTED_QUOTE = "Nobody in this conversation ever said these particular words aloud."
REFUSAL = "I'm sorry, but I can't help with that."
BLOCKED = "Sorry, the model cannot answer this question."
PLAIN_VERDICT = "Having read the conversation twice, I think the answers were mostly honest, though it is hard to say."

_Path = tuple[str, ...]


def spoil(
    answer: Answer, mishap: MishapKind, call: RehearsalCall, rng: Random, bad_judge: tuple[BadJudgeKind, ...]
) -> Answer:
    """The answer after one mishap; `bad_judge` are the kinds of bad verdicts to choose from."""
    match mishap:
        case "truncate":
            return shortened(in_form(answer, call), int(len(answer.text) * rng.uniform(0.2, 0.8)))
        case "refuse":
            return replace(answer, content=REFUSAL, stop_reason="refusal")
        case "filter":
            reason = rng.choice(("guardrail_intervened", "content_filtered"))
            return replace(answer, content=BLOCKED, stop_reason=reason)
        case "surrogate":
            return replace(answer, content=_with_half_a_pair(answer.content))
        case "empty":
            return replace(answer, content="", stop_reason="end_turn")
        case "bad_judge":
            return _badly_judged(answer, call, rng, bad_judge)
    assert_never(mishap)


def _with_half_a_pair(content: str | ToolUse) -> str | ToolUse:
    """Half a surrogate pair behind the first word, or in the longest string of a structured answer."""
    if isinstance(content, str):
        first, space, rest = content.partition(" ")
        return f"{first}{HALF_A_PAIR}{space}{rest}"
    texts = [(path, value) for path, value in _leaves(content.input) if isinstance(value, str)]
    if not texts:
        return content
    path, text = max(texts, key=lambda leaf: len(leaf[1]))
    return replace(content, input=_with(content.input, path, text + HALF_A_PAIR))


def _badly_judged(answer: Answer, call: RehearsalCall, rng: Random, kinds: tuple[BadJudgeKind, ...]) -> Answer:
    """A verdict that must not be believed; where the kind drawn has no hold, a member is left out."""
    given = answer.content.input if isinstance(answer.content, ToolUse) else None
    if not isinstance(given, dict) or not given:
        return replace(answer, content=PLAIN_VERDICT, stop_reason="end_turn")
    match rng.choice(kinds):
        case "plain_text":
            return replace(answer, content=PLAIN_VERDICT, stop_reason="end_turn")
        case "null_input":
            return replace(answer, content=ToolUse(None))
        case "enum_outside":
            paths, value = _enum_paths(given, call.schema or {}), OUTSIDE_EVERY_SET
        case "invented_quote":
            paths, value = _quote_paths(given), INVENTED_QUOTE
        case "missing_field":
            paths, value = [], ""
    if paths:
        return replace(answer, content=ToolUse(_with(given, rng.choice(paths), value)))
    required = [name for name in (call.schema or {}).get("required", ()) if name in given]
    lost = rng.choice(required or list(given))
    return replace(answer, content=ToolUse({name: value for name, value in given.items() if name != lost}))


def _enum_paths(given: Mapping[str, Any], schema: Mapping[str, Any]) -> list[_Path]:
    """Where strings of `given` stand that the schema takes from a closed set."""
    sets = [set(node["enum"]) for node in _nodes(schema) if isinstance(node.get("enum"), list)]
    return [path for path, value in _leaves(given) if isinstance(value, str) and any(value in one for one in sets)]


def _quote_paths(given: Mapping[str, Any]) -> list[_Path]:
    return [path for path, value in _leaves(given) if isinstance(value, str) and is_quote(path[-1])]


def _nodes(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for part in schema.values():
            yield from _nodes(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _nodes(part)


def _leaves(value: Any, path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """Every value inside nested objects that is no object, with the names that lead to it."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _leaves(member, (*path, name))
    elif path:
        yield path, value


def _with(value: Any, path: _Path, new: Any) -> Any:
    """A copy of nested objects with another value at `path`."""
    if not path:
        return new
    return {**value, path[0]: _with(value[path[0]], path[1:], new)}
