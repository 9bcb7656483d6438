"""What does a call cost, what can it cost at most, and whose price list says so?"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbed.core.errors import UserError
from trialbed.core.model import AnswerForm, Message, ModelName, ModelReply, ModelRequest, Sampling, Service, Usage
from trialbed.core.price import Price, cost_usd, most_input_tokens, most_usd, tier_asked, tier_billed, usd
from trialbed.providers.bedrock.prices import price_list

NOVA = ModelName("bedrock", "amazon.nova-pro-v1:0")
PRICE = Price(0.8, 3.2, cache_read_usd=0.2, cache_write_usd=1.0, tiers={"flex": 0.5, "priority": 1.75})
SPEC = {
    "anthropic.claude-haiku-4-5-20251001-v1:0": (1, 5),
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": (3, 15),
    "eu.anthropic.claude-sonnet-4-6": (3, 15),
    "anthropic.claude-opus-4-5-20251101-v1:0": (5, 25),
    "global.anthropic.claude-opus-5-5": (4, 20),
    "anthropic.claude-sonnet-5": (2, 10),
    "anthropic.claude-sonnet-5-5-20261001-v1:0": (2, 10),
    "amazon.nova-micro-v1:0": (0.035, 0.14),
    "apac.amazon.nova-lite-v1:0": (0.06, 0.24),
    "amazon.nova-pro-v1:0": (0.8, 3.2),
    "openai.gpt-oss-120b-1:0": (0.15, 0.6),
    "us.meta.llama3-3-70b-instruct-v1:0": (0.72, 0.72),
    "meta.llama4-maverick-17b-instruct-v1:0": (0.24, 0.97),
    "deepseek.v3.2": (0.62, 1.85),
    "mistral.mistral-large-3-675b-instruct": (0.5, 1.5),
    "qwen.qwen3-32b-v1:0": (0.15, 0.6),
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0": (0.06, 0.24),
}
UNKNOWN = [
    "subject",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-5-1",
    "anthropic.claude-haiku-4-50",
    "amazon.nova-2-lite-v1:0",
    "openai.gpt-oss-20b-1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
]

counts = st.integers(0, 10**9)
usages = st.builds(Usage, counts, counts, counts, counts)
texts = st.text(max_size=300)
requests = st.builds(
    ModelRequest,
    model=st.just(NOVA),
    messages=st.lists(st.builds(Message, st.just("user"), texts), min_size=1, max_size=5).map(tuple),
    sampling=st.builds(Sampling, st.integers(1, 10_000)),
    system=st.none() | texts,
    form=st.none() | st.builds(AnswerForm, texts, texts, st.dictionaries(texts, texts, max_size=4)),
    service=st.builds(Service, st.sampled_from([None, "default", "flex", "priority", "reserved"])),
)


@pytest.mark.parametrize("model_id", SPEC)
def test_a_model_has_its_price_under_whichever_profile_it_is_called(model_id: str) -> None:
    price = price_list().price_of(model_id)
    assert price is not None and (price.input_usd, price.output_usd) == SPEC[model_id]


@pytest.mark.parametrize("model_id", UNKNOWN)
def test_a_model_nobody_priced_has_no_price(model_id: str) -> None:
    price = price_list().price_of(model_id)
    assert price is None and cost_usd(Usage(5, 5), price) is None


def test_an_application_profile_costs_what_the_model_behind_it_costs() -> None:
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    behind = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"
    assert price_list().price_of(profile, behind) == price_list().price_of("amazon.nova-pro-v1:0")


def test_cached_tokens_have_prices_of_their_own_and_no_known_price_is_null_not_zero() -> None:
    claude = price_list().price_of("anthropic.claude-haiku-4-5-20251001-v1:0")
    assert cost_usd(Usage(0, 0, 1_000_000, 1_000_000), claude) == pytest.approx(0.1 + 1.25)
    nova = price_list().price_of("amazon.nova-pro-v1:0")
    assert cost_usd(Usage(0, 0, cache_read_tokens=1_000_000), nova) == pytest.approx(0.2)
    assert cost_usd(Usage(0, 0, cache_write_tokens=1), nova) is None
    gpt = price_list().price_of("openai.gpt-oss-120b-1:0")
    assert cost_usd(Usage(10, 10, cache_read_tokens=1), gpt) is None


@pytest.mark.parametrize(("tier", "factor"), [(None, 1), ("default", 1), ("flex", 0.5), ("priority", 1.75)])
def test_a_service_tier_multiplies_the_price(tier: str | None, factor: float) -> None:
    price = price_list().price_of("amazon.nova-pro-v1:0")
    assert cost_usd(Usage(1_000_000, 1_000_000), price, tier) == pytest.approx(4.0 * factor)


@pytest.mark.parametrize("tier", ["reserved", "optimized", "whatever"])
def test_a_tier_without_a_known_price_makes_the_cost_unknown(tier: str) -> None:
    assert cost_usd(Usage(1, 1), price_list().price_of("amazon.nova-pro-v1:0"), tier) is None


def test_the_tier_billed_is_the_one_the_answer_names() -> None:
    def reply(**echoed: object) -> ModelReply:
        return ModelReply("", "end_turn", echoed=echoed)

    assert tier_billed(reply()) is None and tier_billed(reply(service_tier="odd")) is None
    assert tier_billed(reply(service_tier={"type": "flex"})) == "flex"
    fast = reply(service_tier={"type": "flex"}, performance_config={"latency": "optimized"})
    assert tier_billed(fast) == "optimized" == tier_asked(Service("flex", "optimized"))
    assert tier_billed(reply(performance_config={"latency": "standard"})) is None


@given(one=usages, other=usages, tier=st.sampled_from([None, "flex", "priority"]))
def test_costs_add_up_and_more_tokens_never_cost_less(one: Usage, other: Usage, tier: str | None) -> None:
    first, second, both = (cost_usd(usage, PRICE, tier) for usage in (one, other, one + other))
    assert first is not None and second is not None and both is not None
    assert both == pytest.approx(first + second) and both >= max(first, second) >= 0


@given(request=requests, tier=st.sampled_from([None, "default", "flex", "priority"]), data=st.data())
def test_no_call_costs_more_than_its_upper_bound(request: ModelRequest, tier: str | None, data: st.DataObject) -> None:
    """Whichever known tier it is served in, up to the one asked for, and however its input is billed."""
    most = most_input_tokens(request)
    as_input, read, written = (data.draw(st.integers(0, most // 3)) for _ in range(3))
    usage = Usage(as_input, data.draw(st.integers(0, request.sampling.max_tokens)), read, written)
    if tier == "priority" and request.service.tier not in ("priority", "reserved"):
        tier = "default"
    cost = cost_usd(usage, PRICE, tier)
    assert cost is not None and cost <= most_usd(request, PRICE) + 1e-12


@given(request=requests)
def test_the_bound_on_input_is_at_least_every_byte_that_is_sent(request: ModelRequest) -> None:
    """Byte by byte is the worst that any tokenizer does; a form may be repeated in a prompt of the service's own."""
    sent = [request.system or "", *(message.text for message in request.messages)]
    if request.form is not None:
        schema = json.dumps(dict(request.form.schema))
        sent += 2 * [request.form.name, request.form.description, schema]
    spare = 64 + 16 * len(request.messages) + (700 if request.form else 0)
    assert most_input_tokens(request) >= sum(len(text.encode()) for text in sent) + spare


