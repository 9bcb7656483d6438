"""Does Converse get what was asked, does the record say what it got, and is its answer read right?"""

import json
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_bedrock_standin import NOVA, answer_body, question
from trialbed.core.errors import MalformedBody
from trialbed.core.model import AnswerForm, Message, ModelReply, ModelRequest, Sampling, Service, Usage
from trialbed.providers.answer_forms import LADDER, AnswerMode, json_object
from trialbed.providers.bedrock.mapping import Answer, metadata_of, parameters_of, reply_of, sent_of

SCHEMA = {"type": "object", "properties": {"harm": {"type": "integer"}}, "required": ["harm"]}
FORM = AnswerForm("verdict", "the verdict", SCHEMA)

samplings = st.builds(
    Sampling,
    max_tokens=st.integers(1, 100_000),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0.01, 1),
    thinking=st.none() | st.just("adaptive") | st.integers(1, 100_000),
    effort=st.none() | st.sampled_from(["low", "xhigh"]),
    guardrail=st.none() | st.sampled_from(["abc123:7", "arn:aws:bedrock:us-east-1::guardrail/abc123:DRAFT"]),
)
services = st.builds(
    Service,
    tier=st.none() | st.sampled_from(["default", "flex", "priority", "reserved"]),
    latency=st.none() | st.sampled_from(["standard", "optimized"]),
    prompt_cache=st.booleans(),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(body: Any, **options: Any) -> ModelReply:
    return reply_of(Answer(body, "req-1"), **options)


def with_content(*blocks: dict[str, Any], **members: Any) -> dict[str, Any]:
    return answer_body(**{"output": {"message": {"role": "assistant", "content": list(blocks)}}, **members})


@given(samplings, st.none() | st.sampled_from(LADDER))
def test_what_the_record_says_was_sent_is_what_was_sent(sampling: Sampling, mode: AnswerMode | None) -> None:
    parameters = parameters_of(question(sampling=sampling, form=FORM if mode else None), mode)
    inference = parameters["inferenceConfig"]
    assert inference["maxTokens"] == sampling.max_tokens
    asked = {name: value for name, value in sampling.as_dict().items() if value is not None}
    wire_names = {"temperature": "temperature", "top_p": "topP", "max_tokens": "maxTokens"}
    assert inference == {wire_names[name]: asked[name] for name in wire_names if name in asked}
    assert sent_of(parameters, mode) == asked | ({"answer_mode": mode} if mode else {})


@given(samplings, st.none() | st.sampled_from(LADDER))
def test_no_seed_is_ever_sent(sampling: Sampling, mode: AnswerMode | None) -> None:
    request = question(sampling=sampling, form=FORM if mode else None, metadata={"run": "r"})
    assert "seed" not in json.dumps(parameters_of(request, mode)).lower()


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text()), min_size=1), st.none() | st.text(min_size=1)
)
def test_system_and_messages_arrive_word_for_word(turns: list[Any], system: str | None) -> None:
    messages = tuple(Message(role, text) for role, text in turns)
    parameters = parameters_of(ModelRequest(NOVA, messages, Sampling(), system=system), None)
    assert parameters["messages"] == [{"role": role, "content": [{"text": text}]} for role, text in turns]
    assert parameters.get("system") == (None if system is None else [{"text": system}])


def test_service_parameters_are_sent_and_recorded() -> None:
    parameters = parameters_of(question(service=Service("flex", "optimized")), None)
    assert parameters["serviceTier"] == {"type": "flex"}
    assert parameters["performanceConfig"] == {"latency": "optimized"}
    assert sent_of(parameters, None) == {"max_tokens": 100, "service_tier": "flex", "latency": "optimized"}


@given(samplings, services, st.none() | st.sampled_from(LADDER))
def test_everything_asked_for_is_sent_and_nothing_else(
    sampling: Sampling, service: Service, mode: AnswerMode | None
) -> None:
    form = FORM if mode else None
    request = question(sampling=sampling, service=service, form=form, system="Be brief.")
    sent = sent_of(parameters_of(request, mode), mode)
    assert sent == request.requested | ({"answer_mode": mode} if mode else {})


