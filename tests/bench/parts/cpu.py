"""(a) What does a call of the whole program cost beside the SDK alone?

The dilemma with its judge, its journal, its backups and a Hub that takes several commits, against a bare aioboto3
loop that sends the very bodies our run has sent.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.bench import SHORT_LATENCY_S, Bench, PerCall, per_call
from tests.bench.farside import FarSide, far_side
from tests.bench.loop import bare_loop
from tests.bench.ours import DILEMMA_CALLS, dilemma_project, hub_variables, whole_run
from tests.bench.processes import Spent
from tests.bench.report import Ratio, Report

CONCURRENCY = 50
COMMIT_EVERY_S = 1.0
ASYNCIO, UVLOOP = "bare aioboto3 loop", "bare aioboto3 loop on uvloop"


@dataclass(frozen=True)
class _Sides:
    ours: PerCall
    bare: PerCall
    bare_uvloop: PerCall


def measure(bench: Bench) -> Report:
    root = bench.root / "cpu"
    with (
        far_side(root / "far", latency_s=SHORT_LATENCY_S, keep_bodies=True) as far,
        hub_variables(root, commit_every_s=COMMIT_EVERY_S, log=root / "hub.jsonl") as hub,
    ):
        pairs = [_pair(bench, root, far, hub, number) for number in range(bench.sizes.pairs)]
        commits = commits_in(root / "hub.jsonl") / len(pairs)
    return _report(pairs, bench.sizes.cpu_trials, commits)


def _pair(bench: Bench, root: Path, far: FarSide, hub: dict[str, str], number: int) -> _Sides:
    calls = bench.sizes.cpu_trials * DILEMMA_CALLS
    bodies = root / f"bodies-{number}.json"

    def ours(asked: int) -> Spent:
        trials = max(asked // DILEMMA_CALLS, 5)
        project = dilemma_project(root, far, trials=trials, concurrency=CONCURRENCY, hub=hub)
        spent = whole_run(project, *(["--limit", "1"] if asked == DILEMMA_CALLS else []))
        if asked == calls:
            bodies.write_text(json.dumps(far.bodies()))
        return spent

    def bare(asked: int, *options: str) -> Spent:
        return bare_loop(root / "bare", far, asked, CONCURRENCY, bodies, *options)

    sides = _Sides(
        per_call(far, ours, calls=calls, fewest=DILEMMA_CALLS),
        per_call(far, bare, calls=calls),
        per_call(far, lambda asked: bare(asked, "--uvloop"), calls=calls),
    )
    bench.say(f"CPU ms per call: {sides.ours.cpu_ms:.3f}, bare {sides.bare.cpu_ms:.3f}")
    return sides


def commits_in(log: Path) -> int:
    """How many commits the Hub has been sent, those of the one-trial runs included."""
    return sum(1 for line in log.read_text().splitlines() if "/commit/" in json.loads(line)["path"])


def _report(pairs: list[_Sides], trials: int, commits: float) -> Report:
    names = {"trialbed, whole program": "ours", ASYNCIO: "bare", UVLOOP: "bare_uvloop"}
    rows = []
    for name, side in names.items():
        found = [getattr(pair, side) for pair in pairs]
        cpu_ms, memory_mb = median(one.cpu_ms for one in found), median(one.memory_mb for one in found)
        rows.append((name, f"{cpu_ms:.3f}", f"{1e3 / cpu_ms:.0f}", f"{memory_mb:.0f}"))
    return Report(
        title=f"(a) CPU per call: {trials} judged dilemma trials, {trials * DILEMMA_CALLS} calls, "
        f"{CONCURRENCY} in flight, a Hub commit every {COMMIT_EVERY_S:.0f} s",
        header=("", "CPU ms per call", "calls per CPU second", "peak MB"),
        rows=rows,
        ratios=[
            Ratio(f"(a) CPU per call ÷ {ASYNCIO}", median(p.ours.cpu_ms / p.bare.cpu_ms for p in pairs), 1.0),
            Ratio(f"(a) CPU per call ÷ {UVLOOP}", median(p.ours.cpu_ms / p.bare_uvloop.cpu_ms for p in pairs)),
        ],
        remarks=[
            f"Start-up taken out by a run of one trial or call; median of {len(pairs)} interleaved pairs. The Hub took "
            f"{commits:.0f} commits for each pair of our runs. The loop sends the bodies our run has sent."
        ],
    )
