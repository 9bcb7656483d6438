"""A run altered with care: checksums, chain and seal made to fit again, by hand and not by the program's own code."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

NO_LINE = "0" * 32


def forged_line(event: dict[str, Any], prev: str | None) -> bytes:
    """A line with a right checksum; with `prev` None as earlier versions wrote it."""
    rest = {key: value for key, value in event.items() if key not in ("crc", "prev")}
    body = json.dumps(({} if prev is None else {"prev": prev}) | rest, separators=(",", ":")).encode()[1:]
    return b'{"crc":"%08x",%s\n' % (zlib.crc32(body), body)


def name_of(line: bytes) -> str:
    """What the line after this one (with its newline) must call it."""
    return hashlib.sha256(line.removesuffix(b"\n")).hexdigest()[:32]


def forged(events: Iterable[dict[str, Any]]) -> bytes:
    """A whole journal of these events."""
    lines, prev = [], NO_LINE
    for event in events:
        lines.append(forged_line(event, prev))
        prev = name_of(lines[-1])
    return b"".join(lines)


def seal_by_hand(journal: Path) -> None:
    """Let the seal say what the journal is now."""
    lines = journal.read_bytes().splitlines(keepends=True)
    seal = {
        "lines": len(lines),
        "bytes": sum(map(len, lines)),
        "head": name_of(lines[-1]),
        "at": "2026-11-20T12:00:00Z",
    }
    journal.with_suffix(".seal").write_text(json.dumps(seal))


def forge(journal: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Let `change` alter the events of a journal, and leave no trace of it in checksums, chain or seal."""
    events = [json.loads(line) for line in journal.read_bytes().splitlines()]
    change(events)
    journal.write_bytes(forged(events))
    seal_by_hand(journal)
