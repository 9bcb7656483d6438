"""Do the tables of factors compare what matches, and nothing else? By hand, on rows that were never a run's."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.rows import population, row
from trialbed.analysis.cautions import factor_cautions
from trialbed.analysis.rows import Row
from trialbed.analysis.stats.clustered import clustered_share
from trialbed.analysis.stats.matched import matched_means, matched_rates
from trialbed.analysis.stats.means import cluster_robust_mean
from trialbed.analysis.table import Cell, one
from trialbed.analysis.tables.factors import by_factor, matched
from trialbed.core.choices import Choices
from trialbed.core.factor import Factor
from trialbed.core.measure import Measure

WHO = Factor(name="who", field="who", levels=("tenant", "neutral"), baseline="neutral", match=("amount",))
AMOUNT = Factor(name="amount", field="amount")
AGREES = Measure(name="agrees", kind="binary", field="agrees")
SCORE = Measure(name="score", kind="score", field="score")
LEANS = Measure(name="leans", kind="score", field="leans")


def choices(**more: Any) -> Choices:
    usual: dict[str, Any] = {"measures": (AGREES, SCORE, LEANS), "primary": "agrees", "factors": (WHO, AMOUNT)}
    return Choices(**(usual | {"baseline": "plain"} | more))


def asked(
    who: str,
    amount: Any,
    *hits: int,
    cluster: str = "q",
    variant: str = "plain",
    subject: str = "m",
    **more: Any,
) -> list[Row]:
    """Trials of one scenario: whether each agreed."""
    scenario = f"{cluster}/{who}"
    return [
        row(
            variant,
            f"{scenario}-{amount}-{place}",
            {"who": who, "amount": amount, "agrees": bool(hit), "score": hit / 2} | more,
            subject=subject,
            scenario=scenario,
        )
        for place, hit in enumerate(hits)
    ]


def compared(rows: Sequence[Row], *, chosen: Choices | None = None, **wanted: Cell) -> dict[str, Cell]:
    return one(
        matched(population(rows, chosen or choices())).where(**({"measure": "agrees", "subject": "all"} | wanted))
    )


TWO_CLUSTERS = [
    *asked("neutral", 200, 0, 1, cluster="a"),
    *asked("tenant", 200, 1, 1, 1, cluster="a"),
    *asked("neutral", 400, 0, 0, cluster="b"),
    *asked("tenant", 400, 1, 0, 0, cluster="b"),
]


def test_each_trial_is_compared_with_the_mean_of_the_baseline_trials_that_match_it() -> None:
    found = compared(TWO_CLUSTERS)
    by_hand = matched_rates([1, 1, 1, 1, 0, 0], [0.5] * 3 + [0] * 3, ["a"] * 3 + ["b"] * 3, n_baseline=4, alpha=0.05)
    assert by_hand.interval is not None
    assert (found["n"], found["n_baseline"], found["unmatched"], found["clusters"]) == (6, 4, 0, 2)
    assert (found["level"], found["baseline"], found["value"]) == ("tenant", "neutral", 4 / 6)
    assert found["baseline_value"] == 0.25 and found["difference"] == pytest.approx(4 / 6 - 0.25)
    assert (found["lo"], found["hi"], found["p"]) == pytest.approx((*by_hand.interval, by_hand.p))


def test_a_score_is_compared_by_the_t_of_its_differences() -> None:
    found = compared(TWO_CLUSTERS, measure="score")
    values, baselines = [0.5] * 4 + [0] * 2, [0.25] * 3 + [0] * 3
    by_hand = matched_means(values, baselines, ["a"] * 3 + ["b"] * 3, n_baseline=4, alpha=0.05)
    assert by_hand.interval is not None
    assert (found["lo"], found["hi"], found["p"]) == pytest.approx((*by_hand.interval, by_hand.p))


def test_a_trial_without_a_baseline_is_counted_and_never_compared_with_nothing() -> None:
    rows = [*TWO_CLUSTERS, *asked("tenant", 900, 1, 1, 1, 1, cluster="c")]
    found = compared(rows)
    assert found == compared(TWO_CLUSTERS) | {"unmatched": 4}


def test_a_subject_without_any_baseline_has_a_row_with_nothing_in_it() -> None:
    rows = [*TWO_CLUSTERS, *asked("tenant", 200, 1, 1, cluster="a", subject="other")]
    found = compared(rows, subject="other")
    assert (found["n"], found["n_baseline"], found["unmatched"]) == (0, 0, 2)
    assert {found[name] for name in ("value", "baseline_value", "difference", "clusters", "lo", "hi", "p")} == {None}
    assert (compared(rows)["n"], compared(rows)["unmatched"]) == (6, 2)


def test_another_subject_variant_or_run_is_no_baseline() -> None:
    own = asked("tenant", 200, 1, cluster="a")
    others = [
        *asked("neutral", 200, 0, cluster="a", subject="other"),
        *asked("neutral", 200, 0, cluster="a", variant="kind"),
    ]
    assert compared([*own, *others], subject="m", variant="plain")["n"] == 0
    assert compared([*own, *others], variant="all")["unmatched"] == 1


def test_variants_together_are_each_compared_within_themselves() -> None:
    kind = [
        *asked("neutral", 200, 1, cluster="a", variant="kind"),
        *asked("tenant", 200, 1, cluster="a", variant="kind"),
    ]
    rows = [*TWO_CLUSTERS, *kind]
    assert {line["variant"] for line in matched(population(rows, choices())).where()} == {"plain", "kind", "all"}
    found = compared(rows, variant="all")
    assert (found["n"], found["n_baseline"], found["baseline_value"]) == (7, 5, pytest.approx(2.5 / 7))
    assert {line["variant"] for line in matched(population(TWO_CLUSTERS, choices())).where()} == {"plain"}


def test_a_null_in_what_must_match_matches_a_null() -> None:
    rows = [*asked("neutral", None, 0, 0, cluster="a"), *asked("tenant", None, 1, cluster="a")]
    assert compared(rows)["n"] == 1


def test_objects_and_true_in_what_must_match_are_told_apart_by_what_they_say() -> None:
    rows = [
        *asked("neutral", {"rise": 1, "in": "dollars"}, 0, cluster="a"),
        *asked("tenant", {"in": "dollars", "rise": 1}, 1, cluster="a"),
        *asked("neutral", 1, 0, cluster="b"),
        *asked("tenant", True, 1, cluster="b"),
    ]
    found = compared(rows)
    assert (found["n"], found["unmatched"]) == (1, 1)


def test_a_measure_that_says_nothing_at_the_baseline_is_not_compared() -> None:
    rows = [*asked("neutral", 200, 0, cluster="a"), *asked("tenant", 200, 1, cluster="a", leans=0.4)]
    assert {line["measure"] for line in matched(population(rows, choices())).where()} == {"agrees", "score"}


def test_of_one_cluster_there_is_a_difference_and_no_interval() -> None:
    rows = [*asked("neutral", 200, 0, 1), *asked("tenant", 200, 1, 1)]
    found = compared(rows)
    assert (found["difference"], found["clusters"]) == (0.5, 1)
    assert (found["lo"], found["hi"], found["p"]) == (None, None, None)


def test_where_every_answer_is_the_same_rates_still_have_an_interval_and_scores_have_none() -> None:
    rows = [
        line for cluster in "abcd" for who in ("neutral", "tenant") for line in asked(who, 200, 1, 1, cluster=cluster)
    ]
    rate, score = compared(rows), compared(rows, measure="score")
    assert (rate["difference"], rate["p"], score["lo"], score["hi"], score["p"]) == (0, None, None, None, None)
    assert isinstance(rate["lo"], float) and rate["lo"] < -0.3 and isinstance(rate["hi"], float) and rate["hi"] > 0.3


def test_baselines_of_other_clusters_are_shared_where_nothing_keeps_them_apart() -> None:
    """Both clusters ask for as much, so that each tenant is compared with the neutral trials of both."""
    rows = [
        *asked("neutral", 200, 0, 1, 1, cluster="a"),
        *asked("neutral", 200, 0, cluster="b"),
        *asked("tenant", 200, 1, 1, cluster="a"),
        *asked("tenant", 200, 0, cluster="b"),
    ]
    found = compared(rows)
    assert (found["n"], found["n_baseline"], found["clusters"], found["baseline_value"]) == (3, 4, 2, 0.5)


def test_levels_stand_in_the_factors_order_and_then_by_name() -> None:
    rows = [
        line
        for who in ("zoe", "neutral", "adam", "tenant")
        for cluster in "ab"
        for line in asked(who, 200, 1, 0, cluster=cluster)
    ]
    found = by_factor(population(rows, choices()))
    levels = [line["level"] for line in found.where(factor="who", subject="all")]
    assert levels == ["tenant", "neutral", "adam", "zoe"]
    others = [line["level"] for line in matched(population(rows, choices())).where(measure="agrees", subject="all")]
    assert others == ["tenant", "adam", "zoe"]


def test_the_primary_measure_by_level_is_of_all_variants_and_robust_to_clusters() -> None:
    rows = [*TWO_CLUSTERS, *asked("tenant", 200, 1, cluster="a", variant="kind")]
    found = one(by_factor(population(rows, choices())).where(factor="who", level="tenant", subject="all"))
    share = clustered_share([True] * 5 + [False] * 2, ["a"] * 4 + ["b"] * 3)
    assert share.interval is not None
    assert (found["measure"], found["n"], found["mean"], found["clusters"]) == ("agrees", 7, pytest.approx(5 / 7), 2)
    assert (found["lo"], found["hi"]) == pytest.approx(tuple(share.interval))
    scores = one(by_factor(population(rows, choices(primary="score"))).where(level="tenant", subject="all"))
    mean = cluster_robust_mean([0.5] * 5 + [0] * 2, ["a"] * 4 + ["b"] * 3, alpha=0.05)
    assert (scores["lo"], scores["hi"]) == pytest.approx((mean.lo, mean.hi))


def test_a_number_is_a_level_and_null_is_none() -> None:
    rows = [*TWO_CLUSTERS, *asked("tenant", None, 1, cluster="c")]
    found = by_factor(population(rows, choices())).where(factor="amount", subject="all")
    assert [(line["level"], line["n"]) for line in found] == [("200", 5), ("400", 5)]


@pytest.mark.parametrize("primary", [None, "kind"])
def test_without_a_primary_measure_that_is_a_number_there_is_no_table_by_factor(primary: str | None) -> None:
    kind = Measure(name="kind", kind="category", field="who")
    assert not by_factor(population(TWO_CLUSTERS, choices(measures=(AGREES, kind), primary=primary))).rows


def test_without_factors_there_are_no_tables() -> None:
    without = population(TWO_CLUSTERS, choices(factors=()))
    assert not by_factor(without).rows and not matched(without).rows


# --- What a reader is told -----------------------------------------------------------------------


def sentences(rows: Sequence[Row], **more: Any) -> list[str]:
    chosen = choices(**more)
    return list(factor_cautions(chosen, population(rows, chosen).variants, matched(population(rows, chosen))))


def test_a_caution_names_every_subject_and_level_without_a_baseline_once() -> None:
    rows = [
        *TWO_CLUSTERS,
        *asked("tenant", 900, 1, 1, cluster="c"),
        *asked("tenant", 900, 1, 1, 1, cluster="c", variant="kind"),
        *asked("tenant", 200, 1, cluster="a", subject="other"),
    ]
    assert sentences(rows) == [
        "who: 5 trials of m (tenant), 1 trial of other (tenant) have no baseline (neutral) that matches them and are "
        "compared with nothing."
    ]


def test_where_measures_differ_in_it_the_most_is_told() -> None:
    rows = [*TWO_CLUSTERS, *asked("tenant", 900, 1, 1, cluster="c", score=None)]
    (sentence,) = sentences(rows)
    assert sentence.startswith("who: up to 2 trials of m (tenant) have no baseline")


def test_there_is_no_caution_where_every_trial_has_its_baseline() -> None:
    assert sentences(TWO_CLUSTERS) == []
    assert sentences(TWO_CLUSTERS, factors=()) == []
