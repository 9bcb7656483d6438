"""Which events are in the bytes of a stream? Server-sent events (WHATWG HTML, 9.2) whose data are JSON; pure."""

import json
from collections.abc import Iterator
from typing import Any

_END = "[DONE]"


class Events:
    """Of one stream, as its bytes come."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self.was_ended = False
        self.begins_with = b""

    def add(self, data: bytes) -> Iterator[Any]:
        """The events that are complete with `data`: what their JSON says.

        Raises:
            ValueError: an event is no JSON.
        """
        if len(self.begins_with) < 10_000:
            self.begins_with += data[:10_000]
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from self._line(line.removesuffix(b"\r"))

    def close(self) -> Iterator[Any]:
        """The event that ended with the stream instead of an empty line."""
        yield from self._line(self._rest.removesuffix(b"\r"))
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[Any]:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))
        elif not line and self._data:
            text, self._data = "\n".join(self._data), []
            if text.strip() == _END:
                self.was_ended = True
            elif text.strip():
                yield json.loads(text)
