"""What has happened so far in a run, as its journal tells? Folds lines into a small index.

Keeps outcomes and places, not texts: memory grows by a few hundred bytes a trial.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from trialbed.core.outcome import SETTLED, Outcome
from trialbed.sinks.journal.file import whole_lines

_HEAD = re.compile(rb'\{"crc":"[0-9a-f]{8}","e":"(\w+)"(?:,"trial":"([0-9a-f]+)")?')
_RECORD = re.compile(rb',"outcome":"(\w+)","revision":(\d+),"variant":"([^"\\]*)"')


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands in the journal, in bytes, its newline left out."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """The newest record of a trial."""

    outcome: Outcome
    revision: int
    variant: str
    place: Place


@dataclass
class JournalState:
    """The index of one journal.

    `open_places` has the answers and verdicts of trials that are not settled: what a resumed trial
    need not ask again. `sink_events` are the seals and receipts in order.
    """

    recorded: dict[str, Recorded] = field(default_factory=dict)
    open_places: dict[str, list[Place]] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    stopped: dict[str, Outcome] = field(default_factory=dict)
    run_starts: list[dict[str, Any]] = field(default_factory=list)
    sink_events: list[dict[str, Any]] = field(default_factory=list)
    failed_attempts: Counter[str] = field(default_factory=Counter)
    answered_calls: int = 0
    lines: int = 0

    def take(self, offset: int, line: bytes) -> None:
        """Fold in one whole line that stands at `offset`."""
        match = _HEAD.match(line)
        if match is None:
            return
        self.lines += 1
        kind = match[1].decode()
        trial = None if match[2] is None else match[2].decode()
        place = Place(offset, len(line))
        if trial is not None:
            self._take_trial(kind, trial, place, line, match.end())
        elif kind == "run_start":
            self.run_starts.append(orjson.loads(line))
        elif kind in ("sealed", "receipt"):
            self.sink_events.append(orjson.loads(line))

    def _take_trial(self, kind: str, trial: str, place: Place, line: bytes, head_end: int) -> None:
        if kind == "record":
            self._take_record(trial, place, line, head_end)
        elif kind in ("answer", "verdict"):
            self.answered_calls += kind == "answer"
            self.open_places.setdefault(trial, []).append(place)
        elif kind == "trial_start":
            self.started.add(trial)
            self.stopped.pop(trial, None)
        elif kind == "trial_stopped":
            self.stopped[trial] = Outcome(orjson.loads(line)["outcome"])
        elif kind == "attempt_failed":
            self.failed_attempts[orjson.loads(line)["error"]] += 1

    def _take_record(self, trial: str, place: Place, line: bytes, head_end: int) -> None:
        match = _RECORD.match(line, head_end)
        if match is None:
            raise ValueError("a record line without outcome, revision and variant")
        outcome = Outcome(match[1].decode())
        self.recorded[trial] = Recorded(outcome, int(match[2]), match[3].decode(), place)
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
