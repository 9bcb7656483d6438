"""The same calls with nothing around them: `bare.py CALLS CONCURRENCY MODEL`."""

import asyncio
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig


async def main(calls: int, concurrency: int, model: str) -> None:
    config = AioConfig(max_pool_connections=concurrency, retries={"total_max_attempts": 1})
    async with aioboto3.Session().client("bedrock-runtime", config=config) as client:
        left = iter(range(calls))

        async def work() -> None:
            for number in left:
                await ask(client, model, number)

        await asyncio.gather(*(work() for _ in range(concurrency)))


async def ask(client: Any, model: str, number: int) -> None:
    answer = await client.converse(
        modelId=model,
        messages=[{"role": "user", "content": [{"text": "What is 17 + 25?"}]}],
        system=[{"text": "Answer with a number."}],
        inferenceConfig={"maxTokens": 500, "temperature": 0.7, "topP": 0.95},
        requestMetadata={"trialbed_trial": f"{number:020x}"},
    )
    assert answer["output"]["message"]["content"][0]["text"]


if __name__ == "__main__":
    runner = import_module("uvloop" if find_spec("uvloop") else "asyncio")
    runner.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
