"""Is it known beforehand which parameters and answer modes a model takes, by whatever id it is called?"""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_bedrock_mapping import samplings, services
from tests.test_bedrock_standin import question
from trialbed.core.model import Sampling, Service
from trialbed.providers.bedrock.capabilities import (
    Capabilities,
    capabilities_of,
    data_date,
    family_of,
    fit,
    fit_request,
    fit_service,
    is_opaque,
    refusals,
)

BOTH = Sampling(500, 0.7, 0.95)
APPLICATION = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd34ef56"

EXCLUSIVE = [
    "anthropic.claude-opus-4-1-20250805-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-opus-4-5-20251101-v1:0",
    "eu.anthropic.claude-sonnet-4-6",
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
]
NO_SAMPLING = [
    "anthropic.claude-opus-4-7",
    "apac.anthropic.claude-opus-4-8-20260601-v1:0",
    "us.anthropic.claude-opus-5-5",
    "anthropic.claude-sonnet-5-20260301-v1:0",
    "global.anthropic.claude-haiku-5-v1:0",
]
EVERYTHING = [
    "amazon.nova-pro-v1:0",
    "us.amazon.nova-micro-v1:0",
    "openai.gpt-oss-120b-1:0",
    "us.meta.llama3-3-70b-instruct-v1:0",
    "anthropic.claude-3-5-sonnet-20241022-v2:0",
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "anthropic.claude-opus-4-20250514-v1:0",
    "us.anthropic.claude-sonnet-4-20250514-v1:0",
    "some.model-of-tomorrow",
    APPLICATION,
]


@pytest.mark.parametrize("model_id", EXCLUSIVE)
def test_where_temperature_and_top_p_exclude_each_other_top_p_goes(model_id: str) -> None:
    fitting, refused = fit(BOTH, capabilities_of(model_id))
    assert fitting == Sampling(500, 0.7, None)
    assert list(refused) == ["top_p"]
    assert fit(Sampling(500, None, 0.9), capabilities_of(model_id)) == (Sampling(500, None, 0.9), {})


@pytest.mark.parametrize("model_id", NO_SAMPLING)
def test_models_that_sample_as_they_like_get_neither(model_id: str) -> None:
    fitting, refused = fit(BOTH, capabilities_of(model_id))
    assert fitting == Sampling(500)
    assert set(refused) == {"temperature", "top_p"}


@pytest.mark.parametrize("model_id", EVERYTHING)
def test_all_others_get_what_was_asked(model_id: str) -> None:
    assert fit(BOTH, capabilities_of(model_id)) == (BOTH, {})


@pytest.mark.parametrize(
    ("model_id", "mode"),
    [
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "json_schema"),
        ("us.anthropic.claude-opus-5-5", "json_schema"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "forced_tool"),
        ("anthropic.claude-opus-4-1-20250805-v1:0", "forced_tool"),
        ("amazon.nova-pro-v1:0", "forced_tool"),
        ("us.meta.llama3-3-70b-instruct-v1:0", "auto_tool"),
        ("meta.llama3-8b-instruct-v1:0", "json_text"),
        ("us.deepseek.r1-v1:0", "json_text"),
        ("some.model-of-tomorrow", "forced_tool"),
    ],
)
def test_a_structured_answer_is_first_asked_for_in_the_most_binding_way(model_id: str, mode: str) -> None:
    assert capabilities_of(model_id).first_mode == mode


def test_the_newest_claude_is_never_forced_to_a_tool() -> None:
    assert not capabilities_of("us.anthropic.claude-opus-5-5").takes("forced_tool")
    assert capabilities_of("us.anthropic.claude-opus-5-5").takes("auto_tool")


@pytest.mark.parametrize(
    ("model_id", "burndown"),
    [
        ("anthropic.claude-opus-4-20250514-v1:0", 5),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 5),
        ("anthropic.claude-opus-5-5", 1),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", 1),
        ("amazon.nova-pro-v1:0", 1),
    ],
)
def test_output_tokens_burn_the_quota_as_the_data_says(model_id: str, burndown: int) -> None:
    assert capabilities_of(model_id).burndown == burndown


