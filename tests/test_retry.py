"""After a failed attempt: what next? The whole table, the bounds of the wait, and the deadline."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbed.core import errors
from trialbed.core.retry import Again, GiveUp, PauseRun, Step, StopModel, next_step

FOREVER = 1e9
TRANSIENT: dict[type[errors.CallError], tuple[float, float, int]] = {
    # class: the first cap in s, the greatest cap in s, attempts in all
    errors.Throttled: (1.0, 30.0, 1_000),
    errors.WarmingUp: (20.0, 60.0, 100),
    errors.Unreachable: (0.5, 20.0, 1_000),
    errors.ServiceFault: (0.5, 20.0, 8),
    errors.ModelFault: (0.5, 20.0, 5),
    errors.BrokenStream: (0.5, 20.0, 5),
    errors.ModelTimedOut: (1.0, 10.0, 3),
    errors.ConnectionCut: (0.5, 10.0, 5),
    errors.MalformedBody: (0.5, 10.0, 4),
}
FINAL: dict[tuple[type[errors.CallError], bool], type[Step]] = {
    # class, whether the model has answered with these parameters before
    (errors.CredentialsExpired, False): PauseRun,
    (errors.CredentialsExpired, True): PauseRun,
    (errors.ModelUnavailable, False): StopModel,
    (errors.ModelUnavailable, True): StopModel,
    (errors.QuotaExhausted, False): StopModel,
    (errors.QuotaExhausted, True): StopModel,
    (errors.InvalidRequest, False): StopModel,
    (errors.InvalidRequest, True): GiveUp,
}
transient = st.sampled_from(sorted(TRANSIENT, key=lambda kind: kind.__name__))
seeds = st.integers(0, 2**32)
quickly = settings(deadline=None, max_examples=200)


def step(
    kind: type[errors.CallError], *, failures: int = 1, left_s: float = FOREVER, proven: bool = True, seed: int = 0
) -> Step:
    return next_step(kind("detail"), failures=failures, left_s=left_s, proven=proven, random=Random(seed))


def every_class_of_error() -> set[type[errors.CallError]]:
    return set(errors.CallError.__subclasses__())


def test_every_class_of_error_stands_in_the_table() -> None:
    assert every_class_of_error() == TRANSIENT.keys() | {kind for kind, _ in FINAL}


@pytest.mark.parametrize(("kind", "proven"), FINAL)
def test_what_does_not_pass_is_not_asked_again(kind: type[errors.CallError], proven: bool) -> None:
    for failures in (1, 2, 50):
        assert isinstance(step(kind, failures=failures, proven=proven), FINAL[kind, proven])


@pytest.mark.parametrize("kind", TRANSIENT)
@pytest.mark.parametrize("proven", [False, True])
def test_what_may_pass_is_asked_again_until_its_attempts_are_used_up(
    kind: type[errors.CallError], proven: bool
) -> None:
    attempts = TRANSIENT[kind][2]
    assert isinstance(step(kind, failures=1, proven=proven), Again)
    assert isinstance(step(kind, failures=attempts - 1, proven=proven), Again)
    assert isinstance(step(kind, failures=attempts, proven=proven), GiveUp)


@quickly
@given(transient, st.integers(1, 999), seeds)
def test_the_wait_lies_between_zero_and_a_cap_that_doubles(
    kind: type[errors.CallError], failures: int, seed: int
) -> None:
    first_s, most_s, attempts = TRANSIENT[kind]
    after = step(kind, failures=failures, seed=seed)
    if failures >= attempts:
        assert after == GiveUp()
        return
    cap_s = min(most_s, first_s * 2.0 ** (failures - 1))
    least_s = cap_s / 2 if kind is errors.WarmingUp else 0.0
    assert isinstance(after, Again) and least_s <= after.wait_s <= cap_s


@quickly
@given(transient, st.integers(1, 999), st.floats(-10, 100), seeds)
def test_the_deadline_is_never_passed(kind: type[errors.CallError], failures: int, left_s: float, seed: int) -> None:
    match step(kind, failures=failures, left_s=left_s, seed=seed):
        case Again(wait_s):
            assert wait_s < left_s
        case other:
            assert other == GiveUp()


@quickly
@given(transient, st.integers(1, 999), seeds)
def test_no_time_left_is_the_end_of_the_call(kind: type[errors.CallError], failures: int, seed: int) -> None:
    assert step(kind, failures=failures, left_s=0.0, seed=seed) == GiveUp()


@given(left_s=st.floats(0, 5), seed=st.integers(0, 2**32))
def test_no_attempt_is_begun_that_the_deadline_would_soon_cut(left_s: float, seed: int) -> None:
    match step(errors.Throttled, failures=1, left_s=left_s, seed=seed):
        case Again(wait_s):
            assert left_s - wait_s > 1.0
        case other:
            assert other == GiveUp()


def test_the_jitter_is_full_it_spreads_over_the_whole_range() -> None:
    waits = sorted(again(errors.Throttled, failures=4, seed=seed) for seed in range(400))
    assert waits[0] < 0.2 and waits[-1] > 7.8
    assert 3.5 < sum(waits) / len(waits) < 4.5


def test_the_same_chance_gives_the_same_wait() -> None:
    assert again(errors.ServiceFault, failures=3, seed=7) == again(errors.ServiceFault, failures=3, seed=7)


def again(kind: type[errors.CallError], *, failures: int, seed: int) -> float:
    after = step(kind, failures=failures, seed=seed)
    assert isinstance(after, Again) and math.isfinite(after.wait_s)
    return after.wait_s


def test_an_error_nobody_classified_is_given_up_rather_than_repeated() -> None:
    assert step(errors.CallError) == GiveUp()
