"""Does a model get a request it takes, and is every step down on record?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.test_bedrock_mapping import FORM, tool_use, with_content
from tests.test_bedrock_standin import (
    KEY,
    SECRET,
    Respond,
    Runtime,
    Seen,
    answer_body,
    answers,
    aws_environment,
    question,
    refuses,
    runtime,
)
from trialbed.core.errors import InvalidRequest, ModelUnavailable, Throttled
from trialbed.core.model import ModelName, Sampling, Service
from trialbed.providers.bedrock.capabilities import capabilities_of
from trialbed.providers.bedrock.model import BedrockModel
from trialbed.providers.bedrock.session import open_client

NOVA = "amazon.nova-pro-v1:0"
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "us.anthropic.claude-opus-5-5"
BOTH = Sampling(50, 0.7, 0.95)


@asynccontextmanager
async def model(
    respond: Respond, tmp_path: Path, model_id: str, **options: Any
) -> AsyncIterator[tuple[BedrockModel, Runtime]]:
    async with runtime(respond) as bedrock:
        with aws_environment(
            tmp_path,
            AWS_ACCESS_KEY_ID=KEY,
            AWS_SECRET_ACCESS_KEY=SECRET,
            AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url,
        ):
            async with open_client(region="us-east-1", max_pool_connections=20) as client:
                name = ModelName("bedrock", model_id)
                yield BedrockModel(client, name, capabilities_of(model_id), **options), bedrock


def mode_of(seen: Seen) -> str:
    if "outputConfig" in seen.body:
        return "json_schema"
    if "toolConfig" in seen.body:
        return "forced_tool" if "tool" in seen.body["toolConfig"]["toolChoice"] else "auto_tool"
    return "json_text"


def takes_only(*modes: str) -> Respond:
    """A service that refuses all other ways of asking for a form, in its own words."""
    complaint = {
        "json_schema": "This model doesn't support the outputConfig field. Remove outputConfig and try again.",
        "forced_tool": "This model doesn't support the toolConfig.toolChoice.tool field.",
        "auto_tool": "This model doesn't support tool use.",
    }

    async def respond(seen: Seen, request: web.Request) -> web.StreamResponse:
        mode = mode_of(seen)
        if mode not in modes:
            return await refuses("ValidationException", 400, complaint[mode])(seen, request)
        if mode in ("forced_tool", "auto_tool"):
            return web.json_response(with_content(tool_use({"harm": 1}), stopReason="tool_use"))
        return web.json_response(answer_body('{"harm": 1}'))

    return respond


def judged(model_id: str) -> Any:
    return question(form=FORM, model=ModelName("bedrock", model_id))


@pytest.mark.parametrize(
    ("model_id", "taken", "asked", "unsupported"),
    [
        (HAIKU, "json_schema", ["json_schema"], ()),
        (HAIKU, "forced_tool", ["json_schema", "forced_tool"], ("output_config",)),
        (NOVA, "auto_tool", ["forced_tool", "auto_tool"], ("tool_choice",)),
        (NOVA, "json_text", ["forced_tool", "auto_tool", "json_text"], ("tool_choice", "tools")),
        (OPUS, "auto_tool", ["json_schema", "auto_tool"], ("output_config",)),
    ],
)
async def test_a_refused_way_of_asking_is_stepped_down_and_remembered(
    model_id: str, taken: str, asked: list[str], unsupported: tuple[str, ...], tmp_path: Path
) -> None:
    async with model(takes_only(taken), tmp_path, model_id) as (judge, bedrock):
        first = await judge.converse(judged(model_id))
        second = await judge.converse(judged(model_id))
    assert [mode_of(seen) for seen in bedrock.seen] == [*asked, taken]
    for reply in (first, second):
        assert reply.sent["answer_mode"] == taken
        assert reply.unsupported == unsupported
        assert reply.data == (None if taken == "json_text" else {"harm": 1})


async def test_judges_that_run_at_a_time_step_down_together(tmp_path: Path) -> None:
    async with model(takes_only("json_text"), tmp_path, NOVA) as (judge, _):
        replies = await asyncio.gather(*(judge.converse(judged(NOVA)) for _ in range(10)))
        last = await judge.converse(judged(NOVA))
    assert {reply.sent["answer_mode"] for reply in replies} == {"json_text"}
    assert last.unsupported == ("tool_choice", "tools")


async def test_a_schema_that_is_taken_but_not_honoured_is_not_used_again(tmp_path: Path) -> None:
    async def prose_under_schema(seen: Seen, _: web.Request) -> web.StreamResponse:
        if mode_of(seen) == "json_schema":
            return web.json_response(answer_body("I would say one."))
        return web.json_response(with_content(tool_use({"harm": 1}), stopReason="tool_use"))

    async with model(prose_under_schema, tmp_path, HAIKU) as (judge, _):
        assert (await judge.converse(judged(HAIKU))).data is None
        assert (await judge.converse(judged(HAIKU))).data == {"harm": 1}


@pytest.mark.parametrize(
    ("respond", "error"),
    [
        (refuses("ValidationException", 400, "Input is too long for requested model."), InvalidRequest),
        (refuses("ThrottlingException", 429, "Too many tokens in toolConfig"), Throttled),
    ],
)
async def test_other_errors_are_not_asked_around(respond: Respond, error: type[Exception], tmp_path: Path) -> None:
    async with model(respond, tmp_path, NOVA) as (judge, bedrock):
        with pytest.raises(error):
            await judge.converse(judged(NOVA))
        assert len(bedrock.seen) == 1


async def test_a_refusal_of_tools_without_a_form_is_just_an_error(tmp_path: Path) -> None:
    async with model(refuses("ValidationException", 400, "toolConfig is odd"), tmp_path, NOVA) as (subject, bedrock):
        with pytest.raises(InvalidRequest):
            await subject.converse(question())
        assert len(bedrock.seen) == 1


@pytest.mark.parametrize(
    ("model_id", "left"),
    [(HAIKU, {"maxTokens": 50, "temperature": 0.7}), (OPUS, {"maxTokens": 50}), (NOVA, None)],
)
async def test_a_judge_leaves_out_what_the_model_refuses_and_says_so(
    model_id: str, left: dict[str, Any] | None, tmp_path: Path
) -> None:
    async with model(takes_only("json_schema", "forced_tool"), tmp_path, model_id) as (judge, bedrock):
        reply = await judge.converse(question(sampling=BOTH, form=FORM))
    wire = bedrock.seen[0].body["inferenceConfig"]
    assert wire == (left or {"maxTokens": 50, "temperature": 0.7, "topP": 0.95})
    assert set(reply.unsupported) == {"temperature", "top_p"} - {{"topP": "top_p"}.get(name, name) for name in wire}
    assert set(reply.sent) - {"answer_mode"} == {"max_tokens"} | ({"temperature", "top_p"} - set(reply.unsupported))


@pytest.mark.parametrize(
    ("policy", "wire", "unsupported"),
    [
        ("drop", {"maxTokens": 50, "temperature": 0.7}, ("top_p",)),
        ("refuse", {"maxTokens": 50, "temperature": 0.7, "topP": 0.95}, ()),
    ],
)
async def test_a_subjects_parameters_are_dropped_only_if_the_user_said_so(
    policy: str, wire: dict[str, Any], unsupported: tuple[str, ...], tmp_path: Path
) -> None:
    async with model(answers(), tmp_path, HAIKU, on_unsupported=policy) as (subject, bedrock):
        reply = await subject.converse(question(sampling=BOTH))
    assert bedrock.seen[0].body["inferenceConfig"] == wire
    assert reply.unsupported == unsupported


async def test_the_reply_says_what_was_on_the_wire(tmp_path: Path) -> None:
    asked = question(sampling=BOTH, metadata={"run": "r-1", "trial (id)": "t/1"}, service=Service("flex"))
    async with model(answers(answer_body(serviceTier={"type": "default"})), tmp_path, NOVA) as (subject, bedrock):
        reply = await subject.converse(asked)
    (seen,) = bedrock.seen
    assert seen.body["serviceTier"] == {"type": "flex"}
    assert seen.body["requestMetadata"] == {"run": "r-1", "trial id": "t/1"}
    assert reply.sent == {"max_tokens": 50, "temperature": 0.7, "top_p": 0.95, "service_tier": "flex"}
    assert reply.echoed == {"service_tier": {"type": "default"}}
    assert (reply.text, reply.request_id) == ("Paris.", "req-1")


def refuses_sampling(message: str, *names: str) -> Respond:
    """A service that says `message` while all of `names` are sent."""

    async def respond(seen: Seen, request: web.Request) -> web.StreamResponse:
        if set(names) <= set(seen.body["inferenceConfig"]):
            return await refuses("ValidationException", 400, message)(seen, request)
        return web.json_response(answer_body())

    return respond


@pytest.mark.parametrize(
    ("message", "names", "unsupported"),
    [
        (
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            ["temperature", "topP"],
            ("top_p",),
        ),
        (
            "The model returned the following errors: temperature is deprecated for this model.",
            ["temperature"],
            ("temperature",),
        ),
        ("This model doesn't support the topP field. Remove topP and try again.", ["topP"], ("top_p",)),
    ],
)
async def test_what_a_model_newer_than_the_data_refuses_is_learnt_where_it_may_be_dropped(
    message: str, names: list[str], unsupported: tuple[str, ...], tmp_path: Path
) -> None:
    respond = refuses_sampling(message, *names)
    async with model(respond, tmp_path, "new.model", on_unsupported="drop") as (subject, bedrock):
        for _ in range(2):
            reply = await subject.converse(question(sampling=BOTH))
            assert reply.unsupported == unsupported
            assert set(reply.sent) == {"max_tokens", "temperature", "top_p"} - set(unsupported)
    assert len(bedrock.seen) == 3
    async with model(respond, tmp_path, "new.model") as (subject, bedrock):
        with pytest.raises(InvalidRequest):
            await subject.converse(question(sampling=BOTH))
    assert len(bedrock.seen) == 1


async def test_a_value_out_of_range_is_the_users_and_not_dropped(tmp_path: Path) -> None:
    respond = refuses("ValidationException", 400, "temperature: must be less than or equal to 1")
    async with model(respond, tmp_path, NOVA, on_unsupported="drop") as (subject, bedrock):
        with pytest.raises(InvalidRequest):
            await subject.converse(question(sampling=BOTH))
    assert len(bedrock.seen) == 1


WORDS = {
    "service_tier": "The provided service tier is not supported for this model.",
    "latency": "Latency performance configuration is not supported for this model.",
    "guardrail": "Guardrails are not supported for this model. Remove guardrailConfig and try again.",
    "prompt_cache": "This model doesn't support the cachePoint field. Remove cachePoint and try again.",
    "thinking": '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
    '"output_config.effort" to control thinking behavior.',
    "effort": "This model does not support the effort parameter.",
}
MEMBERS = {
    "service_tier": "serviceTier",
    "latency": "performanceConfig",
    "guardrail": "guardrailConfig",
    "prompt_cache": "cachePoint",
    "thinking": "budget_tokens",
    "effort": "effort",
}
EVERYTHING = Sampling(4000, thinking=2048, effort="low", guardrail="abc123:1")
ALL_SERVICE = Service("flex", "optimized", prompt_cache=True)


def refuses_member(name: str, code: str = "ValidationException", status: int = 400, message: str = "") -> Respond:
    """A service that refuses one member wherever it stands in the body."""

    async def respond(seen: Seen, request: web.Request) -> web.StreamResponse:
        if f'"{MEMBERS[name]}"' in seen.raw.decode():
            return await refuses(code, status, message or WORDS[name])(seen, request)
        return web.json_response(answer_body())

    return respond


@pytest.mark.parametrize("name", sorted(WORDS))
async def test_every_parameter_that_the_service_names_is_learnt_and_only_that(name: str, tmp_path: Path) -> None:
    asked = question(sampling=EVERYTHING, service=ALL_SERVICE, system="Be brief.")
    async with model(refuses_member(name), tmp_path, "new.model", on_unsupported="drop") as (subject, bedrock):
        replies = [await subject.converse(asked) for _ in range(2)]
    assert len(bedrock.seen) == 3
    for reply in replies:
        assert reply.unsupported == (name,)
        assert reply.sent.keys() == asked.requested.keys() - {
            name,
            *(["thinking_tokens"] if name == "thinking" else []),
        }
    async with model(refuses_member(name), tmp_path, "new.model") as (subject, bedrock):
        with pytest.raises(InvalidRequest):
            await subject.converse(asked)
    assert len(bedrock.seen) == 1


@pytest.mark.parametrize("name", ["service_tier", "latency", "prompt_cache"])
async def test_a_judge_does_without_the_service_its_model_does_not_have(name: str, tmp_path: Path) -> None:
    asked = question(form=FORM, service=ALL_SERVICE, system="Judge.")
    async with model(refuses_member(name), tmp_path, "new.model") as (judge, bedrock):
        reply = await judge.converse(asked)
    assert reply.unsupported == (name,) and len(bedrock.seen) == 2
    assert reply.sent.keys() == asked.requested.keys() - {name} | {"answer_mode"}


async def test_cache_points_denied_like_a_model_are_left_out_and_a_denied_model_is_denied(tmp_path: Path) -> None:
    asked = question(service=ALL_SERVICE, system="Be brief.")
    words = "You invoked an unsupported model or your request did not allow prompt caching. See the documentation."
    denied = refuses_member("prompt_cache", "AccessDeniedException", 403, words)
    async with model(denied, tmp_path, "new.model", on_unsupported="drop") as (subject, _):
        assert (await subject.converse(asked)).unsupported == ("prompt_cache",)
    gone = refuses("AccessDeniedException", 403, "Your account is not allowed to use this model in a service tier.")
    async with model(gone, tmp_path, "new.model", on_unsupported="drop") as (subject, bedrock):
        with pytest.raises(ModelUnavailable):
            await subject.converse(asked)
    assert len(bedrock.seen) == 1


async def test_a_conversation_too_short_to_be_cached_says_so(tmp_path: Path) -> None:
    cached = Service(prompt_cache=True)
    async with model(answers(), tmp_path, NOVA) as (subject, bedrock):
        short = await subject.converse(question(system="Be brief.", service=cached))
        long = await subject.converse(question(system="Be brief. " * 500, service=cached))
    assert ["cachePoint" in seen.raw.decode() for seen in bedrock.seen] == [False, True]
    assert (short.sent.get("prompt_cache"), short.unsupported) == (None, ("prompt_cache",))
    assert (long.sent.get("prompt_cache"), long.unsupported) == (True, ())


async def test_a_model_that_thinks_is_never_forced_to_a_tool(tmp_path: Path) -> None:
    asked = question(form=FORM, sampling=Sampling(4000, thinking=2048))
    async with model(takes_only("forced_tool", "auto_tool"), tmp_path, "new.model") as (judge, bedrock):
        await judge.converse(asked)
        await judge.converse(question(form=FORM))
    assert [mode_of(seen) for seen in bedrock.seen] == ["auto_tool", "forced_tool"]
