"""What is common to the answers of all protocols? The value they are read into. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trialbed.core.model import Usage
from trialbed.providers.body import NotAnAnswer, count


class EndedEarly(Exception):
    """Says what of a stream's end did not come."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that was called; `arguments` is None if they are no JSON object."""

    name: str
    arguments: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body says. `usage` is None if it tells no tokens; `echoed` has what it says of how it was served."""

    text: str
    stop_reason: str
    usage: Usage | None = None
    reasoning: str = ""
    tools: tuple[ToolUse, ...] = ()
    echoed: Mapping[str, Any] = field(default_factory=dict)


def usage_of(total_input: Any, output: Any, *, cached: Any = None, written: Any = None) -> Usage:
    """Tokens of a provider that counts what it read from a cache among its input.

    Raises:
        NotAnAnswer: one of them is no count.
    """
    read = count(cached or 0, "usage: cached tokens")
    whole = count(total_input or 0, "usage: input tokens")
    return Usage(
        input_tokens=max(0, whole - read),
        output_tokens=count(output or 0, "usage: output tokens"),
        cache_read_tokens=min(read, whole),
        cache_write_tokens=count(written or 0, "usage: tokens written to a cache"),
    )


def arguments_of(value: Any) -> dict[str, Any] | None:
    """The arguments of a tool, which come as JSON text or as an object."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def joined(pieces: Iterable[str]) -> str:
    """The pieces as one text, in which halves of a surrogate pair that were parted are one character again."""
    text = "".join(pieces)
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def only(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Members of a body, under our names, that are there."""
    return {ours: body[theirs] for theirs, ours in names.items() if body.get(theirs) is not None}


def text(value: Any, what: str) -> str:
    """A text that may be missing.

    Raises:
        NotAnAnswer: it is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NotAnAnswer(f"{what} is not a string")
    return value


def items(value: Any, what: str) -> list[Mapping[str, Any]]:
    """A list of objects that may be missing.

    Raises:
        NotAnAnswer: it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise NotAnAnswer(f"{what} is not a list of objects")
    return value


def index_of(event: Mapping[str, Any]) -> int:
    """Which part of the answer an event of a stream is about.

    Raises:
        NotAnAnswer: it does not say.
    """
    index = event.get("index")
    if not isinstance(index, int):
        raise NotAnAnswer("index is missing or not a number")
    return index


def member(value: Any, *path: str | int) -> Any:
    """What stands at `path` in a JSON value; None if nothing does."""
    for name in path:
        if isinstance(name, int):
            value = value[name] if isinstance(value, list) and len(value) > name else None
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value
