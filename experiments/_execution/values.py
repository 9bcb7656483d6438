"""When are two values of Python the same answer? Pure; a text is read as a literal and never run."""

import ast
import math
from typing import Any

Value = Any
"""None, a bool, a number, text, bytes, or a list, tuple, set or dict of such."""

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9
"""Of two floats, as `math.isclose` takes them: a model may round, and rarely writes all seventeen digits."""

_MOST_CHARS = 100_000


def literal(text: str) -> Value:
    """The value of a Python literal.

    Raises:
        ValueError: it is none.
    """
    if len(text) > _MOST_CHARS:
        raise ValueError("longer than any answer")
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # a text from a model may be anything
        raise ValueError(f"no Python literal: {text.strip()[:80]!r}") from None


def same(one: Value, another: Value) -> bool:
    """Whether both are of one type and equal: True is not 1, 1 is not 1.0, a list is no tuple.

    Floats may differ by the tolerances above, wherever they stand, but for keys of dicts and members of sets.
    """
    if type(one) is not type(another):
        return False
    match one:
        case float():
            return one == another or math.isclose(one, another, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)
        case list() | tuple():
            return len(one) == len(another) and all(map(same, one, another))
        case dict():
            ours, theirs = ({_key(key): value for key, value in side.items()} for side in (one, another))
            return ours.keys() == theirs.keys() and all(same(value, theirs[key]) for key, value in ours.items())
        case set() | frozenset():
            return {_key(member) for member in one} == {_key(member) for member in another}
    return bool(one == another)


def _key(value: Value) -> tuple[Any, ...]:
    """Hashable, and different for values that `==` would take for one: True and 1, 1 and 1.0."""
    if isinstance(value, tuple):
        return ("tuple", *map(_key, value))
    if isinstance(value, frozenset):
        return ("frozenset", frozenset(map(_key, value)))
    return (type(value).__name__, value)
