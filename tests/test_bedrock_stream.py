"""Does one attempt at ConverseStream bring the reply of Converse, or a named error, and give its connection back?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.test_bedrock_mapping import FORM
from tests.test_bedrock_session import ASK, KEYS, is_signed_by, pointed_at
from tests.test_bedrock_standin import SECRET, Respond, Runtime, Seen, question, runtime
from tests.test_bedrock_stream_assembly import delta, tool_start, whole
from trialbed.core import errors
from trialbed.core.model import AnswerForm, Message, ModelName, ModelReply, ModelRequest, Sampling, Service
from trialbed.providers.bedrock.capabilities import capabilities_of
from trialbed.providers.bedrock.model import BedrockModel
from trialbed.providers.bedrock.session import BedrockClient, open_client
from trialbed.providers.bedrock.streaming import Streaming
from trialbed.providers.rehearsal import eventstream
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import StreamError
from trialbed.providers.rehearsal.server import RehearsalServer

NOVA = "amazon.nova-pro-v1:0"
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "us.anthropic.claude-sonnet-4-20250514-v1:0"
OPUS = "us.anthropic.claude-opus-5-5"
LONG = Sampling(20_000)
SAID = "It is a bridge in two parts, said halfway."


@asynccontextmanager
async def rehearsed(
    config: RehearsalConfig, model_id: str = NOVA, streaming: Streaming = "always", connections: int = 10
) -> AsyncIterator[tuple[BedrockModel, RehearsalServer]]:
    async with RehearsalServer(config) as server:
        opening = open_client(
            region="us-east-1",
            max_pool_connections=connections,
            endpoint_url=server.url,
            fixed_keys=("rehearsal", "rehearsal"),
        )
        async with opening as client:
            name = ModelName("bedrock", model_id)
            yield BedrockModel(client, name, capabilities_of(model_id), streaming=streaming), server


class Ways:
    """Which requests came as streams, in their order; for a rehearsal's `scripted`."""

    def __init__(self, answer: Callable[[RehearsalCall], Any] = lambda _: None) -> None:
        self.seen: list[str] = []
        self._answer = answer

    def __call__(self, call: RehearsalCall) -> Any:
        self.seen.append("stream" if call.streaming else "plain")
        return self._answer(call)


def asked(model_id: str = NOVA, sampling: Sampling | None = None, **members: Any) -> ModelRequest:
    fields: dict[str, Any] = {"metadata": {"trialbed_trial": "t1"}, **members}
    return question("Why do rivers bend?", sampling, model=ModelName("bedrock", model_id), **fields)


# --- The same reply --------------------------------------------------------------------------------

WORDY = AnswerForm(
    "why", "a reason", {"type": "object", "properties": {"why": {"type": "string"}}, "required": ["why"]}
)
CACHED = asked(system="Answer as a geographer would. " * 300, service=Service(prompt_cache=True))
SAME: dict[str, tuple[ModelRequest, dict[str, Any]]] = {
    "words": (asked(), {}),
    "use of a tool": (asked(form=FORM), {}),
    "JSON schema": (asked(HAIKU, form=FORM), {}),
    "JSON in words": (asked("ai21.jamba-instruct-v1:0", form=FORM), {}),
    "thinking with a budget": (asked(SONNET, Sampling(4000, thinking=2048)), {}),
    "adaptive thinking": (asked(OPUS, Sampling(4000, thinking="adaptive", effort="high")), {}),
    "a judge that thinks": (asked(SONNET, Sampling(4000, thinking=2048), form=FORM), {}),
    "half a surrogate pair": (asked(), {"surrogate_rate": 1}),
    "half a surrogate pair from a judge": (asked(form=WORDY), {"surrogate_rate": 1}),
    "most tokens": (asked(sampling=Sampling(5)), {}),
    "cut": (asked(), {"truncate_rate": 1}),
    "a judge that is cut": (asked(form=FORM), {"truncate_rate": 1}),
    "a refusal": (asked(), {"refuse_rate": 1}),
    "a filter": (asked(), {"filter_rate": 1}),
    "nothing": (asked(), {"empty_rate": 1}),
    "a bad judge": (asked(form=FORM), {"bad_judge_rate": 1, "bad_judge_kinds": ("null_input",)}),
    "a judge in prose": (asked(form=FORM), {"bad_judge_rate": 1, "bad_judge_kinds": ("plain_text",)}),
    "cached": (CACHED, {}),
    "tier, latency and guardrail": (
        asked(sampling=Sampling(100, guardrail="abc123:7"), service=Service("flex", "optimized")),
        {},
    ),
}


