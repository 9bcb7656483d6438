"""Is a call the short way the same call: the same bytes sent, the same made of what comes back?"""

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ParamValidationError
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_bedrock_session import is_signed_by
from tests.test_bedrock_standin import (
    KEY,
    NOVA,
    SECRET,
    Respond,
    Runtime,
    Seen,
    answer_body,
    answers,
    aws_environment,
    refuses,
    runtime,
)
from trialbed.core.errors import CallError, InvalidRequest
from trialbed.providers.bedrock import http_session
from trialbed.providers.bedrock.mapping import Answer
from trialbed.providers.bedrock.session import BedrockClient, open_client
from trialbed.providers.bedrock.shapes import BodyOf
from trialbed.providers.bedrock.template import Moment, Sent, read_off

KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
IDENTITIES = {
    "keys": KEYS,
    "session": {**KEYS, "AWS_SESSION_TOKEN": "token/with+signs=="},
    "api-key": {"AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-abc"},
    "api-key-and-keys": {**KEYS, "AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-abc"},
}
ASK = {"modelId": NOVA.id, "messages": [{"role": "user", "content": [{"text": "é?"}]}]}
UNKNOWN = ("serviceTier", "outputConfig")
ALL = {
    **ASK,
    "system": [{"text": "Be brief. 🙂"}],
    "inferenceConfig": {"maxTokens": 9, "temperature": 0.1, "topP": 1, "stopSequences": ["\n\n", "END"]},
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "rate", "inputSchema": {"json": {"type": "object", "properties": {}}}}}],
        "toolChoice": {"tool": {"name": "rate"}},
    },
    "guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1", "trace": "enabled"},
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "list": [1, 2.5, None]},
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "promptVariables": {"name": {"text": "value"}},
    "requestMetadata": {"trialbed_trial": "t 1", "trialbed_run": "r:1"},
    "performanceConfig": {"latency": "optimized"},
    "serviceTier": {"type": "flex"},
    "outputConfig": {"textFormat": {"type": "json_schema"}, "effort": "low"},
}


# Which way was gone, and what arrived.


@contextmanager
def counted_sdk_calls() -> Iterator[Callable[[], int]]:
    """How many requests the SDK itself has made so far: it says so in its log, the short way does not."""
    made: list[str] = []

    class Listen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if str(record.msg).startswith("Sending http request"):
                made.append(record.name)

    log, listen = logging.getLogger("botocore.endpoint"), Listen()
    level = log.level
    log.addHandler(listen)
    log.setLevel(logging.DEBUG)
    try:
        yield lambda: len(made)
    finally:
        log.removeHandler(listen)
        log.setLevel(level)


_DATE = re.compile(r"\d{8}T\d{6}Z")
_SIGNATURE = re.compile(r"(?<=Signature=)[0-9a-f]{64}")
_DAY = re.compile(rf"(?<={KEY}/)\d{{8}}")


def lasting(seen: Seen) -> tuple[Any, ...]:
    """All of a request but what must differ in each, the order of the headers included."""
    headers = dict(seen.headers)
    if "X-Amz-Date" in headers:
        assert _DATE.fullmatch(headers["X-Amz-Date"])
        own_path = seen.path.removeprefix("http://bedrock.example")  # a proxy is asked for the whole address
        assert is_signed_by(replace(seen, path=own_path), SECRET)
        headers["X-Amz-Date"] = "now"
    headers["Authorization"] = _DAY.sub("today", _SIGNATURE.sub("made", headers["Authorization"]))
    assert uuid.UUID(headers.pop("amz-sdk-invocation-id")).version == 4
    return seen.method, seen.path, list(headers.items()), list(seen.headers), seen.raw


