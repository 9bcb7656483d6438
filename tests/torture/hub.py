"""Is every row on the Hub once, readable, at every commit, whatever happens? The long version.

    python -m tests.torture.hub --seeds 30 --first-seed 1

Even seeds push a run through the fault mix of the promise and have a limit on bytes; odd ones also judge
again, falter on reads and uploads, and are killed -9 on the way. Every fifth uses the append layout. Exit 1 on any
violation.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from tests.standins.hub import Commit, Faults, HubStandIn
from tests.torture.hub_material import FAST, REPO, RUN, open_journal, target
from trialbed.sinks.hub.verify import verify

MIX = Faults(
    error_before=0.10,
    error_after=0.10,
    cut_before=0.05,
    cut_after=0.15,
    conflict=0.05,
    hang_before=0.01,
    hang_after=0.01,
    throttle_every=9,
    rival_every=4,
)
MOST_BYTES = 2.5
_READ_BACK = """
import json, sys
from datasets import load_dataset
for oid in sys.argv[2:]:
    rows = load_dataset(sys.argv[1], revision=oid, split="train")
    ids = [row for row in rows["trial_id"] if row is not None]
    print(json.dumps([oid, len(rows), len(set(ids))]), flush=True)
"""


@dataclass(frozen=True)
class Case:
    """One seed's run."""

    seed: int
    layout: str
    again: float
    kills: int
    faults: Faults
    force_lfs: bool

    @classmethod
    def of(cls, seed: int) -> "Case":
        layout = "append" if seed % 5 == 4 else "shards"
        if seed % 2 == 0:
            return cls(seed, layout, 0.0, 0, MIX, False)
        rougher = replace(
            MIX,
            read_error=0.05,
            read_cut=0.03,
            upload_error=0.05,
            rival="append" if layout == "append" else "file",
        )
        return cls(seed, layout, 0.15, Random(seed).randrange(1, 5), rougher, seed % 3 == 0)


def torture(case: Case, folder: Path, rows: int) -> list[str]:
    """Push a run to its end; returns what was wrong, and prints a line about the rest."""
    started = time.monotonic()
    with HubStandIn(case.faults, seed=case.seed, force_lfs=case.force_lfs) as hub:
        problems = push_to_the_end(case, hub, folder, rows)
        hub.faults = Faults()
        commits = hub.repo(REPO).commits
        problems += violations(commits, case.layout)
        journal_bytes, report = asyncio.run(compare(hub, folder, case.layout, rows))
        if not report["ok"] or report["pending"]:
            problems.append(f"verify: {report}")
        problems += unloadable(hub, folder, commits, Random(case.seed))
        ratio = hub.bytes_received / journal_bytes
        if case.layout == "shards" and not case.kills and ratio > MOST_BYTES:
            problems.append(f"{ratio:.2f} times the payload was sent")
        print(
            f"seed {case.seed}: {case.layout}{' lfs' if case.force_lfs else ''}, {case.kills} kills, "
            f"{len(commits)} commits, {sum(hub.fault_counts.values())} faults, bytes x{ratio:.2f}, "
            f"{time.monotonic() - started:.0f} s: {'; '.join(problems) or 'exact'}",
            flush=True,
        )
    return problems


def push_to_the_end(case: Case, hub: HubStandIn, folder: Path, rows: int) -> list[str]:
    """Run the pushing process, killing it `case.kills` times."""
    random = Random(case.seed)
    command = [sys.executable, "-m", "tests.torture.hub_push", str(folder), "--rows", str(rows), "--size", "3000"]
    command += ["--layout", case.layout, "--again", str(case.again), "--seed", str(case.seed), "--rate", "120"]
    environment = {**os.environ, **hub.client_environment(folder / "home")}
    for number in range(case.kills + 1):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            limit_s = random.uniform(0.8, 3.0) if number < case.kills else 120.0
            said, errors = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            continue
        if process.returncode != 0:
            return [f"the push ended with {process.returncode}: {said}{errors}"]
        if number == case.kills:
            return []
    return ["the push did not end"]


def violations(commits: tuple[Commit, ...], layout: str) -> list[str]:
    """What is wrong at any commit: unreadable lines, doubled trials, trials that were there and are gone."""
    problems: list[str] = []
    before: dict[str, int] = {}
    for commit in commits:
        rows, unreadable = rows_at(commit, layout)
        counts = Counter(row["trial_id"] for row in rows)
        doubled = [trial for trial, count in counts.items() if count > 1]
        now = {row["trial_id"]: row["revision"] for row in rows}
        lost = [trial for trial, revision in before.items() if now.get(trial, -1) < revision]
        if unreadable or doubled or lost:
            problems.append(f"{commit.oid[:8]}: {unreadable} unreadable, {len(doubled)} doubled, {len(lost)} lost")
        before = now
    return problems


def rows_at(commit: Commit, layout: str) -> tuple[list[dict[str, Any]], int]:
    """The rows of our run at a commit, and how many lines could not be read."""
    rows: list[dict[str, Any]] = []
    unreadable = 0
    for path, file in commit.tree.items():
        if not (path == "game_logs.jsonl" if layout == "append" else path.startswith("data/")):
            continue
        for line in file.content.split(b"\n")[:-1]:
            try:
                row = json.loads(line)
            except ValueError:
                unreadable += 1
                continue
            if row.get("run") == RUN:
                rows.append(row)
    return rows, unreadable


async def compare(hub: HubStandIn, folder: Path, layout: str, rows: int) -> tuple[int, dict[str, Any]]:
    """The bytes of the newest records, and what `verify` says."""
    async with open_journal(folder) as journal:
        goal = target(hub.endpoint, hub.token, layout=layout)
        size = sum(len(journal.record_line(trial)) + 1 for trial, _ in journal.revisions())
        report = await asyncio.to_thread(verify, goal, RUN, rows, journal, pace=FAST)
    return size, report.as_dict()


def unloadable(hub: HubStandIn, folder: Path, commits: tuple[Commit, ...], random: Random) -> list[str]:
    """Whether `load_dataset` works at the last commit and at some others that have rows."""
    with_rows = [commit for commit in commits if any(path.endswith(".jsonl") for path in commit.tree)]
    some = [*random.sample(with_rows[:-1], min(2, len(with_rows) - 1)), with_rows[-1]]
    environment = {**os.environ, **hub.client_environment(folder / "reader")}
    command = [sys.executable, "-c", _READ_BACK, REPO, *(commit.oid for commit in some)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    answers = {oid: (count, ids) for oid, count, ids in map(json.loads, done.stdout.splitlines())}
    problems = []
    for commit in some:
        lines = sum(file.content.count(b"\n") for path, file in commit.tree.items() if path.endswith(".jsonl"))
        if answers.get(commit.oid) != (lines, lines):
            problems.append(
                f"load_dataset at {commit.oid[:8]}: {answers.get(commit.oid)} of {lines}: {done.stderr[-500:]}"
            )
    return problems


def main() -> int:
    """Torture every seed; 1 when any of them found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.hub", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=300)
    options = parser.parse_args()
    bad = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            if torture(Case.of(seed), Path(folder), options.rows):
                bad.append(seed)
    print(f"{options.seeds - len(bad)} of {options.seeds} seeds exact" + (f"; look at {bad}" if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
