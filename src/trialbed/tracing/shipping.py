"""How do finished spans get off this machine without anybody waiting for it? A bounded queue and one thread.

The thread is a daemon: one that hangs in a socket never keeps the process. It does not know OpenTelemetry.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from trialbed.core.clock import Clock
from trialbed.tracing.span import FinishedSpan

MOST_WAITING = 8_192
"""Spans kept while a collector does not take any: a few MB, and some thirty seconds of a fast run."""
BATCH = 512
LINGER_S = 1.0
MOST_S = 5.0
"""Waited for at the end of a run, while the collector takes one batch after another."""

_SETTLE_S = 0.25
"""After which the first calls are on their way and the event loop waits for answers: time to import things."""
_FIRST_ANSWER_S = 1.0
_LOOK_EVERY_S = 0.01


class Exporter(Protocol):
    """Sends one batch after another, from the one thread."""

    @property
    def trouble(self) -> str | None:
        """What the last request came to, if not well."""
        ...

    def send(self, spans: Sequence[FinishedSpan]) -> int:
        """How many of the batch were taken; the exporter's own retries included."""
        ...

    def give_up(self) -> None:
        """Wait no longer before a retry. Called from another thread."""
        ...


@dataclass(frozen=True, slots=True)
class Shipped:
    """What became of the spans of one sitting. `why` is the last trouble, in a few words without any secret."""

    where: str
    taken: int
    lost: int
    why: str | None


class Shipping:
    """The way of spans to one collector. `make` builds the exporter, in the thread."""

    def __init__(self, make: Callable[[], Exporter], *, where: str, clock: Clock) -> None:
        self._make = make
        self._where = where
        self._clock = clock
        self._waiting: deque[FinishedSpan] = deque()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tracing", daemon=True)
        self._exporter: Exporter | None = None
        self._is_closed = self._is_given_up = self._has_answered = False
        # The first two are written by the event loop only, the others by the thread only.
        self._offered = self._refused = 0
        self._taken = self._in_flight = 0
        self._slowest_s = 0.0
        self._sent_at: float | None = None
        self._trouble: str | None = None
        self._mishap: str | None = None

    def begin(self) -> None:
        self._thread.start()

    def take(self, span: FinishedSpan) -> None:
        """Queue a span, or count it as lost where there is no room. Never waits, never raises."""
        self._offered += 1
        if len(self._waiting) >= MOST_WAITING:
            self._refused += 1
            return
        self._waiting.append(span)
        # The first span leaves at once: by the end of a run it is known whether anything is taken at all.
        if self._offered == 1 or (len(self._waiting) >= BATCH and not self._wake.is_set()):
            self._wake.set()

    async def close(self, *, most_s: float = MOST_S) -> Shipped:
        """Deliver what is left as long as that goes on well, for at most `most_s`; what is left then is lost."""
        self._is_closed = True
        self._wake.set()
        began_s = self._clock.monotonic()
        while (self._waiting or self._in_flight) and self._is_worth_waiting(began_s, most_s):
            await self._clock.sleep(_LOOK_EVERY_S)
        taken, why = self._taken, self._why()
        self._is_given_up = True
        if self._exporter is not None:
            self._exporter.give_up()
        lost = self._offered - taken
        return Shipped(self._where, taken, lost, why if lost else None)

    def _is_worth_waiting(self, began_s: float, most_s: float) -> bool:
        """A collector that never answered well gets a second for its first answer, counted from when it was asked;
        one that does take spans is waited for as long as its answers come as quickly as before, or nearly."""
        now_s = self._clock.monotonic()
        if now_s - began_s >= most_s:
            return False
        if not self._has_answered and self._now_in_trouble():
            return False
        patience_s = max(_FIRST_ANSWER_S, 2 * self._slowest_s)
        return now_s - (began_s if self._sent_at is None else self._sent_at) < patience_s

    def _now_in_trouble(self) -> bool:
        return self._trouble is not None or (self._exporter is not None and self._exporter.trouble is not None)

    def _why(self) -> str:
        found = self._trouble if self._exporter is None else self._exporter.trouble or self._trouble
        if found is None and self._in_flight:
            return "no answer"
        return found or self._mishap or ("the queue was full" if self._refused else "not accepted")

    def _work(self) -> None:
        self._wake.wait(_SETTLE_S)
        self._ready()
        while True:
            batch = self._next()
            if self._is_given_up:
                return
            if batch:
                self._send(batch)
            elif self._is_closed:
                return
            if not self._is_closed and len(self._waiting) < BATCH:
                self._wake.wait(LINGER_S)
            self._wake.clear()

    def _next(self) -> list[FinishedSpan]:
        batch: list[FinishedSpan] = []
        while len(batch) < BATCH:
            try:
                # Counted before it is taken out: `close` must see it on one side or the other.
                self._in_flight += 1
                batch.append(self._waiting.popleft())
            except IndexError:
                self._in_flight -= 1
                return batch
        return batch

    def _ready(self) -> Exporter | None:
        try:
            if self._exporter is None:
                self._exporter = self._make()
        except Exception as error:  # whatever it is, e.g. a certificate that is none: it costs spans and never the run
            self._mishap = type(error).__name__
        return self._exporter

    def _send(self, batch: list[FinishedSpan]) -> None:
        taken = 0
        exporter = self._ready()
        try:
            if exporter is not None:
                self._sent_at = self._clock.monotonic()
                taken = exporter.send(batch)
                self._trouble = exporter.trouble
                self._has_answered = self._has_answered or self._trouble is None
        except Exception as error:  # as above
            self._mishap = type(error).__name__
        if taken and self._sent_at is not None:
            self._slowest_s = max(self._slowest_s, self._clock.monotonic() - self._sent_at)
        self._sent_at = None
        self._taken += taken
        self._in_flight -= len(batch)
