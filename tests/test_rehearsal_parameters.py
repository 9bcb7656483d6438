"""Does the rehearsal server do with caching, thinking and the ways of being served what the service does?"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.test_rehearsal_server import (
    MODEL,
    StoppedClock,
    asking,
    events_of,
    member,
    posted,
    rehearsing,
    said,
)
from trialbed.providers.rehearsal.call import parse_call
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.prompt_cache import PromptCache
from trialbed.providers.rehearsal.server import RehearsalServer

POINT = {"cachePoint": {"type": "default"}}


@pytest.fixture(autouse=True)
def _no_aws_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "no-such-file")


def talk_of(*turns: str, system: str = "Answer briefly.", points: str = "") -> Any:
    """A conversation of turns with a cache point behind the system text ("s") and behind turns named by number."""
    roles = ("user", "assistant")
    messages = [
        {"role": roles[n % 2], "content": [{"text": text}, *([POINT] if str(n) in points else [])]}
        for n, text in enumerate(turns)
    ]
    return {
        "modelId": MODEL,
        "system": [{"text": system}, *([POINT] if "s" in points else [])],
        "messages": messages,
    }


@pytest.mark.asyncio
async def test_a_beginning_is_written_to_the_cache_once_and_read_for_five_minutes_after_each_use() -> None:
    clock = StoppedClock()
    usages = []
    async with rehearsing(clock=clock) as (_, client):
        for pause_s in (0, 299, 299, 301):
            await clock.sleep(pause_s)
            usages.append((await client.converse(**talk_of("Why?", system="word " * 80, points="s")))["usage"])
        plain = (await client.converse(**talk_of("Why?", system="word " * 80)))["usage"]
    counts = [(usage["cacheReadInputTokens"], usage["cacheWriteInputTokens"]) for usage in usages]
    assert counts == [(0, 100), (100, 0), (100, 0), (0, 100)]
    assert "cacheReadInputTokens" not in plain
    for usage in usages:
        assert usage["inputTokens"] + 100 == plain["inputTokens"]
        assert usage["totalTokens"] == plain["inputTokens"] + usage["outputTokens"]


@pytest.mark.asyncio
async def test_a_longer_conversation_reads_its_beginning_and_writes_the_rest() -> None:
    system, turns = "word " * 80, ["a" * 40, "b" * 80, "c" * 40, "d" * 80, "e" * 40]
    async with rehearsing() as (_, client):
        first = (await client.converse(**talk_of(*turns[:3], system=system, points="s1")))["usage"]
        second = (await client.converse(**talk_of(*turns, system=system, points="s3")))["usage"]
        third = (await client.converse(**talk_of(*turns, system=system, points="s13")))["usage"]
        other = (await client.converse(**talk_of(*turns, system="x" + system[1:], points="s3")))["usage"]
    counts = [(use["cacheReadInputTokens"], use["cacheWriteInputTokens"]) for use in (first, second, third, other)]
    assert counts == [(0, 130), (100, 60), (160, 0), (0, 160)]


@pytest.mark.asyncio
async def test_cache_points_are_neither_blank_messages_nor_a_part_of_what_is_asked() -> None:
    trial = {"requestMetadata": {"trialbed_trial": "t"}}
    async with rehearsing() as (_, client):
        answers = {said(await client.converse(**talk_of("Why?", points=p), **trial)) for p in ("", "s", "0")}
    assert len(answers) == 1


def test_only_so_many_beginnings_are_kept() -> None:
    cache = PromptCache(most=3)
    bodies = [talk_of("Why?", system=f"You are {n}." * 9, points="s") for n in range(5)]
    calls = [parse_call(MODEL, json.dumps(body).encode()) for body in bodies]
    for call in calls:
        assert cache.use(call, 0.0) is not None
    read = [getattr(cache.use(call, 1.0), "read_tokens", 0) > 0 for call in reversed(calls)]
    assert read == [True, True, True, False, False]


@pytest.mark.asyncio
@pytest.mark.parametrize("asked", [{"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1024}])
async def test_thoughts_come_before_the_answer_and_count_as_output(asked: Any) -> None:
    fields = {"additionalModelRequestFields": {"thinking": asked}, "inferenceConfig": {"maxTokens": 2000}}
    async with rehearsing() as (_, client):
        plain = await client.converse(**asking("What is the capital of France?", trial="t"))
        response = await client.converse(**asking("What is the capital of France?", trial="t", **fields))
        events = await events_of(client, asking("What is the capital of France?", trial="t", **fields))
    thought, answer = response["output"]["message"]["content"]
    thoughts = thought["reasoningContent"]["reasoningText"]["text"]
    assert thoughts and answer == {"text": said(plain)}
    spent = response["usage"]["outputTokens"]
    assert spent == plain["usage"]["outputTokens"] + -(-len(thoughts) // 4)
    assert member(events, "metadata")["usage"] == response["usage"]
    deltas = [event["contentBlockDelta"] for event in events if "contentBlockDelta" in event]
    first, second = ([d["delta"] for d in deltas if d["contentBlockIndex"] == place] for place in (0, 1))
    assert "".join(delta["reasoningContent"].get("text", "") for delta in first) == thoughts
    assert "".join(delta["text"] for delta in second) == said(plain)


@pytest.mark.asyncio
async def test_thoughts_and_answer_share_the_tokens_there_are() -> None:
    fields = {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}, "inferenceConfig": {"maxTokens": 6}}
    async with rehearsing() as (_, client):
        response = await client.converse(**asking("Why?" * 30, **fields))
    assert response["stopReason"] == "max_tokens" and response["usage"]["outputTokens"] == 6


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("thinking", "inference", "complaint"),
    [
        ({"type": "enabled", "budget_tokens": 1023}, {"maxTokens": 2000}, "greater than or equal to 1024"),
        ({"type": "enabled", "budget_tokens": 2000}, {"maxTokens": 2000}, "must be greater than"),
        ({"type": "enabled", "budget_tokens": 1024}, {"maxTokens": 2000, "temperature": 0.5}, "only be set to 1"),
        ({"type": "enabled", "budget_tokens": 1024}, {"maxTokens": 2000, "topP": 0.9}, "must be unset"),
        ({"type": "enabled"}, {"maxTokens": 2000}, "not valid"),
    ],
)
async def test_thinking_has_the_rules_it_has_at_the_service(thinking: Any, inference: Any, complaint: str) -> None:
    fields = {"additionalModelRequestFields": {"thinking": thinking}, "inferenceConfig": inference}
    async with rehearsing() as (_, client):
        with pytest.raises(ClientError, match=complaint) as caught:
            await client.converse(**asking(**fields))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("serviceTier", {"serviceTier": {"type": "flex"}}),
        ("performanceConfig", {"performanceConfig": {"latency": "optimized"}}),
        ("guardrailConfig", {"guardrailConfig": {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}}),
        ("cachePoint", {"system": [{"text": "Answer briefly."}, POINT]}),
        ("thinking", {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}}),
        ("budget_tokens", {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}),
        ("effort", {"outputConfig": {"effort": "low"}}),
    ],
)
async def test_a_service_parameter_is_taken_or_refused_by_its_name(name: str, members: dict[str, Any]) -> None:
    body = {"messages": asking()["messages"]}
    async with RehearsalServer(RehearsalConfig(refuses={MODEL: frozenset({name})})) as server:
        taken, _ = await posted(server.url, body)
        status, data = await posted(server.url, body | members)
        server.change(refuses={})
        again, _ = await posted(server.url, body | members)
    assert (taken, again) == (200, 200)
    assert status == (403 if name == "cachePoint" else 400)
    assert "support" in json.loads(data)["message"]
