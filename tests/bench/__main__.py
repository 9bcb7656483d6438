"""Measure on this machine: `python -m tests.bench [--trials 20000]`. Asserts nothing on time."""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

from tests.bench.experiments import ONE_CALL_FILES
from tests.bench.processes import Spent, finished
from tests.support.bedrock import SUBJECT, Bedrock, bedrock_process, requests_in
from tests.support.measure import most_memory_mb, seconds_until
from tests.support.project import Project, Sitting, make_project, running

HELP_TIMES = 7
CPU_CALLS = 3_000
CONCURRENCY = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--trials", type=int, default=20_000, help="size of the large plans")
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory(prefix="trialbed-bench-") as name:
        root = Path(name)
        bench_help(root)
        bench_first_call(root / "first", trials)
        bench_whole_run(root / "whole", trials)
        bench_cpu(root / "cpu")


def show(what: str, figure: str) -> None:
    print(f"{what:<58} {figure}", flush=True)


def bench_help(root: Path) -> None:
    took = []
    for _ in range(HELP_TIMES):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "trialbed", "--help"], cwd=root, capture_output=True, check=True)
        took.append(time.perf_counter() - began)
    show("trialbed --help, median", f"{median(took) * 1000:.0f} ms")


def bench_first_call(root: Path, trials: int) -> None:
    """The dilemma as it is, against a stand-in in another process."""
    project = make_project(root, BATCH_MODE="true", BATCH_SIZE=str(trials // 5), GRACE_S="1")
    with bedrock_process({"latency_s": 0.02}, log=root / "log.jsonl") as bedrock:
        project.environment.update(bedrock.environment())
        with running(project.start()) as sitting:
            called = partial(_is_called, bedrock, sitting)
            took_s = seconds_until(called, "the first call", 60.0)
            time.sleep(5.0)
            memory_mb = most_memory_mb(sitting.process.pid)
            sitting.send(signal.SIGINT)
            sitting.wait()
    show(f"{trials}-trial dilemma: from the command to the first call", f"{took_s:.2f} s")
    show(f"{trials}-trial dilemma: peak memory after 5 s", f"{memory_mb:.0f} MB")


def _is_called(bedrock: Bedrock, sitting: Sitting) -> bool:
    assert not sitting.is_over, sitting.stderr
    return any(request.trial for request in requests_in(bedrock.log))


def bench_whole_run(root: Path, trials: int) -> None:
    """One call a trial, rehearsed: everything but the waiting."""
    project = make_project(
        root, experiments=ONE_CALL_FILES, EXPERIMENT="one_call", BATCH_MODE="true", BATCH_SIZE=str(trials // 2)
    )
    project.environment["MAX_CONCURRENCY"] = "100"
    first, again = (_timed(project) for _ in range(2))
    status = finished([sys.executable, "-m", "trialbed", "status", "--json"], project)
    show(f"{trials}-trial one-call rehearsal, server and backups included", f"{first.wall_s:.1f} s")
    show("  trials per second", f"{trials / first.wall_s:.0f}")
    show("  CPU per trial, server and backups included", f"{first.cpu_s / trials * 1e3:.2f} ms")
    show("  peak memory", f"{first.memory_mb:.0f} MB")
    journal = project.the_run().journal.stat().st_size
    show("  journal", f"{journal / 1e6:.0f} MB, {journal / trials:.0f} bytes per trial")
    show("the same command again, when all is done", f"{again.wall_s:.2f} s, {again.memory_mb:.0f} MB")
    show("status --json of it", f"{status.wall_s:.2f} s")


def _timed(project: Project, *arguments: str) -> Spent:
    spent = finished([sys.executable, "run_and_evaluate.py", *arguments], project)
    assert spent.code == 0, spent.stderr
    return spent


def bench_cpu(root: Path) -> None:
    """What a call costs us beside what the SDK costs: both against the same server in another process."""
    project = make_project(
        root, experiments=ONE_CALL_FILES, EXPERIMENT="one_call", BATCH_MODE="true", BATCH_SIZE=str(CPU_CALLS // 2)
    )
    project.environment |= {"MAX_CONCURRENCY": str(CONCURRENCY), "LOCAL_BACKUP_ENABLED": "false"}
    with bedrock_process({"latency_s": 0.01}, log=root / "log.jsonl") as bedrock:
        project.environment.update(bedrock.environment())
        project.environment["AWS_DEFAULT_REGION"] = project.environment["AWS_REGION"]
        ours, ours_idle = _timed(project), _timed(project, "--fresh", "--limit", "1")
        bare, bare_idle = (_bare(project, calls) for calls in (CPU_CALLS, 1))
    our_ms = (ours.cpu_s - ours_idle.cpu_s) / CPU_CALLS * 1e3
    bare_ms = (bare.cpu_s - bare_idle.cpu_s) / CPU_CALLS * 1e3
    show(f"{CPU_CALLS} calls, {CONCURRENCY} at a time: CPU per call, start-up left out", f"{our_ms:.2f} ms")
    show("  a bare aioboto3 loop", f"{bare_ms:.2f} ms")
    show("  ratio", f"{our_ms / bare_ms:.2f}")
    show("  calls per second, with start-up", f"{CPU_CALLS / ours.wall_s:.0f} (bare: {CPU_CALLS / bare.wall_s:.0f})")


def _bare(project: Project, calls: int) -> Spent:
    arguments = [str(calls), str(CONCURRENCY), SUBJECT]
    spent = finished([sys.executable, str(Path(__file__).with_name("bare.py")), *arguments], project)
    assert spent.code == 0, spent.stderr
    return spent


if __name__ == "__main__":
    main()
