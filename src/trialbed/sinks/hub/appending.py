"""How do rows get into one growing file on the Hub, next to lines of others, each at most once?

Every step is: look at the head → read the file there → merge → commit on top of that very head. Whatever
came in between makes the commit fail (412) and the step begin again. A file is only absent when the Hub
says so of a commit it has just named; a Hub that cannot be reached says nothing.
"""

from collections.abc import Callable
from functools import partial

import anyio
import anyio.lowlevel

from trialbed.sinks.hub.backlog import Backlog
from trialbed.sinks.hub.card import CARD
from trialbed.sinks.hub.cards import Cards
from trialbed.sinks.hub.daemon import in_daemon
from trialbed.sinks.hub.faults import Rejected
from trialbed.sinks.hub.merge import GROWING_FILE, merge, newest_in
from trialbed.sinks.hub.remote import Remote
from trialbed.sinks.hub.seen import Seen, git_blob
from trialbed.sinks.hub.shards import Line
from trialbed.sinks.hub.target import HubTarget
from trialbed.sinks.ledger import Ledger

_LINES_PER_BREATH = 200
_MERGE_LIMIT_S = 600.0


class Appending:
    """Pushes one run into one repo, layout `append`."""

    def __init__(
        self,
        *,
        run: str,
        target: HubTarget,
        ledger: Ledger,
        backlog: Backlog,
        remote: Remote,
        cards: Cards,
        announce: Callable[[str], None],
        check_published: bool,
    ) -> None:
        self._run = run
        self._target = target
        self._ledger = ledger
        self._backlog = backlog
        self._remote = remote
        self._cards = cards
        self._announce = announce
        self._must_look = check_published
        self._has_compared = False
        self._read_last: tuple[str, bytes] | None = None

    async def step(self, *, last: bool) -> bool:
        if not self._backlog.owed and not self._must_look:
            return False
        await self._remote.ensure_repo()
        seen = await self._remote.look([CARD, GROWING_FILE])
        before = await self._content(seen)
        if not self._has_compared:
            self._compare(await in_daemon(partial(newest_in, before, self._run), limit_s=_MERGE_LIMIT_S))
        stamps = dict(self._backlog.owed)
        lines = await self._lines(stamps)
        if lines:
            oid = await self._put(lines, before, seen)
            await self._receive(lines, stamps, oid)
        self._must_look = False
        return True

    async def _content(self, seen: Seen) -> bytes:
        file = seen.files.get(GROWING_FILE)
        if file is None:
            return b""
        if self._read_last is None or self._read_last[0] != file.blob:
            content = await self._remote.read(GROWING_FILE, file, at=seen.oid)
            self._read_last = (file.blob, content)
        return self._read_last[1]

    def _compare(self, there: dict[str, int]) -> None:
        """Owe what receipts speak of but the file does not have."""
        lost = [
            trial
            for trial, revision in self._ledger.revisions()
            if there.get(trial, -1) < revision and trial not in self._backlog.owed
        ]
        for trial in lost:
            self._backlog.offer(trial)
        if lost:
            self._announce(f"{len(lost)} rows are no longer in {self._target.repo_id}; they are sent again")
        self._has_compared = True

    async def _lines(self, stamps: dict[str, int]) -> list[Line]:
        lines: list[Line] = []
        for number, trial in enumerate(stamps):
            if (line := self._backlog.line(trial)) is not None:
                lines.append(line)
            if number % _LINES_PER_BREATH == 0:
                await anyio.lowlevel.checkpoint()
        return lines

    async def _put(self, lines: list[Line], before: bytes, seen: Seen) -> str:
        """Make the file hold `lines`; returns a commit at which it does."""
        merged = await in_daemon(partial(merge, before, self._run, lines), limit_s=_MERGE_LIMIT_S)
        if merged.content == before:
            return seen.oid
        adds = {GROWING_FILE: merged.content}
        readme = await self._cards.due(seen, merged.columns, has_growing_file=True)
        if readme is not None:
            adds[CARD] = readme
        oid = await self._remote.commit(
            adds=adds, deletes=(), message=f"{self._run}: {len(lines)} rows", parent=seen.oid
        )
        file = (await self._remote.look([GROWING_FILE], at=oid)).files.get(GROWING_FILE)
        if file is None or file.size != len(merged.content):
            raise Rejected(f"{self._target.repo_id}: a commit was taken but {GROWING_FILE} is not as it was sent")
        if file.blob == git_blob(merged.content):
            self._read_last = (file.blob, merged.content)
        return oid

    async def _receive(self, lines: list[Line], stamps: dict[str, int], oid: str) -> None:
        body = {
            "repo": self._target.repo_id,
            "layout": self._target.layout,
            "path": GROWING_FILE,
            "oid": oid,
            "rows": len(lines),
            "removed": [],
            "revisions": [list(line.row) for line in lines],
        }
        with anyio.CancelScope(shield=True):
            await self._ledger.write_sink_event("receipt", "hub", body)
        self._backlog.confirm({line.trial_id: stamps[line.trial_id] for line in lines})
