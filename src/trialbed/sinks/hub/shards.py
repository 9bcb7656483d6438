"""How do rows become shards: immutable files, each named by its place and its content? Pure.

A seal says what one commit step is to do: put a file there and, in the same commit, take others away.
It is on disk before the commit is tried, so that after a crash the very same step can be finished.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trialbed.core.canonical import digest
from trialbed.sinks.hub.seen import FileSeen, git_blob

SHARD_BYTES = 5_000_000
SHARD_ROWS = 1_000

Row = tuple[str, int]
"""`(trial_id, revision)`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it goes out: a line of JSON without its newline."""

    trial_id: str
    revision: int
    data: bytes

    @property
    def row(self) -> Row:
        return self.trial_id, self.revision


@dataclass(frozen=True, slots=True)
class Seal:
    """A shard that is to be at `path`, holding `rows` in this order, and what it takes the place of."""

    path: str
    sha256: str
    blob: str
    size: int
    rows: tuple[Row, ...]
    removes: tuple[str, ...]

    def is_in(self, file: FileSeen) -> bool:
        return file.holds(size=self.size, blob=self.blob, sha256=self.sha256)

    def as_event(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "sha256": self.sha256,
            "blob": self.blob,
            "bytes": self.size,
            "rows": [list(row) for row in self.rows],
            "removes": list(self.removes),
        }

    @classmethod
    def of_event(cls, event: dict[str, Any]) -> "Seal":
        rows = tuple((str(trial), int(revision)) for trial, revision in event["rows"])
        return cls(event["path"], event["sha256"], event["blob"], event["bytes"], rows, tuple(event["removes"]))


def folder_of(run: str) -> str:
    """Where the shards of a run are; a name that is not one path segment everywhere is made into one."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}", run) and ".." not in run:
        return f"data/{run}"
    return f"data/{re.sub('[^A-Za-z0-9_-]+', '-', run).strip('-')[:100] or 'run'}-{digest(run)}"


def content_of(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def sealed(run: str, sequence: int, lines: Sequence[Line], removes: Iterable[str] = ()) -> tuple[Seal, bytes]:
    """The seal of a shard and its content."""
    content = content_of(line.data for line in lines)
    sha256 = hashlib.sha256(content).hexdigest()
    path = f"{folder_of(run)}/part-{sequence:05d}-{sha256[:8]}.jsonl"
    rows = tuple(line.row for line in lines)
    return Seal(path, sha256, git_blob(content), len(content), rows, tuple(removes)), content


def cuts(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Group lines, in order, into shards of at most `SHARD_ROWS` and `SHARD_BYTES`; a longer line stands alone."""
    group: list[Line] = []
    size = 0
    for line in lines:
        if group and (len(group) == SHARD_ROWS or size + len(line.data) + 1 > SHARD_BYTES):
            yield group
            group, size = [], 0
        group.append(line)
        size += len(line.data) + 1
    if group:
        yield group
