"""How do many tasks write one journal quickly? Group commit: one write and one sync for all that wait."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import anyio
import anyio.to_thread

from trialbed.core.clock import Clock
from trialbed.core.errors import UserError
from trialbed.sinks.journal.events import Kind, encode, name_of, record_in
from trialbed.sinks.journal.file import JournalFile
from trialbed.sinks.journal.state import JournalState, Place

_RETRY_S = 1.0
_LOCK_PATIENCE_S = 0.5
_GATHER_S = 0.001


class JournalFailed(UserError):
    """Nothing more could be written; what was acknowledged is safe."""


class _Batch:
    """Lines that go to disk together, and where each will stand."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.places: list[Place] = []
        # Of asyncio itself: anyio's looks up the running backend for each, and every call waits for one.
        self.settled = asyncio.Event()
        self.is_durable = False


class Journal:
    """The writing side of a run's journal. `keep` must run while others write.

    Lines reach the file in the order they were given. `state` covers the lines that are on disk.
    """

    def __init__(
        self,
        file: JournalFile,
        state: JournalState,
        *,
        clock: Clock,
        patience_s: float,
        on_trouble: Callable[[OSError], None],
    ) -> None:
        """`on_trouble` is told once when the disk refuses a write; writing is tried again for `patience_s`."""
        self.state = state
        self._file = file
        self._clock = clock
        self._patience_s = patience_s
        self._on_trouble = on_trouble
        self._end = file.size
        # Of the last line given, on disk or not yet: lines reach the disk in this order, or none after one that fails.
        self._head = file.head
        self._batch = _Batch()
        self._committing = self._batch
        self._wake = asyncio.Event()
        self._closing = False
        self._ended = False
        self._broken: OSError | None = None
        self._unwritten = b""
        # The second signal writes from the loop's thread while a commit may be under way in another.
        self._lock = threading.Lock()

    def post(self, kind: Kind, trial: str | None = None, /, **body: Any) -> None:
        """Write an event soon; it is on disk before any event given later is."""
        self._take(kind, trial, body)

    def write_first(self, kind: Kind, trial: str | None = None, /, **body: Any) -> None:
        """Write an event at once, here and now; only before `keep` runs and anybody else writes.

        Raises:
            JournalFailed: it could not be written.
        """
        self._take(kind, trial, body)
        batch, self._batch = self._batch, _Batch()
        try:
            self._file.append(b"".join(batch.lines))
        except OSError as error:
            self._broken = error
            raise self._failure() from None
        finally:
            batch.settled.set()
        self._fold(batch)

    async def write(self, kind: Kind, trial: str | None = None, /, **body: Any) -> Place:
        """Write an event and return once it is on disk. A cancellation is put off until the caller waits next.

        Raises:
            JournalFailed: it could not be written.
        """
        place = self._take(kind, trial, body)
        batch = self._batch
        if not self._ended:
            try:
                await batch.settled.wait()
            except asyncio.CancelledError as cancelled:
                # The shield comes only now: one around every wait would cost more than the wait.
                with anyio.CancelScope(shield=True):
                    await batch.settled.wait()
                _put_off(cancelled)
        # Of this batch alone: the journal may have ended, or broken, since it was written.
        if not batch.is_durable:
            raise self._failure()
        return place

    async def keep(self) -> None:
        """Write what is given until `close`; the owner's task.

        Cancelling does not end it: whoever is being cut may still wait for an answer to be on disk.
        """
        try:
            with anyio.CancelScope(shield=True):
                await self._keep()
        finally:
            self._ended = True
            self._batch.settled.set()

    async def _keep(self) -> None:
        while not (self._closing and not self._batch.lines):
            await self._wake.wait()
            await self._gather()
            self._wake = asyncio.Event()
            batch, self._batch = self._batch, _Batch()
            self._committing = batch
            try:
                if batch.lines:
                    self._unwritten = b"".join(batch.lines)
                    await self._commit()
                    self._fold(batch)
            finally:
                batch.settled.set()

    async def _gather(self) -> None:
        """Let lines come along that the loop's next turns bring.

        A loop with nothing else to do goes on at once; a busy one spends less on fewer and larger commits.
        """
        until = self._clock.monotonic() + _GATHER_S
        lines = 0
        while lines < len(self._batch.lines) and self._clock.monotonic() < until:
            lines = len(self._batch.lines)
            await asyncio.sleep(0)

    def _fold(self, batch: _Batch) -> None:
        """Let the state know what is on disk now; nobody may read a line that is not."""
        batch.is_durable = self._broken is None
        if batch.is_durable:
            for place, line in zip(batch.places, batch.lines, strict=True):
                self.state.take(place.offset, line[:-1])

    async def settle(self) -> None:
        """Return when everything given so far is on disk, and in `state`, or has failed."""
        for batch in (self._committing, self._batch):
            if batch.lines and not self._ended:
                await batch.settled.wait()

    def close(self) -> None:
        """Let `keep` end after what has been given is on disk."""
        self._closing = True
        self._wake.set()

    def flush_now(self) -> None:
        """Put everything given so far on disk from this very thread; the process is about to end.

        Raises:
            OSError: the disk refuses.
        """
        # A commit that hangs must not keep the process from ending.
        if not self._lock.acquire(timeout=_LOCK_PATIENCE_S):
            return
        try:
            if self._broken is None:
                # What a commit under way has not written yet was given before what still waits.
                self._file.append(self._unwritten + b"".join(self._batch.lines))
                self._unwritten = b""
                self._batch.lines.clear()
                self._batch.places.clear()
        finally:
            self._lock.release()

    def read(self, place: Place) -> bytes:
        """The line at `place`."""
        return self._file.read(place.offset, place.length)

    def revisions(self) -> Iterator[tuple[str, int]]:
        """`(trial_id, revision)` of every newest record, oldest first."""
        newest = sorted(self.state.recorded.items(), key=lambda item: item[1].place.offset)
        return ((trial, recorded.revision) for trial, recorded in newest)

    def record_line(self, trial_id: str) -> bytes:
        """The newest record of a trial that is on disk, one line of ASCII JSON."""
        return record_in(self.read(self.state.recorded[trial_id].place))

    def record_size(self, trial_id: str) -> int:
        """How long the newest record's line in the journal is: some 150 bytes more than the record."""
        return self.state.recorded[trial_id].place.length

    def sink_events(self, sink: str) -> list[dict[str, Any]]:
        """The seals and receipts of one sink, in order."""
        return [event for event in self.state.sink_events if event["sink"] == sink]

    async def write_sink_event(self, kind: Literal["sealed", "receipt"], sink: str, body: dict[str, Any]) -> None:
        """Put a seal or a receipt on disk.

        Raises:
            JournalFailed: it could not be written.
        """
        await self.write(kind, None, sink=sink, **body)

    def _take(self, kind: Kind, trial: str | None, body: dict[str, Any]) -> Place:
        line = encode(kind, trial, body, prev=self._head)
        self._head = name_of(line[:-1])
        place = Place(self._end, len(line) - 1)
        self._end += len(line)
        self._batch.lines.append(line)
        self._batch.places.append(place)
        self._wake.set()
        return place

    async def _commit(self) -> None:
        deadline = self._clock.monotonic() + self._patience_s
        told = False
        while self._broken is None:
            try:
                await anyio.to_thread.run_sync(self._append)
                return
            except OSError as error:
                if not told:
                    told = True
                    self._on_trouble(error)
                if self._clock.monotonic() + _RETRY_S > deadline:
                    self._broken = error
                    return
            await self._clock.sleep(_RETRY_S)

    def _append(self) -> None:
        with self._lock:
            self._file.append(self._unwritten)
            self._unwritten = b""

    def _failure(self) -> JournalFailed:
        why = self._broken.strerror if self._broken is not None else "it is not written any more"
        return JournalFailed(f"{self._file.path}: {why}; make room and run the same command again")


def _put_off(cancelled: asyncio.CancelledError) -> None:
    """Let the running task be cancelled when it waits next, as if it had not been until now."""
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()
    task.cancel(*cancelled.args)
