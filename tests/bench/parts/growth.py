"""(f) Does a run of 100,000 trials cost more per trial than one of 1,000? How soon does it go on after a kill?"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bench import SHORT_LATENCY_S, Bench
from tests.bench.experiments import QUESTION
from tests.bench.farside import FarSide, far_side
from tests.bench.ours import one_call_project, whole_run
from tests.bench.processes import ProcessFailed
from tests.bench.report import Ratio, Report
from tests.support.measure import most_memory_mb
from tests.support.project import Project, Sitting, running

CONCURRENCY = 100
LOOK_EVERY_S = 0.2
KILLED_AT = 0.95
MOST_S = 1200.0
MOST_MB, MOST_SLOWER, MOST_RESUME_S = 250.0, 1.1, 5.0


@dataclass(frozen=True)
class Look:
    """A process as it was seen at one moment: answers it has had, wall and CPU seconds, its memory so far."""

    answered: int
    at_s: float
    cpu_s: float
    memory_mb: float


@dataclass(frozen=True)
class Growth:
    """`first` and `last` are wall and CPU seconds per trial in the first tenth and before the kill."""

    trials: int
    memory_mb: float
    wall_ms: float
    cpu_ms: float
    nothing_to_do_s: float
    first: tuple[float, float] | None = None
    last: tuple[float, float] | None = None
    goes_on_s: float | None = None


def measure(bench: Bench) -> Report:
    with far_side(bench.root / "growth-far", latency_s=SHORT_LATENCY_S, mark=QUESTION) as far:
        found = [_grown(bench, far, trials) for trials in bench.sizes.growth_trials]
    largest = found[-1]
    ratios = [
        Ratio(f"(f) {largest.trials:,} trials: peak MB", largest.memory_mb, MOST_MB, form="{:.0f}"),
        Ratio(
            f"(f) {largest.trials:,} ÷ {found[0].trials:,} trials: peak memory", largest.memory_mb / found[0].memory_mb
        ),
        Ratio(f"(f) {largest.trials:,} trials: nothing to do, seconds", largest.nothing_to_do_s, MOST_RESUME_S),
    ]
    if largest.first and largest.last and largest.goes_on_s is not None:
        wall, cpu = (late / early for early, late in zip(largest.first, largest.last, strict=True))
        ratios += [
            Ratio("(f) wall per trial, last tenth ÷ first", wall, MOST_SLOWER),
            Ratio("(f) CPU per trial, last tenth ÷ first", cpu, MOST_SLOWER),
            Ratio("(f) killed: seconds to the first new call", largest.goes_on_s, MOST_RESUME_S),
        ]
    return Report(
        title=f"(f) growth: one-turn trials, {CONCURRENCY} in flight, {SHORT_LATENCY_S * 1e3:.0f} ms per answer",
        header=(
            "trials",
            "peak MB",
            "wall ms per trial",
            "CPU ms per trial",
            "first tenth: wall, CPU ms",
            "last tenth: wall, CPU ms",
            "nothing to do, s",
            "killed: first new call, s",
        ),
        rows=[_row(one) for one in found],
        ratios=ratios,
        remarks=[
            f"The plans with two tenths were killed (-9) at {KILLED_AT:.0%} and resumed; their last tenth ends there, "
            "their first one begins when 1% is done. Start-up is in the other figures per trial."
        ],
    )


def _row(one: Growth) -> tuple[str, ...]:
    tenths = ["" if part is None else f"{part[0] * 1e3:.2f}, {part[1] * 1e3:.2f}" for part in (one.first, one.last)]
    per_trial = (f"{one.wall_ms:.2f}", f"{one.cpu_ms:.2f}", *tenths)
    goes_on = "" if one.goes_on_s is None else f"{one.goes_on_s:.2f}"
    return f"{one.trials:,}", f"{one.memory_mb:.0f}", *per_trial, f"{one.nothing_to_do_s:.2f}", goes_on


def _grown(bench: Bench, far: FarSide, trials: int) -> Growth:
    project = one_call_project(bench.root, far, trials=trials, concurrency=CONCURRENCY)
    far.forget()
    grown = (
        _killed_and_resumed(project, far, trials)
        if trials >= bench.sizes.killed_from
        else _run_through(project, trials)
    )
    bench.say(f"{trials:,} trials: {grown.memory_mb:.0f} MB, {grown.cpu_ms:.2f} ms CPU per trial")
    return grown


def _run_through(project: Project, trials: int) -> Growth:
    spent = whole_run(project)
    again = whole_run(project)
    per_trial = (spent.wall_s / trials * 1e3, spent.cpu_s / trials * 1e3)
    return Growth(trials, spent.memory_mb, *per_trial, nothing_to_do_s=again.wall_s)


def _killed_and_resumed(project: Project, far: FarSide, trials: int) -> Growth:
    with running(project.start()) as sitting:
        looks = _watch(sitting, far, until=lambda look: look.answered >= trials * KILLED_AT)
        sitting.kill()
    far.forget()
    resumed = whole_run(project, most_s=MOST_S)
    goes_on_s = far.asked()[0].arrived_s - resumed.began_s
    again = whole_run(project)
    last = looks[-1]
    return Growth(
        trials=trials,
        memory_mb=max(last.memory_mb, resumed.memory_mb),
        wall_ms=(last.at_s - looks[0].at_s) / last.answered * 1e3,
        cpu_ms=last.cpu_s / last.answered * 1e3,
        nothing_to_do_s=again.wall_s,
        first=per_trial_between(looks, trials * 0.01, trials * 0.1),
        last=per_trial_between(looks, trials * (KILLED_AT - 0.1), trials * KILLED_AT),
        goes_on_s=goes_on_s,
    )


def _watch(sitting: Sitting, far: FarSide, *, until: Callable[[Look], bool]) -> list[Look]:
    """Look at the process again and again, from its start.

    Raises:
        ProcessFailed: it ended before that, or took longer than `MOST_S`.
    """
    looks = [Look(0, time.monotonic(), 0.0, 0.0)]
    while not until(looks[-1]):
        if sitting.is_over or looks[-1].at_s - looks[0].at_s > MOST_S:
            raise ProcessFailed(f"{looks[-1].answered} trials answered: {sitting.stderr.strip()[-300:]}")
        time.sleep(LOOK_EVERY_S)
        pid = sitting.process.pid
        looks.append(Look(far.count()["answered"], time.monotonic(), _cpu_s(pid), most_memory_mb(pid)))
    return looks


def _cpu_s(pid: int) -> float:
    """User and system time of a process so far, all its threads together."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def per_trial_between(looks: list[Look], low: float, high: float) -> tuple[float, float]:
    """Wall and CPU seconds per trial from the first look with `low` answers to the last one with at most `high`."""
    between = [look for look in looks if low <= look.answered <= high]
    begin, end = between[0], between[-1]
    done = end.answered - begin.answered
    return (end.at_s - begin.at_s) / done, (end.cpu_s - begin.cpu_s) / done
