"""What of a run is in its bucket, as the journal's receipts tell? Folds events; asks nobody.

A receipt names objects by key and body, or records all of whose objects are there. An object of no body ("") is about
to be replaced: from then on nobody knows what is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trialbed.sinks.s3.objects import S3Object

Revision = tuple[str, int]
"""A trial's id, and which of its records."""

UNKNOWN = ""


@dataclass
class Book:
    """The state of one run at one place."""

    place: str
    objects: dict[str, str] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)

    def has(self, what: S3Object) -> bool:
        """Whether this very body is known to be under its key."""
        return self.objects.get(what.key) == what.sha

    def replaced_by(self, what: S3Object) -> bool:
        """Whether a receipt speaks for another body under the same key."""
        return self.objects.get(what.key, UNKNOWN) not in (UNKNOWN, what.sha)

    def holds(self, trial: str, revision: int) -> bool:
        """Whether everything of this record, or of a newer one of the trial, is there."""
        return self.records.get(trial, -1) >= revision

    def take(self, body: Mapping[str, Any]) -> None:
        """Fold in a receipt for this place."""
        self.objects.update(body.get("objects", {}))
        self.records.update((str(trial), int(revision)) for trial, revision in body.get("records", ()))


def receipt_of_objects(place: str, shas: Mapping[str, str]) -> dict[str, Any]:
    """The body of a receipt: what is under these keys."""
    return {"place": place, "objects": dict(shas)}


def receipt_of_records(place: str, records: Iterable[Revision]) -> dict[str, Any]:
    """The body of a receipt: all of these records is there."""
    return {"place": place, "records": [[trial, revision] for trial, revision in records]}


def book_of(events: Iterable[Mapping[str, Any]], place: str) -> Book:
    """The state of a run at one place; receipts for others are passed over."""
    book = Book(place)
    for event in events:
        if event["place"] == place:
            book.take(event)
    return book


def owed(revisions: Iterable[Revision], book: Book) -> list[str]:
    """The trials whose newest record is not known to be there, oldest first."""
    return [trial for trial, revision in revisions if not book.holds(trial, revision)]


def owed_as_journalled(
    revisions: Iterable[Revision], events: Sequence[Mapping[str, Any]], place: str | None = None
) -> int | None:
    """How many records are not known to be at `place`; without one, at the place that was written to last.

    None when nothing was ever written, or nothing there. For those who know the journal but not the settings of its
    run.
    """
    if place is None and events:
        place = events[-1]["place"]
    if place is None or all(event["place"] != place for event in events):
        return None
    return len(owed(revisions, book_of(events, place)))
