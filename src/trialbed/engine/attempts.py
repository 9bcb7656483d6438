"""What has been tried in one call, and how often may be tried again? Plain accounts, no waiting."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from trialbed.core.clock import Clock, iso_z
from trialbed.core.errors import CallError, CredentialsExpired, GaveUp, Throttled, WarmingUp
from trialbed.core.tracing import CallSpan
from trialbed.engine.spending import Hold


@dataclass(frozen=True)
class PerCall:
    """Bounds of a command's own on every call; None = those of the settings alone.

    Args:
        attempt_s: seconds after which one attempt is given up.
        retries: most retries of one call after errors other than throttles and the like.
    """

    attempt_s: float | None = None
    retries: int | None = None


NO_BOUNDS = PerCall()


_UNCOUNTED = (Throttled, WarmingUp, CredentialsExpired)
"""Nothing was worked on, and the governor or the gate sees to it that they are few."""


class Attempts:
    """The attempts of one call so far. Its time runs from the first one: waiting for a slot costs nothing."""

    def __init__(self, deadline_s: float, span: CallSpan) -> None:
        self.span = span
        self._deadline_s = deadline_s
        self.deadline = 0.0
        self.count = 0
        self.why = "first"
        self.started_at = ""
        self.sent_at = 0.0
        self.hold: Hold | None = None
        self.by_class: Counter[str] = Counter()
        self.counted = 0
        self.failures: list[dict[str, Any]] = []
        self._last: CallError | None = None

    def begin(self, clock: Clock, hold: Hold) -> None:
        self.hold = hold
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

    @property
    def last(self) -> CallError | None:
        """What the newest failed attempt failed by."""
        return self._last

    def failed(self, failure: dict[str, Any], error: CallError) -> None:
        self._last = error
        self.failures.append(failure)
        self.why = failure["error"]
        self.by_class[self.why] += 1
        self.counted += not isinstance(error, _UNCOUNTED)


class RetryBudget:
    """How many attempts one call may take, and how many retries a call and a whole sitting.

    Throttles count for the attempts only: nothing was worked on, and the governor keeps them few.
    """

    def __init__(self, *, per_call: int, per_run: int, retries_per_call: int | None = None) -> None:
        self._per_call = per_call
        self._per_run = per_run
        self._retries_per_call = retries_per_call
        self._retries = 0

    @property
    def is_used_up(self) -> bool:
        return self._retries >= self._per_run

    def allows(self, error: CallError, attempts: Attempts) -> bool:
        """Whether a call may be tried again after `error`; counts the retry if so."""
        if attempts.count >= self._per_call:
            return False
        if isinstance(error, _UNCOUNTED):
            return True
        if self._retries_per_call is not None and attempts.counted > self._retries_per_call:
            return False
        if self.is_used_up:
            return False
        self._retries += 1
        return True