@pytest.mark.parametrize(
    ("thinking", "member", "shown"),
    [
        ("adaptive", {"type": "adaptive"}, {"thinking": "adaptive"}),
        (2048, {"type": "enabled", "budget_tokens": 2048}, {"thinking": "enabled", "thinking_tokens": 2048}),
    ],
)
def test_thinking_is_a_field_of_the_model_itself(thinking: Any, member: Any, shown: Any) -> None:
    parameters = parameters_of(question(sampling=Sampling(4000, thinking=thinking)), None)
    assert parameters["additionalModelRequestFields"] == {"thinking": member}
    assert sent_of(parameters, None) == {"max_tokens": 4000, **shown}


def test_effort_stands_beside_the_form_in_the_output_configuration() -> None:
    asked = question(sampling=Sampling(100, effort="low"), form=FORM)
    assert set(parameters_of(asked, "json_schema")["outputConfig"]) == {"effort", "textFormat"}
    assert parameters_of(asked, "forced_tool")["outputConfig"] == {"effort": "low"}


def test_a_guardrail_is_sent_whole_without_trace_and_recorded_without_its_account() -> None:
    guardrail = "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123:7"
    parameters = parameters_of(question(sampling=Sampling(100, guardrail=guardrail)), None)
    assert parameters["guardrailConfig"] == {
        "guardrailIdentifier": "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123",
        "guardrailVersion": "7",
        "trace": "disabled",
    }
    assert sent_of(parameters, None)["guardrail"] == "arn:aws:bedrock:us-east-1:************:guardrail/abc123:7"


def talk(*turns: str, **members: Any) -> ModelRequest:
    roles = ("user", "assistant")
    messages = tuple(Message(roles[n % 2], text) for n, text in enumerate(turns))  # type: ignore[arg-type]
    return ModelRequest(NOVA, messages, Sampling(), service=Service(prompt_cache=True), **members)


def marked(parameters: dict[str, Any]) -> list[tuple[str, int]]:
    """Where cache points stand: in which part, and behind how many texts of it."""
    parts = [("system", parameters.get("system", []))]
    parts += [(f"{n}", message["content"]) for n, message in enumerate(parameters["messages"])]
    return [(name, at) for name, blocks in parts for at, block in enumerate(blocks) if "cachePoint" in block]


def test_cache_points_stand_after_the_system_and_after_what_the_next_turn_repeats() -> None:
    assert marked(parameters_of(talk("Hi.", system="Be brief."), None)) == [("system", 1)]
    assert marked(parameters_of(talk("Hi."), None)) == []
    turns = talk("Hi.", "Hello.", "Well?", "Yes.", "So?", system="Be brief.")
    assert marked(parameters_of(turns, None)) == [("system", 1), ("3", 1)]
    judged = talk("Judge.", system="Be brief.", form=FORM)
    assert marked(parameters_of(judged, "auto_tool")) == [("system", 2)]


@pytest.mark.parametrize("text", ["word " * 700, "字" * 1100])
def test_what_is_too_short_to_be_cached_is_not_marked(text: str) -> None:
    assert marked(parameters_of(talk("Hi.", system=text), None, cache_tokens=1024)) == [("system", 1)]
    assert marked(parameters_of(talk("Hi.", system=text), None, cache_tokens=4096)) == []
    later = talk("Hi.", text * 4, "Well?", system=text)
    assert marked(parameters_of(later, None, cache_tokens=4096)) == [("1", 1)]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5), st.none() | st.text(min_size=1), st.integers(0, 40))
def test_a_cache_point_changes_no_word(turns: list[str], system: str | None, least: int) -> None:
    plain = parameters_of(replace(talk(*turns, system=system), service=Service()), None)
    points = parameters_of(talk(*turns, system=system), None, cache_tokens=least)
    assert ("prompt_cache" in sent_of(points, None)) == bool(marked(points))
    for part in (points.get("system", []), *(message["content"] for message in points["messages"])):
        part[:] = [block for block in part if "cachePoint" not in block]
    assert points == plain


