"""When does the bucket get what? Sends turns as they happen and records as they end, survives every fault of S3, and
keeps owing."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import anyio
import orjson

from trialbed.core.clock import Clock
from trialbed.core.redact import Redactor
from trialbed.core.turn import JudgedTurn, TurnTaken
from trialbed.sinks.ledger import Ledger
from trialbed.sinks.s3.backlog import Backlog, Batch, Due
from trialbed.sinks.s3.book import UNKNOWN, book_of, owed, receipt_of_objects, receipt_of_records
from trialbed.sinks.s3.delivery import Delivery
from trialbed.sinks.s3.faults import CredentialsExpired, Refused, S3Fault
from trialbed.sinks.s3.objects import S3Object, judge_objects, objects_of_record, turn_object
from trialbed.sinks.s3.opening import Opening
from trialbed.sinks.s3.target import Pace, S3Target
from trialbed.sinks.s3.waiting import wait_s

# One lost connection is not worth a line.
_FAILURES_BEFORE_A_WORD = 3
_RECORD_BYTES = 32 * 1024 * 1024

Summarise = Callable[[Mapping[str, Any] | None], Mapping[str, Any]]
"""Makes the values of the curated object from a record's `evaluation`."""


class S3Sink:
    """Puts a run's turns, judgements and summaries into a bucket. `run` is its task; the rest is for whoever owns it.

    What the journal shows as not confirmed is owed from the start, so `push RUN` is: build, `flush`.
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
        """Asks nothing of S3 yet. `run_id_of` a trial's id is the run id that its objects and their keys bear."""
        self._ledger = ledger
        self._target = target
        self._run_id_of = run_id_of
        self._summarise = summarise
        self._clock = clock
        self._random = random
        self._announce = announce
        self._redact = Redactor()
        self._pace = pace or Pace()
        self._book = book_of(ledger.sink_events(self.name), target.place)
        self._backlog = Backlog(owed(ledger.revisions(), self._book))
        self._wake = anyio.Event()
        self._turn = anyio.Lock()
        self._failures = 0
        self._has_told = False
        self.stopped: str | None = None

    @property
    def owed(self) -> int:
        """Trials of which something is not known to be there: a turn, a judgement, or their newest record."""
        return self._backlog.owed

    def offer(self, trial_id: str) -> None:
        """A newer record of this trial is durable in the ledger."""
        self._backlog.offer(trial_id)
        self._wake.set()

    def turn_taken(self, trial_id: str, taken: TurnTaken) -> None:
        """A reply of the subject is on disk."""
        self._tell(trial_id, [turn_object(self._target, self._run_id_of(trial_id), taken)])

    def turn_judged(self, trial_id: str, judged: JudgedTurn, calls: Sequence[Mapping[str, Any]]) -> None:
        """A turn was judged; `calls` are the answered ones to judges about it. Without a verdict there is nothing."""
        verdicts = [verdict.about(judged.turn).as_dict() for verdict in judged.verdicts]
        run_id = self._run_id_of(trial_id)
        self._tell(trial_id, judge_objects(self._target, run_id, judged.turn, verdicts, calls))

    async def run(self) -> None:
        """Send until cancelled, or until the user has to do something. Never raises for S3's faults.

        Raises:
            UserError: the journal cannot be written any more.
        """
        async with Opening(self._target, self._pace) as opening:
            while self.stopped is None:
                if not await self._waits_for_more():
                    await self._clock.sleep(await self._round(opening))

    async def flush(self, deadline_s: float) -> None:
        """Send everything owed now, for at most `deadline_s`. Look at `owed` for how that went.

        Raises:
            UserError: the journal cannot be written any more.
        """
        async with Opening(self._target, self._pace) as opening:
            with anyio.move_on_after(deadline_s):
                while self.stopped is None and self.owed:
                    await self._clock.sleep(await self._round(opening))

    def _tell(self, trial_id: str, objects: Sequence[S3Object]) -> None:
        if self.stopped is not None:
            return
        for what in objects:
            # One on its way to the same key would come after what the book knows.
            if self._backlog.waits(what.key) or not self._book.has(what):
                self._backlog.tell(trial_id, what)
                self._wake.set()

    async def _waits_for_more(self) -> bool:
        """Wait for something to send, and a little for what comes with it. Whether it was sent meanwhile."""
        self._wake = anyio.Event()
        if not self.owed:
            await self._wake.wait()
            await self._clock.sleep(self._pace.gather_s)
        return self.stopped is None and not self.owed

    async def _round(self, opening: Opening) -> float:
        """Send one batch. Returns the seconds to wait before the next."""
        async with self._turn:
            if self.stopped is not None:
                return 0.0
            batch = self._backlog.batch(self._next_due(), self._book)
            delivery = Delivery()
            try:
                await self._deliver(batch, delivery, opening)
            except S3Fault as fault:
                delivery.fault = fault
            finally:
                await self._settle(batch, delivery)
            if isinstance(delivery.fault, CredentialsExpired):
                await opening.close()
            return self._after(delivery)

    def _next_due(self) -> tuple[Due, ...]:
        due: list[Due] = []
        size = 0
        for trial, stamp in self._backlog.next_trials(self._pace.records_at_a_time):
            size += self._ledger.record_size(trial)
            if due and size > _RECORD_BYTES:
                break
            due.append(self._due(trial, stamp))
        return tuple(due)

    def _due(self, trial: str, stamp: int) -> Due:
        record = orjson.loads(self._ledger.record_line(trial))
        if self._book.holds(trial, record["revision"]):
            # It was on disk already when an earlier offer of the trial was taken up.
            return Due(trial, stamp, record["revision"], ())
        summary = self._summarise(record["evaluation"])
        objects = objects_of_record(self._target, self._run_id_of(trial), record, summary)
        return Due(trial, stamp, record["revision"], tuple(objects))

    async def _deliver(self, batch: Batch, delivery: Delivery, opening: Opening) -> None:
        if not batch.objects:
            return
        store = await opening.store()
        replaced = [what.key for what in batch.objects.values() if self._book.replaced_by(what)]
        if replaced:
            # Durable before the bodies change: no receipt may ever speak for what is no longer there.
            await self._receive(receipt_of_objects(self._target.place, dict.fromkeys(replaced, UNKNOWN)))
        await delivery.carry_out(batch.objects.values(), store, concurrency=self._pace.concurrency)

    async def _settle(self, batch: Batch, delivery: Delivery) -> None:
        """Put on disk what is known to be there, also when the rest was cut off."""
        is_left = {key for key in batch.objects if key not in delivery.confirmed}
        whole = [due for due in batch.due if is_left.isdisjoint(what.key for what in due.objects)]
        # A record's receipt stands for all its objects; whoever told live since then has other ones.
        covered = {what.key for due in whole for what in due.objects} - {what.key for what in batch.live}
        shas = {key: what.sha for key, what in delivery.confirmed.items() if key not in covered}
        with anyio.CancelScope(shield=True):
            if shas:
                await self._receive(receipt_of_objects(self._target.place, shas))
            if whole:
                rows = [(due.trial, due.revision) for due in whole]
                await self._receive(receipt_of_records(self._target.place, rows))
        self._backlog.settle_live(what for what in batch.live if what.key not in is_left)
        for due in whole:
            self._backlog.settle_record(due)

    async def _receive(self, receipt: dict[str, Any]) -> None:
        await self._ledger.write_sink_event("receipt", self.name, receipt)
        self._book.take(receipt)

    def _after(self, delivery: Delivery) -> float:
        """Take note of how it went. Returns the seconds to wait."""
        fault = delivery.fault
        if fault is None:
            if self._has_told:
                self._say(f"objects are getting through again; {self.owed} trials wait")
            self._failures, self._has_told = 0, False
            return 0.0
        if isinstance(fault, Refused):
            self._stop(fault)
            return 0.0
        # While something gets through there is no reason to stay away for long.
        self._failures = 1 if delivery.confirmed else self._failures + 1
        is_news = self._failures >= _FAILURES_BEFORE_A_WORD or isinstance(fault, CredentialsExpired)
        if is_news and not self._has_told:
            self._has_told = True
            self._say(f"{fault}. Trying again; {self.owed} trials wait and are safe in the journal")
        return wait_s(failures=self._failures, pace=self._pace, random=self._random)

    def _stop(self, fault: Refused) -> None:
        self.stopped = self._redact(str(fault))
        kept = self.owed
        self._backlog.drop_live()
        self._wake.set()
        self._say(f"{self.stopped}. Nothing more is sent before the next start; {kept} trials are kept in the journal")

    def _say(self, text: str) -> None:
        self._announce(self._redact(f"S3: {text}"))