@pytest.mark.parametrize("what", SAME)
async def test_a_streamed_reply_is_the_reply_that_would_have_come_at_once(what: str) -> None:
    request, config = SAME[what]

    async def replies(streaming: Streaming) -> list[ModelReply]:
        ways = Ways()
        settings = RehearsalConfig(seed=4, chunk_chars=3, scripted=ways, **config)
        async with rehearsed(settings, request.model.id, streaming) as (model, _):
            # Twice: what the first call writes to the cache, the second one reads.
            both = [await model.converse(request) for _ in range(2)]
        assert ways.seen == ["stream" if streaming == "always" else "plain"] * 2
        return [replace(reply, request_id=None) for reply in both]

    streamed, at_once = await replies("always"), await replies("never")
    assert streamed == at_once
    if what == "cached":
        assert streamed[1].usage.cache_read_tokens > 0
    if "think" in what:
        assert streamed[0].reasoning
    if "surrogate" in what:
        assert streamed[0].repairs == 1


async def test_a_streamed_reply_has_the_id_of_its_request(tmp_path: Path) -> None:
    async with standin(stream_of(whole(delta(text="A"))), tmp_path) as (client, _):
        assert (await client.converse_stream(ASK)).request_id == "req-1"


async def test_members_newer_than_the_sdk_are_in_the_signed_body_of_a_stream_too(tmp_path: Path) -> None:
    async with standin(stream_of(whole(delta(text="A"))), tmp_path) as (client, bedrock):
        newer = {"serviceTier": {"type": "flex"}, "outputConfig": {"effort": "low"}}
        await client.converse_stream({**ASK, **newer})
    (seen,) = bedrock.seen
    assert seen.path.endswith("/converse-stream")
    assert {name: seen.body[name] for name in newer} == newer and seen.body["messages"] == ASK["messages"]
    assert is_signed_by(seen, SECRET)


# --- Broken streams --------------------------------------------------------------------------------


@asynccontextmanager
async def standin(respond: Respond, tmp_path: Path) -> AsyncIterator[tuple[BedrockClient, Runtime]]:
    async with runtime(respond) as bedrock:
        with pointed_at(bedrock, tmp_path, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=2) as client:
                yield client, bedrock


def stream_of(events: Iterable[tuple[str, Any]], *after: bytes) -> Respond:
    """A stream of these events, then these bytes as they are."""
    return bytes_of(b"".join((*(eventstream.event(*event) for event in events), *after)))


def bytes_of(data: bytes, content_type: str = eventstream.CONTENT_TYPE) -> Respond:
    async def respond(_: Seen, __: web.Request) -> web.StreamResponse:
        return web.Response(body=data, headers={"x-amzn-RequestId": "req-1", "content-type": content_type})

    return respond


def framed(headers: list[tuple[str, str]], payload: bytes) -> bytes:
    """A message with any headers and any payload."""
    return eventstream._message(b"".join(eventstream._header(n.encode(), v.encode()) for n, v in headers), payload)


