"""How does the benchmark run the bare aioboto3 loop of `bare.py`, in the program's own environment?"""

import json
import sys
from pathlib import Path

from tests.bench.experiments import QUESTION, SYSTEM
from tests.bench.farside import FarSide
from tests.bench.processes import Spent, finished
from tests.support.bedrock import SUBJECT
from tests.support.project import clean_environment

BARE = Path(__file__).with_name("bare.py")


def bare_loop(folder: Path, far: FarSide, calls: int, concurrency: int, bodies: Path, *options: str) -> Spent:
    """`calls` calls of those in `bodies`, or all that are made until the time is over.

    Raises:
        ProcessFailed: a call failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(BARE), str(calls), str(concurrency), str(bodies), *options]
    return finished(command, folder, clean_environment(folder) | far.environment(), codes=(0, -9))


def one_turn_bodies(folder: Path) -> Path:
    """A file with the request of the one-turn trial."""
    folder.mkdir(parents=True, exist_ok=True)
    body = {
        "messages": [{"role": "user", "content": [{"text": f"What is {QUESTION}"}]}],
        "system": [{"text": SYSTEM}],
        "inferenceConfig": {"maxTokens": 500, "temperature": 0.7, "topP": 0.95},
    }
    path = folder / "one_turn.json"
    path.write_text(json.dumps([{"model": SUBJECT, "body": body}]))
    return path