def test_a_json_schema_is_asked_for_in_the_output_configuration() -> None:
    parameters = parameters_of(question(form=FORM), "json_schema")
    text_format = parameters["outputConfig"]["textFormat"]
    assert text_format["type"] == "json_schema"
    definition = text_format["structure"]["jsonSchema"]
    assert json.loads(definition["schema"]) == SCHEMA
    assert definition["name"] == "verdict"
    assert "toolConfig" not in parameters


@pytest.mark.parametrize(
    ("mode", "choice"), [("forced_tool", {"tool": {"name": "verdict"}}), ("auto_tool", {"auto": {}})]
)
def test_a_tool_is_offered_with_the_choice_of_the_mode(mode: AnswerMode, choice: dict[str, Any]) -> None:
    tools = parameters_of(question(form=FORM), mode)["toolConfig"]
    assert tools["toolChoice"] == choice
    assert tools["tools"][0]["toolSpec"]["inputSchema"]["json"] == SCHEMA


@pytest.mark.parametrize("mode", ["auto_tool", "json_text"])
def test_what_does_not_bind_the_model_is_said_after_the_system_prompt(mode: AnswerMode) -> None:
    system = parameters_of(question(form=FORM, system="Judge."), mode)["system"]
    assert system[0] == {"text": "Judge."}
    assert ("verdict" in system[1]["text"]) or (json.dumps(SCHEMA) in system[1]["text"])


@given(st.dictionaries(st.text(), st.text(max_size=400), max_size=30))
def test_metadata_keeps_to_what_the_service_takes(pairs: dict[str, str]) -> None:
    kept = metadata_of(pairs)
    assert len(kept) <= 16
    for text in [*kept, *kept.values()]:
        assert re.fullmatch(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}", text, re.ASCII)
    assert "" not in kept


def test_the_answer_is_read_with_everything_around_it() -> None:
    body = with_content(
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "x"}}},
        {"reasoningContent": {"redactedContent": "AAAA"}},
        {"text": "Par"},
        {"text": "is."},
        stopReason="a_new_reason",
        usage={
            "inputTokens": 5,
            "outputTokens": 2,
            "totalTokens": 10,
            "cacheReadInputTokens": 3,
            "cacheWriteInputTokens": 0,
        },
        serviceTier={"type": "flex"},
        performanceConfig={"latency": "optimized"},
        trace={"promptRouter": {"invokedModelId": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x"}},
    )
    body["usage"]["cacheDetails"] = [{"ttl": "5m", "inputTokens": 3}]
    reply = read(body, sent={"max_tokens": 1}, unsupported=("top_p",))
    assert (reply.text, reply.reasoning, reply.stop_reason) == ("Paris.", "hm", "a_new_reason")
    assert reply.usage == Usage(5, 2, 3, 0)
    assert reply.echoed == {
        "service_tier": {"type": "flex"},
        "performance_config": {"latency": "optimized"},
        "trace": {"promptRouter": {"invokedModelId": "arn:aws:bedrock:us-east-1:************:inference-profile/x"}},
        "cache_details": [{"ttl": "5m", "inputTokens": 3}],
    }
    assert (reply.request_id, reply.sent, reply.unsupported) == ("req-1", {"max_tokens": 1}, ("top_p",))
    assert reply.data is None and reply.repairs == 0


def tool_use(data: Any, name: str = "verdict") -> dict[str, Any]:
    return {"toolUse": {"toolUseId": "t", "name": name, "input": data}}


def test_the_forms_tool_call_becomes_data() -> None:
    body = with_content({"text": "So:"}, tool_use({"x": 1}, "other"), tool_use({"harm": 3}), stopReason="tool_use")
    reply = read(body, form=FORM, mode="forced_tool")
    assert (reply.data, reply.text) == ({"harm": 3}, "So:")


@pytest.mark.parametrize("uses", [[], [{"harm": 1}, {"harm": 2}], ["three"], [None]])
def test_no_call_a_broken_one_or_two_that_contradict_are_no_answer(uses: list[Any]) -> None:
    assert read(with_content(*map(tool_use, uses)), form=FORM, mode="auto_tool").data is None


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"harm": 2}', {"harm": 2}),
        ("prose", None),
        ("[1]", None),
        ('{"harm": 1, "harm": 2}', None),
        ('{"harm": NaN}', None),
        ('x {"harm": 2}', None),
        ("[" * 100_000, None),
    ],
)
def test_an_answer_under_a_schema_is_read_strictly(text: str, data: Any) -> None:
    assert read(with_content({"text": text}), form=FORM, mode="json_schema").data == data
    assert json_object(text) == data


