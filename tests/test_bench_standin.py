"""Does the benchmark's stand-in speak to the real client as Bedrock does, and keep to its quotas?"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aioboto3
import pytest
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError

from tests.bench.farside import FarSide, far_side
from tests.support.bedrock import SUBJECT, real_environment

SCHEMA = {
    "type": "object",
    "properties": {"tone": {"enum": ["warm", "cool"]}, "why": {"type": "string"}},
    "required": ["tone", "why"],
}
FORM = {
    "tools": [{"toolSpec": {"name": "rate", "inputSchema": {"json": SCHEMA}}}],
    "toolChoice": {"tool": {"name": "rate"}},
}


@asynccontextmanager
async def client_of(far: FarSide) -> AsyncIterator[Any]:
    keys = real_environment(far.url)
    session = aioboto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
    config = AioConfig(max_pool_connections=100, retries={"total_max_attempts": 1})
    async with session.client("bedrock-runtime", endpoint_url=far.url, config=config) as client:
        yield client


async def ask(client: Any, text: str = "What is 17 + 25?", **more: Any) -> Any:
    """The answer, or the code of the error."""
    try:
        return await client.converse(
            modelId=SUBJECT,
            messages=[{"role": "user", "content": [{"text": text}]}],
            inferenceConfig={"maxTokens": 500},
            **more,
        )
    except ClientError as error:
        return error.response["Error"]["Code"]


async def test_the_real_client_gets_an_answer_and_every_request_is_counted(tmp_path: Path) -> None:
    with far_side(tmp_path, mark="17 + 25", keep_bodies=True) as far:
        async with client_of(far) as client:
            answers = await asyncio.gather(*(ask(client) for _ in range(20)), ask(client, "Are you ready?"))
        assert all("42" in answer["output"]["message"]["content"][0]["text"] for answer in answers)
        assert all(answer["stopReason"] == "end_turn" for answer in answers)
        assert far.count() == {"asked": 20, "answered": 20, "throttled": 0}
        assert [one.status for one in far.asked()] == [200] * 20
        assert len(far.bodies()) == 21 and {body["model"] for body in far.bodies()} == {SUBJECT}
        far.forget()
        assert far.count()["asked"] == 0 and far.asked() == [] and far.bodies() == []


async def test_a_form_is_filled_in_so_that_it_fits(tmp_path: Path) -> None:
    with far_side(tmp_path) as far:
        async with client_of(far) as client:
            answer = await ask(client, toolConfig=FORM)
    (block,) = answer["output"]["message"]["content"]
    assert answer["stopReason"] == "tool_use" and block["toolUse"]["name"] == "rate"
    assert block["toolUse"]["input"]["tone"] in ("warm", "cool") and block["toolUse"]["input"]["why"]


async def test_answers_take_the_latency_they_are_asked_to_take(tmp_path: Path) -> None:
    with far_side(tmp_path, latency_s=0.2) as far:
        async with client_of(far) as client:
            await asyncio.gather(*(ask(client) for _ in range(5)))
        took = [one.answered_s - one.arrived_s for one in far.asked()]
    # a timer may be a millisecond early
    assert len(took) == 5 and min(took) >= 0.195


@pytest.mark.parametrize("per_second", [20, 60])
async def test_a_quota_lets_through_a_full_bucket_and_then_its_rate(tmp_path: Path, per_second: int) -> None:
    with far_side(tmp_path, requests_per_second=per_second) as far:
        async with client_of(far) as client:
            ends = time.monotonic() + 2.0
            seen = Counter[Any]()
            while time.monotonic() < ends:
                seen.update([answer if isinstance(answer, str) else "let in" for answer in await _some(client, 10)])
        asked = far.asked()
    span_s = asked[-1].arrived_s - asked[0].arrived_s
    room = per_second + per_second * span_s
    assert seen.keys() == {"let in", "ThrottlingException"}
    assert 0.9 * room - 1 <= seen["let in"] <= room + 1
    assert Counter(one.status for one in asked) == {200: seen["let in"], 429: seen["ThrottlingException"]}


async def test_a_quota_of_tokens_counts_what_was_used_and_not_what_was_reserved(tmp_path: Path) -> None:
    with far_side(tmp_path, tokens_per_minute=1200, latency_s=0.5) as far:
        async with client_of(far) as client:
            together = await asyncio.gather(*(ask(client) for _ in range(6)))
            after = await ask(client)
        asked = far.asked()
    # 504 tokens are reserved for each, so that two fit; 204 are used, so that there is room again at once.
    assert Counter(one if isinstance(one, str) else "let in" for one in together)["ThrottlingException"] >= 1
    assert not isinstance(after, str)
    assert {one.tokens for one in asked if one.status == 200} == {204.0}


async def _some(client: Any, count: int) -> list[Any]:
    return await asyncio.gather(*(ask(client) for _ in range(count)))
