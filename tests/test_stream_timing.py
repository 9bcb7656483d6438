"""Do the times of a streamed answer say when its pieces came?"""

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.test_bedrock_stream import NOVA, asked
from trialbed.core.model import ModelName, ModelReply
from trialbed.core.timing import StreamTiming, timing_of
from trialbed.providers.bedrock.capabilities import capabilities_of
from trialbed.providers.bedrock.model import BedrockModel
from trialbed.providers.bedrock.session import open_client
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.server import RehearsalServer

PIECES = 12


def long_answer(call: RehearsalCall) -> Answer:
    return Answer("abcdefgh " * PIECES, "max_tokens")


@asynccontextmanager
async def timed_model(**members: object):
    config = RehearsalConfig(scripted=long_answer, chunk_chars=9, **members)
    async with RehearsalServer(config) as server:
        opening = open_client(
            region="us-east-1",
            max_pool_connections=4,
            endpoint_url=server.url,
            fixed_keys=("rehearsal", "rehearsal"),
            is_timed=True,
        )
        async with opening as client:
            yield BedrockModel(client, ModelName("bedrock", NOVA), capabilities_of(NOVA), streaming="never")


async def timed_reply(model: BedrockModel) -> tuple[ModelReply, StreamTiming]:
    reply = await model.converse(replace(asked(), is_timed=True))
    assert reply.timing is not None
    return reply, reply.timing


async def test_a_timed_request_is_streamed_whatever_the_settings_say() -> None:
    async with timed_model(latency_s=0.1, ttft_fraction=1.0, chunk_gap_s=0.01) as model:
        reply, timing = await timed_reply(model)
    assert len(timing.text_at_s) == PIECES
    assert timing.text_chars == (9,) * PIECES
    assert reply.stop_reason == "max_tokens"


async def test_one_that_is_not_timed_has_no_times() -> None:
    async with timed_model(latency_s=0.01) as model:
        assert (await model.converse(asked())).timing is None


@pytest.mark.parametrize(("first_s", "gap_s"), [(0.2, 0.03), (0.05, 0.01), (0.5, 0.0)])
async def test_the_first_piece_and_the_gaps_are_those_of_the_server(first_s: float, gap_s: float) -> None:
    async with timed_model(latency_s=first_s, ttft_fraction=1.0, chunk_gap_s=gap_s) as model:
        await timed_reply(model)  # opens the connection
        timings = [(await timed_reply(model))[1] for _ in range(5)]
    best = min(timings, key=lambda timing: timing.text_at_s[0])
    assert best.text_at_s[0] == pytest.approx(first_s, rel=0.05, abs=0.005)
    spread_s = min(timing.text_at_s[-1] - timing.text_at_s[0] for timing in timings)
    assert spread_s == pytest.approx(gap_s * (PIECES - 1), rel=0.05, abs=0.005)


async def test_a_connection_is_timed_apart_when_it_is_made_and_is_none_when_it_was_there() -> None:
    async with timed_model(latency_s=0.01) as model:
        _, first = await timed_reply(model)
        _, second = await timed_reply(model)
    assert first.connect_s is not None and first.connect_s > 0
    assert second.connect_s == 0.0


def test_times_are_read_back_as_they_were_kept() -> None:
    timing = StreamTiming(1.25, (0.5, 0.75), (4, 5), None)
    assert timing_of(timing.as_dict()) == timing
