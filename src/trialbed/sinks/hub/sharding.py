"""How do rows get to the Hub as immutable shards, each row at most once at every commit?

Every step is: seal (durable) → look what is there → put down receipts → commit the rest → look again. The
answer to a commit is never believed; what is there at a commit is. A commit only adds, or it names its
parent: one that deletes or replaces a file can then never happen late, on top of something else.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Literal

import anyio
import anyio.lowlevel

from trialbed.core.clock import Clock
from trialbed.sinks.hub.backlog import Backlog
from trialbed.sinks.hub.book import Book, book_of
from trialbed.sinks.hub.card import CARD
from trialbed.sinks.hub.cards import Cards
from trialbed.sinks.hub.faults import Refused, Rejected
from trialbed.sinks.hub.features import Feature, record_features
from trialbed.sinks.hub.merge import GROWING_FILE, columns_of
from trialbed.sinks.hub.remote import Remote
from trialbed.sinks.hub.seen import Seen
from trialbed.sinks.hub.shards import SHARD_BYTES, Line, Seal, content_of, cuts, sealed
from trialbed.sinks.hub.target import HubTarget
from trialbed.sinks.ledger import Ledger

_COMMIT_BYTES = 2 * SHARD_BYTES
# A request left behind may still happen for a while; longer ago is not watched.
_DEAD_WATCHED = 500
_LINES_PER_BREATH = 200
# Replacing one row sends its whole shard again: wait for more of them, but not for ever.
_STALE_SHARE = 0.5
_STALE_PATIENCE = 6


class Sharding:
    """Pushes one run into one repo, layout `shards`."""

    def __init__(
        self,
        *,
        run: str,
        target: HubTarget,
        ledger: Ledger,
        book: Book,
        backlog: Backlog,
        remote: Remote,
        cards: Cards,
        clock: Clock,
        announce: Callable[[str], None],
        check_published: bool,
    ) -> None:
        self._run = run
        self._target = target
        self._ledger = ledger
        self._book = book
        self._backlog = backlog
        self._remote = remote
        self._cards = cards
        self._clock = clock
        self._announce = announce
        self._contents: dict[str, bytes] = {}
        newest = dict(ledger.revisions()) if book.open else {}
        self._stamps = {path: _first_stamps(seal, newest) for path, seal in book.open.items()}
        self._stale_since: dict[str, float] = {}
        self._must_check_live = True
        self._must_look = check_published
        self._must_name_parent = False
        self._must_reread = False
        self._columns: tuple[str, dict[str, Feature]] | None = None

    async def step(self, *, last: bool) -> bool:
        if self._must_reread:
            events = self._ledger.sink_events("hub")
            self._book = book_of(events, repo_id=self._target.repo_id, layout=self._target.layout)
            self._must_reread = False
        if not self._book.open:
            await self._seal(last)
        if not self._book.open and not self._must_look:
            return False
        await self._remote.ensure_repo()
        seen = await self._look()
        await self._settle(seen)
        await self._commit(seen)
        self._must_look = False
        return True

    async def _seal(self, last: bool) -> None:
        """Seal what is owed, at most one commit's worth."""
        budget = _COMMIT_BYTES
        fresh: list[Line] = []
        stamps: dict[str, int] = {}
        stale: dict[str, int] = {}
        for number, (trial, stamp) in enumerate(list(self._backlog.owed.items())):
            if (published := self._book.published.get(trial)) is not None:
                stale[published.path] = stale.get(published.path, 0) + 1
            elif budget > 0 and (line := self._backlog.line(trial)) is not None:
                fresh.append(line)
                stamps[trial] = stamp
                budget -= len(line.data)
            if number % _LINES_PER_BREATH == 0:
                await anyio.lowlevel.checkpoint()
        for group in cuts(fresh):
            await self._put_down(group, (), stamps)
        for path, count in stale.items():
            if budget > 0 and self._is_worth_replacing(path, count, last):
                budget -= await self._seal_again(path)

    def _is_worth_replacing(self, path: str, count: int, last: bool) -> bool:
        since = self._stale_since.setdefault(path, self._clock.monotonic())
        has_waited = self._clock.monotonic() - since >= _STALE_PATIENCE * self._target.commit_every_s
        return last or has_waited or count >= _STALE_SHARE * len(self._book.live[path].rows)

    async def _seal_again(self, path: str) -> int:
        """Seal the rows of a live shard in their newest revisions, to take its place; returns its bytes."""
        rows, owed = self._book.live[path].rows, self._backlog.owed
        stamps = {trial: owed[trial] for trial, _ in rows if trial in owed}
        lines: list[Line] = []
        for number, (trial, _) in enumerate(rows):
            if (line := self._backlog.line(trial)) is not None:
                lines.append(line)
            if number % _LINES_PER_BREATH == 0:
                await anyio.lowlevel.checkpoint()
        if tuple(line.row for line in lines) == rows:
            # Offered again without a newer revision.
            self._backlog.confirm(stamps)
            return 0
        await self._put_down(lines, (path,), stamps)
        return sum(len(line.data) for line in lines)

    async def _put_down(self, lines: list[Line], removes: tuple[str, ...], stamps: dict[str, int]) -> None:
        seal, content = sealed(self._run, self._book.next_sequence, lines, removes)
        await self._write("sealed", seal.as_event())
        self._book.seal(seal)
        self._contents[seal.path] = content
        self._stamps[seal.path] = {line.trial_id: stamps[line.trial_id] for line in lines if line.trial_id in stamps}
        for path in removes:
            self._stale_since.pop(path, None)

    async def _look(self, at: str | None = None) -> Seen:
        paths = {CARD, GROWING_FILE, *self._book.open, *list(self._book.dead)[-_DEAD_WATCHED:]}
        paths.update(path for seal in self._book.open.values() for path in seal.removes)
        if self._must_check_live:
            paths.update(self._book.live)
        return await self._remote.look(paths, at=at)

    async def _settle(self, seen: Seen) -> None:
        """Put down what `seen` proves: which open shards are there, which live ones are not."""
        for seal in list(self._book.open.values()):
            file = seen.files.get(seal.path)
            if file is None:
                if self._content_of(seal) is None:
                    # A row has a newer revision than when it was sealed and cannot be made again as it was.
                    await self._receive(None, seen, removed=[seal.path])
                    self._must_name_parent = True
            elif seal.is_in(file):
                await self._receive(seal, seen, removed=list(seal.removes))
            else:
                raise Refused(f"{self._target.repo_id}/{seal.path}: something else is there; remove it on the Hub")
        if self._must_check_live:
            self._must_check_live = False
            lost = [path for path, seal in self._book.live.items() if not self._is_there(seal, seen)]
            if lost:
                await self._lose(lost, seen)

    def _is_there(self, seal: Seal, seen: Seen) -> bool:
        """Whether a live shard is still on the Hub; its content is only looked at when that was asked for."""
        file = seen.files.get(seal.path)
        return file is not None and (seal.is_in(file) or not self._must_look)

    async def _lose(self, paths: list[str], seen: Seen) -> None:
        trials = [trial for path in paths for trial, _ in self._book.live[path].rows]
        await self._receive(None, seen, removed=paths)
        for trial in trials:
            self._backlog.offer(trial)
        self._announce(f"{len(trials)} rows are no longer in {self._target.repo_id} as they were; they are sent again")

    async def _receive(self, seal: Seal | None, seen: Seen, *, removed: list[str]) -> None:
        path, rows = (None, 0) if seal is None else (seal.path, len(seal.rows))
        await self._write("receipt", {"path": path, "oid": seen.oid, "rows": rows, "removed": removed})
        self._book.receive(path, removed)
        for gone in [*removed, *([path] if path else [])]:
            self._contents.pop(gone, None)
            stamps = self._stamps.pop(gone, {})
            if gone == path:
                self._backlog.confirm(stamps)

    async def _commit(self, seen: Seen) -> None:
        """One commit of what is open and of what has to go."""
        seals = list(self._book.open.values())
        deletes = {path for path in self._book.dead if path in seen.files}
        if not seals and not deletes:
            return
        readme = await self._readme(seen)
        if readme is not None:
            # It must not overwrite somebody's words, so it names its parent and may be refused: keep it small.
            seals = seals[:1]
        deletes |= {path for seal in seals for path in seal.removes if path in seen.files}
        adds = {seal.path: content for seal in seals if (content := self._content_of(seal)) is not None}
        if readme is not None:
            adds[CARD] = readme
        needs_parent = bool(deletes) or readme is not None or self._must_name_parent
        count = sum(len(seal.rows) for seal in seals)
        oid = await self._remote.commit(
            adds=adds,
            deletes=deletes,
            message=f"{self._run}: {count} rows",
            parent=seen.oid if needs_parent else None,
        )
        await self._settle(await self._look(at=oid))
        if any(seal.path in self._book.open for seal in seals):
            raise Rejected(f"{self._target.repo_id}: a commit was taken but its files are not there")
        self._must_name_parent = False

    async def _readme(self, seen: Seen) -> bytes | None:
        growing = seen.files.get(GROWING_FILE)
        columns = record_features()
        if growing is not None:
            if self._columns is None or self._columns[0] != growing.blob:
                content = await self._remote.read(GROWING_FILE, growing, at=seen.oid)
                self._columns = (growing.blob, columns_of(content))
            columns = self._columns[1]
        return await self._cards.due(seen, columns, has_growing_file=growing is not None)

    def _content_of(self, seal: Seal) -> bytes | None:
        """The bytes of an open shard; None when the journal's newest records are not those it was sealed with."""
        content = self._contents.get(seal.path)
        if content is None:
            content = _rebuilt(seal, self._ledger)
            if content is not None:
                self._contents[seal.path] = content
        return content

    async def _write(self, kind: Literal["sealed", "receipt"], body: dict[str, Any]) -> None:
        # Journal and book must not part. A scope's cancellation waits; should a task be cancelled without one,
        # the event may be on disk all the same, and the book is made anew.
        self._must_reread = True
        with anyio.CancelScope(shield=True):
            await self._ledger.write_sink_event(
                kind, "hub", {"repo": self._target.repo_id, "layout": self._target.layout, **body}
            )
        self._must_reread = False


def _rebuilt(seal: Seal, ledger: Ledger) -> bytes | None:
    try:
        content = content_of(ledger.record_line(trial) for trial, _ in seal.rows)
    except KeyError:
        return None
    return content if hashlib.sha256(content).hexdigest() == seal.sha256 else None


def _first_stamps(seal: Seal, newest: dict[str, int]) -> dict[str, int]:
    """For a shard sealed by an earlier process: it settles what was owed at the start, if nothing newer came."""
    return {trial: 0 for trial, revision in seal.rows if newest.get(trial) == revision}
