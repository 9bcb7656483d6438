"""Is a journal as it was written? Reads only, and by a path of its own.

It checks those who write journals, so it shares no code with them: what a line, a chain and a seal are is said here
once more, with the standard library alone.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BUFFER_BYTES = 1 << 20
_AFTER_CRC = len('{"crc":"89abcdef",')
_HEAD = re.compile(rb'\{"crc":"([0-9a-f]{8})",(?:"prev":"([0-9a-f]{32})",)?"e":"\w+"')
_NAME = re.compile(r"[0-9a-f]{32}")
_NO_LINE = "0" * 32


@dataclass(frozen=True)
class JournalCheck:
    """What was found; after a problem nothing more is looked at.

    `lines` are whole ones, `chained` those of them that name the line before, `head` is the last one's name.
    `torn_bytes` stand behind them, of a line that was being written when a process was killed: no problem.
    """

    lines: int
    chained: int
    head: str
    torn_bytes: int
    problem: str | None


@dataclass(frozen=True)
class _Seal:
    lines: int
    bytes: int
    head: str


@dataclass
class _Walk:
    """How far the reading has come."""

    lines: int = 0
    chained: int = 0
    end: int = 0
    head: str = _NO_LINE

    def take(self, line: bytes) -> str | None:
        """Go on over a line, its newline left out; what is wrong with it, if anything."""
        problem, is_chained = _look_at(line, self.head, must_be_chained=self.chained > 0)
        if problem is None:
            self.lines += 1
            self.chained += is_chained
            self.end += len(line) + 1
            self.head = hashlib.sha256(line).hexdigest()[:32]
        return problem

    def against(self, seal: _Seal | None) -> str | None:
        """Whether a sealed journal was this when it had this many lines."""
        if seal is None or seal.lines != self.lines or (seal.head == self.head and seal.bytes == self.end):
            return None
        return "not the line that journal.seal says was the last one then"


def check_journal(path: Path) -> JournalCheck:
    """Hold every line against its checksum and its chain, and all of them against the seal beside the journal.

    A journal that is not there has no lines. Memory does not grow with its length.

    Raises:
        OSError: the file cannot be read.
    """
    walk = _Walk()
    # Before the journal: whoever writes it now may seal it anew while it is read.
    try:
        seal = _read_seal(path.with_suffix(".seal"))
    except (ValueError, TypeError, KeyError, RecursionError):
        return _found(walk, b"", "journal.seal: not a seal; it was damaged or changed")
    tail = b""
    for line in _lines(path):
        if not line.endswith(b"\n"):
            tail = line
            break
        problem = walk.take(line[:-1])
        if problem is not None:
            return _found(walk, b"", f"{path.name} line {walk.lines + 1}: {problem}")
        problem = walk.against(seal)
        if problem is not None:
            return _found(walk, b"", f"{path.name} line {walk.lines}: {problem}")
    if _hides_a_line(tail):
        return _found(walk, tail, f"{path.name} line {walk.lines + 1}: its newline was changed")
    if seal is not None and walk.lines < seal.lines:
        return _found(
            walk,
            tail,
            f"{path.name} line {walk.lines + 1}: missing; journal.seal says there were {seal.lines} lines "
            f"({seal.bytes} bytes)",
        )
    return _found(walk, tail, None)


def iter_events(path: Path) -> Iterator[dict[str, Any]]:
    """The event of every whole line, in order; what is torn or changed is passed over (see `check_journal`).

    Raises:
        OSError: the file cannot be read.
    """
    for line in _lines(path):
        if line.endswith(b"\n") and _is_whole(line[:-1]):
            event: dict[str, Any] = json.loads(line)
            yield event


def _found(walk: _Walk, tail: bytes, problem: str | None) -> JournalCheck:
    return JournalCheck(walk.lines, walk.chained, walk.head, len(tail), problem)


def _lines(path: Path) -> Iterator[bytes]:
    """Split at line feeds only; the last one may lack it."""
    try:
        with path.open("rb", buffering=_BUFFER_BYTES) as file:
            yield from file
    except FileNotFoundError:
        return


def _look_at(line: bytes, before: str, *, must_be_chained: bool) -> tuple[str | None, bool]:
    """What is wrong with a line, if anything, and whether it names the line before it."""
    head = _HEAD.match(line)
    if head is None or int(head[1], 16) != zlib.crc32(memoryview(line)[_AFTER_CRC:]):
        return "its checksum does not match", False
    prev = head[2]
    if prev is None and must_be_chained:
        return "it does not name the line before, and lines before it do", False
    if prev is not None and prev.decode() != before:
        return "it does not follow the line before: the chain is broken", False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return "not JSON", False
    return None, prev is not None


def _is_whole(line: bytes) -> bool:
    head = _HEAD.match(line)
    return head is not None and int(head[1], 16) == zlib.crc32(memoryview(line)[_AFTER_CRC:])


def _hides_a_line(tail: bytes) -> bool:
    """Whether something else than a newline follows a whole line: a kill leaves the beginning of a line, not more."""
    text = tail.decode("latin-1")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return end < len(tail) and _is_whole(tail[:end])


def _read_seal(path: Path) -> _Seal | None:
    """None when a journal was never sealed.

    Raises:
        ValueError, TypeError, KeyError: what is there is no seal.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    data = json.loads(text)
    seal = _Seal(data["lines"], data["bytes"], data["head"])
    numbers_are_whole = type(seal.lines) is int and type(seal.bytes) is int
    if not numbers_are_whole or seal.lines < 1 or not _NAME.fullmatch(seal.head):
        raise ValueError("not a seal")
    return seal
