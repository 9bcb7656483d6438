"""Which trials does the Hub not have yet in their newest revision? Reads their lines; sends nothing."""

from collections.abc import Callable, Iterable, Mapping

import orjson

from trialbed.sinks.hub.shards import SHARD_BYTES, SHARD_ROWS, Line
from trialbed.sinks.ledger import Ledger

REHEARSAL = "rehearsal"


class Backlog:
    """The trials owed, in the order they were offered.

    Each offer of a trial has a stamp of its own: a confirmation settles the offer it was made for, not one
    that came while the row was on its way.
    """

    def __init__(self, ledger: Ledger, owed: Iterable[str], on_rehearsal: Callable[[], None]) -> None:
        self._ledger = ledger
        self._on_rehearsal = on_rehearsal
        self._stamp = 0
        self._unmeasured: list[str] = []
        self._bytes = 0
        self.refused = 0
        self.owed: dict[str, int] = dict.fromkeys(owed, 0)
        self._unmeasured.extend(self.owed)

    def offer(self, trial_id: str) -> None:
        """A newer record of this trial is in the ledger."""
        self._stamp += 1
        self.owed[trial_id] = self._stamp
        self._unmeasured.append(trial_id)

    def confirm(self, stamps: Mapping[str, int]) -> None:
        """The offers with these stamps are on the Hub."""
        for trial, stamp in stamps.items():
            if self.owed.get(trial) == stamp:
                del self.owed[trial]

    def line(self, trial_id: str) -> Line | None:
        """The newest record of a trial. A rehearsal is refused: None, and it is owed no longer."""
        data = self._ledger.record_line(trial_id)
        row = orjson.loads(data)
        if row["provider"] == REHEARSAL:
            if self.owed.pop(trial_id, None) is not None:
                self.refused += 1
            self._on_rehearsal()
            return None
        return Line(trial_id, row["revision"], data)

    def fills_a_shard(self) -> bool:
        """Whether what has been offered since the last `start_over` is enough for a whole shard."""
        if len(self.owed) >= SHARD_ROWS:
            return True
        while self._unmeasured and self._bytes < SHARD_BYTES:
            self._bytes += self._ledger.record_size(self._unmeasured.pop())
        return self._bytes >= SHARD_BYTES

    def start_over(self) -> None:
        """Measure anew: what was there has been taken up."""
        self._bytes = 0
        self._unmeasured.clear()
