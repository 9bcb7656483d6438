"""Is what is on the Hub what the journal has? Compares by trial, at one commit, reading every line."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import sleep
from typing import Any, TypeVar

import orjson

from trialbed.core.errors import UserError
from trialbed.core.redact import Redactor
from trialbed.sinks.hub.backlog import REHEARSAL
from trialbed.sinks.hub.client import HubClient
from trialbed.sinks.hub.daemon import bounded
from trialbed.sinks.hub.faults import HubFault, Refused
from trialbed.sinks.hub.merge import GROWING_FILE, object_in
from trialbed.sinks.hub.seen import FileSeen
from trialbed.sinks.hub.shards import folder_of
from trialbed.sinks.hub.target import HubTarget, Pace
from trialbed.sinks.hub.waiting import wait_s
from trialbed.sinks.ledger import Ledger

T = TypeVar("T")

_ATTEMPTS = 8
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What differs, by trial. `planned` minus `recorded` trials have no record yet: that is not the Hub's doing.

    `missing`: recorded, not on the Hub. `doubled`: there more than once. `stale`: there in an older
    revision. `changed`: there in this revision with another content. `unknown`: there, but neither planned
    nor recorded. `unreadable`: `path:line` of what is not a JSON object.
    """

    repo_id: str
    oid: str
    run: str
    planned: int
    recorded: int
    published: int
    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not any(self._differences().values())

    @property
    def pending(self) -> int:
        return max(0, self.planned - self.recorded)

    def as_dict(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("planned", "recorded", "pending", "published")}
        differences = {name: list(values) for name, values in self._differences().items()}
        return {"repo": self.repo_id, "oid": self.oid, "run": self.run, "ok": self.ok, **counts, **differences}

    def lines(self) -> list[str]:
        """The same for a person, one line each."""
        said = [f"{self.run}: {self.published} of {self.recorded} records are in {self.repo_id} at {self.oid[:8]}"]
        if self.pending:
            said.append(f"{self.pending} of {self.planned} planned trials have no record yet")
        for name, values in self._differences().items():
            if values:
                more = f" and {len(values) - _MOST_NAMED} more" if len(values) > _MOST_NAMED else ""
                said.append(f"{name}: {len(values)} ({', '.join(values[:_MOST_NAMED])}{more})")
        return said

    def _differences(self) -> dict[str, tuple[str, ...]]:
        names = ("missing", "doubled", "stale", "changed", "unknown", "unreadable")
        return {name: getattr(self, name) for name in names}


def verify(
    target: HubTarget, run: str, planned: Collection[str] | int, ledger: Ledger, *, pace: Pace | None = None
) -> VerifyReport:
    """Compare the Hub with the journal and the plan. `planned`: the plan's trial ids, or how many there are.

    Raises:
        UserError: the Hub cannot be reached, or does not let us read.
    """
    there = _There(run)
    reader = _Reader(target, pace or Pace())
    oid = reader.read_all(run, there)
    comparison = _compare(there, ledger, frozenset() if isinstance(planned, int) else frozenset(planned))
    size = planned if isinstance(planned, int) else len(planned)
    return VerifyReport(repo_id=target.repo_id, oid=oid, run=run, planned=size, **comparison)


@dataclass
class _There:
    """What is on the Hub of a run: how often each trial, its newest revision, and the bytes of that line."""

    run: str
    count: dict[str, int] = field(default_factory=dict)
    newest: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def take(self, path: str, content: bytes, *, is_shared: bool) -> None:
        """Fold in a file. In a shared one, lines of other runs are passed over."""
        for number, raw in enumerate(content.split(b"\n"), start=1):
            if not raw.strip():
                continue
            row = object_in(raw)
            if row is None:
                self.unreadable.append(f"{path}:{number}")
            elif row.get("run") == self.run or not is_shared:
                self._take_row(str(row.get("trial_id")), row.get("revision"), raw)

    def _take_row(self, trial: str, revision: Any, raw: bytes) -> None:
        self.count[trial] = self.count.get(trial, 0) + 1
        number = revision if isinstance(revision, int) else -1
        if trial not in self.newest or number > self.newest[trial][0]:
            self.newest[trial] = (number, raw)


def _compare(there: _There, ledger: Ledger, planned: frozenset[str]) -> dict[str, Any]:
    missing, stale, changed = [], [], []
    recorded = 0
    known = set(planned)
    for trial, _ in ledger.revisions():
        known.add(trial)
        line = ledger.record_line(trial)
        row = orjson.loads(line)
        if row["provider"] == REHEARSAL:
            continue
        recorded += 1
        revision, raw = there.newest.get(trial, (None, b""))
        if revision is None:
            missing.append(trial)
        elif revision < row["revision"]:
            stale.append(trial)
        elif raw != line:
            changed.append(trial)
    return {
        "recorded": recorded,
        "published": recorded - len(missing) - len(stale) - len(changed),
        "missing": tuple(missing),
        "stale": tuple(stale),
        "changed": tuple(changed),
        "doubled": tuple(trial for trial, count in there.count.items() if count > 1),
        "unknown": tuple(trial for trial in there.count if trial not in known),
        "unreadable": tuple(there.unreadable),
    }


class _Reader:
    """Reads files of the repo at one commit, trying again when the Hub falters."""

    def __init__(self, target: HubTarget, pace: Pace) -> None:
        self._client = HubClient(target, pace)
        self._redact = Redactor([target.token])
        self._pace = pace
        self._random = Random()

    def read_all(self, run: str, there: _There) -> str:
        """Fold every file that may hold rows of the run into `there`; returns the commit they were read at."""
        seen = self._patiently(lambda: self._client.look([GROWING_FILE]))
        shards = self._patiently(lambda: self._client.folder(folder_of(run), at=seen.oid))
        for path, content in self._contents(shards, seen.oid):
            there.take(path, content, is_shared=False)
        for path, content in self._contents(dict(seen.files), seen.oid):
            there.take(path, content, is_shared=True)
        return seen.oid

    def _contents(self, files: dict[str, FileSeen], oid: str) -> Iterator[tuple[str, bytes]]:
        for path, file in sorted(files.items()):
            yield path, self._patiently(partial(self._client.read, path, file, at=oid), size=file.size)

    def _patiently(self, work: Callable[[], T], size: int = 0) -> T:
        for failures in range(1, _ATTEMPTS + 1):
            try:
                return bounded(work, limit_s=self._pace.call_limit_s(size))
            except Refused as refused:
                raise UserError(str(refused)) from None
            except HubFault as fault:
                reason = self._redact(str(fault))
                if failures < _ATTEMPTS:
                    sleep(wait_s(fault, failures=failures, pace=self._pace, random=self._random))
        raise UserError(f"the Hub cannot be read ({reason}); try again later")
