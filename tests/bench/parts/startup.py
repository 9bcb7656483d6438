"""(e) How long until there is something to see?"""

import sys
from collections.abc import Callable
from statistics import median

from tests.bench.bench import SHORT_LATENCY_S, Bench
from tests.bench.contenders import QUIET, Contender
from tests.bench.experiments import QUESTION
from tests.bench.farside import FarSide, far_side
from tests.bench.installing import Installed, node_peer, python_peer
from tests.bench.processes import Spent, finished
from tests.bench.report import Ratio, Report
from tests.support.project import clean_environment

HELP_AIM_S = 0.3


def measure(bench: Bench) -> Report:
    with far_side(bench.root / "start-far", latency_s=SHORT_LATENCY_S, mark=QUESTION) as far:
        first = {contender.name: _first_call_s(bench, far, contender) for contender in [bench.ours, *bench.peers[0]]}
    helps = {name: _median_s(bench, command) for name, command in _help_commands(bench).items()}
    for name, took_s in helps.items():
        bench.say(f"{name}: {took_s:.2f} s")
    ours_s = helps["trialbed --help"]
    rows = [(name, f"{took_s:.2f}", f"{took_s / ours_s:.1f}") for name, took_s in helps.items()]
    ours_first_s = first[bench.ours.name]
    for name, took_s in first.items():
        rows.append((f"{name}: from the command to its first call", f"{took_s:.2f}", f"{took_s / ours_first_s:.1f}"))
    return Report(
        title=f"(e) start-up, median of {bench.sizes.start_times}",
        header=("", "seconds", "÷ ours"),
        rows=rows,
        ratios=[
            Ratio("(e) trialbed --help, seconds", ours_s, HELP_AIM_S),
            Ratio("(e) from the command to the first call, seconds", ours_first_s),
        ],
        remarks=["Before its first call trialbed has asked each model whether it answers."],
    )


def _first_call_s(bench: Bench, far: FarSide, contender: Contender) -> float:
    return median(_once(far, lambda: contender.run(far, 1, 1)) for _ in range(bench.sizes.start_times))


def _once(far: FarSide, run: Callable[[], Spent]) -> float:
    far.forget()
    began_s = run().began_s
    return far.asked()[0].arrived_s - began_s


def _help_commands(bench: Bench) -> dict[str, list[str]]:
    commands = {"trialbed --help": [sys.executable, "-m", "trialbed", "--help"]}
    if not bench.sizes.peer_calls:
        return commands
    if isinstance(inspect := python_peer("inspect", "inspect-ai"), Installed):
        commands["inspect --help"] = [str(inspect.home / "bin/inspect"), "--help"]
    if isinstance(litellm := python_peer("litellm", "litellm"), Installed):
        # its command line needs the proxy server's requirements; the library alone is what a loop imports
        commands["import litellm"] = [str(litellm.home / "bin/python"), "-c", "import litellm"]
    if isinstance(promptfoo := node_peer("promptfoo"), Installed):
        commands["promptfoo --help"] = [str(promptfoo.home / "node_modules/.bin/promptfoo"), "--help"]
    return commands


def _median_s(bench: Bench, command: list[str]) -> float:
    folder = bench.root / "help"
    folder.mkdir(exist_ok=True)
    environment = clean_environment(folder) | QUIET
    finished(command, folder, environment)  # the first start fills the caches of the disk
    return median(finished(command, folder, environment).wall_s for _ in range(bench.sizes.start_times))
