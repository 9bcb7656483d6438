"""Is nothing dropped, renamed or changed on its way without a word?"""

from pathlib import Path
from typing import Any

import pytest

from tests.standins.providers import Fault, ProviderStandIn, Said, Seen
from tests.support.litellm import answer, opened
from trialbed.core.errors import InvalidRequest
from trialbed.core.model import Message, ModelRequest, Sampling, Service, Usage
from trialbed.core.price import Price, cost_usd, tier_billed

UNTAKEN: list[tuple[str, str | None, Sampling, str]] = [
    ("openai", "o3-mini", Sampling(64, 0.5), "temperature"),
    ("openai", "gpt-5", Sampling(64, 0.5), "temperature"),
    ("openai", "gpt-4o", Sampling(64, effort="low"), "effort"),
    ("openai", "gpt-4o", Sampling(64, thinking=1024), "thinking"),
    ("groq", None, Sampling(64, thinking="adaptive"), "thinking"),
    ("mistral", None, Sampling(64, effort="low"), "effort"),
    ("cohere", None, Sampling(64, effort="high"), "effort"),
    ("anthropic", "claude-sonnet-4-5", Sampling(2000, effort="low"), "effort"),
    ("gemini", "gemini-2.5-flash", Sampling(64, effort="low"), "effort"),
]


@pytest.mark.parametrize(("provider", "model_id", "sampling", "name"), UNTAKEN)
async def test_what_is_not_taken_is_refused_before_anything_is_sent(
    provider: str, model_id: str | None, sampling: Sampling, name: str, tmp_path: Path
) -> None:
    with ProviderStandIn() as standin:
        async with opened(provider, standin.url, tmp_path, model_id=model_id) as model:
            (line,) = await model.refusals(sampling, Service())
            with pytest.raises(InvalidRequest, match=name):
                await answer(model, sampling=sampling)
    variable = {"effort": "MODEL_EFFORT", "thinking": "MODEL_THINKING", "temperature": "MODEL_TEMPERATURE"}[name]
    assert line.startswith(f"{variable}: {model.name} ")
    assert line.endswith(f"; set {variable}= empty, or ON_UNSUPPORTED=drop")
    assert standin.seen == []


@pytest.mark.parametrize(("provider", "model_id", "sampling", "name"), UNTAKEN)
async def test_with_drop_it_is_left_out_and_listed(
    provider: str, model_id: str | None, sampling: Sampling, name: str, tmp_path: Path
) -> None:
    with ProviderStandIn() as standin:
        async with opened(provider, standin.url, tmp_path, model_id=model_id, on_unsupported="drop") as model:
            assert await model.refusals(sampling, Service()) == []
            reply = await answer(model, sampling=sampling)
    (seen,) = standin.seen
    assert reply.unsupported == (name,) and name not in reply.sent
    assert not {"thinking", "temperature", "reasoning_effort"} & set(seen.body)


