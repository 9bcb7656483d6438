"""What is read off a verdict, and what is not."""

import pytest
from pydantic import ValidationError

from trialbed.core.choices import Choices, choices_of
from trialbed.core.experiment import Experiment
from trialbed.core.measure import Measure

VALUES = {"strategy": "Evasion", "right": True, "score": 0, "adherence": {"primary": "maintained"}, "turns": 4}


def test_null_says_that_a_measure_is_not_about_a_trial_and_nothing_that_it_is_missing() -> None:
    measure = Measure(name="toward", kind="score", field="seen.toward")
    assert measure.is_about({"seen": {"toward": 0.0}}) and measure.is_about({"seen": {}}) and measure.is_about({})
    assert measure.is_about(None) and measure.is_about({"seen": None}) and measure.is_about({"seen": {"toward": "x"}})
    assert not measure.is_about({"seen": {"toward": None}})


def test_a_named_value_counts_as_one_and_every_other_as_zero() -> None:
    evaded = Measure(name="evaded", kind="binary", field="strategy", positive=("Evasion",))
    assert evaded.value_of(VALUES) == 1.0
    assert evaded.value_of({"strategy": "Total Honesty"}) == 0.0


def test_what_a_verdict_does_not_say_is_none_and_never_zero() -> None:
    for kind in ("binary", "score", "category", "survival"):
        measure = Measure(name="absent", kind=kind, field="nowhere.at_all")
        assert measure.value_of(VALUES) is None and measure.value_of(None) is None


def test_a_dot_leads_into_an_object() -> None:
    assert Measure(name="kept", kind="category", field="adherence.primary").value_of(VALUES) == "maintained"
    assert Measure(name="kept", kind="category", field="adherence").value_of(VALUES) is None


def test_yes_or_no_is_no_score_and_a_number_is_no_yes_or_no() -> None:
    assert Measure(name="m", kind="score", field="right").value_of(VALUES) is None
    assert Measure(name="m", kind="score", field="score").value_of(VALUES) == 0.0
    assert Measure(name="m", kind="binary", field="score").value_of(VALUES) is None


def test_a_time_is_censored_only_where_its_field_says_so() -> None:
    measure = Measure(name="half_life", kind="survival", field="turns", censored_field="never")
    assert not measure.is_censored(VALUES)
    assert measure.is_censored({**VALUES, "never": True}) and not measure.is_censored({**VALUES, "never": "yes"})


@pytest.mark.parametrize(
    "members",
    [
        {"kind": "score", "positive": ("a",)},
        {"kind": "score", "low": 0.0},
        {"kind": "binary", "low": 0.0, "high": 1.0},
        {"kind": "category", "censored_field": "x"},
    ],
)
def test_members_of_another_kind_are_refused(members: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Measure(name="m", field="x", **members)  # type: ignore[arg-type]


def test_a_primary_measure_must_exist_and_names_be_unique() -> None:
    one = Measure(name="m", kind="score", field="x")
    with pytest.raises(ValidationError, match="no measure 'other'"):
        Choices(measures=(one,), primary="other", baseline="b")
    with pytest.raises(ValidationError, match="same name"):
        Choices(measures=(one, one), baseline="b")


def test_an_experiment_that_names_no_measure_is_reported_by_its_headline() -> None:
    class Plain(Experiment):
        name, version, headline = "plain", "1.0.0", "tone"

    choices = choices_of(Plain(), baseline="b", seed=7)
    assert choices.category == choices.primary == "headline" and choices.seed == 7
    assert choices.measure("headline").value_of({"tone": "warm"}) == "warm"
