"""How does one call come to its answer or its end? The awaiting shell around `core.retry`.

Every attempt is journalled with its reason, every answer is on disk before it is returned.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import anyio

from trialbed.core.clock import Clock
from trialbed.core.errors import CallError, ConnectionCut, CredentialsExpired, GaveUp, InvalidRequest, Unreachable
from trialbed.core.model import Model, ModelName, ModelReply, ModelRequest, Role
from trialbed.core.pace.lane import Need
from trialbed.core.price import tier_billed
from trialbed.core.retry import Again, GiveUp, PauseRun, StopModel, next_step
from trialbed.engine.attempts import Attempts, RetryBudget
from trialbed.engine.drain import Drain
from trialbed.engine.gate import Gate, Paused
from trialbed.engine.governor import Governor
from trialbed.engine.progress import Progress
from trialbed.engine.spending import Spending
from trialbed.engine.trial_log import TrialLog


class Calls:
    """The way to all models of a run."""

    def __init__(
        self,
        *,
        models: Mapping[ModelName, Model],
        governor: Governor,
        spending: Spending,
        retries: RetryBudget,
        gate: Gate,
        drain: Drain,
        progress: Progress,
        clock: Clock,
        random: Random,
        deadline_s: float,
        redact: Callable[[str], str],
        patience_s: float | None = None,
        attempt_s: float | None = None,
    ) -> None:
        """`deadline_s` runs from a call's first attempt, `attempt_s` from each. With `patience_s` a call also waits no
        longer than that in all, for its turn or for credentials: what cannot be asked now is not asked later.
        """
        self._models = models
        self._governor = governor
        self._spending = spending
        self._retries = retries
        self._gate = gate
        self._drain = drain
        self._progress = progress
        self._clock = clock
        self._random = random
        self._deadline_s = deadline_s
        self._redact = redact
        self._patience_s = patience_s
        self._attempt_s = attempt_s

    async def ask(self, request: ModelRequest, role: Role, log: TrialLog) -> ModelReply:
        """The model's reply, durable; from the journal if it was given before.

        Raises:
            GaveUp: the deadline or the attempts are used up, or the error does not pass.
            ModelStopped: the model was stopped, now or earlier.
            Drained: the run is stopping.
        """
        earlier = log.earlier(request)
        if earlier is not None:
            self._gate.prove(request.model, role)
            log.span.replayed()
            return earlier
        span = log.span.call(request, role)
        try:
            return await self._patiently(request, role, log, Attempts(self._deadline_s, span))
        except BaseException as error:  # also one that was cut in the middle ends in the trace
            span.given_up(error)
            raise

    async def _patiently(self, request: ModelRequest, role: Role, log: TrialLog, attempts: Attempts) -> ModelReply:
        if self._patience_s is None:
            return await self._ask(request, role, log, attempts)
        with anyio.move_on_after(self._patience_s):
            return await self._ask(request, role, log, attempts)
        raise GaveUp(attempts.last or _overdue(attempts), attempts=attempts.count)

    async def _ask(self, request: ModelRequest, role: Role, log: TrialLog, attempts: Attempts) -> ModelReply:
        while True:
            await self._gate.wait_open(request.model.provider)
            seen = self._gate.generation(request.model.provider)
            self._gate.check(request, role)
            self._drain.check_call()
            try:
                return await self._attempt(request, role, log, attempts)
            except Paused:
                continue
            except CredentialsExpired as error:
                self._note_failure(request, role, log, attempts, error)
                if self._patience_s is not None and self._gate.has_renewed_in_vain(request.model.provider, seen):
                    raise GaveUp(error, attempts=attempts.count) from None
                paused_at = self._clock.monotonic()
                await self._gate.renew(request.model.provider, seen, error)
                attempts.deadline += self._clock.monotonic() - paused_at
            except CallError as error:
                self._note_failure(request, role, log, attempts, error)
                await self._after(error, request, role, attempts)

    async def _attempt(self, request: ModelRequest, role: Role, log: TrialLog, attempts: Attempts) -> ModelReply:
        under_way = attempts.count > 0 or bool(log.calls)
        async with self._governor.slot(request.model, _need(request, role), under_way=under_way) as slot:
            # Checked again: a drain, a stop or a pause may have come while this call waited for its slot.
            self._drain.check_call()
            self._gate.check(request, role)
            self._gate.check_open(request.model.provider)
            attempts.check_deadline(self._clock)
            async with self._spending.hold(request) as hold:
                self._drain.check_call()
                attempts.begin(self._clock, hold)
                log.attempt(request, role, attempts.count, attempts.why, hold.most_usd)
                attempts.span.attempt(attempts.count, attempts.why)
                reply = await self._converse(request, attempts)
                slot.settle(reply.usage)
                cost_usd = hold.settle(reply.usage, tier_billed(reply))
                attempts.span.answered(reply, cost_usd)
                # The slot is held until the answer is on disk: a kill costs no more answers than there are slots.
                await self._keep(request, reply, role, log, attempts, cost_usd)
        return reply

    async def _converse(self, request: ModelRequest, attempts: Attempts) -> ModelReply:
        left_s = attempts.deadline - self._clock.monotonic()
        limit_s = left_s if self._attempt_s is None else min(self._attempt_s, left_s)
        with anyio.move_on_after(max(0.0, limit_s)) as scope:
            return await self._models[request.model].converse(request)
        assert scope.cancelled_caught
        if limit_s < left_s:
            raise ConnectionCut(f"no answer within {limit_s:g} s", code="AttemptTimedOut")
        raise ConnectionCut("no answer before the call's deadline", code="DeadlineExceeded")

    async def _keep(
        self,
        request: ModelRequest,
        reply: ModelReply,
        role: Role,
        log: TrialLog,
        attempts: Attempts,
        cost_usd: float | None,
    ) -> None:
        """Learn from an answer and put it on disk."""
        latency_s = self._clock.monotonic() - attempts.sent_at
        self._drain.saw_call(latency_s)
        self._gate.prove(request.model, role)
        self._gate.taken(request.model.provider)
        self._progress.input_tokens += reply.usage.input_tokens
        self._progress.output_tokens += reply.usage.output_tokens
        await log.answered(request, reply, _call_entry(request, role, reply, attempts, latency_s, cost_usd))

    def _note_failure(
        self, request: ModelRequest, role: Role, log: TrialLog, attempts: Attempts, error: CallError
    ) -> None:
        failure = {
            "error": type(error).__name__,
            "n": attempts.count,
            "code": error.code,
            "http_status": error.http_status,
            "request_id": error.request_id,
            **({} if error.retry_after_s is None else {"retry_after_s": error.retry_after_s}),
            "detail": self._redact(error.detail)[:500],
            "started_at": attempts.started_at,
            "latency_s": round(self._clock.monotonic() - attempts.sent_at, 6),
        }
        if attempts.hold is not None and attempts.hold.presumed_usd is not None:
            failure["presumed_cost_usd"] = attempts.hold.presumed_usd
        attempts.failed(failure, error)
        attempts.span.attempt_failed(failure)
        log.failed(request, role, failure)
        self._progress.retries += 1

    async def _after(self, error: CallError, request: ModelRequest, role: Role, attempts: Attempts) -> None:
        """Wait before the next attempt, or end the call."""
        step = next_step(
            error,
            failures=attempts.by_class[type(error).__name__],
            left_s=attempts.deadline - self._clock.monotonic(),
            proven=self._gate.is_proven(request.model, role),
            random=self._random,
        )
        match step:
            case Again(wait_s) if self._retries.allows(error, attempts):
                await self._back_off(wait_s)
            case StopModel():
                self._gate.stop(request.model, self._redact(str(error))[:300], _stopped_role(error, role))
                self._gate.check(request, role)
            case Again() | GiveUp() | PauseRun():
                self._gate.gave_up(request, error)
                raise GaveUp(error, attempts=attempts.count)

    async def _back_off(self, wait_s: float) -> None:
        """Wait for the next attempt; a stopping run waits no longer than it has time for."""
        until = self._clock.monotonic() + wait_s
        with anyio.move_on_after(wait_s):
            await self._drain.begun.wait()
        rest_s = until - self._clock.monotonic()
        if rest_s > 0:
            await self._clock.sleep(min(rest_s, self._drain.left_s))


def _call_entry(
    request: ModelRequest, role: Role, reply: ModelReply, attempts: Attempts, latency_s: float, cost_usd: float | None
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
        "cost_usd": cost_usd,
        "requested_parameters": dict(request.requested),
        "sent_parameters": dict(reply.sent),
        "echoed_parameters": dict(reply.echoed),
        "unsupported": list(reply.unsupported),
        "attempts": [*attempts.failures, {"n": attempts.count, "why": attempts.why, "error": None}],
    }
    if reply.timing is not None:
        entry["timing"] = reply.timing.as_dict()
    if request.turn is not None:
        entry["turn"] = request.turn
    if request.repeat:
        entry["repeat"] = request.repeat
    if role != "subject":
        entry["reply"] = {"text": reply.text, "data": None if reply.data is None else dict(reply.data)}
    if reply.reasoning is not None:
        entry |= {"reasoning": reply.reasoning, "reasoning_chars": len(reply.reasoning)}
    return entry


def _stopped_role(error: CallError, role: Role) -> Role | None:
    """Which calls to a model end with `error`: a request that is not taken says nothing of other roles' requests."""
    return role if isinstance(error, InvalidRequest) else None


def _overdue(attempts: Attempts) -> CallError:
    """Why a call ended before it failed in any other way."""
    if attempts.count:
        return ConnectionCut("no answer before the call's deadline", code="DeadlineExceeded")
    return Unreachable("no turn came for this call before its deadline", code="DeadlineExceeded")


def _need(request: ModelRequest, role: Role) -> Need:
    chars = len(request.system or "") + sum(len(message.text) for message in request.messages)
    return Need(chars, request.sampling.max_tokens, role)
