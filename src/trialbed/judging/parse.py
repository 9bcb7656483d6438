"""Is this a valid answer? Pure: tool data or strict JSON text in, the answer or a complaint out.

Nothing is fished out of prose: a number or an option that merely occurs in a sentence is no answer.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Never

from pydantic import BaseModel, ValidationError

from trialbed.core.canonical import canonical_json
from trialbed.core.judge import AnswerT
from trialbed.core.text import repair

_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Parsed(Generic[AnswerT]):
    answer: AnswerT


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why it is no valid answer, in one line, fit to be shown to the judge."""

    text: str


class _NoAnswer(Exception):
    """The text is the complaint."""


def parse_answer(kind: type[AnswerT], *, data: Any, text: str) -> Parsed[AnswerT] | Complaint:
    """The answer in `data` (what a tool was called with) or, if that is None, in `text`."""
    try:
        value = _object_in(text) if data is None else data
        return Parsed(_validated(kind, value))
    except _NoAnswer as problem:
        return Complaint(" ".join(str(problem).split()))


def _object_in(text: str) -> Any:
    """The JSON object that is the whole reply, or that is in its only fence marked json."""
    stripped = text.strip()
    if not stripped:
        raise _NoAnswer("the reply is empty")
    try:
        return json.loads(_in_fence(stripped), object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _NoAnswer(f"the reply is not one JSON object: {error.msg} at line {error.lineno}") from None
    except (ValueError, RecursionError):
        raise _NoAnswer("the reply holds a number too long or nesting too deep to read") from None


def _in_fence(text: str) -> str:
    """Inside of the only fence marked json; the text itself where there is no such fence.

    A line of JSON cannot consist of a fence alone, since strings hold no raw line breaks.
    """
    lines = text.split("\n")
    opening = [number for number, line in enumerate(lines) if line.strip().lower() == "```json"]
    if not opening:
        return text
    if len(opening) > 1:
        raise _NoAnswer("the reply holds more than one JSON block")
    inside = lines[opening[0] + 1 :]
    closing = [number for number, line in enumerate(inside) if line.strip() == "```"]
    if not closing:
        raise _NoAnswer("the JSON block of the reply is not closed")
    return "\n".join(inside[: closing[0]])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _NoAnswer("a key occurs twice in the same object")
    return members


def _no_constant(name: str) -> Never:
    raise _NoAnswer(f"{name} is not a JSON number")


def _validated(kind: type[AnswerT], value: Any) -> AnswerT:
    """Strictly: no conversion between types, no extra field, no default in place of an answer."""
    if not isinstance(value, Mapping):
        raise _NoAnswer("the reply is not a JSON object")
    try:
        plain = canonical_json(_repaired(value))
    except (ValueError, TypeError, RecursionError):
        raise _NoAnswer("the reply holds a value that JSON cannot hold (NaN, infinity, or nesting too deep)") from None
    try:
        answer = kind.model_validate_json(plain, strict=True, extra="forbid")
    except ValidationError as error:
        raise _NoAnswer(_problems(error)) from None
    left_out = sorted(_left_out(answer, ""))
    if left_out:
        raise _NoAnswer("; ".join(f"{name}: Field required" for name in left_out))
    return answer


def _repaired(value: Any) -> Any:
    """Lone surrogates, which an escape in JSON can smuggle in, replaced."""
    if isinstance(value, str):
        return repair(value)[0]
    if isinstance(value, Mapping):
        return {_repaired(key): _repaired(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_repaired(part) for part in value]
    return value


def _problems(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False)
    said = [f"{'.'.join(str(part) for part in one['loc']) or 'answer'}: {one['msg']}" for one in problems]
    more = [f"and {len(said) - _MOST_PROBLEMS} more"] if len(said) > _MOST_PROBLEMS else []
    return "; ".join([*said[:_MOST_PROBLEMS], *more])


def _left_out(value: Any, prefix: str) -> set[str]:
    """Dotted names of fields that hold a default because the judge said nothing of them."""
    if isinstance(value, list | tuple):
        return {name for number, part in enumerate(value) for name in _left_out(part, f"{prefix}{number}.")}
    if not isinstance(value, BaseModel):
        return set()
    fields = type(value).model_fields
    missing = {prefix + name for name in fields.keys() - value.model_fields_set}
    for name in value.model_fields_set & fields.keys():
        missing |= _left_out(getattr(value, name), f"{prefix}{name}.")
    return missing
