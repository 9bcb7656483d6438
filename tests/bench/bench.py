"""What every part needs: how much to do, where, and how to say what is going on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from tests.bench import contenders
from tests.bench.contenders import Contender
from tests.bench.farside import FarSide
from tests.bench.installing import NotInstalled
from tests.bench.processes import ProcessFailed, Spent
from tests.bench.sizes import Sizes

LATENCY_S = 0.2
"""Of an answer, where time is what is measured."""
SHORT_LATENCY_S = 0.02
"""Of an answer, where CPU is what is measured."""


@dataclass(frozen=True)
class PerCall:
    """What a call costs one contender, start-up left out; `memory_mb` is the peak with all calls."""

    cpu_ms: float
    calls_per_s: float
    memory_mb: float


@dataclass(frozen=True)
class Bench:
    """One sitting of the benchmark; `root` is a folder of its own.

    Nothing in it is deleted before the end: ext4 passes over each inode that was given up within the last minutes,
    so that after thousands of deletions a new file costs 50 to 90 µs of CPU where it else costs 14.
    """

    sizes: Sizes
    root: Path

    @cached_property
    def ours(self) -> Contender:
        return contenders.ours(self.root, version("trialbed"))

    @cached_property
    def peers(self) -> tuple[list[Contender], list[NotInstalled]]:
        """None at all if the sizes leave them out."""
        return contenders.peers(self.root) if self.sizes.peer_calls else ([], [])

    def say(self, what: str) -> None:
        print(f"  {what}", flush=True)


def per_call(far: FarSide, run: Callable[[int], Spent], *, calls: int, fewest: int = 1) -> PerCall:
    """The difference between a run of many calls and one of few, per call.

    `run` is given the number it was asked for; what counts is how many the stand-in answered.

    Raises:
        ProcessFailed: it made fewer calls than it was asked for.
    """
    few, few_answered = _counted(far, run, fewest)
    many, answered = _counted(far, run, calls)
    if answered < calls:
        raise ProcessFailed(f"{answered} of {calls} calls were answered: {many.stderr.strip()[-300:]}")
    more = answered - few_answered
    return PerCall(
        cpu_ms=(many.cpu_s - few.cpu_s) / more * 1e3,
        calls_per_s=more / max(many.wall_s - few.wall_s, 1e-3),
        memory_mb=many.memory_mb,
    )


def _counted(far: FarSide, run: Callable[[int], Spent], calls: int) -> tuple[Spent, int]:
    far.forget()
    spent = run(calls)
    return spent, far.count()["answered"]
