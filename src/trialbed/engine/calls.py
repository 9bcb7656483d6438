"""How does one call come to its answer or its end? The awaiting shell around `core.retry`.

Every attempt is journalled with its reason, every answer is on disk before it is returned.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import anyio

from trialbed.core.clock import Clock, iso_z
from trialbed.core.errors import CallError, ConnectionCut, CredentialsExpired, GaveUp
from trialbed.core.governor import Governor
from trialbed.core.model import Model, ModelName, ModelReply, ModelRequest, Role
from trialbed.core.retry import Again, GiveUp, PauseRun, StopModel, next_step
from trialbed.engine.drain import Drain
from trialbed.engine.gate import Gate
from trialbed.engine.progress import Progress
from trialbed.engine.trial_log import TrialLog

_CHARS_PER_TOKEN = 4


class Calls:
    """The way to all models of a run."""

    def __init__(
        self,
        *,
        models: Mapping[ModelName, Model],
        governor: Governor,
        gate: Gate,
        drain: Drain,
        progress: Progress,
        clock: Clock,
        random: Random,
        deadline_s: float,
        redact: Callable[[str], str],
    ) -> None:
        self._models = models
        self._governor = governor
        self._gate = gate
        self._drain = drain
        self._progress = progress
        self._clock = clock
        self._random = random
        self._deadline_s = deadline_s
        self._redact = redact

    async def ask(self, request: ModelRequest, role: Role, log: TrialLog) -> ModelReply:
        """The model's reply, durable; from the journal if it was given before.

        Raises:
            GaveUp: the deadline or the attempts are used up, or the error does not pass.
            ModelStopped: the model was stopped, now or earlier.
            Drained: the run is stopping.
        """
        earlier = log.earlier(request)
        if earlier is not None:
            self._gate.prove(request.model)
            return earlier
        attempts = _Attempts(self._deadline_s)
        while True:
            await self._gate.wait_open(request.model.provider)
            seen = self._gate.generation(request.model.provider)
            self._gate.check(request.model)
            self._drain.check_call()
            try:
                return await self._attempt(request, role, log, attempts)
            except CredentialsExpired as error:
                self._note_failure(request, role, log, attempts, error)
                paused_at = self._clock.monotonic()
                await self._gate.renew(request.model.provider, seen, error)
                attempts.deadline += self._clock.monotonic() - paused_at
            except CallError as error:
                self._note_failure(request, role, log, attempts, error)
                await self._after(error, request, attempts)

    async def _attempt(self, request: ModelRequest, role: Role, log: TrialLog, attempts: "_Attempts") -> ModelReply:
        tokens = _estimated_tokens(request)
        async with self._governor.slot(request.model, tokens):
            # Checked again: a drain or a stop may have come while this call waited for its slot.
            self._drain.check_call()
            self._gate.check(request.model)
            attempts.check_deadline(self._clock)
            attempts.begin(self._clock)
            log.attempt(request, role, attempts.count, attempts.why)
            left_s = attempts.deadline - self._clock.monotonic()
            with anyio.move_on_after(max(0.0, left_s)) as scope:
                reply = await self._models[request.model].converse(request)
            if scope.cancelled_caught:
                raise ConnectionCut("no answer before the call's deadline", code="DeadlineExceeded")
            # The slot is held until the answer is on disk: a kill costs no more answers than there are slots.
            await self._keep(request, reply, role, log, attempts)
        return reply

    async def _keep(
        self, request: ModelRequest, reply: ModelReply, role: Role, log: TrialLog, attempts: "_Attempts"
    ) -> None:
        """Learn from an answer and put it on disk."""
        latency_s = self._clock.monotonic() - attempts.sent_at
        self._drain.saw_call(latency_s)
        self._gate.prove(request.model)
        self._gate.taken(request.model.provider)
        self._progress.input_tokens += reply.usage.input_tokens
        self._progress.output_tokens += reply.usage.output_tokens
        await log.answered(request, reply, _call_entry(request, role, reply, attempts, latency_s))

    def _note_failure(
        self, request: ModelRequest, role: Role, log: TrialLog, attempts: "_Attempts", error: CallError
    ) -> None:
        failure = {
            "error": type(error).__name__,
            "n": attempts.count,
            "code": error.code,
            "http_status": error.http_status,
            "request_id": error.request_id,
            "detail": self._redact(error.detail)[:500],
            "started_at": attempts.started_at,
            "latency_s": round(self._clock.monotonic() - attempts.sent_at, 6),
        }
        attempts.failed(failure, error)
        log.failed(request, role, failure)
        self._progress.retries += 1

    async def _after(self, error: CallError, request: ModelRequest, attempts: "_Attempts") -> None:
        """Wait before the next attempt, or end the call."""
        step = next_step(
            error,
            failures=attempts.by_class[type(error).__name__],
            left_s=attempts.deadline - self._clock.monotonic(),
            proven=self._gate.is_proven(request.model),
            random=self._random,
        )
        match step:
            case Again(wait_s):
                await self._back_off(wait_s)
            case StopModel():
                self._gate.stop(request.model, self._redact(str(error))[:300])
                self._gate.check(request.model)
            case GiveUp() | PauseRun():
                raise GaveUp(error, attempts=attempts.count)

    async def _back_off(self, wait_s: float) -> None:
        """Wait for the next attempt; a stopping run waits no longer than it has time for."""
        until = self._clock.monotonic() + wait_s
        with anyio.move_on_after(wait_s):
            await self._drain.begun.wait()
        rest_s = until - self._clock.monotonic()
        if rest_s > 0:
            await self._clock.sleep(min(rest_s, self._drain.left_s))


class _Attempts:
    """The attempts of one call so far. Its time runs from the first one: waiting for a slot costs nothing."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self.deadline = 0.0
        self.count = 0
        self.why = "first"
        self.started_at = ""
        self.sent_at = 0.0
        self.by_class: Counter[str] = Counter()
        self.failures: list[dict[str, Any]] = []
        self._last: CallError | None = None

    def begin(self, clock: Clock) -> None:
        self.count += 1
        self.started_at = iso_z(clock.now())
        self.sent_at = clock.monotonic()
        if self.count == 1:
            self.deadline = self.sent_at + self._deadline_s

    def check_deadline(self, clock: Clock) -> None:
        """Raises:
        GaveUp: the time ran out while a further attempt waited for its slot.
        """
        if self._last is not None and clock.monotonic() >= self.deadline:
            raise GaveUp(self._last, attempts=self.count)

    def failed(self, failure: dict[str, Any], error: CallError) -> None:
        self._last = error
        self.failures.append(failure)
        self.why = failure["error"]
        self.by_class[self.why] += 1


