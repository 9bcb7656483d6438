"""Whom does the engine tell what happens, while it happens? The seam to a trace; nothing that hears of it may fail it.

Each span is handed to whoever works inside it, so a parent is never looked up: links are right under any concurrency.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from trialbed.core.model import ModelReply, ModelRequest, Role
from trialbed.core.outcome import Outcome
from trialbed.core.trial import Trial


class CallSpan(Protocol):
    """One call. It begins with its first attempt: what it waited for its turn before is told as such."""

    def attempt(self, number: int, why: str) -> None:
        """An attempt is about to be sent; `why` is "first" or the error that made it necessary."""
        ...

    def attempt_failed(self, failure: Mapping[str, Any]) -> None:
        """The attempt came to nothing; `failure` as the journal has it, its detail redacted."""
        ...

    def answered(self, reply: ModelReply, cost_usd: float | None) -> None:
        """The call has its answer."""
        ...

    def given_up(self, error: BaseException) -> None:
        """The call ends without an answer. Nothing happens if it has one."""
        ...


class TrialSpan(Protocol):
    def call(self, request: ModelRequest, role: Role) -> CallSpan: ...

    def replayed(self) -> None:
        """A call was answered in an earlier sitting, whose trace has it: it is counted here, not told again."""
        ...

    def ended(self, outcome: Outcome, reason: str | None = None) -> None:
        """`reason` is redacted."""
        ...


class RunSpan(Protocol):
    """One sitting at a run."""

    def trial(self, trial: Trial) -> TrialSpan: ...

    def ended(self, facts: Mapping[str, str | int]) -> None:
        """How the sitting ended, by names of its own. Trials that have not ended were cut."""
        ...


class _UntracedCall:
    def attempt(self, number: int, why: str) -> None:
        pass

    def attempt_failed(self, failure: Mapping[str, Any]) -> None:
        pass

    def answered(self, reply: ModelReply, cost_usd: float | None) -> None:
        pass

    def given_up(self, error: BaseException) -> None:
        pass


class _UntracedTrial:
    def call(self, request: ModelRequest, role: Role) -> CallSpan:
        return _UNTRACED_CALL

    def replayed(self) -> None:
        pass

    def ended(self, outcome: Outcome, reason: str | None = None) -> None:
        pass


class _UntracedRun:
    def trial(self, trial: Trial) -> TrialSpan:
        return UNTRACED_TRIAL

    def ended(self, facts: Mapping[str, str | int]) -> None:
        pass


# One object for all spans of a kind: a run that nobody traces makes none.
_UNTRACED_CALL = _UntracedCall()
UNTRACED_TRIAL: TrialSpan = _UntracedTrial()
UNTRACED: RunSpan = _UntracedRun()
"""Nobody is told anything."""