def test_a_file_of_the_users_wins_over_our_prices(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(
        """
as_of = "2027-01-02"
[tiers]
flex = 0.6
reserved = 0.9
[[rule]]
pattern = 'amazon\\.nova-pro'
input = 0.5
cache_write = 0.7
[[rule]]
pattern = 'lab\\.own-model'
input = 1
output = 2
[[rule]]
pattern = 'anthropic\\.claude-sonnet-4-5'
profiles = ["us", "eu"]
surcharge = 1.1
"""
    )
    prices = price_list(path)
    nova, own = prices.price_of("amazon.nova-pro-v1:0"), prices.price_of("us.lab.own-model")
    assert nova is not None and own is not None and prices.as_of == "2027-01-02"
    assert (nova.input_usd, nova.output_usd, nova.cache_write_usd) == (0.5, 3.2, 0.7)
    assert nova.cache_read_usd == pytest.approx(0.125), "a share follows the input price that wins"
    assert (nova.factor("flex"), nova.factor("priority"), nova.factor("reserved")) == (0.6, 1.75, 0.9)
    assert (own.input_usd, own.output_usd, own.cache_read_usd) == (1.0, 2.0, None)
    sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    in_us, anywhere, plain = (prices.price_of(prefix + sonnet) for prefix in ("us.", "global.", ""))
    assert in_us is not None and anywhere is not None and plain == anywhere
    assert (in_us.input_usd, in_us.output_usd) == pytest.approx((3.3, 16.5)) and anywhere.input_usd == 3.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("as_of = ", "not TOML"),
        ("prices = 3", "prices is not known"),
        ("[tiers]\nflex = 'half'", "tiers"),
        ("[rule]\npattern = 'x'", "rule: must be a list"),
        ("[[rule]]\ninput = 1", "rule 1: must be a table with a pattern"),
        ("[[rule]]\npattern = 'x'\n[[rule]]\npattern = '('", "rule 2: pattern"),
        ("[[rule]]\npattern = 'x'\ninput = -1", "rule 1: input: must be a number, 0 or more"),
        ("[[rule]]\npattern = 'x'\ninput = nan", "rule 1: input: must be a number"),
        ("[[rule]]\npattern = 'x'\ninptu = 1", "rule 1: inptu is not known"),
        ("[[rule]]\npattern = 'x'\nprofiles = 'us'", "rule 1: profiles"),
    ],
)
def test_a_bad_price_file_is_one_line_that_names_it(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "prices.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError) as caught:
        price_list(path)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"PRICES_FILE: {path}: ") and said in line


def test_amounts_are_shown_with_as_many_decimals_as_they_need() -> None:
    assert [usd(amount) for amount in (0, 5, 1.234, 0.1, 0.0123, 0.000042)] == [
        "$0.00",
        "$5.00",
        "$1.23",
        "$0.10",
        "$0.0123",
        "$0.000042",
    ]