class Pair:
    """The plain SDK and the short way, opened on one stand-in."""

    def __init__(self, bedrock: Runtime, plain: BedrockClient, short: BedrockClient) -> None:
        self.bedrock, self.plain, self.short = bedrock, plain, short

    async def is_known(self, model: str) -> None:
        """The short way has seen one request to this model."""
        with counted_sdk_calls() as count:
            await self.short.converse({**ASK, "modelId": model})
            assert count() <= 1
        self.bedrock.seen.clear()

    async def send(self, parameters: dict[str, Any], *, through_sdk: int = 0) -> tuple[Seen, Seen]:
        self.bedrock.seen.clear()
        first = await self.plain.converse(parameters)
        with counted_sdk_calls() as count:
            second = await self.short.converse(parameters)
            assert count() == through_sdk
        assert first == second
        plain, short = self.bedrock.seen
        return plain, short


async def pair(stack: AsyncExitStack, environment: dict[str, str], home: Path, respond: Respond | None = None) -> Pair:
    bedrock = await stack.enter_async_context(runtime(respond or answers()))
    stack.enter_context(aws_environment(home, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url, **environment))
    opened = partial(open_client, region="us-east-1", max_pool_connections=4, read_timeout_s=1.0)
    plain = await stack.enter_async_context(opened(plain_sdk=True))
    return Pair(bedrock, plain, await stack.enter_async_context(opened()))


