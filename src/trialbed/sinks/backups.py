"""One readable file per record beside the journal; rebuilt from it when missing."""

import fnmatch
import os
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import orjson

from trialbed.core.clock import Clock, SystemClock
from trialbed.sinks.ledger import Ledger

_BATCH = 16
_SLOW_S = 0.02


class Backups:
    """Writes `<folder>/<run_id>.json` for every record it is offered; the journal is the truth, so a
    failing disk here costs nothing but the convenience."""

    name = "backups"

    def __init__(
        self,
        *,
        ledger: Ledger,
        folder: Path,
        write: Callable[[Path, bytes], None],
        announce: Callable[[str], None],
        clock: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._folder = folder
        self._write = write
        self._announce = announce
        self._waiting: dict[str, None] = {}
        self._wake = anyio.Event()
        self._idle = anyio.Event()
        self._writing = 0
        self._failed = False
        self._clock = clock or SystemClock()
        self._is_slow = False

    @property
    def owed(self) -> int:
        return len(self._waiting) + self._writing

    def offer(self, trial_id: str) -> None:
        """A newer record of this trial is on disk."""
        self._waiting[trial_id] = None
        if self._idle.is_set():
            self._idle = anyio.Event()
        self._wake.set()

    async def run(self) -> None:
        """Write what is offered, until cancelled or the folder refuses."""
        while not self._failed:
            await self._wake.wait()
            self._wake = anyio.Event()
            while self._waiting and not self._failed:
                batch = list(islice(self._waiting, _BATCH))
                for trial_id in batch:
                    del self._waiting[trial_id]
                self._writing = len(batch)
                left = await self._written(batch)
                # What could not be written is still owed: the next sitting makes up for it.
                self._waiting.update(dict.fromkeys(left))
                self._writing = 0
            self._idle.set()

    async def _written(self, batch: list[str]) -> list[str]:
        """Returns those that could not be written.

        Here and now, not in a thread: a small file takes some 25 µs, and beside a busy loop a thread takes ten times
        that in handing the interpreter over at every system call. A folder that is slow once gets its thread.
        """
        if self._is_slow:
            return await anyio.to_thread.run_sync(self._write_batch, batch)
        began = self._clock.monotonic()
        left = self._write_batch(batch)
        self._is_slow = self._clock.monotonic() - began > _SLOW_S
        await anyio.lowlevel.checkpoint()
        return left

    async def flush(self, deadline_s: float) -> None:
        """Return when everything offered is written, the folder refuses, or time is up."""
        with anyio.move_on_after(deadline_s):
            while self.owed and not self._failed:
                await self._idle.wait()

    def _write_batch(self, batch: list[str]) -> list[str]:
        """Returns those that could not be written."""
        for number, trial_id in enumerate(batch):
            record: dict[str, Any] = orjson.loads(self._ledger.record_line(trial_id))
            try:
                self._write(self._folder / f"{record['run_id']}.json", readable(record))
            except OSError as error:
                self._failed = True
                self._announce(f"{self._folder}: no more backup files ({error.strerror}); the journal has every record")
                return batch[number:]
        return []


def readable(record: dict[str, Any]) -> bytes:
    """A record as people like to read it: indented, keys in their order, UTF-8."""
    return orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def rebuild(records: Iterable[dict[str, Any]], folder: Path, write: Callable[[Path, bytes], None]) -> None:
    """Write the files that are not there, for a run that is over.

    Raises:
        OSError: the folder refuses.
    """
    for record in records:
        path = folder / f"{record['run_id']}.json"
        if not path.exists():
            write(path, readable(record))


def missing(ledger: Ledger, folder: Path, began_unix_s: int) -> list[str]:
    """Trials whose file is not there, or may be of an older revision."""
    there = set(fnmatch.filter(os.listdir(folder), f"run_*_{began_unix_s}_*.json"))
    revisions = list(ledger.revisions())
    lacking = len(revisions) - len(there)
    found = []
    # A kill leaves the newest without their file, so the oldest are hardly ever looked at.
    for trial_id, revision in reversed(revisions):
        is_there = lacking <= 0 or f"{orjson.loads(ledger.record_line(trial_id))['run_id']}.json" in there
        lacking -= not is_there
        if revision or not is_there:
            found.append(trial_id)
    return found[::-1]
