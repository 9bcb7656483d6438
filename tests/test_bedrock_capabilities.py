"""Is it known beforehand which parameters and answer modes a model takes, by whatever id it is called?"""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_bedrock_mapping import samplings
from trialbed.core.model import Sampling
from trialbed.providers.bedrock.capabilities import (
    Capabilities,
    capabilities_of,
    data_date,
    family_of,
    fit,
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


@given(samplings, st.frozensets(st.sampled_from(["temperature", "top_p"])), st.booleans())
def test_a_fit_changes_nothing_but_what_it_names_and_needs_no_second_one(
    sampling: Sampling, refuses: frozenset[str], exclusive: bool
) -> None:
    capabilities = Capabilities("m", refuses=refuses, exclusive=exclusive)
    fitting, refused = fit(sampling, capabilities)
    assert fit(fitting, capabilities) == (fitting, {})
    for name, value in sampling.as_dict().items():
        assert fitting.as_dict()[name] == (None if name in refused else value)
        assert name not in refused or value is not None
    assert not (exclusive and fitting.temperature is not None and fitting.top_p is not None)
    assert len(refusals(sampling, capabilities)) == len(refused)
