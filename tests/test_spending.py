"""Is a spending limit kept whatever happens to the calls in flight?"""

import math
import time
from random import Random

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbed.core import errors
from trialbed.core.model import Message, ModelName, ModelRequest, Sampling, Usage
from trialbed.core.price import Price, most_usd
from trialbed.engine.spending import PROBABLY_PAID, Hold, Spending, cost_text

MODEL, OTHER = ModelName("bedrock", "amazon.nova-pro-v1:0"), ModelName("rehearsal", "subject")
PRICE = Price(1.0, 4.0, cache_read_usd=0.1, cache_write_usd=1.25, tiers={"flex": 0.5})
NOT_PAID = (errors.Throttled, errors.ServiceFault, errors.Unreachable, errors.InvalidRequest, errors.CredentialsExpired)


def request(text: str = "What matters most?", max_tokens: int = 500, model: ModelName = MODEL) -> ModelRequest:
    return ModelRequest(model, (Message("user", text),), Sampling(max_tokens))


MOST = most_usd(request(), PRICE)


class Account:
    """A ledger with a limit, and how often it said that it is used up."""

    def __init__(self, limit_usd: float | None = None) -> None:
        self.exhausted = 0
        prices = {MODEL: PRICE, OTHER: None}
        self.spending = Spending(prices=prices, limit_usd=limit_usd, on_exhausted=self._say)

    def _say(self) -> None:
        self.exhausted += 1


async def test_an_answer_costs_what_it_used_and_gives_the_rest_back() -> None:
    spending = Account(1.0).spending
    async with spending.hold(request()) as hold:
        assert spending.held_usd == pytest.approx(MOST) and spending.spent_usd == 0
        assert hold.settle(Usage(1_000, 100)) == pytest.approx(0.0014)
    assert (spending.spent_usd, spending.presumed_usd, spending.held_usd) == (pytest.approx(0.0014), 0, 0)
    assert spending.as_text() == "$0.001400 of $1.00"


@pytest.mark.parametrize("limit", [None, 1.0])
@pytest.mark.parametrize("kind", PROBABLY_PAID)
async def test_an_attempt_that_was_probably_paid_counts_as_its_upper_bound(
    kind: type[errors.CallError], limit: float | None
) -> None:
    spending = Account(limit).spending
    with pytest.raises(kind):
        async with spending.hold(request()) as hold:
            raise kind("lost")
    assert hold.presumed_usd == spending.presumed_usd == pytest.approx(MOST)
    assert (spending.spent_usd, spending.held_usd) == (0, 0)


@pytest.mark.parametrize("kind", [*NOT_PAID, errors.Drained])
async def test_an_attempt_that_was_turned_away_costs_nothing(kind: type[Exception]) -> None:
    spending = Account(1.0).spending
    with pytest.raises(kind):
        async with spending.hold(request()) as hold:
            raise kind("no")
    assert hold.presumed_usd is None
    assert (spending.spent_usd, spending.presumed_usd, spending.held_usd) == (0, 0, 0)


async def test_a_call_that_is_cut_in_flight_counts_as_paid() -> None:
    spending = Account(1.0).spending
    with anyio.move_on_after(0.01):
        async with spending.hold(request()):
            await anyio.sleep_forever()
    assert spending.presumed_usd == pytest.approx(MOST) and spending.held_usd == 0


async def test_an_answer_without_a_known_price_is_null_and_still_counts_against_the_limit() -> None:
    spending = Account(1.0).spending
    async with spending.hold(request()) as hold:
        assert hold.settle(Usage(10, 10), "reserved") is None
    assert (spending.unknown, spending.spent_usd, spending.presumed_usd) == (1, 0, pytest.approx(MOST))


async def test_a_model_without_a_price_is_never_held_up() -> None:
    account = Account(1e-9)
    async with account.spending.hold(request(model=OTHER)) as hold:
        assert hold.settle(Usage(10, 10)) is None
    assert (account.spending.as_text(), account.exhausted) == ("cost unknown", 0)


async def test_a_call_that_does_not_fit_waits_for_one_that_may_settle_lower() -> None:
    account = Account(1.5 * MOST)
    order: list[str] = []

    async def call(name: str) -> None:
        async with account.spending.hold(request()) as hold:
            order.append(f"{name} begins")
            await anyio.sleep(0.01)
            hold.settle(Usage(1, 1))
            order.append(f"{name} ends")

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(call, name)
    assert order == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
    assert account.exhausted == 0


async def test_with_nothing_in_flight_a_call_that_does_not_fit_ends_it_once_for_all() -> None:
    account = Account(1.5 * MOST)
    spending, refused = account.spending, 0

    async def call() -> None:
        nonlocal refused
        try:
            async with spending.hold(request()) as hold:
                await anyio.sleep(0.01)
                hold.settle(Usage(0, 500))
        except errors.Drained:
            refused += 1

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(call)
    assert (account.exhausted, refused) == (1, 49) and spending.refused_usd == pytest.approx(MOST)
    assert spending.spent_usd == pytest.approx(0.002) and spending.counted_usd <= 1.5 * MOST
    with pytest.raises(errors.Drained):
        async with spending.hold(request(max_tokens=1)):
            pytest.fail("no call is made once the limit is reached")


