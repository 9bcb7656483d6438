"""Which value does an answer assert of a call? Read with Python's own grammar; nothing is run. Pure.

The rules, in order:

1. Of `[ANSWER] … [/ANSWER]` blocks the last that is not empty counts, closed or not; without any, the whole answer.
2. In it the last assertion about the call that was asked counts, else the last assertion, so that an answer may correct
   itself. `assert f(x) == v`, `assert v == f(x)`, `assert f(x) is True`, `assert f(x)` and `assert not f(x)` are read;
   comments, markdown and a full stop behind it are passed over. In `assert f(x) == 1, 2` the value is the tuple, unless
   what stands behind the comma is text: that is the assertion's message.
3. A block with no assertion may hold nothing but a literal: then that is the value.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from .values import Value, literal

PARSER_VERSION = "1.0.0"

_BLOCK = re.compile(r"\[ANSWER\](.*?)(?=\[/ANSWER\]|\[ANSWER\]|\Z)", re.IGNORECASE | re.DOTALL)
_ASSERT = re.compile(r"\bassert\b")
_BEHIND = " \t\r`*_.,;:!"
_FENCE = re.compile(r"^\s*(?:```|~~~).*$|^\s*[`*]+|[`*]+\s*$", re.MULTILINE)
_MOST_LINES = 60
_MOST_WORDS = 60
_MOST_ASSERTS = 200


class Unread(Exception):
    """Nothing in an answer says a value; the text says what was looked for."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an answer says that a call returns. `call` is as the answer writes it, None where only a value was given."""

    call: str | None
    value: Value


def assertion_in(answer: str, call: str) -> Assertion:
    """The value that an answer gives for `call`.

    Raises:
        Unread: there is none.
    """
    blocks = [block for block in _BLOCK.findall(answer) if block.strip()]
    text: str = blocks[-1] if blocks else answer
    found = list(_assertions(text))
    asked = _shape(call)
    about_it = [one for one in found if one.call is not None and _shape(one.call) == asked]
    if found:
        return (about_it or found)[-1]
    if blocks:
        bare = _FENCE.sub("", text).strip().strip("`")
        try:
            return Assertion(None, literal(bare))
        except ValueError:
            pass
    raise Unread("no assertion whose value is a Python literal")


def _assertions(text: str) -> Iterator[Assertion]:
    """All that can be read, in their order; of very many the last. None inside of another, as in a text it quotes."""
    end = 0
    for start in [match.start() for match in _ASSERT.finditer(text)][-_MOST_ASSERTS:]:
        if start < end:
            continue
        read, chars = _read(text[start:])
        if read is not None:
            end = start + chars
            yield read


def _read(text: str) -> tuple[Assertion | None, int]:
    """The assertion that `text` begins with, and how far it reaches: its first line, or as many more as it takes."""
    lines = text.removeprefix("assert").split("\n")[:_MOST_LINES]
    for count in range(1, len(lines) + 1):
        whole = "\n".join(lines[:count])
        for source in dict.fromkeys((whole, whole.split("`")[0], whole.rstrip(_BEHIND), whole.rstrip(_BEHIND + ")]"))):
            said = _expression(source)
            if said is not None:
                return _meaning(said), len("assert") + len(whole)
    return _before_prose(lines[0]), len("assert") + len(lines[0])


def _before_prose(line: str) -> Assertion | None:
    """An equation that words stand behind, on its line; a bare call is none, for what follows may be cut off."""
    words = line.split(" ")
    for count in range(len(words) - 1, max(0, len(words) - _MOST_WORDS), -1):
        said = _expression(" ".join(words[:count]).rstrip(_BEHIND))
        if said is not None:
            return _meaning(said) if isinstance(said, ast.Compare) else None
    return None


def _expression(source: str) -> ast.expr | None:
    try:
        with warnings.catch_warnings():
            # What a model writes may be strange Python; nobody needs to be warned of it.
            warnings.simplefilter("ignore")
            return ast.parse(f"(\n{source.strip()}\n)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # a text from a model may be anything
        return None


def _meaning(said: ast.expr) -> Assertion | None:
    match said:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return _equality(left, right)
        case ast.Tuple(elts=[ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), *rest]):
            is_message = len(rest) == 1 and _is_text(rest[0])
            return _equality(left, right if is_message or not rest else ast.Tuple([right, *rest]))
        case ast.Call() as call:
            return Assertion(ast.unparse(call), True)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call):
            return Assertion(ast.unparse(call), False)
    return None


def _equality(left: ast.expr, right: ast.expr) -> Assertion | None:
    for call, value in ((left, right), (right, left)):
        if isinstance(call, ast.Call | ast.Name | ast.Attribute | ast.Subscript):
            try:
                return Assertion(ast.unparse(call), _literal(value))
            except ValueError:
                continue
    return None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _literal(node: ast.expr) -> Value:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ValueError("no literal") from None


def _shape(call: str) -> str:
    """A call without its spaces, quotes and line breaks; the text itself where it cannot be read."""
    try:
        return ast.dump(ast.parse(call.strip(), mode="eval"))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return call.strip()
