"""What of a run is on the Hub, as the journal's seals and receipts tell? Folds events; asks nobody.

A shard is open (sealed, not known to be there), live (a receipt says so) or dead (taken away, given up, or
lost). A receipt names the shard that became live, if any, and those that died.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from trialbed.core.errors import UserError
from trialbed.sinks.hub.shards import Row, Seal
from trialbed.sinks.hub.target import Layout


@dataclass(frozen=True, slots=True)
class Published:
    """The revision of a trial that is on the Hub, and the file it is in."""

    revision: int
    path: str


@dataclass
class Book:
    """The state of one run in one repo."""

    open: dict[str, Seal] = field(default_factory=dict)
    live: dict[str, Seal] = field(default_factory=dict)
    dead: dict[str, None] = field(default_factory=dict)
    published: dict[str, Published] = field(default_factory=dict)
    next_sequence: int = 0

    def seal(self, seal: Seal) -> None:
        self.open[seal.path] = seal
        self.next_sequence += 1

    def receive(self, path: str | None, removed: Iterable[str]) -> None:
        """Take a receipt: `path` is live from now on, `removed` are dead."""
        for gone in removed:
            self.open.pop(gone, None)
            lost = self.live.pop(gone, None)
            for trial, _ in () if lost is None else lost.rows:
                if (known := self.published.get(trial)) is not None and known.path == gone:
                    del self.published[trial]
            self.dead[gone] = None
        if path is not None:
            seal = self.live[path] = self.open.pop(path)
            self.published.update((trial, Published(revision, path)) for trial, revision in seal.rows)

    def holds(self, trial: str, revision: int) -> bool:
        """Whether this revision of a trial, or a newer one, is on the Hub."""
        known = self.published.get(trial)
        return known is not None and known.revision >= revision

    def take(self, event: dict[str, Any]) -> None:
        """Fold in one event of the journal."""
        if event["e"] == "sealed":
            self.seal(Seal.of_event(event))
        elif "revisions" in event:
            rows = ((str(trial), int(revision)) for trial, revision in event["revisions"])
            self.published.update((trial, Published(revision, event["path"])) for trial, revision in rows)
        else:
            path = event["path"]
            self.receive(path if path in self.open else None, event["removed"])


def book_of(events: Iterable[dict[str, Any]], *, repo_id: str, layout: Layout) -> Book:
    """The state of a run in one repo; events about other repos are passed over.

    Raises:
        UserError: rows of the run are in this repo in the other layout.
    """
    book = Book()
    for event in events:
        if event["repo"] != repo_id:
            continue
        if event["layout"] != layout:
            raise UserError(
                f"HF_LAYOUT={layout}: rows of this run are in {repo_id} with HF_LAYOUT={event['layout']} already; "
                "set it back, or name another dataset in HF_REPO_ID"
            )
        book.take(event)
    return book


def owed_as_journalled(revisions: Iterable[Row], events: list[dict[str, Any]]) -> int | None:
    """How many rows the repo that was written to last does not have; None when none was ever written to.

    For those who know the journal but not the settings of its run.
    """
    if not events:
        return None
    last = events[-1]
    mine = [event for event in events if event["repo"] == last["repo"]]
    return len(owed(revisions, book_of(mine, repo_id=last["repo"], layout=last["layout"])))


def owed(revisions: Iterable[Row], book: Book) -> list[str]:
    """The trials whose newest revision is not on the Hub, oldest first."""
    return [trial for trial, revision in revisions if not book.holds(trial, revision)]
