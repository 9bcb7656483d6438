"""When does the Hub get what? Paces the steps of a layout, survives every fault of the Hub, and keeps owing."""

from collections.abc import Callable
from random import Random

import anyio

from trialbed.core.clock import Clock
from trialbed.core.redact import Redactor
from trialbed.sinks.hub.appending import Appending
from trialbed.sinks.hub.backlog import Backlog
from trialbed.sinks.hub.book import Book, book_of, owed
from trialbed.sinks.hub.cards import Cards
from trialbed.sinks.hub.faults import HubFault, QuotaReached, Refused, Rejected
from trialbed.sinks.hub.pushing import Pushing
from trialbed.sinks.hub.remote import Remote
from trialbed.sinks.hub.sharding import Sharding
from trialbed.sinks.hub.target import HubTarget, Pace, RunCard
from trialbed.sinks.hub.waiting import first_of, wait_s
from trialbed.sinks.ledger import Ledger

_REJECTIONS = 3
# One lost connection is not worth a line.
_FAILURES_BEFORE_A_WORD = 3


class HubSink:
    """Sends a run's records to the Hub. `run` is its task; `offer` and `flush` are for whoever owns it.

    What the journal shows as not confirmed is owed from the start, so `push RUN` is: build, `flush`.
    """

    name = "hub"

    def __init__(
        self,
        *,
        ledger: Ledger,
        target: HubTarget,
        card: RunCard,
        clock: Clock,
        random: Random,
        announce: Callable[[str], None],
        pace: Pace | None = None,
        check_published: bool = False,
    ) -> None:
        """Asks nothing of the Hub yet. `check_published`: compare with the Hub even when nothing is owed.

        Raises:
            UserError: rows of this run are in this repo in the other layout.
        """
        book = book_of(ledger.sink_events(self.name), repo_id=target.repo_id, layout=target.layout)
        self._target = target
        self._clock = clock
        self._random = random
        self._announce = announce
        self._redact = Redactor([target.token])
        self._pace = pace or Pace()
        self._backlog = Backlog(ledger, owed(ledger.revisions(), book), self._refuse_rehearsal)
        self._pushing = self._layout(ledger, book, card, check_published)
        self._wake = anyio.Event()
        self._hurry = anyio.Event()
        self._turn = anyio.Lock()
        self._waiting_since = clock.monotonic()
        self._next_commit_at = clock.monotonic()
        self._failures = 0
        self._rejections = 0
        self._has_told = False
        self._check = check_published
        self.stopped: str | None = None

    @property
    def owed(self) -> int:
        """Rows the Hub has not confirmed yet in their newest revision."""
        return len(self._backlog.owed)

    @property
    def refused(self) -> int:
        """Rows that will not be sent because they are rehearsals."""
        return self._backlog.refused

    def offer(self, trial_id: str) -> None:
        """A newer record of this trial is durable in the ledger."""
        if not self._backlog.owed:
            self._waiting_since = self._clock.monotonic()
        self._backlog.offer(trial_id)
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled, or until the user has to do something. Never raises for the Hub's faults.

        Raises:
            UserError: the journal cannot be written any more.
        """
        while self.stopped is None:
            await self._until_due()
            async with self._turn:
                self._backlog.start_over()
                await self._work(last=False)
                self._waiting_since = self._clock.monotonic()
                self._next_commit_at = self._waiting_since + self._gap_s

    async def flush(self, deadline_s: float) -> None:
        """Send everything owed now, for at most `deadline_s`. Look at `owed` for how that went.

        Raises:
            UserError: the journal cannot be written any more.
        """
        self._hurry.set()
        try:
            with anyio.move_on_after(deadline_s):
                async with self._turn:
                    await self._send_all()
        finally:
            self._hurry = anyio.Event()

    async def _send_all(self) -> None:
        while self.stopped is None and (self._backlog.owed or self._check):
            self._check = False
            if not await self._work(last=True):
                return

    @property
    def _gap_s(self) -> float:
        return min(self._pace.commit_gap_s, self._target.commit_every_s)

    def _layout(self, ledger: Ledger, book: Book, card: RunCard, check_published: bool) -> Pushing:
        remote = Remote(self._target, self._pace)
        cards = Cards(card, repo_id=self._target.repo_id, remote=remote)
        if self._target.layout == "append":
            return Appending(
                run=card.run,
                target=self._target,
                ledger=ledger,
                backlog=self._backlog,
                remote=remote,
                cards=cards,
                announce=self._say,
                check_published=check_published,
            )
        return Sharding(
            run=card.run,
            target=self._target,
            ledger=ledger,
            book=book,
            backlog=self._backlog,
            remote=remote,
            cards=cards,
            clock=self._clock,
            announce=self._say,
            check_published=check_published,
        )

    async def _until_due(self) -> None:
        while True:
            self._wake = anyio.Event()
            now = self._clock.monotonic()
            if not self._backlog.owed:
                await self._wake.wait()
                continue
            full = self._backlog.fills_a_shard()
            due_at = self._waiting_since + (0.0 if full else self._target.commit_every_s)
            due_at = max(due_at, self._next_commit_at)
            if due_at <= now:
                return
            await first_of(self._clock, due_at - now, self._wake)

    async def _work(self, *, last: bool) -> bool:
        """One step, tried until it is done. False: nothing to do, or no use in trying now."""
        while self.stopped is None:
            try:
                has_done_something = await self._pushing.step(last=last)
            except HubFault as fault:
                wait = self._after(fault)
                if wait is None:
                    return False
                if last:
                    await self._clock.sleep(wait)
                else:
                    await first_of(self._clock, wait, self._hurry)
                    if self._hurry.is_set():
                        return False
            else:
                self._reached()
                return has_done_something
        return False

    def _after(self, fault: HubFault) -> float | None:
        """Seconds until the next try; None when there will be none."""
        self._failures += 1
        self._rejections = self._rejections + 1 if isinstance(fault, Rejected) else 0
        if isinstance(fault, Refused) or self._rejections >= _REJECTIONS:
            self.stopped = self._redact(str(fault))
            self._say(
                f"{_sentence(self.stopped)} Nothing more is sent before the next start; {self.owed} rows are kept"
            )
            return None
        wait = wait_s(fault, failures=self._failures, pace=self._pace, random=self._random)
        if not self._has_told and (self._failures >= _FAILURES_BEFORE_A_WORD or isinstance(fault, QuotaReached)):
            self._has_told = True
            self._say(f"{_sentence(str(fault))} Trying again; {self.owed} rows wait and are safe in the journal")
        return wait

    def _reached(self) -> None:
        if self._has_told:
            self._say(f"rows are getting through again; {self.owed} wait")
        self._failures, self._rejections, self._has_told = 0, 0, False

    def _refuse_rehearsal(self) -> None:
        if self._backlog.refused <= 1:
            self._say("rehearsal records are never uploaded: no real model said this")

    def _say(self, text: str) -> None:
        self._announce(self._redact(f"Hub: {text}"))


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
