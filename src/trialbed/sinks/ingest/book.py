"""What of a run does its results server have, as the journal's seals and receipts tell? Folds events; asks nobody.

A seal holds a body as it is sent for the first time, and is on disk before that: whatever becomes of the record, every
later attempt sends the very same. A receipt settles records for one server: delivered, or not wanted there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from trialbed.sinks.ingest.bodies import Kind


class Owing(NamedTuple):
    """The newest record of a trial, as far as it matters here. `kind` None: not known without reading it."""

    trial: str
    revision: int
    kind: Kind | None = None


@dataclass
class Book:
    """The state of one run at one server."""

    place: str
    settled: dict[tuple[str, str], None] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    seals: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def has(self, trial: str, kind: Kind) -> bool:
        """Whether the result, or the error, of a trial needs no further attempt."""
        return (trial, kind) in self.settled

    def holds(self, owing: Owing) -> bool:
        """Whether nothing is to be done about a record: it, or an earlier one of the same kind, is settled."""
        if self.revisions.get(owing.trial, -1) >= owing.revision:
            return True
        return owing.kind is not None and self.has(owing.trial, owing.kind)

    def seal_of(self, trial: str, kind: Kind) -> bytes | None:
        """The body that has been sent, perhaps; None = none ever was."""
        return self.seals.get((trial, kind))

    def take(self, event: Mapping[str, Any]) -> None:
        """Fold in a seal, or a receipt for this place."""
        if "bodies" in event:
            for trial, kind, text in event["bodies"]:
                # The first one counts: it may have arrived.
                self.seals.setdefault((trial, kind), text.encode())
            return
        for trial, kind, revision in event["settled"]:
            self.settled[trial, kind] = None
            self.seals.pop((trial, kind), None)
            self.revisions[trial] = max(self.revisions.get(trial, -1), revision)


def seal_of(place: str, bodies: Iterable[tuple[str, Kind, bytes]]) -> dict[str, Any]:
    """The body of a seal: what is about to be sent there first, of which trial."""
    return {"place": place, "bodies": [[trial, kind, text.decode("ascii")] for trial, kind, text in bodies]}


def receipt_of(place: str, settled: Iterable[tuple[str, Kind, int]], how: str) -> dict[str, Any]:
    """The body of a receipt. `how`: "delivered", "nothing" (there is none to send), "unwanted" (no address for it)."""
    return {"place": place, "how": how, "settled": [list(one) for one in settled]}


def book_of(events: Iterable[Mapping[str, Any]], place: str) -> Book:
    """The state of a run at one place; receipts for others are passed over, seals are for all."""
    book = Book(place)
    for event in events:
        if "bodies" in event or event["place"] == place:
            book.take(event)
    return book


def owed(owing: Iterable[Owing], book: Book) -> list[str]:
    """The trials whose newest record is not settled, oldest first."""
    return [one.trial for one in owing if not book.holds(one)]


def owed_as_journalled(owing: Iterable[Owing], events: Sequence[Mapping[str, Any]], place: str | None) -> int | None:
    """How many records are owed to `place`; without one, to the place that was sent to last.

    None when nothing was ever sent. For those who know the journal but not the settings of its run.
    """
    if place is None and events:
        place = events[-1]["place"]
    return None if place is None else len(owed(owing, book_of(events, place)))