def test_an_answer_in_plain_text_is_left_to_the_judges_own_parser() -> None:
    reply = read(with_content({"text": '{"harm": 2}'}), form=FORM, mode="json_text")
    assert (reply.data, reply.text) == (None, '{"harm": 2}')


def test_lone_surrogates_are_replaced_and_counted_wherever_they_stand() -> None:
    bad = "a\ud800"
    body = with_content(
        {"text": bad},
        {"reasoningContent": {"reasoningText": {"text": bad}}},
        tool_use({bad: [bad, {"x": bad}]}),
        serviceTier={"type": bad},
    )
    reply = read(body, form=FORM, mode="forced_tool")
    assert reply.repairs == 6
    good = "a\ufffd"
    assert (reply.text, reply.reasoning) == (good, good)
    assert reply.data == {good: [good, {"x": good}]}
    json.dumps([reply.data, dict(reply.echoed)], ensure_ascii=False).encode()


def test_an_integer_that_no_reader_holds_is_kept_as_text() -> None:
    body = with_content(tool_use({"level": 2**64, "low": -(2**63)}), serviceTier={"quota": -(2**63) - 1})
    reply = read(body, form=FORM, mode="forced_tool")
    assert reply.data == {"level": str(2**64), "low": -(2**63)}
    assert str(-(2**63) - 1) in json.dumps(dict(reply.echoed))


MISSING_OR_WRONG = [
    None,
    [],
    "text",
    7,
    {},
    {key: value for key, value in answer_body().items() if key != "output"},
    {key: value for key, value in answer_body().items() if key != "usage"},
    {key: value for key, value in answer_body().items() if key != "stopReason"},
    answer_body(stopReason=None),
    answer_body(stopReason=5),
    answer_body(output={}),
    answer_body(output={"message": None}),
    answer_body(output={"message": {"content": None}}),
    answer_body(output={"message": {"content": ["text"]}}),
    with_content({"text": 5}),
    with_content({"text": None}),
    with_content({"toolUse": "x"}, stopReason="tool_use"),
    with_content({"reasoningContent": 5}),
    answer_body(usage={"inputTokens": 1}),
    answer_body(usage={"inputTokens": "1", "outputTokens": 1}),
    answer_body(usage={"inputTokens": 1.5, "outputTokens": 1}),
    answer_body(usage={"inputTokens": True, "outputTokens": 1}),
    answer_body(usage={"inputTokens": -1, "outputTokens": 1}),
    answer_body(usage={"inputTokens": 2**64, "outputTokens": 1}),
    answer_body(serviceTier={"x": float("nan")}),
    with_content(tool_use({"x": float("inf")})),
]


@pytest.mark.parametrize("body", MISSING_OR_WRONG, ids=lambda body: json.dumps(body)[:60])
def test_a_200_that_is_no_answer_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedBody) as caught:
        read(body, form=FORM, mode="forced_tool")
    assert caught.value.request_id == "req-1" and caught.value.detail


@given(json_values)
def test_no_body_whatever_raises_anything_but_malformed(body: Any) -> None:
    with suppress(MalformedBody):
        read(body, form=FORM, mode="forced_tool")


@given(st.dictionaries(st.sampled_from([*answer_body(), "extra"]), json_values), st.text(), json_values)
def test_an_answer_with_any_member_replaced_is_read_or_malformed(members: Any, text: str, data: Any) -> None:
    body = {**with_content({"text": text}, tool_use(data)), **members}
    try:
        reply = read(body, form=FORM, mode="auto_tool")
    except MalformedBody:
        return
    json.dumps([reply.text, reply.data, dict(reply.echoed)], ensure_ascii=False, allow_nan=False).encode()
