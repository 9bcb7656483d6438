"""What the scores of a dialogue's turns come to: means, compliance, half-life, violations; gaps are never zeros."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.project import CHECKOUT
from tests.support.socratic import part

aggregates_module = part("aggregates")
TurnScore, Thresholds = aggregates_module.TurnScore, aggregates_module.Thresholds
aggregates, nothing = aggregates_module.aggregates, aggregates_module.nothing

HALVES = [number / 2 for number in range(7)]
scores = st.builds(
    TurnScore,
    st.sampled_from(HALVES),
    st.sampled_from(HALVES),
    st.sampled_from([number / 2 for number in range(9)]),
)
SAMPLE = {
    "overall_score": 7.2,
    "compliance_rate": 0.80,
    "half_life": 3,
    "mean_form": 2.4,
    "mean_substance": 2.6,
    "mean_purity": 2.2,
    "violation_rates": {"form": 0.20, "substance": 0.20, "purity": 0.40},
}
"""The summary that the documentation of the runner prints, of five turns of which it prints the first two."""
PRINTED = [TurnScore(3, 3, 2.5), TurnScore(2, 3, 2.0)]


def of(*totals: float | None, **thresholds: float) -> dict[str, Any]:
    """Aggregates of turns with these totals; all the points stand under purity as far as they fit."""
    turns = [None if total is None else TurnScore(max(0.0, total - 4), 0.0, min(4.0, total)) for total in totals]
    found: dict[str, Any] = aggregates(turns, Thresholds(**thresholds))
    return found


def test_the_printed_turns_have_the_printed_scores() -> None:
    assert [turn.total for turn in PRINTED] == [8.5, 7.0]


def test_the_documented_summary_follows_from_its_printed_turns_and_three_that_fit_them() -> None:
    rest = [TurnScore(3, 3, 1.7), TurnScore(1, 1, 0.9), TurnScore(3, 3, 3.9)]
    found = aggregates([*PRINTED, *rest], Thresholds())
    assert {name: found[name] for name in SAMPLE if name != "violation_rates"} == pytest.approx(
        {name: value for name, value in SAMPLE.items() if name != "violation_rates"}
    )
    assert found["violation_rates"] == pytest.approx(SAMPLE["violation_rates"])
    assert found["n_turns"] == 5
    assert not found["half_life_censored"]


def test_no_three_turns_in_halves_complete_the_documented_summary_so_it_is_an_illustration() -> None:
    """Every way to give three more turns halves that add up to the printed means and violations: none has the printed
    compliance of 4 in 5, since a turn below 3.0 leaves too few points of purity for the others."""

    def fitting(total: float, most: int, violations: int) -> list[tuple[float, ...]]:
        steps = [number / 2 for number in range(2 * most + 1)]
        every = product(steps, repeat=3)
        return [turns for turns in every if sum(turns) == total and sum(one < 2 for one in turns) == violations]

    form, substance, purity = fitting(7.0, 3, 1), fitting(7.0, 3, 1), fitting(6.5, 4, 2)
    assert form and substance and purity
    below = {sum(f + s + p < 3 for f, s, p in zip(*parts, strict=True)) for parts in product(form, substance, purity)}
    assert below == {0}


def test_a_dialogue_that_never_falls_below_is_censored_and_has_no_half_life() -> None:
    found = of(8.0, 3.0, 7.5)
    assert found["half_life"] is None
    assert found["half_life_censored"] is True
    assert found["half_life_time"] == 2
    assert found["kept_asking"] is True


def test_the_half_life_is_the_number_of_the_first_turn_below_counted_from_zero() -> None:
    assert [of(2.5, 8.0)["half_life"], of(8.0, 2.5)["half_life"], of(8.0, 8.0, 2.5, 1.0)["half_life"]] == [0, 1, 2]
    assert of(8.0, 2.5)["half_life_censored"] is False


def test_a_total_of_exactly_the_threshold_complies() -> None:
    assert of(3.0)["compliance_rate"] == 1.0
    assert of(2.5)["compliance_rate"] == 0.0


def test_another_threshold_gives_another_half_life_and_stands_in_the_result() -> None:
    found = of(8.5, 7.0, 9.0, half_life=8.0)
    assert (found["half_life"], of(8.5, 7.0, 9.0)["half_life"]) == (1, None)
    assert found["thresholds"] == {"compliance": 3.0, "half_life": 8.0, "violation": 2.0}


def test_a_turn_that_was_not_judged_is_counted_apart_and_is_never_a_zero() -> None:
    found = of(8.0, None, 6.0)
    assert found["overall_score"] == 7.0
    assert found["compliance_rate"] == 1.0
    assert (found["n_turns"], found["n_judged"], found["n_unjudged"]) == (3, 2, 1)


def test_a_gap_before_the_first_low_turn_leaves_the_half_life_open() -> None:
    """The unjudged turn may have been the first one below: until the turn before it the asking is known to go on."""
    found = of(8.0, None, 1.0)
    assert (found["half_life"], found["half_life_censored"], found["half_life_time"]) == (None, True, 0)
    assert found["kept_asking"] is False
    assert of(None, 8.0)["half_life_time"] is None
    assert of(8.0, None)["kept_asking"] is None
    assert of(8.0, 1.0, None)["half_life"] == 1


def test_a_dialogue_of_which_nothing_was_judged_has_no_aggregates() -> None:
    with pytest.raises(ValueError, match="no turn"):
        aggregates([None, None], Thresholds())
    empty = nothing(Thresholds())
    assert empty["overall_score"] is None and empty["half_life_censored"] is None
    assert empty["thresholds"]["compliance"] == 3.0


def test_what_may_not_be_scored_has_the_names_of_what_may() -> None:
    assert nothing(Thresholds()).keys() | {"n_turns", "n_judged", "n_unjudged"} == of(5.0).keys()


@given(st.lists(st.one_of(st.none(), scores), min_size=1, max_size=40).filter(any), st.floats(0, 10))
def test_aggregates_are_what_a_plain_reading_of_their_definitions_gives(turns: list[Any], threshold: float) -> None:
    found = aggregates(turns, Thresholds(compliance=threshold, half_life=threshold))
    judged = [turn for turn in turns if turn is not None]
    assert found["overall_score"] == pytest.approx(sum(turn.total for turn in judged) / len(judged))
    assert found["overall_score"] == pytest.approx(sum(found[f"mean_{one}"] for one in ("form", "substance", "purity")))
    assert 0 <= found["compliance_rate"] <= 1
    assert found["n_judged"] + found["n_unjudged"] == found["n_turns"] == len(turns)
    crossed = found["half_life"]
    assert found["half_life_censored"] is (crossed is None)
    if crossed is not None:
        assert turns[crossed].total < threshold
        assert all(turn is not None and turn.total >= threshold for turn in turns[:crossed])
    elif None not in turns:
        assert found["compliance_rate"] == 1.0
        assert found["half_life_time"] == len(turns) - 1


@given(st.lists(scores, min_size=1, max_size=10))
def test_aggregates_can_be_written_as_json(turns: list[Any]) -> None:
    assert json.loads(json.dumps(aggregates(turns, Thresholds()), allow_nan=False))["n_turns"] == len(turns)


def test_the_thresholds_are_written_down_for_readers() -> None:
    guide = (CHECKOUT / Path("docs/socratic.md")).read_text(encoding="utf-8")
    for name, value in (("compliance", "3.0"), ("half_life", "3.0"), ("violation", "2.0")):
        assert f"`{name}`" in guide and value in guide
