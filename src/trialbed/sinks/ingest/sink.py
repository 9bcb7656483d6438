"""When does the results server get what? Sends results and errors as records end, survives every fault of the server,
and keeps owing."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import anyio

from trialbed.core.clock import Clock
from trialbed.core.redact import Redactor
from trialbed.sinks.ingest.backlog import Backlog
from trialbed.sinks.ingest.bodies import ForIngest
from trialbed.sinks.ingest.book import Owing, book_of, owed, receipt_of, seal_of
from trialbed.sinks.ingest.client import Client, open_client
from trialbed.sinks.ingest.due import Due, Unsendable, due_of
from trialbed.sinks.ingest.faults import IngestFault, NoArrays, NotKept, Passing, Refused
from trialbed.sinks.ingest.health import Health
from trialbed.sinks.ingest.packing import Packing
from trialbed.sinks.ingest.sending import Faults, send
from trialbed.sinks.ingest.target import IngestTarget, Pace
from trialbed.sinks.ledger import Ledger


class IngestSink:
    """Posts a run's results, and reports of what failed. `run` is its task; the rest is for whoever owns it.

    What the journal shows as not settled is owed from the start, so `push RUN` is: build, `flush`. `stopped` says what
    the user has to do before anything more is sent.
    """

    name = "ingest"

    def __init__(
        self,
        *,
        ledger: Ledger,
        target: IngestTarget,
        nonce: str,
        for_ingest: ForIngest,
        clock: Clock,
        random: Random,
        announce: Callable[[str], None],
        pace: Pace | None = None,
    ) -> None:
        """Asks nothing of the server yet. `nonce` makes the keys of this run its own."""
        self._ledger = ledger
        self._target = target
        self._nonce = nonce
        self._for_ingest = for_ingest
        self._clock = clock
        self._announce = announce
        self._redact = Redactor([target.key])
        self._pace = pace or Pace()
        self._book = book_of(ledger.sink_events(self.name), target.place)
        self._backlog = Backlog(owed((Owing(*row) for row in ledger.revisions()), self._book))
        self._packing = Packing(self._backlog, self._due, target, self._pace)
        self._health = Health(self._pace, random)
        self._driving = anyio.Lock()
        self._wake = anyio.Event()
        self._news = anyio.Event()
        self._parcels = 0
        self._flushes = 0
        self._said: set[str] = set()
        self.stopped: str | None = None

    @property
    def owed(self) -> int:
        """Trials whose newest record is not known to be there."""
        return self._backlog.owed

    def offer(self, trial_id: str) -> None:
        """A newer record of this trial is durable in the ledger."""
        self._packing.offered(self._clock.monotonic())
        self._backlog.offer(trial_id)
        self._wake.set()

    def try_again(self) -> None:
        """Begin anew with everything that is owed, also with what was left alone, and with a server that refused."""
        self.stopped = None
        self._health.forget()
        self._said.clear()
        self._backlog.try_again()
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled. Never raises for the server's faults.

        Raises:
            ExceptionGroup: of UserError, when the journal cannot be written any more.
        """
        async with self._driving, open_client(self._target, self._pace) as client, anyio.create_task_group() as group:
            while True:
                parcel = self._next_parcel()
                if parcel:
                    self._parcels += 1
                    group.start_soon(self._deliver, parcel, client, name="ingest: post")
                else:
                    await self._until_there_is_more()

    async def flush(self, deadline_s: float) -> None:
        """Return when nothing is owed or everything owed is left alone, or after `deadline_s`.

        Raises:
            ExceptionGroup: of UserError, when the journal cannot be written any more.
        """
        self._flushes += 1
        self._wake.set()
        try:
            with anyio.move_on_after(deadline_s):
                async with anyio.create_task_group() as group:
                    # Waits for its turn for ever if `run` is at it already.
                    group.start_soon(self.run, name="ingest: flush")
                    while self._parcels or (self.stopped is None and not self._backlog.is_idle):
                        await self._news.wait()
                    group.cancel_scope.cancel()
        finally:
            self._flushes -= 1

    def _next_parcel(self) -> list[Due]:
        """What goes out now; empty = nothing yet."""
        now = self._clock.monotonic()
        return self._packing.next_parcel(now) if self._has_place and now >= self._not_before else []

    def _due(self, trial: str) -> Due | None:
        """What is to be done about a trial; None = nothing can be done, and that was said."""
        try:
            return due_of(
                trial,
                ledger=self._ledger,
                book=self._book,
                nonce=self._nonce,
                for_ingest=self._for_ingest,
                most_bytes=self._pace.most_body_bytes,
            )
        except Unsendable as error:
            self._say_once(f"{error}. It is kept in the journal")
            return None

    @property
    def _has_place(self) -> bool:
        return self.stopped is None and self._parcels < self._health.width

    @property
    def _not_before(self) -> float:
        return max(self._health.not_before, self._packing.not_before(in_haste=self._flushes > 0))

    async def _until_there_is_more(self) -> None:
        """Wait for the next moment at which something may be sent, or until something has changed."""
        moment = self._backlog.next_moment()
        wait_s = None
        if self._has_place and moment is not None:
            wait_s = max(0.0, max(moment, self._not_before) - self._clock.monotonic())
        self._tell_flushes()
        self._wake = anyio.Event()
        with anyio.move_on_after(wait_s):
            await self._wake.wait()

    async def _deliver(self, parcel: list[Due], client: Client) -> None:
        """Make one attempt at a parcel, and put on disk what came of it."""
        try:
            await self._seal(parcel)
            faults = await self._faults_of(parcel, client)
            with anyio.CancelScope(shield=True):
                await self._settle(parcel, faults)
        finally:
            for due in reversed(parcel):
                if self._backlog.is_under_way(due.trial):
                    self._backlog.put_back(due.trial)
            self._parcels -= 1
            self._wake.set()
            self._tell_flushes()

    async def _seal(self, parcel: Sequence[Due]) -> None:
        # Durable before it leaves: whatever becomes of the record or of the code, a key stands for one body for ever.
        bodies = [
            (due.trial, due.kind, due.payload.text) for due in parcel if due.payload is not None and not due.is_sealed
        ]
        if bodies:
            await self._write("sealed", seal_of(self._target.place, bodies))

    async def _faults_of(self, parcel: Sequence[Due], client: Client) -> Faults:
        payloads = [due.payload for due in parcel if due.payload is not None]
        if not payloads:
            return {}
        as_array = self._packing.goes_in_array(parcel[0])
        try:
            return await send(payloads, as_array=as_array, client=client, target=self._target, clock=self._clock)
        except NoArrays as fault:
            return dict.fromkeys((payload.key for payload in payloads), fault)

    async def _settle(self, parcel: Sequence[Due], faults: Faults) -> None:
        """Write receipts of what is settled, and decide when the rest is tried again."""
        found = [(due, None if due.payload is None else faults[due.payload.key]) for due in parcel]
        ways = {
            "nothing": [due for due, _ in found if due.payload is None],
            "delivered": [due for due, fault in found if due.payload is not None and fault is None],
            "unwanted": [due for due, fault in found if isinstance(fault, NotKept)],
        }
        for how, settled in ways.items():
            if settled:
                rows = [(due.trial, due.kind, due.revision) for due in settled]
                await self._write("receipt", receipt_of(self._target.place, rows, how))
                for due in settled:
                    self._backlog.settle(due.trial)
        self._take_note([fault for due, fault in found if due.payload is not None])
        for due, fault in found:
            if fault is not None and not isinstance(fault, NotKept | Refused | NoArrays):
                self._postpone(due, fault)

    async def _write(self, kind: Any, body: dict[str, Any]) -> None:
        await self._ledger.write_sink_event(kind, self.name, body)
        self._book.take(body)

    def _take_note(self, faults: Sequence[IngestFault | None]) -> None:
        """What an attempt says of the server itself."""
        if not faults:
            return
        first = faults[0]
        if isinstance(first, Refused):
            self._stop(first)
        elif isinstance(first, NoArrays):
            if self._packing.takes_arrays:
                self._packing.takes_arrays = False
                self._say(f"{first}; results are sent one by one from now on")
        elif isinstance(first, Passing) and all(isinstance(fault, Passing) for fault in faults):
            if self._health.failed(first, self._clock.monotonic()):
                self._say(f"{first}. Trying again; {self.owed} results wait and are safe in the journal")
        elif self._health.answered():
            self._say(f"results are getting through again; {self.owed} wait")
        if isinstance(first, NotKept):
            self._say_once(f"{first}; errors are in the journal and in reports only")

    def _postpone(self, due: Due, fault: IngestFault) -> None:
        attempts = self._backlog.count_attempt(due.trial)
        if attempts < self._pace.attempts:
            wait_s = self._health.wait_s(attempts, fault)
            self._backlog.wait_until(due.trial, self._clock.monotonic() + wait_s)
            return
        self._backlog.park(due.trial)
        model = "" if due.payload is None else f" of {due.payload.model}"
        self._say_once(f"{attempts} times in vain, the {due.kind}{model}: {fault}. It is kept in the journal")

    def _stop(self, fault: Refused) -> None:
        if self.stopped is None:
            self.stopped = self._redact(str(fault))
            self._say(f"{self.stopped}. Nothing more is sent until then; {self.owed} results are kept in the journal")

    def _tell_flushes(self) -> None:
        self._news.set()
        self._news = anyio.Event()

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def _say(self, text: str) -> None:
        self._announce(self._redact(f"ingest: {text}"))