SENT: list[tuple[str, str | None, Sampling, dict[str, Any]]] = [
    ("openai", "gpt-4o", Sampling(64, 0.5, 0.9), {"max_tokens": 64, "temperature": 0.5, "top_p": 0.9}),
    ("openai", "gpt-5", Sampling(64, effort="low"), {"max_completion_tokens": 64, "reasoning_effort": "low"}),
    ("cohere", None, Sampling(64, 0.5, 0.9), {"max_tokens": 64, "temperature": 0.5, "p": 0.9}),
    ("anthropic", None, Sampling(2000, thinking=1024),
     {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
    ("anthropic", "claude-opus-5-5", Sampling(64, effort="low"),
     {"max_tokens": 64, "output_config": {"effort": "low"}}),
    ("gemini", None, Sampling(64, 0.5, 0.9, thinking=512), {}),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "model_id", "sampling", "on_the_wire"), SENT)
async def test_the_record_has_what_stood_on_the_wire(
    provider: str, model_id: str | None, sampling: Sampling, on_the_wire: dict[str, Any], tmp_path: Path
) -> None:
    with ProviderStandIn() as standin:
        async with opened(provider, standin.url, tmp_path, model_id=model_id) as model:
            reply = await answer(model, sampling=sampling)
    (seen,) = standin.seen
    assert {name: seen.body[name] for name in on_the_wire} == on_the_wire
    asked = {name: value for name, value in sampling.as_dict().items() if value is not None}
    assert {name: reply.sent.get(name) for name in asked} == asked
    if provider == "gemini":
        inside = seen.body["generationConfig"]
        assert (inside["temperature"], inside["top_p"], inside["max_output_tokens"]) == (0.5, 0.9, 64)
        assert inside["thinkingConfig"]["thinkingBudget"] == 512


async def test_what_the_provider_refuses_by_name_is_left_out_where_that_is_wanted(tmp_path: Path) -> None:
    refusal = Fault(400, {"error": {"message": "no", "code": "unsupported_value", "param": "top_p"}})

    def respond(seen: Seen) -> Said | Fault:
        return refusal if "top_p" in seen.body else Said()

    sampling = Sampling(64, 0.5, 0.9)
    with ProviderStandIn(respond) as standin:
        async with opened("openai", standin.url, tmp_path, on_unsupported="drop") as model:
            first, second = await answer(model, sampling=sampling), await answer(model, sampling=sampling)
        assert first.unsupported == second.unsupported == ("top_p",) and len(standin.seen) == 3
        async with opened("openai", standin.url, tmp_path) as model:
            with pytest.raises(InvalidRequest):
                await answer(model, sampling=sampling)
        assert len(standin.seen) == 4


async def test_what_is_bedrocks_is_refused_elsewhere_by_its_variable(tmp_path: Path) -> None:
    sampling, service = Sampling(64, guardrail="abc:1"), Service("flex", "optimized", prompt_cache=True)
    async with opened("groq", "http://127.0.0.1:9", tmp_path) as model:
        lines = await model.refusals(sampling, service)
    names = ["BEDROCK_SERVICE_TIER", "BEDROCK_LATENCY", "BEDROCK_PROMPT_CACHE", "BEDROCK_GUARDRAIL"]
    assert [line.partition(":")[0] for line in lines] == names


async def test_with_anthropic_the_shared_beginnings_are_marked_for_the_cache(tmp_path: Path) -> None:
    said = (Message("user", "One?"), Message("assistant", "Two."), Message("user", "Three?"))
    with ProviderStandIn() as standin:
        async with opened("anthropic", standin.url, tmp_path) as model:
            request = ModelRequest(
                model.name, said, Sampling(64), system="Be brief.", service=Service(prompt_cache=True)
            )
            reply = await model.converse(request)
    body = standin.seen[0].body
    assert body["system"][-1]["cache_control"] == {"type": "ephemeral"}
    marked = [message["role"] for message in body["messages"] if "cache_control" in str(message)]
    assert marked == ["assistant"] and reply.sent["prompt_cache"] is True


STOPS = [
    ("openai", "length", "max_tokens"),
    ("openai", "content_filter", "content_filtered"),
    ("openai", "something_new", "something_new"),
    ("together", "eos", "end_turn"),
    ("mistral", "model_length", "model_context_window_exceeded"),
    ("anthropic", "refusal", "refusal"),
    ("anthropic", "max_tokens", "max_tokens"),
    ("anthropic", "pause_turn", "pause_turn"),
    ("gemini", "MAX_TOKENS", "max_tokens"),
    ("gemini", "SAFETY", "content_filtered"),
    ("gemini", "MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"),
    ("cohere", "MAX_TOKENS", "max_tokens"),
    ("cohere", "ERROR_TOXIC", "ERROR_TOXIC"),
]


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("provider", "theirs", "ours"), STOPS)
async def test_a_stop_reason_is_told_in_our_words_and_an_unknown_one_in_its_own(
    provider: str, theirs: str, ours: str, is_timed: bool, tmp_path: Path
) -> None:
    with ProviderStandIn(lambda _: Said("Par", stop=theirs)) as standin:
        async with opened(provider, standin.url, tmp_path) as model:
            reply = await answer(model, is_timed=is_timed)
    assert (reply.stop_reason, reply.text) == (ours, "Par")


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
async def test_a_prompt_that_gemini_blocks_is_a_filtered_answer(is_timed: bool, tmp_path: Path) -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    with ProviderStandIn(lambda _: Fault(200, blocked, after=0)) as standin:
        async with opened("gemini", standin.url, tmp_path) as model:
            reply = await answer(model, is_timed=is_timed)
    assert (reply.stop_reason, reply.text, reply.usage) == ("content_filtered", "", Usage(4))


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("provider", ["deepinfra", "anthropic", "gemini"])
async def test_thoughts_are_kept_apart_from_words(provider: str, is_timed: bool, tmp_path: Path) -> None:
    with ProviderStandIn(lambda _: Said("Paris.", thought="A town, so…")) as standin:
        async with opened(provider, standin.url, tmp_path) as model:
            reply = await answer(model, is_timed=is_timed)
    assert (reply.text, reply.reasoning) == ("Paris.", "A town, so…")
    assert reply.timing is None or sum(reply.timing.text_chars) == len("Paris.")


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
async def test_half_a_character_is_replaced_and_counted(is_timed: bool, tmp_path: Path) -> None:
    with ProviderStandIn(lambda _: Said("Paris \ud83d!")) as standin:
        async with opened("openai", standin.url, tmp_path) as model:
            reply = await answer(model, is_timed=is_timed)
    assert (reply.text, reply.repairs) == ("Paris \ufffd!", 1)


