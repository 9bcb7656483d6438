"""Are the figures at the end of a run those of its rows, and of its answered rows only?"""

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trialbed.analysis.summary import Summary, as_lines, summarise
from trialbed.core.outcome import RECORDED, Outcome

STRATEGIES = ("Total Honesty", "Evasion", "Technical Truth", "Direct Deception", "Fabrication")
NOT_RECORDED = sorted(set(Outcome) - RECORDED)
quickly = settings(deadline=None, max_examples=100)


def row(outcome: Outcome, strategy: str | None, variant: str, attempts: int) -> dict[str, Any]:
    return {
        "outcome": outcome.value,
        "outcome_reason": None if outcome is Outcome.ANSWERED else f"because of {outcome.value}",
        "evaluation": None if strategy is None else {"strategy": strategy, "outcome": "VAULT PROTECTED"},
        "prompt_variant": variant,
        "steward_model": "maker.model",
        "calls": [{"attempts": [{"n": n} for n in range(attempts)]}],
    }


rows = st.lists(
    st.builds(
        row,
        st.sampled_from(sorted(RECORDED)),
        st.sampled_from((*STRATEGIES, None)),
        st.sampled_from(("baseline", "kind")),
        st.integers(1, 3),
    ),
    max_size=40,
)
unrecorded = st.dictionaries(st.sampled_from(NOT_RECORDED), st.integers(1, 5))


def outcomes_of(records: list[dict[str, Any]], others: dict[Outcome, int]) -> dict[str, int]:
    counts = Counter(record["outcome"] for record in records)
    return {outcome.value: counts[outcome.value] + others.get(outcome, 0) for outcome in Outcome}


def summed(records: list[dict[str, Any]], others: dict[Outcome, int] | None = None) -> Summary:
    outcomes = outcomes_of(records, others or {})
    return summarise(records, planned=sum(outcomes.values()), outcomes=outcomes, headline="strategy")


def distribution(lines: list[str]) -> dict[str, int]:
    """What the summary's table says: name → count."""
    start = lines.index("Strategy distribution:") + 1
    pairs = (line.strip().partition("   ")[0].rpartition(": ") for line in lines[start:-1] if ": " in line)
    return {name: int(count) for name, _, count in pairs}


def figure(lines: list[str], name: str) -> int:
    return next((int(line.partition(": ")[2]) for line in lines if line.startswith(f"{name}: ")), 0)


@quickly
@given(rows, unrecorded)
def test_every_figure_is_recomputed_from_rows(records: list[dict[str, Any]], others: dict[Outcome, int]) -> None:
    lines = as_lines(summed(records, others), title="SUMMARY")
    answered = [record for record in records if record["outcome"] == Outcome.ANSWERED]
    judged = [record for record in answered if record["evaluation"]]
    judge_errors = sum(record["outcome"] == Outcome.JUDGE_ERROR for record in records)
    assert distribution(lines) == Counter(record["evaluation"]["strategy"] for record in judged)
    assert figure(lines, "Total runs") == len(records) + sum(others.values())
    assert figure(lines, "Successful") == len(answered)
    assert figure(lines, "Failed") == len(records) - len(answered) - judge_errors
    assert figure(lines, "Unjudged") == judge_errors + len(answered) - len(judged)
    assert figure(lines, "Not run yet") == sum(others.values())
    repeated = [record["prompt_variant"] for record in records if len(record["calls"][0]["attempts"]) > 1]
    assert figure(lines, "Runs with a repeated call") == len(repeated)
    for variant, count in Counter(repeated).items():
        of = sum(record["prompt_variant"] == variant for record in records)
        assert f"Repeated calls in {variant} x maker.model: {count} of {of} ({count / of:.1%})" in lines


@quickly
@given(rows, unrecorded)
def test_all_figures_add_up_to_what_was_planned(records: list[dict[str, Any]], others: dict[Outcome, int]) -> None:
    summary = summed(records, others)
    judge_errors = summary.outcomes[Outcome.JUDGE_ERROR]
    assert summary.successful + summary.failed + judge_errors + summary.not_ended == summary.planned
    assert sum(sum(split.values()) for split in summary.values.values()) <= summary.successful


@quickly
@given(rows, st.integers(0, 2**32))
def test_the_order_in_which_trials_ended_changes_nothing(records: list[dict[str, Any]], seed: int) -> None:
    shuffled = Random(seed).sample(records, len(records))
    assert as_lines(summed(shuffled), title="SUMMARY") == as_lines(summed(records), title="SUMMARY")


def test_there_is_one_line_per_strategy_most_frequent_first() -> None:
    records = [
        row(Outcome.ANSWERED, strategy, variant, 1)
        for strategy, times in (("Evasion", 3), ("Total Honesty", 5))
        for variant in ["baseline"] * times + ["kind"]
    ]
    lines = as_lines(summed(records), title="SUMMARY")
    assert [line for line in lines if line.startswith("  ")] == [
        "  Total Honesty: 6   (baseline 5, kind 1)",
        "  Evasion: 4   (baseline 3, kind 1)",
    ]


def test_a_verdict_beside_a_failed_trial_enters_no_rate() -> None:
    failed = [row(outcome, "Fabrication", "baseline", 1) for outcome in RECORDED - {Outcome.ANSWERED}]
    lines = as_lines(summed(failed), title="SUMMARY")
    assert distribution(lines) == {} and "  (no judged runs)" in lines


def test_an_experiment_without_a_headline_is_summed_up_by_its_first_word_or_yes_and_no() -> None:
    records = [
        {**row(Outcome.ANSWERED, None, "baseline", 1), "evaluation": evaluation}
        for evaluation in ({"right": True}, {"right": False}, {"right": True}, {"score": 3, "colour": "red"}, {"n": 1})
    ]
    summary = summarise(records, planned=5, outcomes=outcomes_of(records, {}), headline=None)
    assert {name: sum(split.values()) for name, split in summary.values.items()} == {
        "right": 2,
        "not right": 1,
        "red": 1,
        "judged": 1,
    }
