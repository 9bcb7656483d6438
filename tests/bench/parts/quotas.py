"""(d) How near to an unknown quota does a run get, and how many requests does it waste on finding it?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bench import LATENCY_S, Bench
from tests.bench.contenders import Contender, inspect_peer
from tests.bench.experiments import QUESTION
from tests.bench.farside import FarSide, far_side
from tests.bench.loop import bare_loop, one_turn_bodies
from tests.bench.processes import ProcessFailed, Spent
from tests.bench.quota_account import WARM_UP_S, QuotaKind, QuotaUse, quota_use
from tests.bench.report import Ratio, Report

REQUESTS = QuotaKind("50 requests/s", rate_per_s=50.0, capacity=50.0, by_tokens=False)
TOKENS = QuotaKind("72,000 tokens/min", rate_per_s=1_200.0, capacity=72_000.0, by_tokens=True)
ADAPTIVE_CEILING = 50
MOST_WALL, MOST_THROTTLED_STEADY = 1.10, 0.03


@dataclass(frozen=True)
class _Runner:
    """`ceiling` None = its own choice."""

    name: str
    ceiling: int | None
    run: Callable[[FarSide, int], Spent]


def measure(bench: Bench) -> Report:
    rows, ratios, remarks = [], [], []
    for quota, calls in ((REQUESTS, bench.sizes.quota_calls), (TOKENS, bench.sizes.token_quota_calls)):
        for runner in _runners(bench):
            try:
                use = _use(bench, quota, runner, calls)
            except (ProcessFailed, ValueError) as error:
                remarks.append(f"{quota.name}, {runner.name}: failed: {error}")
                continue
            bench.say(f"{quota.name}, {runner.name}: wall ÷ ideal {use.whole:.2f}, throttled {use.throttled:.1%}")
            rows.append(_row(quota, runner, use, calls))
            if runner.name.startswith("trialbed"):
                ratios += _ratios(quota, runner, use)
    return Report(
        title=f"(d) an unknown quota, {LATENCY_S * 1e3:.0f} ms per answer",
        header=("quota", "who", "answered", "wall ÷ ideal", "after warm-up", "throttled", "after warm-up"),
        rows=rows,
        ratios=ratios,
        remarks=[
            "Ideal = what quota and ceiling allow, the bucket full at first. Wall: first request to last answer. "
            f"Throttled: share of all requests. Warm-up: {WARM_UP_S:.0f} s from the first request turned away.",
            *remarks,
        ],
    )


def _runners(bench: Bench) -> list[_Runner]:
    def with_ceiling(contender: Contender, ceiling: int) -> Callable[[FarSide, int], Spent]:
        return lambda far, calls: contender.run(far, calls, ceiling)

    ours = [_Runner(f"trialbed, ceiling {c}", c, with_ceiling(bench.ours, c)) for c in bench.sizes.quota_ceilings]
    if not bench.sizes.peer_calls:
        return ours
    adaptive = _Runner(
        f"botocore adaptive mode, {ADAPTIVE_CEILING} in flight",
        ADAPTIVE_CEILING,
        lambda far, calls: _botocore(bench.root, far, calls),
    )
    inspect = inspect_peer(bench.root, adaptive=True)
    if not isinstance(inspect, Contender):
        return [*ours, adaptive]
    return [
        *ours,
        adaptive,
        _Runner(f"Inspect {inspect.version}, adaptive connections", None, with_ceiling(inspect, 0)),
    ]


def _botocore(root: Path, far: FarSide, calls: int) -> Spent:
    folder = root / "adaptive"
    return bare_loop(folder, far, calls, ADAPTIVE_CEILING, one_turn_bodies(folder), "--adaptive")


def _use(bench: Bench, quota: QuotaKind, runner: _Runner, calls: int) -> QuotaUse:
    limits = (
        {"tokens_per_minute": quota.rate_per_s * 60} if quota.by_tokens else {"requests_per_second": quota.rate_per_s}
    )
    with far_side(bench.root / "quota-far", latency_s=LATENCY_S, mark=QUESTION, **limits) as far:
        runner.run(far, calls)
        least_call_s = LATENCY_S / runner.ceiling if runner.ceiling else 0.0
        return quota_use(far.asked(), quota, least_call_s=least_call_s)


def _row(quota: QuotaKind, runner: _Runner, use: QuotaUse, calls: int) -> tuple[str, ...]:
    steady = "" if use.steady is None else f"{use.steady:.2f}"
    late = "" if use.throttled_steady is None else f"{use.throttled_steady:.1%}"
    answered = f"{use.answered} of {calls}"
    return quota.name, runner.name, answered, f"{use.whole:.2f}", steady, f"{use.throttled:.1%}", late


def _ratios(quota: QuotaKind, runner: _Runner, use: QuotaUse) -> list[Ratio]:
    where = f"(d) {quota.name}, ceiling {runner.ceiling}"
    found = [Ratio(f"{where}: wall ÷ ideal, whole run", use.whole)]
    if use.steady is not None:
        found.append(Ratio(f"{where}: wall ÷ ideal after warm-up", use.steady, MOST_WALL))
    if use.throttled_steady is not None:
        share = Ratio(f"{where}: throttled after warm-up", use.throttled_steady, MOST_THROTTLED_STEADY, form="{:.1%}")
        found.append(share)
    return found
