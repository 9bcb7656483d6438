"""Kill -9 a run again and again until it finishes, and hold what is on disk against what the stand-in saw.

Kill moments come from a seed. The stand-in's account and copies of the journal, taken when a process has just
been killed, are the witnesses; nothing the program says about itself is believed.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.support.bedrock import Bedrock, Request
from tests.support.journal import events_in, records_by_trial, subject_answers, whole_prefix
from tests.support.project import Ended, Project, Sitting, running, summary_block

EARLY_SHARE = 0.2
"""Of the kills, those that come at a moment of the start-up rather than of the work."""
LATEST_START_S = 1.2
LATEST_PAUSE_S = 0.02
LONGEST_SITTING_S = 180.0


@dataclass(frozen=True)
class Kill:
    """One kill -9: when (UTC, as the stand-in writes time), and what was on disk right afterwards."""

    at: str
    journal: bytes
    backups: frozenset[str]


@dataclass
class Killed:
    """A run that was killed until it finished."""

    kills: list[Kill] = field(default_factory=list)
    end: Ended | None = None


@dataclass(frozen=True)
class Reference:
    """The same plan, never interrupted."""

    summary: list[str]
    records: Mapping[str, dict[str, Any]]
    journal_bytes: int


def reference_run(project: Project, variables: Mapping[str, str]) -> Reference:
    """Run the plan in one go."""
    ended = project.run(timeout_s=LONGEST_SITTING_S, **variables)
    assert ended.code == 0, ended.stderr
    run = project.the_run()
    return Reference(summary_block(ended.stdout), run.records(), run.journal.stat().st_size)


def killed_run(
    project: Project,
    variables: Mapping[str, str],
    *,
    seed: int,
    most_kills: int,
    journal_bytes: int,
    tear: float = 0.0,
) -> Killed:
    """Start, kill, start again with the same command … and let it finish after `most_kills`.

    `journal_bytes` is about how long the journal will be: kills are spread over its growth. `tear` is the share of
    kills after which the journal also gets a torn tail, as if the machine had gone down while it was written.
    """
    random = Random(seed)
    killed = Killed()
    while killed.end is None:
        with running(project.start(**variables)) as sitting:
            if len(killed.kills) < most_kills:
                _wait_for_moment(project, sitting, random, journal_bytes * 1.5 / (most_kills + 1))
            if len(killed.kills) == most_kills or sitting.is_over:
                killed.end = sitting.wait(LONGEST_SITTING_S)
            else:
                sitting.kill()
                if random.random() < tear:
                    _tear(project, random)
                killed.kills.append(_seen_now(project))
    return killed


def _wait_for_moment(project: Project, sitting: Sitting, random: Random, stretch: float) -> None:
    """A moment of the start-up, or one some way on in the journal; earlier if the run ends before."""
    if random.random() < EARLY_SHARE:
        _sleep_or_end(sitting, random.uniform(0.0, LATEST_START_S))
        return
    wanted = _journal_size(project) + random.uniform(0.0, stretch)
    deadline = time.monotonic() + LONGEST_SITTING_S
    while _journal_size(project) < wanted and not sitting.is_over and time.monotonic() < deadline:
        time.sleep(0.002)
    _sleep_or_end(sitting, random.uniform(0.0, LATEST_PAUSE_S))


def _sleep_or_end(sitting: Sitting, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not sitting.is_over:
        time.sleep(0.001)


def _journal_size(project: Project) -> int:
    return sum(path.stat().st_size for path in project.root.glob("local_backups/*/*/journal.jsonl"))


def _tear(project: Project, random: Random) -> None:
    """Half a line, or bytes that never were one, behind the journal's end."""
    journal = project.journal_bytes()
    if journal:
        half = journal.splitlines(keepends=True)[-1][: random.randrange(1, 200)]
        with project.the_run().journal.open("ab") as file:
            file.write(random.choice([half, random.randbytes(random.randrange(1, 200))]))


def _seen_now(project: Project) -> Kill:
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return Kill(at, project.journal_bytes(), frozenset(_backup_names(project)))


def _backup_names(project: Project) -> list[str]:
    return [path.name for path in project.root.glob("local_backups/*/run_*.json")]


