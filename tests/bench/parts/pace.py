"""(b) How much longer than the answers themselves does a run take?"""

from dataclasses import dataclass
from statistics import median

from tests.bench.bench import LATENCY_S, Bench
from tests.bench.experiments import QUESTION
from tests.bench.farside import Asked, FarSide, far_side
from tests.bench.loop import bare_loop, one_turn_bodies
from tests.bench.ours import one_call_project, whole_run
from tests.bench.report import Ratio, Report

AIMS = {50: 1.05, 200: 1.10}


@dataclass(frozen=True)
class _Wall:
    """`whole` from processes, a one-call run taken off; `wire` from the first request to the last answer."""

    whole: float
    wire: float


def measure(bench: Bench) -> Report:
    found: dict[int, list[_Wall]] = {concurrency: [] for concurrency in bench.sizes.pace_concurrencies}
    with far_side(bench.root / "pace-far", latency_s=LATENCY_S, mark=QUESTION) as far:
        for _ in range(bench.sizes.pairs):
            for concurrency, walls in found.items():
                walls.append(_wall(bench, far, concurrency))
                bench.say(f"concurrency {concurrency}: wall ÷ ideal {walls[-1].whole:.3f}")
        bare = {concurrency: _bare(bench, far, concurrency) for concurrency in found}
    rounds = bench.sizes.pace_rounds
    medians = {c: _Wall(median(w.whole for w in walls), median(w.wire for w in walls)) for c, walls in found.items()}
    return Report(
        title=f"(b) wall ÷ ideal at {LATENCY_S * 1e3:.0f} ms per answer, {rounds} rounds of calls",
        header=("in flight", "calls", "wall ÷ ideal", "first request to last answer ÷ ideal", "the same, bare loop"),
        rows=[
            (str(c), str(c * rounds), f"{wall.whole:.3f}", f"{wall.wire:.3f}", f"{bare[c]:.3f}")
            for c, wall in medians.items()
        ],
        ratios=[
            Ratio(f"(b) wall ÷ ideal, {c} in flight", wall.whole, AIMS.get(c), form="{:.3f}")
            for c, wall in medians.items()
        ],
        remarks=[
            f"Median of {bench.sizes.pairs}; the bare aioboto3 loop once. Ideal = calls x latency / calls in flight. "
            "The wall of a one-call run, one round with all start-up, is taken off the run, one round off the ideal."
        ],
    )


def _wall(bench: Bench, far: FarSide, concurrency: int) -> _Wall:
    calls = concurrency * bench.sizes.pace_rounds
    project = one_call_project(bench.root, far, trials=calls, concurrency=concurrency)
    one = whole_run(project, "--limit", "1")
    far.forget()
    many = whole_run(project, "--fresh")
    asked = far.asked()
    ideal_s = bench.sizes.pace_rounds * LATENCY_S
    return _Wall((many.wall_s - one.wall_s) / (ideal_s - LATENCY_S), _wire_s(asked) / ideal_s)


def _bare(bench: Bench, far: FarSide, concurrency: int) -> float:
    """What a bare aioboto3 loop reaches on this machine, once: nothing of ours is in it."""
    far.forget()
    folder = bench.root / "pace-bare"
    bare_loop(folder, far, concurrency * bench.sizes.pace_rounds, concurrency, one_turn_bodies(folder))
    return _wire_s(far.asked()) / (bench.sizes.pace_rounds * LATENCY_S)


def _wire_s(asked: list[Asked]) -> float:
    return max(call.answered_s for call in asked) - asked[0].arrived_s
