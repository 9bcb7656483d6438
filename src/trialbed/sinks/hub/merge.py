"""How do rows get into a growing file that others write too? Pure: merged by run and trial, line by line.

Lines that are not ours stay as they are, byte for byte, readable or not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from trialbed.sinks.hub.features import Feature, record_features, widened
from trialbed.sinks.hub.shards import Line

GROWING_FILE = "game_logs.jsonl"


@dataclass(frozen=True, slots=True)
class Merged:
    """The file as it should be, and the columns a reader must expect in it."""

    content: bytes
    columns: dict[str, Feature]


def merge(content: bytes, run: str, lines: Sequence[Line]) -> Merged:
    """Put `lines` into `content`: an older revision is replaced where it stands, the rest goes to the end.

    A trial that stands there in the same or a newer revision stays so. Only the trials of `lines` are
    touched; of those, each is there once afterwards.
    """
    old = [_Old.of(raw, run) for raw in content.split(b"\n")]
    best = {line.trial_id: (line.revision, line.data) for line in lines}
    for line in old:
        if line.trial in best and line.revision >= best[line.trial][0]:
            best[line.trial] = (line.revision, line.raw)
    placed: set[str] = set()
    parts: list[bytes] = []
    for line in old:
        if line.trial is None or line.trial not in best:
            parts.append(line.raw)
        elif line.trial not in placed:
            placed.add(line.trial)
            parts.append(best[line.trial][1])
    text = b"\n".join(parts)
    fresh = b"".join(line.data + b"\n" for line in lines if line.trial_id not in placed)
    gap = b"\n" if fresh and text and not text.endswith(b"\n") else b""
    return Merged(text + gap + fresh, _columns(line.row for line in old))


def newest_in(content: bytes, run: str) -> dict[str, int]:
    """The newest revision of every trial of `run` in the file."""
    newest: dict[str, int] = {}
    for raw in content.split(b"\n"):
        line = _Old.of(raw, run)
        if line.trial is not None:
            newest[line.trial] = max(newest.get(line.trial, -1), line.revision)
    return newest


def columns_of(content: bytes) -> dict[str, Feature]:
    """The columns a reader must expect in a file that others wrote, too."""
    return _columns(object_in(raw) for raw in content.split(b"\n"))


def object_in(raw: bytes) -> dict[str, Any] | None:
    """The JSON object on a line; None when it holds something else or cannot be read."""
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


@dataclass(frozen=True, slots=True)
class _Old:
    """A line of the file. `trial` is set for rows of this run only; `revision` is -1 where none is named."""

    raw: bytes
    row: dict[str, Any] | None
    trial: str | None
    revision: int

    @classmethod
    def of(cls, raw: bytes, run: str) -> "_Old":
        row = object_in(raw)
        trial = row.get("trial_id") if row is not None and row.get("run") == run else None
        revision = row.get("revision") if row is not None else None
        return cls(raw, row, trial if isinstance(trial, str) else None, revision if isinstance(revision, int) else -1)


def _columns(rows: Iterable[dict[str, Any] | None]) -> dict[str, Feature]:
    columns = record_features()
    for row in rows:
        if row is not None:
            columns = widened(columns, row)
    return columns
