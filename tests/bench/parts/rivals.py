"""(c) The same one-turn calls by trialbed and by what people use now: how fast, at what cost?"""

from statistics import median

from tests.bench.bench import SHORT_LATENCY_S, Bench, PerCall, per_call
from tests.bench.experiments import QUESTION
from tests.bench.farside import far_side
from tests.bench.processes import ProcessFailed
from tests.bench.report import Ratio, Report

CONCURRENCY = 50
AIMS = {"Inspect": 25.0, "LiteLLM loop": 4.0}
"""Calls per CPU second, ours ÷ theirs."""


def measure(bench: Bench) -> Report:
    calls = bench.sizes.peer_calls
    there, missing = bench.peers
    if not calls:
        return Report("(c) side by side", remarks=["left out: no peers in a quick run"])
    contenders = [bench.ours, *there]
    found: dict[str, list[PerCall]] = {contender.name: [] for contender in contenders}
    failed: dict[str, str] = {}
    with far_side(bench.root / "rivals-far", latency_s=SHORT_LATENCY_S, mark=QUESTION) as far:
        for _ in range(bench.sizes.pairs):
            for contender in [one for one in contenders if one.name not in failed]:
                try:
                    spent = per_call(far, lambda asked, who=contender: who.run(far, asked, CONCURRENCY), calls=calls)
                except ProcessFailed as error:
                    failed[contender.name] = str(error)
                    continue
                found[contender.name].append(spent)
                bench.say(f"{contender.name}: {spent.cpu_ms:.2f} ms CPU per call, {spent.memory_mb:.0f} MB")
    measured = {name: runs for name, runs in found.items() if name not in failed}
    if bench.ours.name not in measured:
        raise ProcessFailed(failed[bench.ours.name])
    remarks = [f"{one.name}: not installed: {one.why}" for one in missing]
    remarks += [f"{name}: failed: {why}" for name, why in failed.items()]
    return _report(calls, measured, bench.ours.name, remarks)


def _report(calls: int, found: dict[str, list[PerCall]], ours: str, remarks: list[str]) -> Report:
    rows, ratios = [], []
    for name, runs in found.items():
        cpu_ms, memory_mb = median(run.cpu_ms for run in runs), median(run.memory_mb for run in runs)
        pairs = list(zip(found[ours], runs, strict=True))
        more_calls = median(theirs.cpu_ms / mine.cpu_ms for mine, theirs in pairs)
        less_memory = median(mine.memory_mb / theirs.memory_mb for mine, theirs in pairs)
        faster = median(mine.calls_per_s / theirs.calls_per_s for mine, theirs in pairs)
        cost = (
            f"{median(run.calls_per_s for run in runs):.0f}",
            f"{cpu_ms:.2f}",
            f"{1e3 / cpu_ms:.0f}",
            f"{memory_mb:.0f}",
        )
        rows.append((name, *cost, f"{faster:.1f}", f"{more_calls:.1f}", f"{less_memory:.2f}"))
        if name != ours:
            what = f"(c) calls per CPU second, ours ÷ {name}"
            ratios.append(Ratio(what, more_calls, AIMS.get(name), more_is_better=True, form="{:.1f}"))
            ratios.append(Ratio(f"(c) peak memory, ours ÷ {name}", less_memory, 1.0 if name in AIMS else None))
    return Report(
        title=f"(c) side by side: {calls} one-turn calls, {CONCURRENCY} in flight, "
        f"{SHORT_LATENCY_S * 1e3:.0f} ms per answer",
        header=(
            "",
            "trials/s",
            "CPU ms per call",
            "calls per CPU second",
            "peak MB",
            "ours ÷ theirs: trials/s",
            "calls per CPU second",
            "memory",
        ),
        rows=rows,
        ratios=ratios,
        remarks=[
            f"Start-up taken out by a one-call run; medians of {len(found[ours])} interleaved rounds. trialbed and "
            "Inspect and promptfoo keep records, the LiteLLM loop keeps nothing.",
            *remarks,
        ],
    )
