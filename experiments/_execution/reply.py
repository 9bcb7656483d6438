"""Which program did an answer choose, and what does it say that one returns? Pure.

The reply asked for is `{"chosen_program": "A"|"B", "assertion": "assert f(x) == value"}`. Of several such objects the
last counts; what stands before and after is ignored. Its assertion is read as `assertions` says.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .assertions import PARSER_VERSION as OF_ASSERTIONS
from .assertions import Unread, assertion_in
from .values import Value

PARSER_VERSION = f"1.0.0 (assertions {OF_ASSERTIONS})"

Letter = Literal["A", "B"]
_MOST_OBJECTS = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """The letter that was chosen, and the value that its program is said to return."""

    letter: Letter
    value: Value


def reply_in(answer: str, call: str) -> Reply:
    """What an answer chose.

    Raises:
        Unread: it is no such object, names no letter, or asserts nothing that can be read.
    """
    objects = [one for one in _objects(answer) if "chosen_program" in one]
    if not objects:
        raise Unread("no JSON object with chosen_program")
    chosen = objects[-1]
    return Reply(_letter(chosen["chosen_program"]), assertion_in(_text(chosen.get("assertion")), call).value)


def _letter(said: Any) -> Letter:
    letter = said.strip().upper() if isinstance(said, str) else said
    if letter == "A":
        return "A"
    if letter == "B":
        return "B"
    raise Unread(f"chosen_program is neither A nor B: {said!r:.60}")


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise Unread("assertion is no text")
    return said


def _objects(answer: str) -> Iterator[dict[str, Any]]:
    """Every JSON object, outermost ones only; line breaks inside of strings are let pass."""
    decoder = json.JSONDecoder(strict=False)
    place = 0
    for _ in range(_MOST_OBJECTS):
        place = answer.find("{", place)
        if place < 0:
            return
        try:
            value, place = decoder.raw_decode(answer, place)
        except (ValueError, RecursionError):  # a brace of a set or of prose
            place += 1
            continue
        if isinstance(value, dict):
            yield value