def test_the_user_is_told_what_where_and_what_to_do() -> None:
    assert refusals(BOTH, capabilities_of("anthropic.claude-haiku-4-5-20251001-v1:0")) == [
        "MODEL_TOP_P: anthropic.claude-haiku-4-5-20251001-v1:0 takes temperature or top_p, not both; "
        "set MODEL_TOP_P= empty, or ON_UNSUPPORTED=drop"
    ]
    assert refusals(BOTH, capabilities_of("us.anthropic.claude-opus-5-5")) == [
        "MODEL_TEMPERATURE: us.anthropic.claude-opus-5-5 does not take temperature; "
        "set MODEL_TEMPERATURE= empty, or ON_UNSUPPORTED=drop",
        "MODEL_TOP_P: us.anthropic.claude-opus-5-5 does not take top_p; set MODEL_TOP_P= empty, or ON_UNSUPPORTED=drop",
    ]
    assert refusals(BOTH, capabilities_of("amazon.nova-pro-v1:0")) == []


def test_an_application_profile_is_known_by_the_model_behind_it() -> None:
    assert is_opaque(APPLICATION) and not is_opaque(EXCLUSIVE[-1]) and not is_opaque("amazon.nova-pro-v1:0")
    behind = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
    known = capabilities_of(APPLICATION, behind)
    assert known.exclusive
    assert "123456789012" not in known.model


def test_a_profiles_prefix_is_no_part_of_the_family() -> None:
    assert family_of("us-gov.anthropic.claude-x") == "anthropic.claude-x"
    assert family_of("amazon.nova-pro-v1:0") == "amazon.nova-pro-v1:0"


def test_the_data_is_dated() -> None:
    assert datetime.date.fromisoformat(data_date()).year >= 2026


FAMILIES = [*EXCLUSIVE, *NO_SAMPLING, *EVERYTHING]
SONNET_4, OPUS_46, OPUS_47 = EVERYTHING[7], "anthropic.claude-opus-4-6-v1", NO_SAMPLING[0]
HAIKU_45, OPUS_45 = EXCLUSIVE[2], EXCLUSIVE[3]
THINKS = Sampling(4000, thinking=2048)


@pytest.mark.parametrize(
    ("model_id", "takes"),
    [
        (SONNET_4, {"budget"}),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", {"budget"}),
        (HAIKU_45, {"budget"}),
        (OPUS_45, {"budget"}),
        (OPUS_46, {"budget", "adaptive"}),
        (OPUS_47, {"adaptive"}),
        ("us.anthropic.claude-opus-5-5", {"adaptive"}),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", set()),
        ("amazon.nova-pro-v1:0", set()),
        ("us.meta.llama3-3-70b-instruct-v1:0", set()),
        ("some.model-of-tomorrow", {"budget", "adaptive"}),
        (APPLICATION, {"budget", "adaptive"}),
    ],
)
def test_a_model_thinks_in_the_ways_of_its_family(model_id: str, takes: set[str]) -> None:
    known = capabilities_of(model_id)
    asked = {"budget": THINKS, "adaptive": Sampling(4000, thinking="adaptive")}
    assert {way for way, sampling in asked.items() if not refusals(sampling, known)} == takes
    for way in asked.keys() - takes:
        (line,) = refusals(asked[way], known)
        assert line.startswith(f"MODEL_THINKING: {known.model} ") and "ON_UNSUPPORTED=drop" in line


@pytest.mark.parametrize(
    ("sampling", "variables"),
    [
        (Sampling(4000, 0.7, 0.95, 2048), ["MODEL_TEMPERATURE", "MODEL_TOP_P"]),
        (Sampling(4000, 1.0, None, 2048), []),
        (Sampling(4000, None, None, 1023), ["MODEL_THINKING"]),
        (Sampling(4000, None, None, 1024), []),
        (Sampling(2048, None, None, 2048), ["MODEL_THINKING"]),
        (Sampling(2049, None, None, 2048), []),
        # What does not think has no say in the sampling.
        (Sampling(500, 0.7, None, 2048), ["MODEL_THINKING"]),
    ],
)
def test_a_budget_has_its_bounds_and_leaves_no_room_for_other_sampling(
    sampling: Sampling, variables: list[str]
) -> None:
    lines = refusals(sampling, capabilities_of(SONNET_4))
    assert [line.partition(":")[0] for line in lines] == variables