HALF = whole(delta(text=SAID))[:-2]
NO_JSON = framed([(":event-type", "contentBlockDelta"), (":message-type", "event")], b'{"delta": {"te')
ERROR = framed([(":error-code", "InternalFailure"), (":error-message", "it failed"), (":message-type", "error")], b"")
BROKEN: dict[str, tuple[Respond, type[errors.CallError]]] = {
    "nothing": (bytes_of(b""), errors.BrokenStream),
    "no end": (stream_of(HALF), errors.BrokenStream),
    "no metadata": (stream_of(whole(delta(text=SAID))[:-1]), errors.BrokenStream),
    "no usage": (stream_of([*whole(delta(text=SAID))[:-1], ("metadata", {"metrics": {}})]), errors.MalformedBody),
    "no stop reason": (stream_of([*HALF, ("messageStop", {}), whole()[-1]]), errors.MalformedBody),
    "half an event": (stream_of(HALF, eventstream.event("messageStop", {"stopReason": "x"})[:-5]), errors.BrokenStream),
    "a checksum": (stream_of(HALF, eventstream.corrupted(eventstream.event("messageStop", {}))), errors.BrokenStream),
    "no JSON": (stream_of(HALF, NO_JSON), errors.MalformedBody),
    "no object": (stream_of(HALF, framed([(":event-type", "metadata")], b"[1]")), errors.MalformedBody),
    "a page": (bytes_of(b"<!DOCTYPE html><html>Bad gateway</html>", "text/html"), errors.BrokenStream),
    "JSON": (bytes_of(b'{"message": "hello there"}', "application/json"), errors.BrokenStream),
    "half a tool input": (
        stream_of(whole(tool_start(), delta(toolUse={"input": '{"harm": "' + SAID}), stop_reason="tool_use")),
        errors.MalformedBody,
    ),
    "an error without a type of its own": (stream_of(HALF, ERROR), errors.ServiceFault),
    "an error after the end": (
        stream_of(whole(delta(text=SAID)), eventstream.exception("modelStreamErrorException", {"message": "m"})),
        errors.BrokenStream,
    ),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_stream_that_is_not_whole_is_no_answer(what: str, tmp_path: Path) -> None:
    respond, kind = BROKEN[what]
    async with standin(respond, tmp_path) as (client, bedrock):
        model = BedrockModel(client, ModelName("bedrock", NOVA), capabilities_of(NOVA), streaming="always")
        with pytest.raises(errors.CallError) as caught:
            await model.converse(question())
    assert type(caught.value) is kind and len(bedrock.seen) == 1
    assert (caught.value.request_id, caught.value.http_status) == ("req-1", 200)
    assert caught.value.code and SAID[:10] not in repr(caught.value)


@pytest.mark.parametrize(
    ("rate", "kind"),
    [
        ("throttle_rate", errors.Throttled),
        ("server_error_rate", errors.ServiceFault),
        ("gateway_html_rate", errors.ServiceFault),
        ("model_not_ready_rate", errors.WarmingUp),
        ("model_error_rate", errors.ModelFault),
        ("model_timeout_rate", errors.ModelTimedOut),
        ("cut_before_rate", errors.ConnectionCut),
        ("cut_body_rate", errors.ConnectionCut),
        ("malformed_body_rate", errors.BrokenStream),
        ("wrong_shape_rate", errors.BrokenStream),
        ("stream_error_rate", errors.BrokenStream),
    ],
)
async def test_every_fault_of_a_stream_has_its_name_and_is_one_attempt(rate: str, kind: type[errors.CallError]) -> None:
    async with rehearsed(RehearsalConfig(**{rate: 1.0})) as (model, server):
        with pytest.raises(errors.CallError) as caught:
            await model.converse(asked())
        assert type(caught.value) is kind and server.received == 1
        server.change(**{rate: 0.0})
        assert (await model.converse(asked())).stop_reason == "end_turn"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (StreamError(), errors.BrokenStream),
        (StreamError(original_status=400), errors.BrokenStream),
        (StreamError("throttlingException"), errors.Throttled),
        (StreamError("validationException"), errors.InvalidRequest),
        (StreamError("internalServerException"), errors.ServiceFault),
        (StreamError("serviceUnavailableException"), errors.ServiceFault),
        (StreamError("modelTimeoutException"), errors.ModelTimedOut),
        (StreamError("modelErrorException", original_status=503), errors.ModelFault),
        (StreamError("accessDeniedException"), errors.ModelUnavailable),
        (StreamError("expiredTokenException"), errors.CredentialsExpired),
        (StreamError("aNewException"), errors.ServiceFault),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
async def test_an_error_inside_a_stream_means_what_it_means_elsewhere(
    event: StreamError, kind: type[errors.CallError]
) -> None:
    async with rehearsed(RehearsalConfig(scripted=lambda _: event)) as (model, _):
        with pytest.raises(errors.CallError) as caught:
            await model.converse(asked())
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.detail) == (event.code, event.message)
    assert caught.value.http_status == 200 and caught.value.request_id