async def test_a_waiting_call_that_is_cancelled_leaves_no_trace_and_lets_the_next_one_go() -> None:
    account = Account(2.5 * MOST)
    began: list[str] = []

    async def call(name: str, max_tokens: int = 500) -> None:
        async with account.spending.hold(request(max_tokens=max_tokens)) as hold:
            began.append(name)
            await anyio.sleep(0.05)
            hold.settle(Usage(1, 1))

    async with anyio.create_task_group() as group:
        group.start_soon(call, "first")
        group.start_soon(call, "second")
        await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(0.01):
            await call("cut")
        await call("small", 1)
    assert began == ["first", "second", "small"] and account.spending.held_usd == 0 and account.exhausted == 0


async def test_waiting_is_fair_so_no_large_call_is_overtaken_for_ever() -> None:
    account = Account(3 * MOST)
    began: list[int] = []

    async def call(number: int, max_tokens: int) -> None:
        async with account.spending.hold(request(max_tokens=max_tokens)) as hold:
            began.append(number)
            await anyio.sleep(0.001)
            hold.settle(Usage(1, 1))

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(call, number, 900 if number == 7 else 100)
    assert sorted(began) == began == list(range(40))


@given(seed=st.integers(0, 2**32), limit=st.floats(0.2, 30), calls=st.integers(1, 60))
@settings(deadline=None, max_examples=60)
def test_no_order_of_events_passes_the_limit(seed: int, limit: float, calls: int) -> None:
    """What is really paid (at most the bound for a lost answer) stays within the limit at every moment."""
    random = Random(seed)
    account = Account(limit * MOST)
    spending = account.spending
    paid = 0.0

    async def call() -> None:
        nonlocal paid
        asked = request(max_tokens=random.choice([10, 200, 500]))
        try:
            with anyio.move_on_after(random.choice([0.0, 0.0005, 1.0])):
                async with spending.hold(asked) as hold:
                    assert spending.counted_usd + spending.held_usd <= limit * MOST + 1e-12
                    await anyio.sleep(random.choice([0.0, 0.0, 0.001]))
                    paid += await _end(hold, asked, random)
        except (errors.Drained, errors.CallError):
            pass

    async def all_calls() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(calls):
                group.start_soon(call)
                if random.random() < 0.3:
                    await anyio.lowlevel.checkpoint()

    anyio.run(all_calls)
    assert spending.held_usd == 0 and paid <= spending.counted_usd + 1e-12
    assert spending.counted_usd <= limit * MOST + 1e-12


async def _end(hold: Hold, asked: ModelRequest, random: Random) -> float:
    """Answer, lose or refuse a call; returns what it really cost."""
    fate = random.random()
    if fate < 0.15:
        raise errors.Throttled("no")
    if fate < 0.4:
        raise random.choice(PROBABLY_PAID)("lost")
    cost = hold.settle(Usage(random.randrange(20), random.randrange(asked.sampling.max_tokens + 1)))
    assert cost is not None
    return cost


async def test_without_a_limit_a_hold_costs_next_to_nothing() -> None:
    """Compared with the least an async context manager can cost on this machine."""

    class Nothing:
        __slots__ = ("request",)

        def __init__(self, request: ModelRequest) -> None:
            self.request = request

        async def __aenter__(self) -> "Nothing":
            return self

        async def __aexit__(self, *exc: object) -> None:
            pass

    spending, asked, usage = Account().spending, request(), Usage(10, 10)

    async def held() -> None:
        async with spending.hold(asked) as hold:
            hold.settle(usage)

    async def bare() -> None:
        async with Nothing(asked):
            pass

    ratios = []
    for _ in range(5):
        times = []
        for work in (held, bare):
            began = time.perf_counter()
            for _ in range(5_000):
                await work()
            times.append(time.perf_counter() - began)
        ratios.append(times[0] / times[1])
    assert min(ratios) < 20


def test_earlier_sittings_count() -> None:
    spending = Account(1.0).spending
    spending.resumed(spent_usd=0.25, presumed_usd=0.5, unknown=2)
    assert spending.counted_usd == 0.75 and math.isclose(spending.spent_usd, 0.25)
    assert spending.as_text() == "$0.25 + up to $0.50 presumed + unknown of $1.00"
    assert spending.paid(MODEL, Usage(1_000, 0)) == pytest.approx(0.001) and spending.paid(OTHER, Usage(1, 1)) is None
    assert spending.unknown == 3


def test_a_cost_in_words() -> None:
    assert cost_text(1.234, 0, 0, 5) == "$1.23 of $5.00"
    assert cost_text(1.234, 0, 2, None) == "$1.23 + unknown"
    assert cost_text(0, 0, 2, None) == "cost unknown"
    assert cost_text(0, 0, 0, None) == "$0.00"
