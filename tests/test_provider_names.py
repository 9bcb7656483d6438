"""Is a provider's name told from a Bedrock id?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.providers.litellm.table import PROVIDERS
from trialbed.providers.names import ALIASES, KNOWN, NATIVE, THROUGH_LITELLM, parse_model, parse_models

PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.mark.parametrize(
    ("text", "provider", "model_id"),
    [
        ("amazon.nova-pro-v1:0", "bedrock", "amazon.nova-pro-v1:0"),
        ("bedrock:amazon.nova-pro-v1:0", "bedrock", "amazon.nova-pro-v1:0"),
        ("us.anthropic.claude-opus-5-5", "bedrock", "us.anthropic.claude-opus-5-5"),
        ("rehearsal:subject", "rehearsal", "subject"),
        ("openai:gpt-5:latest", "openai", "gpt-5:latest"),
        ("OpenAI: gpt-5 ", "openai", "gpt-5"),
        ("mistral.mistral-large-2407-v1:0", "bedrock", "mistral.mistral-large-2407-v1:0"),
        ("mistral:large", "mistral", "large"),
        ("google:gemini-2.5-pro", "gemini", "gemini-2.5-pro"),
        (PROFILE, "bedrock", PROFILE),
        (f"bedrock:{PROFILE}", "bedrock", PROFILE),
        ("unknown:thing", "bedrock", "unknown:thing"),
    ],
)
def test_only_a_known_word_before_the_first_colon_is_a_provider(text: str, provider: str, model_id: str) -> None:
    assert parse_model(text) == ModelName(provider, model_id)


@pytest.mark.parametrize("text", ["", "  ", "bedrock:", "openai: "])
def test_a_name_without_a_model_is_for_the_user_to_correct(text: str) -> None:
    with pytest.raises(UserError, match="no model id"):
        parse_model(text)


def test_a_list_keeps_its_order_and_names_each_model_once() -> None:
    assert parse_models(" b:0, a,, bedrock:a ,openai:x, b:0 ,") == (
        ModelName("bedrock", "b:0"),
        ModelName("bedrock", "a"),
        ModelName("openai", "x"),
    )
    assert parse_models(" , ") == ()


def test_providers_are_native_or_reached_through_litellm_and_each_of_these_stands_in_its_table() -> None:
    assert not NATIVE & THROUGH_LITELLM
    assert set(PROVIDERS) == THROUGH_LITELLM
    assert set(ALIASES.values()) <= KNOWN and not set(ALIASES) & KNOWN


@given(
    st.sampled_from(sorted(KNOWN)),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1),
)
def test_a_name_that_was_written_out_in_full_is_read_back(provider: str, model_id: str) -> None:
    name = parse_model(f"{provider}:{model_id}")
    assert name.provider == provider
    assert parse_model(f"{name.provider}:{name.id}") == name