def violations(
    project: Project, killed: Killed, bedrock: Bedrock, reference: Reference, *, max_concurrency: int
) -> list[str]:
    """Every broken promise, one line each; empty = all were kept."""
    assert killed.end is not None
    if killed.end.code != 0:
        return [f"the last sitting ended with {killed.end.code}: {killed.end.stderr[-500:]}"]
    final = project.the_run().journal.read_bytes()
    requests = bedrock.requests()
    return [
        *_summary_differs(killed.end, reference),
        *_records_differ(final, reference),
        *_backups_differ(project, final),
        *(problem for kill in killed.kills for problem in _lost_since(kill, final, requests)),
        *(
            f"{count} answered calls were sent again after the kill at {at}"
            for at, count in resent_after_kills(killed, requests).items()
            if count > max_concurrency
        ),
    ]


def _summary_differs(end: Ended, reference: Reference) -> list[str]:
    """Retries made before a kill are in the journal only, so that line may differ; nothing else may."""
    ours, theirs = (
        [line for line in lines if not line.startswith(("Runs with a repeated call", "Repeated calls in"))]
        for lines in (summary_block(end.stdout), reference.summary)
    )
    return [] if ours == theirs else [f"the summary differs from an uninterrupted run's: {ours} {theirs}"]


def _records_differ(final: bytes, reference: Reference) -> list[str]:
    problems = []
    records = records_by_trial(events_in(final))
    if records.keys() != reference.records.keys():
        problems.append(f"{len(records)} trials have a record, {len(reference.records)} were planned")
    for trial, rows in records.items():
        if len(rows) != 1:
            problems.append(f"{trial}: recorded {len(rows)} times")
        if _content(rows[-1]) != _content(reference.records.get(trial, {})):
            problems.append(f"{trial}: the record differs from an uninterrupted run's")
    run_ids = Counter(row["run_id"] for rows in records.values() for row in rows[-1:])
    problems += [f"{run_id}: {count} trials have it" for run_id, count in run_ids.items() if count > 1]
    return problems


def _content(record: Mapping[str, Any]) -> list[Any]:
    return [
        record.get(name) for name in ("trial_id", "outcome", "conversation_log", "evaluation", "usage", "stop_reason")
    ]


def _backups_differ(project: Project, final: bytes) -> list[str]:
    wanted = {f"{rows[-1]['run_id']}.json": rows[-1] for rows in records_by_trial(events_in(final)).values()}
    there = project.the_run().backups()
    problems = [f"{name}: no backup file" for name in wanted.keys() - there.keys()]
    problems += [f"{name}: a backup file of no record" for name in set(_backup_names(project)) - wanted.keys()]
    problems += [f"{name}: differs from its record" for name in wanted.keys() & there if wanted[name] != there[name]]
    return problems


def _lost_since(kill: Kill, final: bytes, requests: list[Request]) -> list[str]:
    """What was on disk must still be there, and all that anything was built on must have been on disk."""
    kept = whole_prefix(kill.journal)
    if not final.startswith(kept):
        return [f"the journal of {kill.at} is not the beginning of the final one"]
    events = events_in(kept)
    problems = []
    answers = subject_answers(events)
    for request in requests:
        if request.received_at < kill.at and not request.is_judge:
            said = request.earlier_replies
            if answers.get(request.trial or "", [])[: len(said)] != said:
                problems.append(f"{request.trial}: turn {len(said) + 1} was sent before turn {len(said)} was on disk")
    recorded = {f"{rows[-1]['run_id']}.json" for rows in records_by_trial(events).values()}
    problems += [f"{name}: a backup before its record was on disk" for name in kill.backups - recorded]
    return problems


def resent_after_kills(killed: Killed, requests: list[Request]) -> dict[str, int]:
    """For each kill, how many calls that had been answered before it were made again after it."""
    counts = {}
    moments = [kill.at for kill in killed.kills]
    for at, following in zip(moments, [*moments[1:], "9999"], strict=True):
        before = {request.key for request in requests if request.received_at < at and request.was_answered}
        after = {request.key for request in requests if at <= request.received_at < following}
        counts[at] = len(before & after)
    return counts
