"""One file that tells how a run stands, whole at any moment: written anew as results arrive, never only at the end.

What is in it is made of the records, so the journal can bring it back; a disk that refuses costs no trial.
"""

from collections.abc import Callable, Sequence
from typing import Any

import anyio
import anyio.to_thread
import orjson

from trialbed.core.clock import Clock, SystemClock
from trialbed.sinks.ledger import Ledger

_EVERY_S = 2.0
_SHARE_OF_TIME = 0.05
"""At most so much of a run's time goes into writing the file; a long one is written less often."""

Keep = Callable[[dict[str, Any]], dict[str, Any]]
"""What of a record the file needs."""
Write = Callable[[Sequence[dict[str, Any]]], None]
"""Writes the file of what was kept of all records so far."""


class ResultsFile:
    """Writes what is offered, at most every two seconds, in a thread."""

    name = "results"

    def __init__(
        self, *, ledger: Ledger, keep: Keep, write: Write, announce: Callable[[str], None], clock: Clock | None = None
    ) -> None:
        self._ledger = ledger
        self._keep = keep
        self._write = write
        self._announce = announce
        self._clock = clock or SystemClock()
        self._kept: dict[str, dict[str, Any]] = {}
        self._new: dict[str, None] = {trial_id: None for trial_id, _ in ledger.revisions()}
        self._wake = anyio.Event()
        self._failed = False
        if self._new:
            self._wake.set()

    @property
    def owed(self) -> int:
        """Nothing: the file is no place where records go, it is made of them."""
        return 0

    def offer(self, trial_id: str) -> None:
        """A newer record of this trial is on disk."""
        self._new[trial_id] = None
        self._wake.set()

    async def run(self) -> None:
        """Write the file whenever there is something new, until cancelled."""
        while True:
            await self._wake.wait()
            began = self._clock.monotonic()
            await self.write_now()
            took_s = self._clock.monotonic() - began
            await self._clock.sleep(max(_EVERY_S, took_s / _SHARE_OF_TIME))

    async def flush(self, deadline_s: float) -> None:
        """The end of a run does not wait for the file: whoever asked for it writes it once more from the journal."""

    async def write_now(self) -> None:
        """Write the file with everything that has been offered."""
        self._wake = anyio.Event()
        new, self._new = self._new, {}
        for trial_id in new:
            self._kept[trial_id] = self._keep(orjson.loads(self._ledger.record_line(trial_id)))
        try:
            await anyio.to_thread.run_sync(self._write, list(self._kept.values()))
        except OSError as error:
            self._say_once(f"cannot be written ({error.strerror})")
        except Exception as error:  # an author's code makes what is in it, and may fail in any way
            self._say_once(f"cannot be made ({type(error).__name__}: {error})")

    def _say_once(self, what: str) -> None:
        if not self._failed:
            self._announce(f"the results file {what}; the journal has every record")
        self._failed = True
