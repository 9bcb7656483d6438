"""How does the event loop ask the Hub? Each call of the client in a daemon thread, bounded in time."""

from collections.abc import Iterable, Mapping
from functools import partial

from trialbed.sinks.hub.client import HubClient
from trialbed.sinks.hub.daemon import in_daemon
from trialbed.sinks.hub.seen import FileSeen, Seen
from trialbed.sinks.hub.target import HubTarget, Pace


class Remote:
    """One dataset repo. Every method raises `HubFault` and nothing else."""

    def __init__(self, target: HubTarget, pace: Pace) -> None:
        self._client = HubClient(target, pace)
        self._pace = pace
        self._is_there = False

    async def ensure_repo(self) -> None:
        """Once: create the repo if there is none, and refuse one of the wrong visibility."""
        if not self._is_there:
            await in_daemon(self._client.ensure_repo, limit_s=self._pace.call_limit_s())
            self._is_there = True

    async def look(self, paths: Iterable[str], *, at: str | None = None) -> Seen:
        return await in_daemon(partial(self._client.look, list(paths), at=at), limit_s=self._pace.call_limit_s())

    async def read(self, path: str, expected: FileSeen, *, at: str) -> bytes:
        limit_s = self._pace.call_limit_s(expected.size)
        return await in_daemon(partial(self._client.read, path, expected, at=at), limit_s=limit_s)

    async def commit(
        self, *, adds: Mapping[str, bytes], deletes: Iterable[str], message: str, parent: str | None
    ) -> str:
        work = partial(self._client.commit, adds=adds, deletes=deletes, message=message, parent=parent)
        # Base64 makes a third more of it.
        size = sum(map(len, adds.values())) * 4 // 3
        return await in_daemon(work, limit_s=self._pace.call_limit_s(size))
