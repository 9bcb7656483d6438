"""Does a lane find the pace of a quota that nobody told it, and keep to one that it was told? All in virtual time."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.quota_world import INPUT_TOKENS, MAX_TOKENS, Service, a_lane, live
from trialbed.core.pace.lane import Lane, Need, Quota, Ticket
from trialbed.core.pace.noise import Noise
from trialbed.core.pace.rate import Rate

CEILINGS = (10, 50, 200)
MOST_WASTED = 0.03
NEED = Need(800, MAX_TOKENS, "subject")


def requests_quota(per_s: float = 50.0, **members: object) -> Service:
    return Service("requests", per_s, max(1.0, per_s), **members)  # type: ignore[arg-type]


@pytest.mark.parametrize("most", CEILINGS)
@pytest.mark.parametrize("latency_s", [0.05, 0.2, 2.0])
def test_an_unknown_quota_of_requests_is_found_and_kept(most: int, latency_s: float) -> None:
    service = requests_quota(latency_s=latency_s)
    account = live(a_lane(most), service, until_s=60.0)
    reachable = min(service.calls_per_s, most / (latency_s * math.exp(0.3**2 / 2)))
    assert account.rate(10.0, 60.0) >= reachable / 1.1
    assert account.wasted(10.0, 60.0) <= MOST_WASTED


@pytest.mark.parametrize("most", CEILINGS)
@pytest.mark.parametrize("burndown", [1.0, 5.0])
def test_an_unknown_quota_of_tokens_is_found_and_kept(most: int, burndown: float) -> None:
    service = Service("tokens", 10_000.0, 60_000.0, burndown=burndown)
    account = live(a_lane(most, Quota(burndown=burndown)), service, until_s=120.0)
    reachable = min(service.calls_per_s, most / service.latency_s)
    assert account.rate(40.0, 120.0) >= reachable / 1.1
    assert account.wasted(40.0, 120.0) <= MOST_WASTED


@pytest.mark.parametrize("per_s", [1.0, 5.0, 500.0])
def test_small_and_large_quotas_are_found_too(per_s: float) -> None:
    end = max(60.0, 200.0 / per_s)
    account = live(a_lane(200), requests_quota(per_s), until_s=end)
    assert account.rate(end / 3, end) >= per_s / 1.1
    assert account.wasted(end / 3, end) <= MOST_WASTED


def test_a_rival_that_takes_half_and_leaves_is_followed_both_ways() -> None:
    service = requests_quota(rival_per_s=lambda now: 25.0 if 60.0 < now < 120.0 else 0.0)
    account = live(a_lane(200), service, until_s=180.0)
    assert account.rate(65.0, 120.0) >= 25.0 / 1.1
    assert account.wasted(65.0, 120.0) <= MOST_WASTED
    assert account.rate(130.0, 180.0) >= 50.0 / 1.1
    assert account.wasted(130.0, 180.0) <= MOST_WASTED


def test_a_bucket_that_was_full_for_a_minute_ends_in_few_throttles() -> None:
    """A deep bucket hides the quota until it is empty: then the pace falls from hundreds a second to ten."""
    service = Service("requests", 10.0, 600.0)
    account = live(a_lane(200), service, until_s=60.0)
    assert len(account.throttled) <= 0.1 * len(account.sent)
    assert account.rate(20.0, 60.0) >= 10.0 / 1.1


def test_without_a_quota_nothing_is_held_back() -> None:
    service = requests_quota(1e9)
    account = live(a_lane(50), service, until_s=20.0)
    assert not account.throttled
    assert account.rate(2.0, 20.0) >= 0.97 * 50 / (0.2 * math.exp(0.3**2 / 2))


def test_a_burst_is_spread_until_its_first_answers_could_be_in() -> None:
    lane, now, starts = a_lane(20), 0.0, []
    while lane.has_width:
        wait_s = lane.wait_s(NEED, now)
        now += wait_s
        if not wait_s:
            starts.append(now)
            lane.start(NEED, now)
    assert len(starts) == 20
    # A model that is denied says so within some milliseconds: it is called three times.
    assert sum(at < 0.0145 for at in starts) <= 3
    assert starts[-1] <= 0.06, "and the ramp is short beside a call"


def test_the_width_doubles_when_a_whole_round_is_answered_at_once() -> None:
    lane = a_lane(1_000)
    limits = [lane.limit]
    for now in (0.2, 0.4, 0.6):
        tickets = [lane.start(NEED, now) for _ in range(lane.limit)]
        assert not lane.has_width
        for ticket in tickets:
            lane.answered(ticket, INPUT_TOKENS, 1, now + 0.15, others_wait=True)
        limits.append(lane.limit)
    assert limits == [100, 200, 400, 800]


def test_a_width_that_nobody_uses_up_does_not_grow() -> None:
    lane = a_lane(1_000)
    for now in (0.2, 0.4):
        tickets = [lane.start(NEED, now) for _ in range(lane.limit - 1)]
        for ticket in tickets:
            lane.answered(ticket, INPUT_TOKENS, 1, now + 0.15, others_wait=True)
    assert lane.limit == 100


@pytest.mark.parametrize("tokens_per_minute", [120_000.0, 600_000.0])
def test_a_quota_that_is_known_is_never_passed(tokens_per_minute: float) -> None:
    service = Service("tokens", tokens_per_minute / 60, tokens_per_minute)
    account = live(a_lane(50, Quota(tokens_per_minute=tokens_per_minute)), service, until_s=240.0)
    assert not account.throttled
    assert account.rate(150.0, 240.0) >= min(service.calls_per_s, 50 / service.latency_s) / 1.1


def test_known_requests_per_minute_are_kept_too() -> None:
    account = live(a_lane(50, Quota(requests_per_minute=600.0)), requests_quota(10.0), until_s=60.0)
    assert not account.throttled
    assert account.rate(5.0, 60.0) >= 10.0 / 1.1


def test_throttles_in_a_row_make_the_pause_longer_up_to_half_a_minute() -> None:
    service = requests_quota(rival_per_s=lambda now: 500.0 if now > 10.0 else 0.0)
    account = live(a_lane(50), service, until_s=600.0)
    late = sum(at > 300.0 for at in account.throttled)
    assert 5 <= late <= 60, "it neither hammers a closed door nor gives up"


def test_what_fails_in_another_way_changes_no_limit() -> None:
    lane = a_lane(20)
    before = lane.pace()
    for number in range(100):
        ticket = lane.start(NEED, float(number))
        lane.failed(ticket)
    after = lane.pace()
    assert (after.limit, after.requests_per_s, after.tokens_per_s) == (before.limit, None, None)
    assert lane.in_flight == 0


def test_a_model_that_warms_up_is_left_alone_for_a_while() -> None:
    lane = a_lane(20)
    lane.warming_up(lane.start(NEED, 0.0), 10.0, 1.0)
    assert lane.wait_s(NEED, 2.0) == pytest.approx(9.0)
    assert lane.pace().requests_per_s is None, "that is no word on the quota"


def test_a_call_that_was_not_sent_after_all_counts_for_nothing() -> None:
    lane = a_lane(20, Quota(60.0, 1_000.0))
    before = lane.pace()
    lane.withdrawn(lane.start(NEED, 0.0))
    assert lane.pace() == before and lane.in_flight == 0
    assert lane.wait_s(NEED, 1.0) == 0.0, "its place in the quota is free again"


def test_the_settled_tokens_follow_the_burndown() -> None:
    lane = a_lane(20, Quota(burndown=5.0))
    lane.answered(lane.start(NEED, 0.0), INPUT_TOKENS, 100, 1.0, others_wait=False)
    pace = lane.pace()
    assert pace.settled_tokens == INPUT_TOKENS + 500
    assert pace.reserved_tokens == INPUT_TOKENS + MAX_TOKENS


ENDS = st.sampled_from(["answered", "throttled requests", "throttled tokens", "failed", "warming up"])


@settings(max_examples=200, deadline=None)
@given(
    most=st.integers(1, 300),
    burndown=st.sampled_from([1.0, 5.0]),
    known=st.sampled_from([None, 60.0, 1e5]),
    steps=st.lists(st.tuples(st.floats(0.0, 20.0), st.booleans(), ENDS, st.integers(0, 600)), max_size=120),
)
def test_whatever_happens_limits_stay_sane(
    most: int, burndown: float, known: float | None, steps: list[tuple[float, bool, str, int]]
) -> None:
    lane = Lane(most, Quota(known, known, burndown))
    now, running = 0.0, list[Ticket]()
    for passed_s, starts, end, tokens in steps:
        now += passed_s
        wait_s = lane.wait_s(NEED, now)
        assert 0.0 <= wait_s < 10_000.0 and math.isfinite(wait_s)
        if starts and lane.has_width and wait_s == 0.0:
            running.append(lane.start(NEED, now))
        elif running:
            ticket = running.pop(0)
            match end.split():
                case ["answered"]:
                    lane.answered(ticket, INPUT_TOKENS, tokens, now, others_wait=starts)
                case ["throttled", "requests"]:
                    lane.throttled(ticket, "requests", now)
                case ["throttled", "tokens"]:
                    lane.throttled(ticket, "tokens", now)
                case ["failed"]:
                    lane.failed(ticket)
                case _:
                    lane.warming_up(ticket, 10.0, now)
        assert lane.in_flight == len(running)
        pace = lane.pace()
        assert 1 <= pace.limit <= most
        assert all(rate is None or 0.0 < rate < 1e9 for rate in (pace.requests_per_s, pace.tokens_per_s))


@settings(max_examples=200, deadline=None)
@given(
    share=st.floats(0.0, 1.0),
    events=st.lists(st.tuples(st.booleans(), st.floats(0.0, 2.0), st.booleans()), max_size=200),
)
def test_what_is_known_of_noise_stays_a_share(share: float, events: list[tuple[bool, float, bool]]) -> None:
    noise = Noise()
    noise.test(share, None)
    for number, (was_sent, risen, is_low) in enumerate(events):
        if was_sent:
            noise.sent(risen, is_low=is_low)
        else:
            noise.explains(1, 40, risen, float(number), is_low=is_low)
        assert 0.0 <= noise.share <= 0.25 and noise.low_share >= 0.0


@pytest.mark.parametrize(("stays", "found"), [(True, True), (False, False)])
def test_a_test_tells_noise_from_a_quota_by_what_is_left_at_a_lower_rate(stays: bool, found: bool) -> None:
    noise = Noise()
    noise.test(0.1, 100.0)
    for number in range(100):
        assert noise.sent(0.5, is_low=False) is None
        if stays and number % 10 == 0:
            assert noise.explains(1, 40, 0.5, 1.0, is_low=False), "nothing is cut while it is being tested"
    assert noise.sent(1.0, is_low=False) is found
    assert (noise.share > 0) is found


def throttled_after(rate: Rate, calls: int, gap_s: float, throttles: int = 5) -> float:
    """So many calls go through, then some are turned away; returns the time."""
    now = 0.0
    for number in range(calls + throttles):
        now += gap_s
        rate.take(1.0, now)
        if number >= calls:
            rate.throttled(now, 1.0, now)
    return now


@settings(max_examples=100, deadline=None)
@given(calls=st.integers(2, 200), gap_s=st.floats(0.001, 2.0))
def test_throttles_set_a_rate_below_what_was_let_through_and_time_in_use_raises_it(calls: int, gap_s: float) -> None:
    rate = Rate()
    now = throttled_after(rate, calls, gap_s)
    first = rate.per_s
    assert first is not None and first <= max(calls, 1 / gap_s)
    for _ in range(50):
        wait_s = rate.wait_s(now)
        if wait_s == 0.0:
            rate.take(1.0, now)
        now += max(wait_s, 1e-3)
    assert rate.per_s is not None and rate.per_s > first


def test_a_rate_that_nobody_needs_does_not_grow() -> None:
    rate = Rate()
    now = throttled_after(rate, 100, 0.02)
    first = rate.per_s
    for number in range(600):
        assert rate.wait_s(now + 10.0 + number) == 0.0
    rate.take(1.0, now + 700.0)
    assert first is not None and rate.per_s is not None and rate.per_s < first * 1.5


@pytest.mark.parametrize("noise", [0.02, 0.04, 0.1])
@pytest.mark.parametrize(("most", "latency_s"), [(20, 0.05), (20, 2.0)])
def test_throttles_that_come_whatever_the_rate_do_not_bring_it_down(noise: float, most: int, latency_s: float) -> None:
    """A service short of capacity turns some calls away at any pace: a rate that followed would sink to nothing."""
    service = requests_quota(1e9, latency_s=latency_s, noise=noise)
    account = live(a_lane(most), service, until_s=180.0)
    assert account.rate(60.0, 180.0) >= 0.45 * most / (latency_s * math.exp(0.3**2 / 2))


def test_a_quota_is_found_in_spite_of_noise() -> None:
    account = live(a_lane(50), requests_quota(noise=0.04), until_s=120.0)
    assert account.rate(20.0, 120.0) >= 0.8 * 50.0
    assert account.wasted(20.0, 120.0) <= 0.04 + MOST_WASTED


def test_a_few_throttles_at_the_start_of_a_slow_dialogue_do_not_make_each_turn_wait_a_minute() -> None:
    """Nothing had passed yet, which tells little: the next calls find the rate, and a quota that is that low too."""
    rate = Rate()
    for now in (0.0, 0.5):
        rate.take(1.0, now)
        rate.throttled(now, 1.0, now + 0.1)
    rate.take(1.0, 1.5)
    assert 0.0 < rate.wait_s(1.6) < 10.0


def test_a_quota_of_two_a_minute_is_kept_to_after_a_few_calls_all_the_same() -> None:
    rate = Rate()
    now, passed, away = 0.0, 0, 0
    tokens, at = 1.0, 0.0
    while passed + away < 60:
        now += rate.wait_s(now) + 0.2
        tokens, at = min(2.0, tokens + (now - at) * 2 / 60), now
        rate.take(1.0, now)
        if tokens >= 1.0:
            tokens, passed = tokens - 1.0, passed + 1
        else:
            away += 1
            rate.throttled(now, 1.0, now + 0.1)
            now += 1.0
    assert away < passed
    assert rate.wait_s(now) > 10.0
