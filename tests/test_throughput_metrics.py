"""What do the times of one answer come to? On calls made by hand, as records hold them."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.throughput import experiment
from experiments.throughput.context import chronicle
from experiments.throughput.metrics import measured
from experiments.throughput.shapes import Shape
from trialbed.core.judge import AnswerUnreadable
from trialbed.core.model import Sampling

MEASURED = {
    *("time_to_first_token", "generate_time", "tokens_per_second", "decode_tokens_per_second", "output_tokens"),
    *("requested_tokens", "token_source", "times_between_tokens"),
}


def call(
    at_s: list[float], chars: list[int] | None = None, *, tokens: Any = 64, total_s: Any = None, **members: Any
) -> dict[str, Any]:
    """An answered call of a subject."""
    return {
        "role": "subject",
        "usage": {"input_tokens": 20, "output_tokens": tokens, "cache_read_tokens": 0, "cache_write_tokens": 0},
        "requested_parameters": {"max_tokens": 64, "temperature": 0.1},
        "echoed_parameters": {},
        "attempts": [{"n": 1, "why": "first", "error": None}],
        "timing": {
            "total_s": (at_s[-1] if at_s else 1.0) + 0.01 if total_s is None else total_s,
            "text_at_s": at_s,
            "text_chars": [4] * len(at_s) if chars is None else chars,
            "connect_s": 0.0,
        },
        **members,
    }


def test_rates_are_of_the_providers_tokens_and_of_the_times_they_took() -> None:
    found = measured(call([0.5, 0.6, 0.7, 0.8, 0.9], tokens=5, total_s=1.0))
    assert found.keys() >= MEASURED
    assert found["time_to_first_token"] == 0.5
    assert found["generate_time"] == 1.0
    assert found["tokens_per_second"] == 5.0
    assert found["times_between_tokens"] == [0.1, 0.1, 0.1, 0.1]
    # Four tokens came after the first one, in 0.4 s.
    assert found["decode_tokens_per_second"] == pytest.approx(10.0)
    assert found["token_source"] == "provider"


def test_pieces_of_several_tokens_do_not_make_a_model_look_faster() -> None:
    """The same stream of a token every 20 ms, delivered one by one and ten at a time."""
    one_by_one = measured(call([0.2 + 0.02 * n for n in range(60)], tokens=60))
    in_tens = measured(call([0.2 + 0.2 * n for n in range(6)], [40] * 6, tokens=60))
    assert one_by_one["decode_tokens_per_second"] == pytest.approx(50.0)
    assert in_tens["decode_tokens_per_second"] == pytest.approx(50.0)


def test_thoughts_before_the_first_word_are_no_tokens_after_it() -> None:
    found = measured(call([2.0, 2.5], [40, 40], tokens=40, reasoning_chars=80))
    # 160 characters in 40 tokens, of which a quarter came in the half second after the first word.
    assert found["decode_tokens_per_second"] == pytest.approx(20.0)


def test_a_text_that_came_all_at_once_has_no_rate_after_its_beginning() -> None:
    assert measured(call([0.4]))["decode_tokens_per_second"] is None
    assert measured(call([0.4, 0.4]))["decode_tokens_per_second"] is None


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (call([0.5], timing={}), "missing required metric 'generate_time'"),
        (call([]), "missing required metric 'time_to_first_token'"),
        (call([0.5], tokens=0), "metric 'output_tokens' is 0, not a positive number"),
        (call([0.5], tokens=None, total_s=0.0), "missing required metric 'output_tokens'"),
        (call([0.5], total_s=math.nan), "metric 'generate_time' is nan, not a positive number"),
        (call([math.inf, 1.0]), "metric 'time_to_first_token' is inf, not a positive number"),
        (call([-0.1, 1.0]), "metric 'time_to_first_token' is -0.1, not a positive number"),
    ],
)
def test_a_metric_that_is_missing_or_impossible_is_named(broken: dict[str, Any], said: str) -> None:
    with pytest.raises(AnswerUnreadable) as failure:
        measured(broken)
    assert said in str(failure.value)


@given(
    st.lists(st.floats(0.001, 1.0), min_size=1, max_size=50),
    st.integers(1, 10_000),
    st.floats(0.0, 1.0),
)
def test_whatever_the_times_all_rates_are_finite_and_gaps_add_up(gaps: list[float], tokens: int, tail_s: float) -> None:
    at_s = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    found = measured(call(at_s, tokens=tokens, total_s=at_s[-1] + tail_s))
    assert 0 < found["time_to_first_token"] <= found["generate_time"] + 1e-6
    assert found["tokens_per_second"] > 0
    assert sum(found["times_between_tokens"]) == pytest.approx(at_s[-1] - at_s[0], abs=1e-4)
    assert all(later >= earlier for earlier, later in pairwise(at_s))
    rate = found["decode_tokens_per_second"]
    assert rate is None or (math.isfinite(rate) and rate >= 0)


def test_a_long_context_is_another_one_for_every_trial_and_the_same_for_each() -> None:
    assert chronicle(500, 1) == chronicle(500, 1)
    assert chronicle(500, 1)[:40] != chronicle(500, 2)[:40]
    assert len(chronicle(500, 1).split()) >= 500


def test_a_shape_has_room_of_its_own_for_the_answer() -> None:
    asked = Sampling(64, 0.1)
    assert Shape(id="a", prompt="Tell.").sampling(asked) == asked
    assert Shape(id="b", prompt="Tell.", max_tokens=1024).sampling(asked) == Sampling(1024, 0.1)


def test_the_experiment_asks_for_streams_and_takes_an_answer_that_ends_at_its_tokens() -> None:
    assert experiment.is_timed and experiment.takes_cut
    assert [measure.name for measure in experiment.measures][:3] == [
        "tokens_per_second",
        "time_to_first_token",
        "decode_tokens_per_second",
    ]
