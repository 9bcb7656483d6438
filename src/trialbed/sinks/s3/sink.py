"""When does a bucket get what? Delivers as things happen, survives every fault of the far side, and keeps owing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from random import Random
from typing import Any

import anyio
import orjson

from trialbed.core.clock import Clock
from trialbed.core.redact import Redactor
from trialbed.core.turn import JudgedTurn, TurnTaken
from trialbed.sinks.ledger import Ledger
from trialbed.sinks.s3.book import book_of, digest_of, owed
from trialbed.sinks.s3.faults import Passing, Refused, S3Fault
from trialbed.sinks.s3.objects import S3Object, judge_objects, objects_of_record, turn_object
from trialbed.sinks.s3.pending import Pending
from trialbed.sinks.s3.store import Store, open_store
from trialbed.sinks.s3.target import Pace, S3Target
from trialbed.sinks.s3.waiting import wait_s
from trialbed.sinks.waiting import first_of

Summarise = Callable[[Mapping[str, Any] | None], Mapping[str, Any]]
"""What the summary of a trial says of its evaluation (None = it has none)."""

_LIVE_AT_A_TIME = 64
_RECORDS_AT_A_TIME = 16
# One lost connection is not worth a line.
_FAILURES_BEFORE_A_WORD = 3


class S3Sink:
    """Files for every turn, verdict and record of a run. `run` is its task; the rest is for whoever owns it.

    What the journal does not show as delivered to this place is owed from the start, so a push is: build, `flush`.
    """

    name = "s3"

    def __init__(
        self,
        *,
        ledger: Ledger,
        target: S3Target,
        run_id_of: Callable[[str], str],
        summarise: Summarise,
        clock: Clock,
        random: Random,
        announce: Callable[[str], None],
        pace: Pace | None = None,
    ) -> None:
        """Asks nothing yet. `run_id_of` gives the id under which the files of a trial stand, by its trial id."""
        self._ledger = ledger
        self._target = target
        self._run_id_of = run_id_of
        self._summarise = summarise
        self._clock = clock
        self._random = random
        self._announce = announce
        self._pace = pace or Pace()
        self._redact = Redactor()
        self._book = book_of(ledger.sink_events(self.name), target.place)
        self._pending = Pending(owed(ledger.revisions(), self._book))
        self._wake = anyio.Event()
        self._hurry = anyio.Event()
        self._turn = anyio.Lock()
        self._slots = anyio.Semaphore(self._pace.concurrency)
        self._opened = AsyncExitStack()
        self._store: Store | None = None
        self._is_running = False
        self._failures = 0
        self._has_told = False
        self.stopped: str | None = None

    @property
    def owed(self) -> int:
        """Trials of which anything is not known to be there."""
        return len(self._pending)

    def offer(self, trial_id: str) -> None:
        """A newer record of this trial is durable in the ledger."""
        self._pending.add_record(trial_id)
        self._wake.set()

    def turn_taken(self, trial_id: str, taken: TurnTaken) -> None:
        """A reply of the subject is on disk."""
        self._offer_live(trial_id, turn_object(self._target, self._run_id_of(trial_id), taken))

    def turn_judged(self, trial_id: str, judged: JudgedTurn, calls: Sequence[Mapping[str, Any]]) -> None:
        """A turn was judged."""
        verdicts = [verdict.as_dict() for verdict in judged.verdicts]
        for made in judge_objects(self._target, self._run_id_of(trial_id), judged.turn, verdicts, calls):
            self._offer_live(trial_id, made)

    async def run(self) -> None:
        """Deliver until cancelled, or until the user has to do something. Never raises for faults of the far side.

        Raises:
            UserError: the journal cannot be written any more.
        """
        self._is_running = True
        try:
            while self.stopped is None:
                if not self._pending:
                    self._wake = anyio.Event()
                    await self._wake.wait()
                async with self._turn:
                    await self._deliver()
        finally:
            self._is_running = False
            await self._close()

    async def flush(self, deadline_s: float) -> None:
        """Deliver everything owed now, for at most `deadline_s`. Look at `owed` for how that went.

        Raises:
            UserError: the journal cannot be written any more.
        """
        self._hurry.set()
        try:
            with anyio.move_on_after(deadline_s):
                async with self._turn:
                    await self._deliver()
        finally:
            self._hurry = anyio.Event()
            if not self._is_running:
                await self._close()

    def _offer_live(self, trial_id: str, made: S3Object) -> None:
        # A resumed trial tells its turns again; what is there already need not go again.
        if not self._book.has(made):
            self._pending.add_live(trial_id, made)
            self._wake.set()

    async def _deliver(self) -> None:
        """Until nothing waits or the far side refuses; waits out what passes."""
        while self._pending and self.stopped is None:
            try:
                await self._step(await self._open())
            except Refused as refused:
                self._stop(str(refused))
            except Passing as fault:
                # Somebody who waits for the end has it tried at once, and then at the usual pace.
                await first_of(self._clock, self._after(fault), self._hurry)
                self._hurry = anyio.Event()
            else:
                self._reached()

    async def _open(self) -> Store:
        """The open bucket: one for the whole run, since opening takes some tenth of a second of this thread."""
        if self._store is None:
            self._store = await self._opened.enter_async_context(open_store(self._target, self._pace))
        return self._store

    async def _close(self) -> None:
        self._store = None
        with anyio.CancelScope(shield=True):
            await self._opened.aclose()

    async def _step(self, store: Store) -> None:
        """Some of what waits: live files first, which somebody may be looking at; then some records whole.

        Raises:
            S3Fault: some of it is not there; what is has its receipt.
        """
        live = self._pending.live(_LIVE_AT_A_TIME)
        if live:
            await self._put_live(store, live)
            return
        faults: list[S3Fault] = []

        async def put(trial_id: str) -> None:
            try:
                await self._put_record(store, trial_id)
            except S3Fault as fault:
                faults.append(fault)

        async with anyio.create_task_group() as group:
            for trial_id in islice(self._pending.records(), _RECORDS_AT_A_TIME):
                group.start_soon(put, trial_id, name="s3 record")
        if faults:
            raise next((fault for fault in faults if isinstance(fault, Refused)), faults[0])

    async def _put_live(self, store: Store, live: Sequence[S3Object]) -> None:
        there, fault = await self._put_all(store, live)
        if there:
            await self._receipt(objects={made.key: digest_of(made) for made in there})
            for made in there:
                self._pending.has_gone(made)
        if fault is not None:
            raise fault

    async def _put_record(self, store: Store, trial_id: str) -> None:
        record = orjson.loads(self._ledger.record_line(trial_id))
        summary = self._summarise(record["evaluation"])
        made = objects_of_record(self._target, self._run_id_of(trial_id), record, summary)
        *parts, curated = made
        lacking = [one for one in parts if not self._book.has(one)]
        there, fault = await self._put_all(store, lacking)
        if fault is None:
            # Last: whoever finds the summary finds everything it is made of.
            _, fault = await self._put_all(store, [curated])
        if fault is not None:
            if there:
                await self._receipt(objects={one.key: digest_of(one) for one in there})
            raise fault
        await self._receipt(records=[[trial_id, record["revision"]]])
        self._book.forget(one.key for one in made)
        newest = orjson.loads(self._ledger.record_line(trial_id))["revision"]
        if newest == record["revision"]:
            self._pending.record_has_gone(trial_id)

    async def _put_all(self, store: Store, made: Sequence[S3Object]) -> tuple[list[S3Object], S3Fault | None]:
        """Those that are there now, and the first fault if not all are; one that needs the user comes first."""
        there: list[S3Object] = []
        faults: list[S3Fault] = []

        async def put(one: S3Object) -> None:
            async with self._slots:
                if faults:
                    return
                try:
                    await store.put(one)
                except S3Fault as fault:
                    faults.append(fault)
                else:
                    there.append(one)

        async with anyio.create_task_group() as group:
            for one in made:
                group.start_soon(put, one, name="s3 put")
        refused = next((fault for fault in faults if isinstance(fault, Refused)), None)
        return there, refused or (faults[0] if faults else None)

    async def _receipt(self, **body: Any) -> None:
        event = {"place": self._target.place, **body}
        await self._ledger.write_sink_event("receipt", self.name, event)
        self._book.take(event)

    def _stop(self, why: str) -> None:
        self.stopped = self._redact(why)
        self._say(f"{self.stopped}. Nothing more is sent before the next start; {self.owed} dialogues are kept")

    def _after(self, fault: Passing) -> float:
        """Seconds until the next try."""
        self._failures += 1
        if not self._has_told and self._failures >= _FAILURES_BEFORE_A_WORD:
            self._has_told = True
            self._say(f"{fault}. Trying again; {self.owed} dialogues wait and are safe in the journal")
        return wait_s(self._failures, self._pace, self._random)

    def _reached(self) -> None:
        if self._has_told:
            self._say(f"files are getting through again; {self.owed} dialogues wait")
        self._failures, self._has_told = 0, False

    def _say(self, text: str) -> None:
        self._announce(self._redact(f"S3: {text}"))