# --- Connections -----------------------------------------------------------------------------------


async def test_a_stream_that_was_read_leaves_its_connection_to_the_next_call(tmp_path: Path) -> None:
    ports: set[int] = set()
    answer = stream_of(whole(delta(text="A")))

    async def respond(seen: Seen, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        return await answer(seen, request)

    async with standin(respond, tmp_path) as (client, bedrock):
        for _ in range(8):
            await client.converse_stream(ASK)
    assert len(bedrock.seen) == 8 and len(ports) == 1


async def test_calls_cancelled_in_mid_stream_give_their_connections_back() -> None:
    slow = RehearsalConfig(chunk_chars=2, chunk_gap_s=30.0)
    async with rehearsed(slow, connections=2) as (model, server):
        for _ in range(15):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), asyncio.TaskGroup() as group:
                    for _ in range(2):
                        group.create_task(model.converse(asked()))
        assert server.received >= 20
        server.change(chunk_gap_s=0.0)
        async with asyncio.timeout(10):
            await asyncio.gather(*(model.converse(asked()) for _ in range(6)))
            while server.in_flight:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)


async def test_broken_streams_give_their_connections_back() -> None:
    async with rehearsed(RehearsalConfig(malformed_body_rate=1.0), connections=1) as (model, server):
        for _ in range(10):
            with pytest.raises(errors.BrokenStream):
                await model.converse(asked())
        server.change(malformed_body_rate=0.0)
        async with asyncio.timeout(10):
            assert await model.converse(asked())


# --- Which calls are streamed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("streaming", "ways"),
    [("auto", ["plain", "stream", "stream"]), ("always", ["stream"] * 3), ("never", ["plain"] * 3)],
)
async def test_the_setting_and_the_most_tokens_decide(streaming: Streaming, ways: list[str]) -> None:
    seen = Ways()
    async with rehearsed(RehearsalConfig(scripted=seen), streaming=streaming) as (model, _):
        await model.converse(asked())
        await model.converse(asked(sampling=LONG))
        # A small call made to see whether larger ones will be answered.
        await model.converse(asked(sampling=Sampling(16), stands_for_tokens=20_000))
    assert seen.seen == ways


async def test_a_model_without_streams_is_asked_without_from_then_on() -> None:
    config = RehearsalConfig(refuses={NOVA: frozenset({"stream"})})
    async with rehearsed(config, streaming="auto") as (model, server):
        first = await model.converse(asked(sampling=LONG))
        assert server.received == 2
        again = await model.converse(asked(sampling=LONG))
        assert server.received == 3
    assert replace(first, request_id=None) == replace(again, request_id=None)
    assert first.unsupported == () and first.stop_reason == "end_turn"


async def test_a_model_that_streams_words_but_no_use_of_a_tool_goes_on_streaming_words() -> None:
    seen = Ways()
    config = RehearsalConfig(refuses={NOVA: frozenset({"stream+toolConfig"})}, scripted=seen)
    async with rehearsed(config, streaming="auto") as (model, _):
        verdict = await model.converse(asked(sampling=LONG, form=FORM))
        await model.converse(asked(sampling=LONG))
        await model.converse(asked(sampling=LONG, form=FORM))
    assert seen.seen == ["stream", "plain", "stream", "plain"]
    assert verdict.sent["answer_mode"] == "forced_tool" and verdict.data is not None


async def test_where_nothing_but_streams_is_wanted_the_refusal_is_told() -> None:
    async with rehearsed(RehearsalConfig(refuses={NOVA: frozenset({"stream"})})) as (model, server):
        for form in (None, FORM):
            with pytest.raises(errors.InvalidRequest, match="unsupported for streaming"):
                await model.converse(asked(form=form))
        assert server.received == 2


async def test_a_later_turn_with_history_streams_like_any_other() -> None:
    messages = (Message("user", "Why?"), Message("assistant", "Because."), Message("user", "Why that?"))
    request = replace(asked(), messages=messages)
    async with rehearsed(RehearsalConfig(scripted=lambda _: Answer("Ask the sea."))) as (model, _):
        assert (await model.converse(request)).text == "Ask the sea."