@pytest.fixture(scope="module", params=IDENTITIES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Pair]]:
    """A loop and the pair that lives in it, for many examples."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        opening = pair(stack, IDENTITIES[request.param], tmp_path_factory.mktemp("home"))
        try:
            yield runner, runner.run(opening)
        finally:
            runner.run(stack.aclose())


# Parameters.

text = st.text(st.characters(exclude_categories=()), max_size=30)
some_text = st.text(st.characters(exclude_categories=()), min_size=1, max_size=30)
number = st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 5000)
document = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
fields = st.dictionaries(text, document, max_size=4)
model_ids = st.sampled_from(
    [
        "amazon.nova-pro-v1:0",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd",
        "a b%2Fé~_-.",
    ]
)
tool = st.fixed_dictionaries(
    {"toolSpec": st.fixed_dictionaries({"name": some_text, "inputSchema": st.fixed_dictionaries({"json": fields})})}
)
block = st.fixed_dictionaries({"text": text})
valid = st.fixed_dictionaries(
    {
        "modelId": model_ids,
        "messages": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "assistant"]), "content": st.lists(block, max_size=3)}
            ),
            max_size=3,
        ),
    },
    optional={
        "system": st.lists(st.fixed_dictionaries({"text": some_text}), max_size=2),
        "inferenceConfig": st.fixed_dictionaries(
            {},
            optional={
                "maxTokens": st.integers(1, 10**6),
                "temperature": st.floats(0, 1) | st.just(1),
                "topP": st.floats(0, 1),
                "stopSequences": st.lists(some_text, max_size=3),
            },
        ),
        "toolConfig": st.fixed_dictionaries(
            {"tools": st.lists(tool, min_size=1, max_size=2)},
            optional={"toolChoice": st.sampled_from([{"any": {}}, {"auto": {}}, {"tool": {"name": "rate"}}])},
        ),
        "guardrailConfig": st.just(ALL["guardrailConfig"]),
        "additionalModelRequestFields": fields,
        "additionalModelResponseFieldPaths": st.lists(some_text, max_size=2),
        "promptVariables": st.dictionaries(text, st.fixed_dictionaries({"text": text}), max_size=2),
        "requestMetadata": st.dictionaries(some_text, text, min_size=1, max_size=3),
        "performanceConfig": st.sampled_from([{}, {"latency": "standard"}, {"latency": "optimized"}]),
        "serviceTier": st.fixed_dictionaries({"type": text}),
        "outputConfig": fields,
    },
).flatmap(lambda drawn: st.permutations(list(drawn.items())).map(dict))


# What is sent.


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(valid)
def test_both_ways_send_the_same_bytes(opened: tuple[Any, Pair], parameters: dict[str, Any]) -> None:
    runner, both = opened
    runner.run(both.is_known(parameters["modelId"]))
    plain, short = runner.run(both.send(parameters))
    assert lasting(plain) == lasting(short)


@pytest.mark.parametrize("name", [*ALL, "all"])
def test_each_member_is_sent_in_the_same_bytes(opened: tuple[Any, Pair], name: str) -> None:
    runner, both = opened
    runner.run(both.is_known(NOVA.id))
    plain, short = runner.run(both.send(ALL if name == "all" else {**ASK, name: ALL[name]}))
    assert lasting(plain) == lasting(short)
    assert name in ("modelId", "all") or short.body[name] == ALL[name]


async def test_every_request_has_an_id_of_its_own(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        both = await pair(stack, KEYS, tmp_path)
        await asyncio.gather(*(both.short.converse(ASK) for _ in range(10)))
    assert len({seen.headers["amz-sdk-invocation-id"] for seen in both.bedrock.seen}) == 10


async def test_only_the_first_request_to_each_model_is_made_by_the_sdk(tmp_path: Path) -> None:
    together = asyncio.Barrier(4)

    async def all_at_once(_: Seen, __: web.Request) -> web.StreamResponse:
        await together.wait()
        return web.json_response(answer_body())

    async with AsyncExitStack() as stack:
        both = await pair(stack, KEYS, tmp_path, all_at_once)
        with counted_sdk_calls() as count:
            models = ["m.one", "m.two"] * 10
            await asyncio.gather(*(both.short.converse({**ASK, "modelId": model}) for model in models))
            assert count() == 2


@pytest.mark.parametrize(
    "parameters",
    [
        {
            **ASK,
            "messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": b"\x89"}}}]}],
        },
        {**ASK, "inferenceConfig": {"temperature": Decimal("0.5")}},
        {**ASK, "inferenceConfig": {"temperature": float("inf")}},
        {**ASK, "messages": ({"role": "user", "content": ()},)},
        {**ASK, "additionalModelRequestFields": None},
    ],
    ids=["bytes", "decimal", "infinity", "tuple", "none"],
)
async def test_what_the_sdk_must_convert_is_left_to_it(parameters: dict[str, Any], tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        both = await pair(stack, KEYS, tmp_path)
        await both.is_known(NOVA.id)
        plain, short = await both.send(parameters, through_sdk=1)
    assert lasting(plain) == lasting(short)


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": [{"role": "user", "content": [{"text": 7}]}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": [{"text": "a", "cachePoint": {"type": "default"}}]}]},
        {"messages": [{"role": "user", "content": [{"newer": "a"}]}]},
        {"system": [{"text": ""}]},
        {"inferenceConfig": {"maxTokens": 0}},
        {"inferenceConfig": {"maxTokens": 1.5}},
        {"inferenceConfig": {"temperature": -1.0}},
        {"requestMetadata": {"a": None}},
        {"requestMetadata": {}},
        {"additionalModelRequestFields": {"a": {1, 2}}},
        {"modelId": ""},
    ],
    ids=repr,
)
async def test_what_the_sdk_refuses_is_refused_in_its_words(wrong: dict[str, Any], tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        both = await pair(stack, KEYS, tmp_path)
        await both.is_known(NOVA.id)
        told = []
        for client in (both.plain, both.short):
            try:
                await client.converse({**ASK, **wrong})
                told.append("taken")
            except InvalidRequest as error:
                told.append(f"{error.code}: {error}")
        assert told[0] == told[1]
        assert [seen.raw for seen in both.bedrock.seen[:1]] == [seen.raw for seen in both.bedrock.seen[1:]]


async def test_an_sdk_whose_requests_are_not_understood_is_left_alone(tmp_path: Path) -> None:
    in_a_lambda = {**KEYS, "AWS_LAMBDA_FUNCTION_NAME": "f", "_X_AMZN_TRACE_ID": "Root=1-2-3"}
    async with AsyncExitStack() as stack:
        both = await pair(stack, in_a_lambda, tmp_path)
        for _ in range(5):
            plain, short = await both.send(ASK, through_sdk=1)
            assert lasting(plain) == lasting(short)
            assert short.headers["X-Amzn-Trace-Id"] == "Root=1-2-3"


def newer_sdk(home: Path, **members: dict[str, Any]) -> dict[str, str]:
    """The environment of an SDK whose Converse has more members, as its service models are replaced."""
    loader = botocore.session.get_session().get_component("data_loader")
    version = loader.determine_latest_version("bedrock-runtime", "service-2")
    model = loader.load_service_model("bedrock-runtime", "service-2", version)
    known = model["shapes"]["ConverseRequest"]
    newer = {
        **model,
        "shapes": {**model["shapes"], "ConverseRequest": {**known, "members": {**known["members"], **members}}},
    }
    place = home / "models" / "bedrock-runtime" / version
    place.mkdir(parents=True)
    (place / "service-2.json").write_text(json.dumps(newer))
    return {**KEYS, "AWS_DATA_PATH": str(home / "models")}


async def test_an_sdk_that_puts_something_into_the_body_is_left_alone(tmp_path: Path) -> None:
    token = {"clientToken": {"shape": "NonEmptyString", "idempotencyToken": True}}
    async with AsyncExitStack() as stack:
        both = await pair(stack, newer_sdk(tmp_path, **token), tmp_path)
        for _ in range(5):
            _, short = await both.send(ASK, through_sdk=1)
            assert uuid.UUID(short.body["clientToken"])


async def test_an_sdk_that_knows_a_member_sends_it_where_it_stood(tmp_path: Path) -> None:
    tier = {"serviceTier": {"shape": "PerformanceConfiguration"}, "outputConfig": {"shape": "Document"}}
    async with AsyncExitStack() as stack:
        both = await pair(stack, newer_sdk(tmp_path, **tier), tmp_path)
        await both.is_known(NOVA.id)
        parameters = {"serviceTier": {"latency": "standard"}, "outputConfig": {"effort": 1}, **ASK}
        plain, short = await both.send(parameters)
    assert lasting(plain) == lasting(short)
    assert list(short.body) == ["serviceTier", "outputConfig", "messages"]


async def test_the_plain_way_can_be_asked_for(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        both = await pair(stack, KEYS, tmp_path)
        with counted_sdk_calls() as count:
            for _ in range(3):
                await both.plain.converse(ASK)
            assert count() == 3


async def test_a_proxy_is_used_both_ways(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        bedrock = await stack.enter_async_context(runtime(answers()))
        variables = {**KEYS, "HTTP_PROXY": bedrock.url, "NO_PROXY": ""}
        for name in ("http_proxy", "no_proxy"):
            variables[name] = variables[name.upper()]
        url = "http://bedrock.example"
        stack.enter_context(aws_environment(tmp_path, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=url, **variables))
        opened = partial(open_client, region="us-east-1", max_pool_connections=1)
        plain = await stack.enter_async_context(opened(plain_sdk=True))
        both = Pair(bedrock, plain, await stack.enter_async_context(opened()))
        await both.is_known(NOVA.id)
        first, second = await both.send(ASK)
    assert lasting(first) == lasting(second)
    assert second.headers["Host"] == "bedrock.example"


async def test_an_sdk_without_the_seams_of_its_session_is_asked_the_long_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_session, "_SEAMS", ("_not_there",))
    async with AsyncExitStack() as stack:
        both = await pair(stack, KEYS, tmp_path)
        await both.is_known(NOVA.id)
        first, second = await both.send(ASK)
    assert lasting(first) == lasting(second)


# Keys that change while the client is open.


async def test_the_way_of_signing_may_change_between_calls(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        bedrock = await stack.enter_async_context(runtime(answers()))
        patch = stack.enter_context(aws_environment(tmp_path, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url, **KEYS))
        client = await stack.enter_async_context(open_client(region="us-east-1", max_pool_connections=1))

        async def two_calls() -> list[Seen]:
            await client.refresh_credentials()
            bedrock.seen.clear()
            for _ in range(2):
                await client.converse(ASK)
            assert [lasting(seen) for seen in bedrock.seen] == [lasting(bedrock.seen[0])] * 2
            return bedrock.seen

        assert "X-Amz-Security-Token" not in (await two_calls())[1].headers
        for token in ("token-1", "token-2"):
            patch.setenv("AWS_SESSION_TOKEN", token)
            assert (await two_calls())[1].headers["X-Amz-Security-Token"] == token
        patch.delenv("AWS_SESSION_TOKEN")
        assert "X-Amz-Security-Token" not in (await two_calls())[1].headers
        for api_key in ("key-1", "key-2"):
            patch.setenv("AWS_BEARER_TOKEN_BEDROCK", api_key)
            assert (await two_calls())[1].headers["Authorization"] == f"Bearer {api_key}"
        patch.delenv("AWS_BEARER_TOKEN_BEDROCK")
        assert "X-Amz-Date" in (await two_calls())[1].headers


# What comes back.


async def outcome(call: Callable[[], Coroutine[Any, Any, Answer]]) -> tuple[Any, ...]:
    try:
        answer = await call()
    except CallError as error:
        text = re.sub(r"127\.0\.0\.1:\d+", "host", str(error))
        assert error.__cause__ is None and SECRET not in repr(error)
        return type(error), error.code, error.http_status, error.request_id, text
    return Answer, repr(answer.body), answer.request_id


async def cut(_: Seen, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"output": {')
    assert request.transport is not None
    request.transport.close()
    return response


async def reset(_: Seen, request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()  # type: ignore[attr-defined]
    return web.Response()


async def silent(_: Seen, __: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response()


HTML = b"<html>Bad gateway</html>"
COMES_BACK: dict[str, Respond] = {
    "newer members": answers(answer_body(serviceTier={"type": "flex"}, new=[1.0, 10**40, -0.0, None])),
    "lone surrogate": answers(b'{"a": "\\ud800", "b": "\\ud83d\\ude00", "a": 1}'),
    "nan": answers(b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": 18446744073709551617}'),
    "utf-16": answers(json.dumps(answer_body()).encode("utf-16")),
    "utf-8 mark": answers(b"\xef\xbb\xbf{}"),
    "201": answers(answer_body(), 201),
    "204": answers(b"", 204),
    "300": answers(HTML, 300),
    "302": answers(HTML, 302, {"Location": "/elsewhere"}),
    "304": answers(b"", 304),
    "no id": answers(answer_body(), 200, {"x-amzn-RequestId": ""}),
    "html 200": answers(HTML),
    "empty 200": answers(b""),
    "deep 200": answers(b"[" * 50_000),
    "throttled": refuses("ThrottlingException", 429, "Too many tokens"),
    "invalid": refuses("ValidationException", 400, "malformed input"),
    "denied": refuses("AccessDeniedException", 403, "no access to arn:aws:iam::123456789012:user/a"),
    "expired": refuses("ExpiredTokenException", 403),
    "bad signature": refuses("InvalidSignatureException", 403, "host:secret"),
    "model error": refuses("ModelErrorException", 424, "m", originalStatusCode=503, resourceName="r"),
    "unknown": refuses("SomethingNew", 418),
    "html 502": answers(HTML, 502),
    "empty 500": answers(b"", 500),
    "list 500": answers([1], 500),
    "odd types": answers({"code": 7, "message": {"a": 1}, "__type": 5}, 400),
    "not utf-8": answers(b"\xff\xfe", 400),
    "cut": cut,
    "reset": reset,
    "silent": silent,
}


@pytest.mark.parametrize("name", COMES_BACK)
async def test_both_ways_make_the_same_of_what_comes_back(name: str, tmp_path: Path) -> None:
    async def respond(seen: Seen, request: web.Request) -> web.StreamResponse:
        return await (answers() if b"warm up" in seen.raw else COMES_BACK[name])(seen, request)

    warm_up = {**ASK, "requestMetadata": {"a": "warm up"}}
    async with AsyncExitStack() as stack:
        both = await pair(stack, KEYS, tmp_path, respond)
        await both.short.converse(warm_up)
        both.bedrock.seen.clear()
        plain = await outcome(lambda: both.plain.converse(ASK))
        with counted_sdk_calls() as count:
            short = await outcome(lambda: both.short.converse(ASK))
            read_by_sdk = count()
        # Asked once each way: what the SDK reads it does not send again.
        assert [seen.raw for seen in both.bedrock.seen] == [both.bedrock.seen[0].raw] * 2
        assert plain == short
        assert read_by_sdk == (1 if plain[0] is not Answer and plain[2] is not None else 0)
        # The next call is none the worse for it.
        assert (await both.short.converse(warm_up)).body["stopReason"] == "end_turn"


@given(document)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_read_alike(opened: tuple[Any, Pair], value: Any) -> None:
    runner, both = opened
    runner.run(both.is_known(NOVA.id))
    normal, both.bedrock.respond = both.bedrock.respond, answers(json.dumps(value).encode())
    try:
        told = [runner.run(outcome(lambda client=client: client.converse(ASK))) for client in (both.plain, both.short)]
    finally:
        both.bedrock.respond = normal
    assert told[0] == told[1]


async def test_a_server_that_is_not_there_is_told_alike(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        both = await pair(stack, KEYS, tmp_path)
        async with AsyncExitStack() as gone:
            bedrock = await gone.enter_async_context(runtime(answers()))
            gone.enter_context(aws_environment(tmp_path, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url, **KEYS))
            short = await stack.enter_async_context(open_client(region="us-east-1", max_pool_connections=1))
            plain = await stack.enter_async_context(
                open_client(region="us-east-1", max_pool_connections=1, plain_sdk=True)
            )
            both = Pair(bedrock, plain, short)
            await both.is_known(NOVA.id)
        told = [await outcome(lambda client=client: client.converse(ASK)) for client in (plain, short)]
    assert told[0] == told[1]
    assert told[0][1] == "EndpointConnectionError"


async def test_a_call_cut_short_leaves_the_client_usable(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def hangs_if_asked(seen: Seen, _: web.Request) -> web.StreamResponse:
        if b"hang" in seen.raw:
            arrived.set()
            await asyncio.sleep(30)
        return web.json_response(answer_body())

    async with AsyncExitStack() as stack:
        bedrock = await stack.enter_async_context(runtime(hangs_if_asked))
        stack.enter_context(aws_environment(tmp_path, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url, **KEYS))
        client = await stack.enter_async_context(open_client(region="us-east-1", max_pool_connections=1))
        await client.converse(ASK)
        call = asyncio.create_task(client.converse({**ASK, "requestMetadata": {"a": "hang"}}))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await client.converse(ASK)).body["stopReason"] == "end_turn"


# The pure parts.


@cache
def converse_model() -> Any:
    return botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse")


@cache
def body_of() -> BodyOf:
    return BodyOf(converse_model().input_shape)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*way, name))


def replaced(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    if not way:
        return new
    copy = value.copy()
    copy[way[0]] = replaced(copy[way[0]], way[1:], new)
    return copy


anything = document | st.sampled_from(
    [
        b"x",
        Decimal("1.5"),
        (),
        ("a",),
        datetime(2026, 1, 1, tzinfo=UTC),
        {},
        [],
        "",
        0,
        -1,
        True,
        float("nan"),
        {1: 2},
        {3},
    ]
)


@given(st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_body_is_made_only_where_the_sdk_makes_the_same(data: st.DataObject) -> None:
    parameters = data.draw(valid)
    if data.draw(st.booleans()):
        way = data.draw(st.sampled_from([way for way in places(parameters) if way]))
        parameters = replaced(parameters, way, data.draw(anything))
    body = body_of()(parameters)
    known = {name: value for name, value in parameters.items() if name not in UNKNOWN}
    unknown = {name: value for name, value in parameters.items() if name in UNKNOWN}
    serializer = create_serializer("rest-json", include_validation=True)
    try:
        made = serializer.serialize_to_request(known, converse_model())["body"]
        made = json.dumps({**json.loads(made), **unknown}).encode() if unknown else made
    except (ParamValidationError, TypeError, UnicodeEncodeError):
        made = None
    assert body is None or body == made


@given(valid)
@settings(max_examples=100, deadline=None)
def test_what_is_plain_needs_no_sdk(parameters: dict[str, Any]) -> None:
    assert body_of()(parameters) is not None


def test_no_depth_is_too_deep_for_the_check() -> None:
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    assert body_of()({**ASK, "additionalModelRequestFields": {"a": deep}}) is None


days = st.sampled_from(["20251231T235959Z", "20260101T000000Z", "20260101T120000Z"])
keys = st.builds(
    ReadOnlyCredentials, st.sampled_from(["AKIAONE", "AKIATWO"]), st.sampled_from(["s1", "s2"]), st.just("t/o+k==")
)


def signed_by_botocore(body: bytes, time: str, with_keys: ReadOnlyCredentials) -> Sent:
    request = AWSRequest(
        "POST", "https://h:8443/base/model/a%3A0/converse", {"Content-Type": "a", "User-Agent": "u"}, body
    )
    request.context["timestamp"] = time
    request.headers["X-Amz-Date"] = time
    request.headers["X-Amz-Security-Token"] = with_keys.token
    auth = SigV4Auth(with_keys, "bedrock", "eu-central-1")
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    signed = auth.signed_headers(auth.headers_to_sign(request))
    headers = {
        **dict(request.headers.items()),
        "Authorization": f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, "
        f"SignedHeaders={signed}, Signature={signature}",
        "amz-sdk-invocation-id": "id",
        "amz-sdk-request": "attempt=1",
        "Content-Length": str(len(body)),
    }
    return Sent("POST", request.url, headers, body)


@given(st.lists(st.tuples(st.binary(max_size=50), days, keys), min_size=1, max_size=8))
def test_signatures_are_botocores_across_days_and_keys(calls: list[tuple[bytes, str, ReadOnlyCredentials]]) -> None:
    template = read_off(signed_by_botocore(*calls[0]), calls[0][2], None)
    assert template is not None
    for body, time, with_keys in calls:
        assert template.request(body, Moment(time, "id", with_keys)) == signed_by_botocore(body, time, with_keys)


@pytest.mark.parametrize(
    "change",
    [
        {"X-New": "header"},
        {"amz-sdk-request": "attempt=2"},
        {"amz-sdk-request": "attempt=1; max=3"},
        {"Authorization": "Bearer other"},
        {"Authorization": "AWS4-HMAC-SHA256 whatever"},
        {"Content-Length": "4"},
        {"X-Amz-Date": "20260101T000001Z"},
        {"Content-Type": "b"},
    ],
    ids=str,
)
def test_a_request_that_cannot_be_given_back_has_no_template(change: dict[str, str]) -> None:
    with_keys = ReadOnlyCredentials("AKIAONE", "s1", "t")
    sent = signed_by_botocore(b"abc", "20260101T000000Z", with_keys)
    assert read_off(sent, with_keys, "key") is not None
    assert read_off(Sent(sent.method, sent.url, {**sent.headers, **change}, sent.body), with_keys, "key") is None
    assert read_off(sent, ReadOnlyCredentials("AKIAONE", "s2", "t"), "key") is None
    assert read_off(sent, None, "key") is None


def test_what_a_call_is_made_of_does_not_show_its_secrets() -> None:
    with_keys = ReadOnlyCredentials(KEY, SECRET, "session-token")
    moment = Moment("20260101T000000Z", "id", with_keys, "api-key")
    sent = signed_by_botocore(b"abc", moment.time, with_keys)
    shown = f"{moment!r} {sent!r} {read_off(sent, with_keys, None)!r}"
    assert not [secret for secret in (SECRET, "session-token", "api-key", "Signature") if secret in shown]
