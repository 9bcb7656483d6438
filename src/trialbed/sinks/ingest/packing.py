"""What goes out together? One error, one result, or as many results as the server takes in an array."""

from collections.abc import Callable, Sequence

from trialbed.sinks.ingest.backlog import Backlog
from trialbed.sinks.ingest.bodies import RESULT
from trialbed.sinks.ingest.due import Due
from trialbed.sinks.ingest.target import IngestTarget, Pace


class Packing:
    """Makes parcels of what waits. `due_of` reads a trial's record; None = nothing can be sent of it.

    `takes_arrays` may be taken back when the server says that it does not.
    """

    def __init__(self, backlog: Backlog, due_of: Callable[[str], Due | None], target: IngestTarget, pace: Pace) -> None:
        self.takes_arrays = target.batch_size > 1
        self._backlog = backlog
        self._due_of = due_of
        self._batch_size = target.batch_size
        self._pace = pace
        self._gathers_until = 0.0

    def offered(self, now: float) -> None:
        """Something is about to be added to what waits: the first of a batch waits for others a little."""
        if not self._backlog.fresh:
            self._gathers_until = now + self._pace.gather_s

    def not_before(self, *, in_haste: bool) -> float:
        """The moment until which others are waited for that could share an array."""
        is_full = self._backlog.fresh >= self._batch_size
        return 0.0 if in_haste or is_full or not self.takes_arrays else self._gathers_until

    def next_parcel(self, now: float) -> list[Due]:
        """What goes out now, under way from here on; empty = nothing waits that may."""
        parcel: list[Due] = []
        while (trial := self._backlog.take(now)) is not None:
            due = self._due_of(trial)
            if due is None:
                self._backlog.park(trial)
                continue
            if parcel and not self._goes_with(due, parcel):
                self._backlog.put_back(trial)
                break
            parcel.append(due)
            if not self.goes_in_array(due) or len(parcel) == self._batch_size:
                break
        return parcel

    def goes_in_array(self, due: Due) -> bool:
        return self.takes_arrays and due.kind == RESULT and due.payload is not None

    def _goes_with(self, due: Due, parcel: Sequence[Due]) -> bool:
        # Brackets and commas count too.
        size = sum(one.size + 1 for one in (*parcel, due)) + 1
        return self.goes_in_array(due) and size <= self._pace.most_body_bytes
