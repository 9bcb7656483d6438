"""What does a JSON body from the network hold? Read member by member: it may be anything. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from trialbed.core.text import repair

_MOST_TOKENS = 2**53


class NotAnAnswer(Exception):
    """Says which part of a body is missing or of the wrong type."""


class Repairs:
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
            NotAnAnswer: it holds NaN or an infinity, which is not JSON, or nests too deep to be kept.
        """
        if depth > 100:
            raise NotAnAnswer("a value is nested over 100 deep")
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(key): self.value(part, depth + 1) for key, part in value.items()}
            case list():
                return [self.value(part, depth + 1) for part in value]
            case float() if not math.isfinite(value):
                raise NotAnAnswer("a number is not finite")
            case int() if not -(2**63) <= value < 2**63:
                return str(value)
        return value


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NotAnAnswer(f"{what} is {'missing' if value is None else 'not an object'}")
    return value


def string(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise NotAnAnswer(f"{what} is {'missing' if value is None else 'not a string'}")
    return value


def count(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST_TOKENS:
        raise NotAnAnswer(f"{what} is {'missing' if value is None else 'not a count'}")
    return value
