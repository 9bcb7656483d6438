"""(g) How much longer than its answers does a study of dialogues take, with a student and a judge for every turn?"""

from datetime import datetime
from statistics import median

from tests.bench.bench import LATENCY_S, Bench
from tests.bench.ours import socratic_project, whole_socratic_run
from tests.bench.report import Ratio, Report
from tests.support.bedrock import Request, bedrock_process, requests_in

CONCURRENCY = 50
TURNS = 5
AIM = 1.10


def measure(bench: Bench) -> Report:
    """Ideal = calls x latency / calls in flight. The wall is that of the whole process, start-up, records and all."""
    walls: list[float] = []
    wires: list[float] = []
    calls = 0
    for number in range(bench.sizes.pairs):
        folder = bench.root / f"dialogues-{number}"
        folder.mkdir()
        config = {"seed": number, "latency_s": LATENCY_S}
        with bedrock_process(config, log=folder / "requests.jsonl") as bedrock:
            project = socratic_project(folder, bedrock.environment(), turns=TURNS, concurrency=CONCURRENCY)
            spent = whole_socratic_run(project, dialogues=bench.sizes.dialogues)
        made = [one for one in requests_in(bedrock.log) if one.trial is not None]
        calls = len(made)
        ideal_s = calls * LATENCY_S / CONCURRENCY
        walls.append(spent.wall_s / ideal_s)
        wires.append(_wire_s(made) / ideal_s)
        bench.say(f"{bench.sizes.dialogues} dialogues, {calls} calls: wall ÷ ideal {walls[-1]:.3f}")
    what = f"{bench.sizes.dialogues} dialogues x {TURNS} turns"
    return Report(
        title=f"(g) wall ÷ ideal of {what}, at {LATENCY_S * 1e3:.0f} ms per answer",
        header=("in flight", "calls", "wall ÷ ideal", "first request to last answer ÷ ideal"),
        rows=[(str(CONCURRENCY), str(calls), f"{median(walls):.3f}", f"{median(wires):.3f}")],
        ratios=[Ratio(f"(g) {what}, student and turn judges: wall ÷ ideal", median(walls), AIM, form="{:.3f}")],
        remarks=[f"Median of {bench.sizes.pairs}. Nothing is taken off: start-up and last records are in it."],
    )


def _wire_s(made: list[Request]) -> float:
    """From the first request that arrived to the last answer."""
    arrived = min(datetime.fromisoformat(one.received_at) for one in made)
    answered = max(datetime.fromisoformat(str(one.line["answered_at"])) for one in made)
    return (answered - arrived).total_seconds()
