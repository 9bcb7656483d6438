"""What answer do the events of a stream make up? Pure: the very body that Converse would have sent at once.

Only a whole stream is an answer: one that ends before its `messageStop` and `metadata`, in which the
service says why the model stopped and what was used, is none, however much text it brought.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from trialbed.core.errors import BrokenStream, MalformedBody

_PADDING = "p"
"""Letters that the service puts into an event so that its size tells nothing about the words in it."""

_FINISHED = ("end_turn", "stop_sequence", "tool_use")
"""Reasons to stop after which all that was begun is whole."""


class Event(NamedTuple):
    """One event of a stream: its type, e.g. `contentBlockDelta`, and its JSON object."""

    kind: str
    payload: Mapping[str, Any]


def assembled(events: Iterable[Event], *, request_id: str | None = None) -> dict[str, Any]:
    """The answer as Converse sends it: the blocks by their index, and every member of the closing events.

    Raises:
        BrokenStream: the stream ended too early.
        MalformedBody: what came is no answer.
    """
    try:
        return _assembled(events)
    except _EndedEarly as error:
        raise BrokenStream(str(error), code="BrokenStream", http_status=200, request_id=request_id) from None
    except _NotAnAnswer as error:
        raise MalformedBody(str(error), code="MalformedBody", http_status=200, request_id=request_id) from None


class _EndedEarly(Exception):
    """Says which closing event did not come."""


class _NotAnAnswer(Exception):
    """Says which part of an event is missing or of the wrong type."""


def _assembled(events: Iterable[Event]) -> dict[str, Any]:
    message: dict[str, Any] = {}
    closing: dict[str, dict[str, Any]] = {}
    blocks = _Blocks()
    for kind, padded in events:
        payload = {name: value for name, value in padded.items() if name != _PADDING}
        match kind:
            case "messageStart":
                message |= payload
            case "contentBlockStart":
                blocks.start(payload)
            case "contentBlockDelta":
                blocks.add(payload)
            case "messageStop" | "metadata":
                closing[kind] = payload
    for kind in ("messageStop", "metadata"):
        if kind not in closing:
            raise _EndedEarly(f"the stream ended before its {kind} event")
    stopped, metadata = closing["messageStop"], closing["metadata"]
    content = blocks.content(are_whole=stopped.get("stopReason") in _FINISHED)
    return {**stopped, **metadata, "output": {"message": {**message, "content": content}}}


class _Part:
    """What came of one block: how it was started, and its pieces."""

    def __init__(self) -> None:
        self.start: Mapping[str, Any] = {}
        self.pieces: list[Any] = []


class _Blocks:
    """The content, block by block; a block that brings two kinds of content counts as two."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, str], _Part] = {}

    def start(self, payload: Mapping[str, Any]) -> None:
        for kind, start in _object(payload.get("start"), "start").items():
            self._part(payload, kind).start = _object(start, f"start.{kind}")

    def add(self, payload: Mapping[str, Any]) -> None:
        for kind, piece in _object(payload.get("delta"), "delta").items():
            self._part(payload, kind).pieces.append(piece)

    def content(self, *, are_whole: bool) -> list[dict[str, Any]]:
        """All blocks in their order."""
        in_order = sorted(self._parts.items(), key=lambda item: item[0][0])
        return [{kind: _content(kind, part, is_whole=are_whole)} for (_, kind), part in in_order]

    def _part(self, payload: Mapping[str, Any], kind: str) -> _Part:
        index = payload.get("contentBlockIndex")
        if not isinstance(index, int) or isinstance(index, bool):
            raise _NotAnAnswer("contentBlockIndex is missing or not a number")
        return self._parts.setdefault((index, kind), _Part())


def _content(kind: str, part: _Part, *, is_whole: bool) -> Any:
    match kind:
        case "text":
            return _text(part.pieces, "a piece of text")
        case "reasoningContent":
            return _thought([_object(piece, "reasoningContent") for piece in part.pieces])
        case "toolUse":
            pieces = [_object(piece, "toolUse").get("input", "") for piece in part.pieces]
            return {**part.start, "input": _input(_text(pieces, "a piece of a tool's input"), is_whole=is_whole)}
        case _:  # of a kind that no trial asks for: that it was there is all that is kept
            return dict(part.start)


def _thought(pieces: list[Mapping[str, Any]]) -> dict[str, Any]:
    """A reasoning block. A redacted one holds bytes, each piece in base64 of its own."""
    thought: dict[str, Any] = {}
    readable = {
        name: _text([piece[name] for piece in pieces if name in piece], f"reasoningContent.{name}")
        for name in ("text", "signature")
        if any(name in piece for piece in pieces)
    }
    if readable:
        thought["reasoningText"] = readable
    redacted = [_bytes(piece["redactedContent"]) for piece in pieces if "redactedContent" in piece]
    if redacted:
        thought["redactedContent"] = b64encode(b"".join(redacted)).decode("ascii")
    return thought


def _input(text: str, *, is_whole: bool) -> Any:
    """What a tool is called with. A call that the model could not finish, as the stop reason says, has no input.

    Not finished is data, like any answer that was cut: to ask again would select among answers.
    """
    if not text.strip():
        return {}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if is_whole:
            raise _NotAnAnswer("the input of a tool is no JSON") from None
        return None


def _text(pieces: list[Any], what: str) -> str:
    """The pieces as one text, in which halves of a surrogate pair that were parted are one character again."""
    if not all(isinstance(piece, str) for piece in pieces):
        raise _NotAnAnswer(f"{what} is not a string")
    text = "".join(pieces)
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _bytes(piece: Any) -> bytes:
    try:
        return b64decode(piece, validate=True)
    except (TypeError, ValueError):
        raise _NotAnAnswer("reasoningContent.redactedContent is no base64") from None


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _NotAnAnswer(f"{what} is {'missing' if value is None else 'not an object'}")
    return value
