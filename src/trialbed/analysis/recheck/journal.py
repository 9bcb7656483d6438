"""What stands in a journal, read with the standard library? Lines, their kind, and the chain's head at any of them.

A line is `{"crc":"<8 hex>",…,"e":"<kind>","trial":"<id>",…}`; `crc` is the CRC-32 of what follows it. The head of the
chain at a line is the beginning of that line's SHA-256.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HEAD = re.compile(rb'\{"crc":"([0-9a-f]{8})",(?:"prev":"[0-9a-f]*",)?"e":"(\w+)"(?:,"trial":"([^"\\]+)")?')
_CHECKED_FROM = len(b'{"crc":"89abcdef",')
_HEAD_CHARS = 32
NO_LINE = "0" * _HEAD_CHARS


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line, without its newline; `number` counts from 1, damaged lines included."""

    number: int
    offset: int
    kind: str
    trial: str | None
    data: bytes

    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.data)
        return event


def whole_lines(path: Path, *, first: int | None = None) -> Iterator[Line]:
    """The undamaged ones of the `first` lines (None: of all), one at a time."""
    offset = 0
    with path.open("rb") as file:
        for number, data in enumerate(file, start=1):
            if (first is not None and number > first) or not data.endswith(b"\n"):
                return
            line = _read(number, offset, data[:-1])
            offset += len(data)
            if line is not None:
                yield line


def head_at(path: Path, number: int) -> str | None:
    """What the chain has come to at a line, in hex; None if the journal is shorter."""
    if number == 0:
        return NO_LINE
    with path.open("rb") as file:
        for at, data in enumerate(file, start=1):
            if at == number and data.endswith(b"\n"):
                return hashlib.sha256(data[:-1]).hexdigest()[:_HEAD_CHARS]
    return None


def event_at(path: Path, places: list[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """The events at these places (offset and length in bytes)."""
    with path.open("rb") as file:
        for offset, length in places:
            file.seek(offset)
            yield json.loads(file.read(length))


def _read(number: int, offset: int, data: bytes) -> Line | None:
    found = _HEAD.match(data)
    if found is None or int(found[1], 16) != zlib.crc32(memoryview(data)[_CHECKED_FROM:]):
        return None
    return Line(number, offset, found[2].decode(), None if found[3] is None else found[3].decode(), data)
