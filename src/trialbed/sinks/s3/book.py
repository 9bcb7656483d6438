"""What of a run lies in a bucket, as the journal's receipts tell? Folds events; asks nobody.

A receipt names files that are there (`objects`, by name, with the beginning of their SHA-256) or records all of whose
files are (`records`, as trial and revision).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trialbed.sinks.s3.objects import S3Object

_DIGEST_CHARS = 32

Revision = tuple[str, int]
"""A trial and the revision of its record."""


@dataclass
class Book:
    """The state of one run in one place."""

    objects: dict[str, str] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)

    def has(self, wanted: S3Object) -> bool:
        """Whether this very file is known to be there."""
        return self.objects.get(wanted.key) == digest_of(wanted)

    def holds(self, trial_id: str, revision: int) -> bool:
        """Whether every file of this record, or of a newer one, is known to be there."""
        return self.records.get(trial_id, -1) >= revision

    def take(self, event: Mapping[str, Any]) -> None:
        """Fold in one receipt."""
        self.objects.update(event.get("objects", {}))
        for trial_id, revision in event.get("records", ()):
            self.records[trial_id] = max(revision, self.records.get(trial_id, -1))

    def forget(self, keys: Iterable[str]) -> None:
        """Files of a record that is there whole need no memory of their own."""
        for key in keys:
            self.objects.pop(key, None)


def digest_of(made: S3Object) -> str:
    return hashlib.sha256(made.body).hexdigest()[:_DIGEST_CHARS]


def book_of(events: Iterable[Mapping[str, Any]], place: str) -> Book:
    """The state of a run in one place; receipts of other places are passed over."""
    book = Book()
    for event in events:
        if event["place"] == place:
            book.take(event)
    return book


def owed(revisions: Iterable[Revision], book: Book) -> list[str]:
    """The trials whose newest record is not known to be there whole, oldest first."""
    return [trial_id for trial_id, revision in revisions if not book.holds(trial_id, revision)]


def owed_as_journalled(
    revisions: Iterable[Revision], events: list[dict[str, Any]], place: str | None = None
) -> int | None:
    """How many records are owed to `place`, else to the place that was written to last; None if there is neither.

    For those who know the journal but not the settings of its run.
    """
    if place is None and not events:
        return None
    where: str = events[-1]["place"] if place is None else place
    return len(owed(revisions, book_of(events, where)))
