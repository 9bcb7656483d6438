"""Where do a report's rows come from? One run on disk, or the rows of one run in a dataset.

Reads; decides nothing. A journal that is being written is read as far as it has come.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from trialbed.analysis.findings import RunInfo
from trialbed.analysis.hours import Sittings
from trialbed.analysis.population import Planned
from trialbed.analysis.rows import Row, block_name, row_of, served_by
from trialbed.analysis.subjects import names_of
from trialbed.core.canonical import digest
from trialbed.core.errors import UserError
from trialbed.core.plan import Plan
from trialbed.core.stored_plan import plan_of
from trialbed.sinks.journal.events import HEAD, name_of
from trialbed.sinks.journal.file import whole_lines

_KEPT = frozenset({b"run_start", b"run_stop", b"deviation", b"judging_start", b"judging_stop", b"probe"})


@dataclass(frozen=True)
class Source:
    """One run's share of a report.

    Args:
        rows: the newest record of each trial, by trial id; only trials that were planned.
        planned: by trial id; None if the rows come without a plan.
        strangers: records whose trial is in no plan.
        read_record: the whole record of a trial.
        choices: the `analysis` of plan.json, if it has one.
    """

    info: RunInfo
    rows: Mapping[str, Row]
    planned: Mapping[str, Planned] | None
    variants: tuple[str, ...]
    subjects: tuple[str, ...]
    read_record: Callable[[str], dict[str, Any]]
    strangers: int = 0
    baseline: str | None = None
    choices: Mapping[str, Any] | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    probes: tuple[Mapping[str, Any], ...] = ()
    hours: float = 0.0


def source_of_run(folder: Path, document: Mapping[str, Any], *, until_line: int | None = None) -> Source:
    """A run's folder; `document` is its plan.json. Of a journal of n lines, the first `until_line`.

    Raises:
        UserError: the plan cannot be read, or is not the one its hash names.
    """
    plan = _plan(folder, document)
    read = _read(folder / "journal.jsonl", until_line)
    names = names_of(map(str, plan.subjects))
    planned = {
        trial.trial_id: Planned(
            (folder.name, trial.trial_id),
            block_name(folder.name, trial.block_id),
            trial.variant.id,
            names[str(trial.subject)],
        )
        for trial in plan.trials()
    }
    rows: dict[str, Row] = {}
    sittings = Sittings(read.starts)
    for trial_id, place in read.places.items():
        try:
            record = read.record_at(place)
            sittings.add(record["started_at"], record["timestamp"])
            if trial_id in planned:
                rows[trial_id] = row_of(record, folder.name, names)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{folder.name}: the record of trial {trial_id} cannot be read ({type(error).__name__}: {error}); "
                "restore journal.jsonl"
            ) from None
    return Source(
        info=_info(folder.name, document, plan, read, rows),
        rows=rows,
        planned=planned,
        variants=tuple(variant.id for variant in plan.variants),
        subjects=tuple(names.values()),
        read_record=lambda trial_id: read.record_at(read.places[trial_id]),
        strangers=len(read.places) - len(rows),
        baseline=plan.baseline,
        choices=document.get("analysis"),
        words={variant.id: digest(variant.content()) for variant in plan.variants},
        probes=tuple(event for event in read.events if event["e"] == "probe"),
        hours=sittings.hours,
    )


def sources_of_rows(records: Iterable[Mapping[str, Any]]) -> list[Source]:
    """Rows of a dataset, one source for each run that they are of; of a trial the newest revision counts."""
    newest: dict[str, dict[str, Mapping[str, Any]]] = {}
    for record in records:
        own = newest.setdefault(record["run"], {})
        before = own.get(record["trial_id"])
        if before is None or record["revision"] >= before["revision"]:
            own[record["trial_id"]] = record
    return [_of_rows(run, own) for run, own in sorted(newest.items())]


def _of_rows(run: str, records: Mapping[str, Mapping[str, Any]]) -> Source:
    names = names_of(map(served_by, records.values()))
    rows = {trial_id: row_of(record, run, names) for trial_id, record in records.items()}
    first = next(iter(records.values()))
    sittings = Sittings([])
    for row in rows.values():
        sittings.add(row.started_at, row.timestamp)
    deviations = {str(one): one for record in records.values() for one in record.get("deviations") or []}
    info = RunInfo(
        name=run,
        experiment=first["experiment"],
        version=first["experiment_version"],
        plan_hash=first["plan_hash"],
        planned=None,
        plan=None,
        began_at=min(row.started_at for row in rows.values()),
        ended_at=max(row.timestamp for row in rows.values()),
        is_rehearsal=any(record["provider"] == "rehearsal" for record in records.values()),
        is_complete=False,
        deviations=tuple(deviations.values()),
        provenance=first["provenance"],
    )
    return Source(
        info=info,
        rows=rows,
        planned=None,
        variants=tuple(sorted({row.variant for row in rows.values()})),
        subjects=tuple(sorted({row.subject for row in rows.values()})),
        read_record=lambda trial_id: dict(records[trial_id]),
        hours=sittings.hours,
    )


def _plan(folder: Path, document: Mapping[str, Any]) -> Plan:
    try:
        plan = plan_of(document["plan"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder.name}/plan.json: not a plan ({type(error).__name__}); restore the file") from None
    if plan.plan_hash != document["plan_hash"]:
        raise UserError(f"{folder.name}/plan.json: its content does not have its plan_hash; restore the file")
    return plan


@dataclass
class _Read:
    """What a journal holds. `places` are (offset, length) of the newest record of each trial."""

    path: Path
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    lines: int = 0
    head: str | None = None

    @property
    def starts(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["e"] == "run_start"]

    def record_at(self, place: tuple[int, int]) -> dict[str, Any]:
        with self.path.open("rb") as file:
            file.seek(place[0])
            record: dict[str, Any] = orjson.loads(file.read(place[1]))["record"]
        return record


def _read(path: Path, until_line: int | None) -> _Read:
    read, last = _Read(path), b""
    for offset, line in _first(path, until_line):
        last = line
        read.lines += 1
        kind = HEAD.match(line)
        if kind is None:
            continue
        if kind[1] == b"record" and kind[2] is not None:
            read.places[kind[2].decode()] = (offset, len(line))
        elif kind[1] in _KEPT:
            read.events.append(orjson.loads(line))
    read.head = name_of(last) if last else None
    return read


def _first(path: Path, until_line: int | None) -> Iterator[tuple[int, bytes]]:
    if path.exists():
        for number, found in enumerate(whole_lines(path)):
            if until_line is not None and number >= until_line:
                return
            yield found


def _info(name: str, document: Mapping[str, Any], plan: Plan, read: _Read, rows: Mapping[str, Row]) -> RunInfo:
    starts = read.starts
    locks = [start.get("lock") for start in starts]
    return RunInfo(
        name=name,
        experiment=plan.experiment,
        version=plan.version,
        plan_hash=document["plan_hash"],
        planned=plan.size,
        plan=document["plan"],
        began_at=starts[0].get("at") if starts else None,
        ended_at=max((row.timestamp for row in rows.values()), default=None),
        is_rehearsal=any(subject.provider == "rehearsal" for subject in (*plan.subjects, *plan.judges)),
        is_complete=len(rows) == plan.size,
        # A plan that was locked, or locked anew, after a first sitting was not locked before the first call.
        lock=locks[0] if locks and all(locks) and len({one["hash"] for one in locks if one}) == 1 else None,
        deviations=tuple(
            {key: event.get(key) for key in ("what", "locked", "actual", "why", "at")}
            for event in read.events
            if event["e"] == "deviation"
        ),
        provenance=starts[-1].get("provenance", {}) if starts else {},
        journal_lines=read.lines,
        journal_head=read.head,
        judgings=tuple(event for event in read.events if event["e"] == "judging_start"),
    )
