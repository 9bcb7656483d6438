"""What is not known to be in the bucket yet? Keeps count and makes batches of it; sends nothing.

A batch has at most one body for each key. What a trial has told live after its record was offered is newer than that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from trialbed.sinks.s3.book import Book
from trialbed.sinks.s3.objects import S3Object

MOST_LIVE = 2000


@dataclass(frozen=True, slots=True)
class Due:
    """A record that is to be sent: the offer it was taken up for, and all of its objects."""

    trial: str
    stamp: int
    revision: int
    objects: tuple[S3Object, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent together; `objects` are those that the book does not confirm, live ones first."""

    objects: Mapping[str, S3Object]
    live: tuple[S3Object, ...]
    due: tuple[Due, ...]


class Backlog:
    """Live objects, the newest 2,000 of them, and the trials whose record is owed, in the order they were offered.

    Each offer of a trial has a stamp of its own: a confirmation settles the offer it was made for, not one that came
    while the record was on its way.
    """

    def __init__(self, owed: Iterable[str]) -> None:
        self._stamp = 0
        self._records: dict[str, int] = dict.fromkeys(owed, 0)
        self._live: dict[str, tuple[str, S3Object]] = {}
        self._live_keys: dict[str, set[str]] = {}

    @property
    def owed(self) -> int:
        """Trials of which something is not confirmed."""
        return len(self._records) + sum(trial not in self._records for trial in self._live_keys)

    def offer(self, trial: str) -> None:
        """A newer record of this trial is in the ledger. It holds all that the trial has told so far."""
        self._stamp += 1
        self._records[trial] = self._stamp
        for key in self._live_keys.pop(trial, ()):
            del self._live[key]

    def tell(self, trial: str, what: S3Object) -> None:
        """An object is known before the record is. Of too many the oldest goes: the record brings it."""
        self._drop(what.key)
        self._live[what.key] = trial, what
        self._live_keys.setdefault(trial, set()).add(what.key)
        if len(self._live) > MOST_LIVE:
            self._drop(next(iter(self._live)))

    def waits(self, key: str) -> bool:
        """Whether a live object is waiting for this key, or on its way to it."""
        return key in self._live

    def next_trials(self, most: int) -> list[tuple[str, int]]:
        """The first of those whose record is owed, with the stamps of their offers."""
        return list(islice(self._records.items(), most))

    def batch(self, due: tuple[Due, ...], book: Book) -> Batch:
        """What is live now, and these records."""
        live = tuple(what for _, what in self._live.values())
        objects = {what.key: what for what in live}
        for what in (one for record in due for one in record.objects):
            objects.setdefault(what.key, what)
        return Batch({key: what for key, what in objects.items() if not book.has(what)}, live, due)

    def settle_live(self, confirmed: Iterable[S3Object]) -> None:
        """These objects are there."""
        for what in confirmed:
            if what.key in self._live and self._live[what.key][1] is what:
                self._drop(what.key)

    def settle_record(self, due: Due) -> None:
        """All of this record is there."""
        if self._records.get(due.trial) == due.stamp:
            del self._records[due.trial]

    def drop_live(self) -> None:
        """Nothing more will be sent: records alone are kept, by the ledger."""
        self._live.clear()
        self._live_keys.clear()

    def _drop(self, key: str) -> None:
        trial, _ = self._live.pop(key, ("", None))
        keys = self._live_keys.get(trial, set())
        keys.discard(key)
        if not keys:
            self._live_keys.pop(trial, None)
