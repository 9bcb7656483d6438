"""What is noted of a sitting, a trial, a call and an attempt while they go on? Implements the seam of `core.tracing`.

Runs on the event loop: no I/O, no lock, nothing that could raise. It does not know who takes the spans.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from trialbed.core.clock import Clock
from trialbed.core.model import ModelReply, ModelRequest, Role
from trialbed.core.outcome import Outcome
from trialbed.core.trial import Trial
from trialbed.tracing.attributes import (
    QUOTING,
    attempt_attributes,
    call_name,
    error_type,
    failure_attributes,
    outcome_attributes,
    reply_attributes,
    request_attributes,
    success_attributes,
    trial_attributes,
)
from trialbed.tracing.content import message_attributes
from trialbed.tracing.span import Attributes, FinishedSpan, Value, nothing_more

RUN, TRIAL, ATTEMPT = "trialbed.run", "trialbed.trial", "trialbed.attempt"

Take = Callable[[FinishedSpan], None]


@dataclass(frozen=True, slots=True)
class Pen:
    """What all spans of one trace are written with. `redact_content` is there where prompts and answers are wanted."""

    trace_id: int
    take: Take
    clock: Clock
    random: Random
    redact_content: Callable[[str], str] | None

    def new_id(self) -> int:
        return self.random.getrandbits(64) or 1

    def unix_ns(self) -> int:
        return int(self.clock.now().timestamp() * 1e6) * 1_000


class Watch:
    """Unix time that never goes back: a clock that is set while a trial runs must not turn its spans inside out."""

    __slots__ = ("_began_s", "_clock", "began_ns")

    def __init__(self, pen: Pen) -> None:
        self.began_ns = pen.unix_ns()
        self._clock = pen.clock
        self._began_s = pen.clock.monotonic()

    def ns(self) -> int:
        return self.began_ns + int((self._clock.monotonic() - self._began_s) * 1e9)


class RunTrace:
    """The root span of one sitting."""

    def __init__(self, pen: Pen, attributes: Attributes) -> None:
        self.span_id = pen.new_id()
        self._pen = pen
        self._attributes = attributes
        self._watch = Watch(pen)
        self._latest_ns = self._watch.began_ns
        self._open: dict[int, TrialTrace] = {}

    def trial(self, trial: Trial) -> "TrialTrace":
        opened = TrialTrace(self._pen, self.span_id, trial, self._closed)
        self._open[opened.span_id] = opened
        return opened

    def ended(self, facts: Mapping[str, str | int]) -> None:
        for trial in list(self._open.values()):
            trial.ended(Outcome.CANCELLED)
        self._pen.take(
            FinishedSpan(
                trace_id=self._pen.trace_id,
                span_id=self.span_id,
                parent_id=None,
                name=RUN,
                is_client=False,
                began_ns=self._watch.began_ns,
                ended_ns=max(self._watch.ns(), self._latest_ns),
                attributes={**self._attributes, **{f"trialbed.{name}": value for name, value in facts.items()}},
            )
        )

    def _closed(self, span_id: int, ended_ns: int) -> None:
        self._open.pop(span_id, None)
        self._latest_ns = max(self._latest_ns, ended_ns)


class TrialTrace:
    """One trial in one sitting. `closed` hears of its end."""

    __slots__ = ("_attributes", "_closed", "_is_over", "_parent_id", "_replayed", "pen", "span_id", "trial_id", "watch")

    def __init__(self, pen: Pen, parent_id: int, trial: Trial, closed: Callable[[int, int], None]) -> None:
        self.pen = pen
        self.trial_id = trial.trial_id
        self.span_id = pen.new_id()
        self.watch = Watch(pen)
        self._attributes = trial_attributes(trial)
        self._parent_id = parent_id
        self._closed = closed
        self._replayed = 0
        self._is_over = False

    def call(self, request: ModelRequest, role: Role) -> "CallTrace":
        return CallTrace(self, request, role)

    def replayed(self) -> None:
        self._replayed += 1

    def ended(self, outcome: Outcome, reason: str | None = None) -> None:
        if self._is_over:
            return
        self._is_over = True
        ended_ns = self.watch.ns()
        self._closed(self.span_id, ended_ns)
        if outcome in QUOTING and self.pen.redact_content is None:
            reason = None
        self.pen.take(
            FinishedSpan(
                trace_id=self.pen.trace_id,
                span_id=self.span_id,
                parent_id=self._parent_id,
                name=TRIAL,
                is_client=False,
                began_ns=self.watch.began_ns,
                ended_ns=ended_ns,
                attributes=self._attributes | outcome_attributes(outcome, reason, self._replayed),
                error=None if outcome is Outcome.ANSWERED else outcome.value,
            )
        )


class CallTrace:
    """One call, and the attempt at it that is under way."""

    __slots__ = ("_asked_ns", "_attempt", "_began_ns", "_is_over", "_request", "_role", "_span_id", "_trial")

    def __init__(self, trial: TrialTrace, request: ModelRequest, role: Role) -> None:
        self._trial = trial
        self._request = request
        self._role: Role = role
        self._asked_ns = trial.watch.ns()
        self._span_id = 0
        self._began_ns = 0
        self._attempt: tuple[int, dict[str, Value]] | None = None
        self._is_over = False

    def attempt(self, number: int, why: str) -> None:
        now_ns = self._trial.watch.ns()
        if not self._span_id:
            self._span_id, self._began_ns = self._trial.pen.new_id(), now_ns
        self._attempt = now_ns, attempt_attributes(number, why)

    def attempt_failed(self, failure: Mapping[str, Any]) -> None:
        # The detail stands in the span's status, where a message belongs; it was redacted on its way to the journal.
        about = failure_attributes(failure, self._request.model.provider)
        self._end_attempt(about, f"{failure['error']}: {failure['detail']}".rstrip(": "))

    def answered(self, reply: ModelReply, cost_usd: float | None) -> None:
        self._end_attempt(success_attributes(reply, self._request.model.provider), None)
        self._end(reply, reply_attributes(reply, cost_usd), None)

    def given_up(self, error: BaseException) -> None:
        if self._is_over or not self._span_id:  # answered, or never sent
            return
        kind = error_type(error)
        self._end_attempt({"error.type": kind}, kind)
        self._end(None, {"error.type": kind}, kind)

    def _end_attempt(self, more: Attributes, error: str | None) -> None:
        if self._attempt is None:
            return
        began_ns, attributes = self._attempt
        self._attempt = None
        pen = self._trial.pen
        pen.take(
            FinishedSpan(
                trace_id=pen.trace_id,
                span_id=pen.new_id(),
                parent_id=self._span_id,
                name=ATTEMPT,
                is_client=True,
                began_ns=began_ns,
                ended_ns=self._trial.watch.ns(),
                attributes={**attributes, **more},
                error=error,
            )
        )

    def _end(self, reply: ModelReply | None, more: Attributes, error: str | None) -> None:
        self._is_over = True
        pen, request = self._trial.pen, self._request
        waited_s = (self._began_ns - self._asked_ns) / 1e9
        redact = pen.redact_content
        pen.take(
            FinishedSpan(
                trace_id=pen.trace_id,
                span_id=self._span_id,
                parent_id=self._trial.span_id,
                name=call_name(request.model),
                is_client=True,
                began_ns=self._began_ns,
                ended_ns=self._trial.watch.ns(),
                attributes=request_attributes(request, self._role, self._trial.trial_id, waited_s) | dict(more),
                error=error,
                texts=nothing_more if redact is None else partial(message_attributes, request, reply, redact),
            )
        )
