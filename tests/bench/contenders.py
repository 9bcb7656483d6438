"""Who makes the same one-turn calls, and by which command? Ours is the whole program, with journal and records."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.bench.experiments import QUESTION, SYSTEM
from tests.bench.farside import FarSide
from tests.bench.installing import PINS, Installed, NotInstalled, node_peer, python_peer
from tests.bench.ours import one_call_project, whole_run
from tests.bench.processes import Spent, finished
from tests.support.bedrock import SUBJECT
from tests.support.project import clean_environment

QUIET = {
    # What keeps the peers on this machine: price lists, telemetry and looks for newer versions are fetched otherwise.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
}
PEER_MOST_S = 240.0
KILLED = -9
_numbers = count(1)


@dataclass(frozen=True)
class Contender:
    """`run(far, calls, concurrency)` makes that many calls and says what it cost."""

    name: str
    version: str
    run: Callable[[FarSide, int, int], Spent]


def ours(root: Path, version: str) -> Contender:
    """The one-turn experiment of the benchmark, all settings at their defaults."""

    def run(far: FarSide, calls: int, concurrency: int) -> Spent:
        project = one_call_project(root, far, trials=max(calls, 2), concurrency=concurrency)
        spent = whole_run(project, *(["--limit", "1"] if calls == 1 else []))
        return spent

    return Contender("trialbed", version, run)


def peers(root: Path) -> tuple[list[Contender], list[NotInstalled]]:
    """Those that are there or can be installed, and why the others are not."""
    found = (inspect_peer(root), litellm_peer(root), promptfoo_peer(root))
    there = [peer for peer in found if isinstance(peer, Contender)]
    return there, [peer for peer in found if isinstance(peer, NotInstalled)]


def inspect_peer(root: Path, *, adaptive: bool = False) -> Contender | NotInstalled:
    """`inspect eval` with its Bedrock provider; `adaptive` = its adaptive connections, with their own bounds."""
    home = python_peer("inspect", "inspect-ai")
    if isinstance(home, NotInstalled):
        return home

    def run(far: FarSide, calls: int, concurrency: int) -> Spent:
        folder = _new_folder(root, "inspect")
        shutil.copy(PINS / "inspect_task.py", folder)  # it takes the paths of tasks as relative ones only
        width = ["--adaptive-connections", "true"] if adaptive else ["--max-connections", str(concurrency)]
        sampling = ["--max-tokens", "500", "--temperature", "0.7", "--top-p", "0.95"]
        command = [_program(home, "bin/inspect"), "eval", "inspect_task.py", "-T", f"calls={calls}"]
        command += ["--model", f"bedrock/{SUBJECT}", "--display", "none", "--log-dir", "logs", *width, *sampling]
        return _spent(command, folder, far)

    return Contender("Inspect", home.version, run)


def litellm_peer(root: Path) -> Contender | NotInstalled:
    """`litellm.acompletion` in an asyncio loop: nothing is kept of the answers."""
    home = python_peer("litellm", "litellm")
    if isinstance(home, NotInstalled):
        return home

    def run(far: FarSide, calls: int, concurrency: int) -> Spent:
        script = str(PINS / "litellm_loop.py")
        command = [_program(home, "bin/python"), script, str(calls), str(concurrency), f"bedrock/converse/{SUBJECT}"]
        return _spent(command, _new_folder(root, "litellm"), far)

    return Contender("LiteLLM loop", home.version, run)


def promptfoo_peer(root: Path) -> Contender | NotInstalled:
    """`promptfoo eval` with its Bedrock Converse provider."""
    home = node_peer("promptfoo")
    if isinstance(home, NotInstalled):
        return home

    def run(far: FarSide, calls: int, concurrency: int) -> Spent:
        folder = _new_folder(root, "promptfoo")
        (folder / "config.json").write_text(json.dumps(promptfoo_config(calls)))
        command = [_program(home, "node_modules/.bin/promptfoo"), "eval", "-c", "config.json", "-j", str(concurrency)]
        command += ["--no-cache", "--no-progress-bar", "--no-table", "-o", "out.json"]
        return _spent(command, folder, far, PROMPTFOO_CONFIG_DIR=str(folder / "state"))

    return Contender("promptfoo", home.version, run)


def promptfoo_config(calls: int) -> dict[str, object]:
    """The same trial, `calls` times; the answer is checked by code, as ours is."""
    chat = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"What is {QUESTION}"}]
    sampling = {"region": "us-east-1", "maxTokens": 500, "temperature": 0.7, "topP": 0.95}
    test = {"assert": [{"type": "contains", "value": "42"}]}
    return {
        "prompts": [json.dumps(chat)],
        "providers": [{"id": f"bedrock:converse:{SUBJECT}", "config": sampling}],
        "tests": [{"vars": {"number": number}, **test} for number in range(calls)],
    }


def _program(home: Installed, path: str) -> str:
    return str(home.home / path)


def _new_folder(root: Path, name: str) -> Path:
    folder = root / f"{name}-{next(_numbers)}"
    folder.mkdir(parents=True)
    return folder


def _spent(command: Sequence[str], folder: Path, far: FarSide, **more: str) -> Spent:
    """To its end, or to `PEER_MOST_S`: what it has done by then is in the stand-in's account."""
    far_variables = far.environment() | {"AWS_BEDROCK_RUNTIME_ENDPOINT": far.url}  # LiteLLM's own name for it
    environment = clean_environment(folder) | far_variables | QUIET | more
    return finished(command, folder, environment, most_s=PEER_MOST_S, codes=(0, KILLED))