@pytest.mark.parametrize(
    ("model_id", "levels"),
    [
        (OPUS_45, "low medium high"),
        (OPUS_46, "low medium high max"),
        (OPUS_47, "low medium high xhigh max"),
        (HAIKU_45, ""),
        ("amazon.nova-pro-v1:0", ""),
        ("some.model-of-tomorrow", "low medium high xhigh max"),
    ],
)
def test_effort_has_the_levels_of_the_model(model_id: str, levels: str) -> None:
    known = capabilities_of(model_id)
    every = ["low", "medium", "high", "xhigh", "max"]
    assert [level for level in every if not refusals(Sampling(effort=level), known)] == levels.split()
    if levels and levels.split() != every:
        (line,) = refusals(Sampling(effort="xhigh"), known)
        assert f"takes effort {', '.join(levels.split())} only" in line


@pytest.mark.parametrize(
    ("model_id", "service", "variables"),
    [
        ("us.amazon.nova-pro-v1:0", Service("flex", "optimized", True), []),
        ("amazon.nova-lite-v1:0", Service(latency="optimized"), ["BEDROCK_LATENCY"]),
        ("amazon.nova-lite-v1:0", Service(latency="standard"), []),
        ("us.meta.llama3-3-70b-instruct-v1:0", Service(prompt_cache=True), ["BEDROCK_PROMPT_CACHE"]),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", Service("priority"), ["BEDROCK_SERVICE_TIER"]),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", Service("default"), []),
        ("some.model-of-tomorrow", Service("reserved", "optimized", True), []),
    ],
)
def test_a_model_is_served_as_its_family_can_be(model_id: str, service: Service, variables: list[str]) -> None:
    known = capabilities_of(model_id)
    assert [line.partition(":")[0] for line in refusals(Sampling(), known, service)] == variables
    fitting, refused = fit_service(service, known)
    assert fit_service(fitting, known) == (fitting, {}) and len(refused) == len(variables)


@pytest.mark.parametrize(
    ("model_id", "least"),
    [("amazon.nova-pro-v1:0", 1000), (SONNET_4, 1024), (HAIKU_45, 4096), ("some.model-of-tomorrow", 0)],
)
def test_the_shortest_beginning_that_is_cached_is_data(model_id: str, least: int) -> None:
    assert capabilities_of(model_id).cache_tokens == least


@pytest.mark.parametrize("model_id", FAMILIES)
@given(sampling=samplings, service=services)
def test_what_a_model_refuses_is_left_out_and_said_and_nothing_else(
    model_id: str, sampling: Sampling, service: Service
) -> None:
    known = capabilities_of(model_id)
    asked = question(sampling=sampling, service=service)
    fitting, left_out = fit_request(asked, known)
    assert fit_request(fitting, known) == (fitting, ())
    kept = asked.requested.keys() - set(left_out)
    assert fitting.requested.keys() - {"thinking_tokens"} == kept - {"thinking_tokens"}
    assert fitting.requested.items() <= asked.requested.items()
    assert len(refusals(sampling, known, service)) == len(left_out) == len(set(left_out))


@given(
    samplings,
    st.frozensets(st.sampled_from(["temperature", "top_p", "thinking", "effort", "guardrail"])),
    st.booleans(),
)
def test_a_fit_changes_nothing_but_what_it_names_and_needs_no_second_one(
    sampling: Sampling, refuses: frozenset[str], exclusive: bool
) -> None:
    capabilities = Capabilities("m", refuses=refuses, exclusive=exclusive)
    fitting, refused = fit(sampling, capabilities)
    assert fit(fitting, capabilities) == (fitting, {})
    for name in ("max_tokens", "temperature", "top_p", "thinking", "effort", "guardrail"):
        assert getattr(fitting, name) == (None if name in refused else getattr(sampling, name))
        assert name not in refused or getattr(sampling, name) is not None
    if fitting.thinking is not None:
        assert fitting.temperature in (None, 1) and fitting.top_p is None
    assert not (exclusive and fitting.temperature is not None and fitting.top_p is not None)
    assert len(refusals(sampling, capabilities)) == len(refused)
