"""Is the server there, as the last attempts tell, and when may it be asked again? Reads no clock."""

from random import Random

from trialbed.sinks.ingest.faults import IngestFault, Passing, Rejected
from trialbed.sinks.ingest.target import Pace
from trialbed.sinks.ingest.waiting import wait_s


class Health:
    """Of one server. Moments are seconds of one clock that never goes back."""

    def __init__(self, pace: Pace, random: Random) -> None:
        self.not_before = 0.0
        self._pace = pace
        self._random = random
        self._failures = 0
        self._has_told = False

    @property
    def is_out(self) -> bool:
        """Whether so much failed in a row that it is the server's fault, not that of what was sent."""
        return self._failures >= self._pace.outage_from

    @property
    def width(self) -> int:
        """How many attempts may be under way: of an outage, one finds out whether it is over."""
        return 1 if self.is_out else self._pace.concurrency

    def failed(self, fault: Passing, now: float) -> bool:
        """An attempt was in vain. Returns whether the user should hear of an outage."""
        self._failures += 1
        if self.is_out or fault.asked_s is not None:
            # The whole server is meant: no stampede of all that waits.
            self.not_before = max(self.not_before, now + self.wait_s(self._failures, fault))
        is_news = self.is_out and not self._has_told
        self._has_told = self._has_told or is_news
        return is_news

    def answered(self) -> bool:
        """The server said something of what it was sent. Returns whether the user should hear that it is back."""
        is_news = self._has_told
        self.forget()
        return is_news

    def forget(self) -> None:
        """What was is no longer held against the server; how long it asked to be left alone still counts."""
        self._failures, self._has_told = 0, False

    def wait_s(self, failures: int, fault: IngestFault) -> float:
        """How long to wait after so many failures in a row."""
        asked_s = fault.asked_s if isinstance(fault, Passing) else None
        most_s = self._pace.rejected_most_s if isinstance(fault, Rejected) else self._pace.retry_most_s
        return wait_s(failures=failures, asked_s=asked_s, most_s=most_s, pace=self._pace, random=self._random)
