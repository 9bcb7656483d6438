"""The same calls with nothing around them: what somebody writes who needs no more than the answers.

    python bare.py CALLS CONCURRENCY BODIES.json [--adaptive] [--uvloop]

BODIES.json is a list of `{"model", "body"}`, asked in turn and from the beginning again. The client is aioboto3's
at its defaults, but for as many connections as calls in flight and one attempt. With --adaptive it is botocore's
adaptive mode instead, with as many attempts as it takes.
"""

import argparse
import asyncio
import json
import sys
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig

UNKNOWN_TO_THE_SDK = ("serviceTier", "outputConfig")
"""Members that the pinned SDK refuses to send; the loop leaves them out and says so."""
ENDLESS_ATTEMPTS = 10_000


def read_bodies(path: Path) -> list[dict[str, Any]]:
    """Keyword arguments for `converse`."""
    asked = []
    left_out: set[str] = set()
    for line in json.loads(path.read_text()):
        members = {name: value for name, value in line["body"].items() if name not in UNKNOWN_TO_THE_SDK}
        left_out |= line["body"].keys() - members.keys()
        asked.append({"modelId": line["model"], **members})
    if left_out:
        print(f"left out: {', '.join(sorted(left_out))}", file=sys.stderr)
    return asked


async def main(asked: list[dict[str, Any]], calls: int, concurrency: int, *, adaptive: bool) -> None:
    attempts = {"mode": "adaptive", "total_max_attempts": ENDLESS_ATTEMPTS} if adaptive else {"total_max_attempts": 1}
    config = AioConfig(max_pool_connections=concurrency, retries=attempts)
    async with aioboto3.Session().client("bedrock-runtime", config=config) as client:
        left = islice(cycle(asked), calls)

        async def work() -> None:
            for parameters in left:
                answer = await client.converse(**parameters)
                assert answer["output"]["message"]["content"]

        await asyncio.gather(*(work() for _ in range(concurrency)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=int)
    parser.add_argument("concurrency", type=int)
    parser.add_argument("bodies", type=Path)
    parser.add_argument("--adaptive", action="store_true")
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    runner = import_module("uvloop" if options.uvloop else "asyncio")
    runner.run(main(read_bodies(options.bodies), options.calls, options.concurrency, adaptive=options.adaptive))