async def test_a_character_that_was_parted_between_two_pieces_is_whole(tmp_path: Path) -> None:
    with ProviderStandIn(lambda _: Said("abc\ud83d\ude00 ok")) as standin:
        async with opened("openai", standin.url, tmp_path) as model:
            reply = await answer(model, is_timed=True)
    assert (reply.text, reply.repairs) == ("abc\U0001f600 ok", 0)


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
async def test_tokens_that_are_not_told_are_estimated_and_said_to_be(is_timed: bool, tmp_path: Path) -> None:
    with ProviderStandIn(lambda _: Said("Paris it is.", tells_usage=False)) as standin:
        async with opened("openai", standin.url, tmp_path) as model:
            reply = await answer(model, is_timed=is_timed)
    assert reply.echoed["token_source"] == "estimated"
    assert 2 <= reply.usage.output_tokens <= 6 and 4 <= reply.usage.input_tokens <= 12


async def test_what_the_provider_says_of_itself_is_on_record(tmp_path: Path) -> None:
    with ProviderStandIn() as standin:
        async with opened("openai", standin.url, tmp_path) as model:
            reply = await answer(model)
    assert reply.echoed == {"model": "gpt-4o-2026", "system_fingerprint": "fp_1", "id": "chatcmpl-1"}


@pytest.mark.parametrize(("tier", "billed"), [("default", None), ("on_demand", None), ("priority", "priority")])
async def test_a_tier_that_is_not_the_ordinary_one_has_no_known_price(
    tier: str, billed: str | None, tmp_path: Path
) -> None:
    body = {
        "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        "service_tier": tier,
    }
    with ProviderStandIn(lambda _: Fault(200, body)) as standin:
        async with opened("openai", standin.url, tmp_path) as model:
            reply = await answer(model)
    assert tier_billed(reply) == billed
    assert (cost_usd(reply.usage, Price(1.0, 1.0), tier_billed(reply)) is None) == (billed is not None)


async def test_times_are_of_the_pieces_as_they_came(tmp_path: Path) -> None:
    with ProviderStandIn(lambda _: Said("one two three"), gap_s=0.02) as standin:
        async with opened("openai", standin.url, tmp_path, is_timed=True) as model:
            first, second = await answer(model, is_timed=True), await answer(model, is_timed=True)
    for reply in (first, second):
        assert reply.timing is not None
        assert reply.timing.text_chars == (4, 4, 4, 1)
        assert list(reply.timing.text_at_s) == sorted(reply.timing.text_at_s)
        assert reply.timing.text_at_s[-1] - reply.timing.text_at_s[0] >= 0.01
        assert reply.timing.total_s >= reply.timing.text_at_s[-1]
    assert first.timing and second.timing
    assert first.timing.connect_s and second.timing.connect_s == 0.0
