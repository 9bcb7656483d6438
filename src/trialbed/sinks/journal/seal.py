"""How can one see later that a finished journal lost its end? By what it was when a sitting ended.

A chain of lines (see `events`) shows what was changed inside; cut off between two lines, it is a chain as before.
The seal beside it says how far it went. It is a help to whoever looks later and no more: the journal is the truth.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trialbed.sinks.journal.events import name_of
from trialbed.sinks.journal.file import JournalFile


@dataclass(frozen=True)
class JournalSeal:
    """A journal at the end of a sitting: its length in lines and in bytes, the name of its last line, and when."""

    lines: int
    bytes: int
    head: str
    at: str


def seal_path(journal: Path) -> Path:
    return journal.with_suffix(".seal")


class Sealing:
    """One sitting's view of the seal: does the journal still hold what was sealed, and the new seal at the end.

    `take` wants every whole line of the journal as it is opened.
    """

    def __init__(self, journal: Path) -> None:
        self._path = seal_path(journal)
        self._old = _read(self._path)
        self._end = 0
        self._held = False

    def take(self, offset: int, line: bytes) -> None:
        self._end = offset + len(line) + 1
        if self._old is not None and self._end == self._old.bytes:
            self._held = name_of(line) == self._old.head

    @property
    def is_broken(self) -> bool:
        """Whether there is a seal and the journal, as it was opened, is not what it speaks of."""
        return not self._held and (self._old is not None or self._path.exists())

    def renew(self, file: JournalFile, write: Callable[[Path, bytes], None], at: str) -> None:
        """Seal what is on disk, if it is more than when it was opened. A broken seal stays as the witness it is."""
        if self.is_broken or file.size == self._end:
            return
        seal = JournalSeal(file.lines, file.size, file.head, at)
        # Without it an audit sees less, but the run has all its records: a full disk must not fail it now.
        with suppress(OSError):
            write(self._path, json.dumps(asdict(seal)).encode("ascii") + b"\n")


def _read(path: Path) -> JournalSeal | None:
    """None when there is none that can be read."""
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        return JournalSeal(int(data["lines"]), int(data["bytes"]), str(data["head"]), str(data["at"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