def _call_entry(
    request: ModelRequest, role: Role, reply: ModelReply, attempts: _Attempts, latency_s: float
) -> dict[str, Any]:
    """One answered call, as the record's `calls` hold it. Texts of judges are kept raw beside it."""
    entry: dict[str, Any] = {
        "role": role,
        "model": str(request.model),
        "started_at": attempts.started_at,
        "latency_s": round(latency_s, 6),
        "stop_reason": reply.stop_reason,
        "request_id": reply.request_id,
        "usage": reply.usage.as_dict(),
        "requested_parameters": {k: v for k, v in request.sampling.as_dict().items() if v is not None},
        "sent_parameters": dict(reply.sent),
        "echoed_parameters": dict(reply.echoed),
        "unsupported": list(reply.unsupported),
        "attempts": [*attempts.failures, {"n": attempts.count, "why": attempts.why, "error": None}],
    }
    if role != "subject":
        entry["reply"] = {"text": reply.text, "data": None if reply.data is None else dict(reply.data)}
    if reply.reasoning is not None:
        entry["reasoning"] = reply.reasoning
    return entry


def _estimated_tokens(request: ModelRequest) -> int:
    """What the service reserves at the start: an estimate of the input plus the most it may answer."""
    chars = len(request.system or "") + sum(len(message.text) for message in request.messages)
    return chars // _CHARS_PER_TOKEN + request.sampling.max_tokens
