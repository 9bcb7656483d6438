"""What has happened so far in a run, as its journal tells? Folds lines into a small index.

Keeps outcomes and places, not texts: memory grows by a few hundred bytes a trial.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from trialbed.core.difference import DEVIATION
from trialbed.core.outcome import SETTLED, Outcome
from trialbed.sinks.journal.events import HEAD
from trialbed.sinks.journal.file import whole_lines

_NUMBER = rb"-?[0-9][0-9.eE+-]*"
_REQUEST = re.compile(rb',"request":"([^"\\]*)"')
_COST = re.compile(rb',"cost_usd":(null|%s)(?:,"presumed_cost_usd":(%s))?' % (_NUMBER, _NUMBER))
_MOST = re.compile(rb',"most_usd":(%s)' % _NUMBER)
_RECORD = re.compile(rb',"outcome":"(\w+)","revision":(\d+),"variant":"([^"\\]*)"')


class Place(NamedTuple):
    """Where a line stands in the journal, in bytes, its newline left out. A tuple: a run makes very many."""

    offset: int
    length: int


class Recorded(NamedTuple):
    """The newest record of a trial."""

    outcome: Outcome
    revision: int
    variant: str
    place: Place


@dataclass
class Costs:
    """What the calls in a journal have cost, in US dollars.

    `presumed_usd` are upper bounds of attempts that were probably paid; `unknown` counts answers whose
    cost is not known. `unheard` has, under a spending limit, the upper bounds of attempts of which the
    journal does not say how they ended, by trial and request: they are in flight, or were when a run was cut.
    """

    spent_usd: float = 0.0
    presumed_usd: float = 0.0
    unknown: int = 0
    unheard: dict[tuple[str, bytes], float] = field(default_factory=dict)

    @property
    def unheard_usd(self) -> float:
        return sum(self.unheard.values())

    def add(self, known_usd: float | None, presumed_usd: float = 0.0) -> None:
        self.unknown += known_usd is None
        self.spent_usd += known_usd or 0.0
        self.presumed_usd += presumed_usd

    def sent(self, trial: str, line: bytes, head_end: int) -> None:
        """An attempt at a call begins; an earlier one at the same that nothing was heard of was perhaps paid."""
        request = _REQUEST.match(line, head_end)
        most = None if request is None else _MOST.match(line, request.end())
        if request is not None and most is not None:
            key = (trial, request[1])
            self.presumed_usd += self.unheard.get(key, 0.0)
            self.unheard[key] = float(most[1])

    def failed(self, trial: str, line: bytes, head_end: int, presumed_usd: float) -> None:
        self._heard(trial, line, head_end)
        self.presumed_usd += presumed_usd

    def answered(self, trial: str, line: bytes, head_end: int) -> None:
        """Only the head is read: an answer may be long. Lines of older versions do not say what they cost."""
        at = self._heard(trial, line, head_end)
        cost = _COST.match(line, at)
        presumed = 0.0 if cost is None or cost[2] is None else float(cost[2])
        self.add(None if cost is None or cost[1] == b"null" else float(cost[1]), presumed)

    def _heard(self, trial: str, line: bytes, head_end: int) -> int:
        request = _REQUEST.match(line, head_end)
        if request is None:
            return head_end
        if self.unheard:
            self.unheard.pop((trial, request[1]), None)
        return request.end()


@dataclass
class JournalState:
    """The index of one journal.

    `open_places` has the answers and verdicts of trials that are not settled: what a resumed trial
    need not ask again. `sink_events` are the seals and receipts in order. `budget` is the newest event of a
    spending limit that left no room for a call. `judgings` are the beginnings and ends of `trialbed judge` in order,
    `judging_failed` has where a trial's judging last failed, in bytes.
    `deviations` are those from a locked plan, as records carry them.
    """

    recorded: dict[str, Recorded] = field(default_factory=dict)
    open_places: dict[str, list[Place]] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    stopped: dict[str, Outcome] = field(default_factory=dict)
    run_starts: list[dict[str, Any]] = field(default_factory=list)
    sink_events: list[dict[str, Any]] = field(default_factory=list)
    failed_attempts: Counter[str] = field(default_factory=Counter)
    answered_calls: int = 0
    costs: Costs = field(default_factory=Costs)
    budget: dict[str, Any] | None = None
    paces: dict[str, dict[str, Any]] = field(default_factory=dict)
    judgings: list[dict[str, Any]] = field(default_factory=list)
    judging_failed: dict[str, int] = field(default_factory=dict)
    deviations: list[dict[str, Any]] = field(default_factory=list)
    lines: int = 0

    def take(self, offset: int, line: bytes) -> None:
        """Fold in one whole line that stands at `offset`."""
        match = HEAD.match(line)
        if match is None:
            return
        self.lines += 1
        kind = match[1].decode()
        trial = None if match[2] is None else match[2].decode()
        if trial is not None:
            self._take_trial(kind, trial, offset, line, match.end())
        elif kind == "run_start":
            self.run_starts.append(orjson.loads(line))
        elif kind in ("sealed", "receipt"):
            self.sink_events.append(orjson.loads(line))
        elif kind in ("judging_start", "judging_stop"):
            self.judgings.append(orjson.loads(line))
        elif kind == "preflight":
            self.costs.add(orjson.loads(line)["cost_usd"])
        elif kind == "budget":
            self.budget = orjson.loads(line)
        elif kind == "deviation":
            event = orjson.loads(line)
            self.deviations.append({name: event[name] for name in DEVIATION})
        elif kind == "governor":
            pace = orjson.loads(line)
            self.paces[pace["model"]] = pace

    def _take_trial(self, kind: str, trial: str, offset: int, line: bytes, head_end: int) -> None:
        if kind == "record":
            self._take_record(trial, Place(offset, len(line)), line, head_end)
        elif kind in ("answer", "verdict"):
            if kind == "answer":
                self.answered_calls += 1
                self.costs.answered(trial, line, head_end)
            self.open_places.setdefault(trial, []).append(Place(offset, len(line)))
        elif kind == "attempt":
            self._begin(trial)
            self.costs.sent(trial, line, head_end)
        elif kind == "trial_start":  # of earlier versions
            self._begin(trial)
        elif kind == "trial_stopped":
            self.stopped[trial] = Outcome(orjson.loads(line)["outcome"])
        elif kind == "judging_failed":
            self.started.discard(trial)
            self.judging_failed[trial] = offset
        elif kind == "probe":  # no trial of the plan; nothing of it is taken up again
            self.started.discard(trial)
            self.open_places.pop(trial, None)
        elif kind == "attempt_failed":
            failure = orjson.loads(line)
            self.failed_attempts[failure["error"]] += 1
            self.costs.failed(trial, line, head_end, failure.get("presumed_cost_usd") or 0.0)

    def _begin(self, trial: str) -> None:
        self.started.add(trial)
        self.stopped.pop(trial, None)

    def _take_record(self, trial: str, place: Place, line: bytes, head_end: int) -> None:
        match = _RECORD.match(line, head_end)
        if match is None:
            raise ValueError("a record line without outcome, revision and variant")
        outcome = Outcome(match[1].decode())
        # One text for all records of a variant: there are few of them, and very many records.
        self.recorded[trial] = Recorded(outcome, int(match[2]), sys.intern(match[3].decode()), place)
        self.stopped.pop(trial, None)
        self.started.discard(trial)
        if outcome in SETTLED:
            self.open_places.pop(trial, None)

    def is_settled(self, trial: str) -> bool:
        recorded = self.recorded.get(trial)
        return recorded is not None and recorded.outcome in SETTLED

    def outcomes(self, planned: int) -> dict[str, int]:
        """How many trials are in each outcome; they add up to `planned`."""
        counts: Counter[Outcome] = Counter(recorded.outcome for recorded in self.recorded.values())
        counts.update(outcome for trial, outcome in self.stopped.items() if trial not in self.recorded)
        counts[Outcome.PENDING] += max(0, planned - sum(counts.values()))
        return {outcome.value: counts[outcome] for outcome in Outcome}


def read_state(path: Path) -> JournalState:
    """The state of a journal that may be in use; a line being written is passed over."""
    state = JournalState()
    for offset, line in whole_lines(path):
        state.take(offset, line)
    return state


def read_records(path: Path, state: JournalState) -> Iterator[dict[str, Any]]:
    """The newest record of every trial that has one, in the order they were written."""
    with path.open("rb") as file:
        for recorded in sorted(state.recorded.values(), key=lambda item: item.place.offset):
            file.seek(recorded.place.offset)
            record: dict[str, Any] = orjson.loads(file.read(recorded.place.length))["record"]
            yield record
