"""Is a comparison with each row's own baseline what other programs say where they meet, and honest at the ends?"""

import math
from random import Random

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from trialbed.analysis.stats.clustered import clustered_share
from trialbed.analysis.stats.matched import (
    Matched,
    Side,
    compared_means,
    compared_rates,
    matched_means,
    matched_rates,
)
from trialbed.analysis.stats.means import cluster_robust_mean

quickly = settings(deadline=None, max_examples=150)
alphas = st.sampled_from([0.01, 0.05, 0.1, 0.32])

Rows = tuple[list[float], list[float], list[int]]


def rates(rows: Rows, *, n_baseline: int = 12, alpha: float = 0.05) -> Matched:
    return matched_rates(*rows, n_baseline=n_baseline, alpha=alpha)


def ends(found: Matched) -> tuple[float, float]:
    assert found.interval is not None
    return found.interval.lo, found.interval.hi


shares = st.integers(1, 6).flatmap(lambda n: st.integers(0, n).map(lambda k: k / n))
one_row = st.tuples(st.sampled_from([0.0, 1.0]), shares, st.integers(0, 6))


def as_rows(rows: list[tuple[float, float, int]]) -> Rows:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


some_rows = (
    st.lists(one_row, min_size=2, max_size=40).filter(lambda rows: len({row[2] for row in rows}) > 1).map(as_rows)
)


# --- By other programs ---------------------------------------------------------------------------


@quickly
@given(some_rows, alphas)
def test_the_p_value_is_that_of_a_regression_of_the_differences_with_clustered_errors(rows: Rows, alpha: float) -> None:
    values, baselines, clusters = rows
    difference = np.subtract(values, baselines)
    fitted = sm.OLS(difference, np.ones(len(difference))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(clusters), "df_correction": True}, use_t=True
    )
    found = rates(rows, alpha=alpha)
    means = matched_means(*rows, n_baseline=12, alpha=alpha)
    assert found.p == means.p
    if means.p is None:
        assert means.interval is None and float(fitted.bse[0]) < 1e-9
    else:
        assert means.p == pytest.approx(float(fitted.pvalues[0]), abs=1e-9)
        assert ends(means) == pytest.approx(tuple(fitted.conf_int(alpha)[0]), abs=1e-9)


def test_means_have_the_interval_of_a_cluster_robust_mean_of_their_differences() -> None:
    rng = np.random.default_rng(5)
    values, baselines = rng.normal(1, 1, 36), np.repeat(rng.normal(0, 1, 12), 3)
    clusters = [place // 3 for place in range(36)]
    found = matched_means(values.tolist(), baselines.tolist(), clusters, n_baseline=12, alpha=0.05)
    robust = cluster_robust_mean((values - baselines).tolist(), clusters, alpha=0.05)
    assert (*ends(found), found.difference) == pytest.approx((robust.lo, robust.hi, robust.mean))
    assert (found.n, found.n_baseline, found.clusters) == (36, 12, 12)


def test_baselines_that_all_say_no_leave_a_width_to_the_side_from_which_they_could_come() -> None:
    """By hand: the upper end is that of the values' own interval, the lower one that of both together."""
    values = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    clusters = [0, 0, 1, 1, 2, 2, 3, 3]
    found = matched_rates(values, [0.0] * 8, clusters, n_baseline=4, alpha=0.05)
    own, none = (
        clustered_share([bool(x) for x in xs], c).interval for xs, c in ((values, clusters), ([0] * 4, range(4)))
    )
    assert own is not None and none is not None
    lo, hi = ends(found)
    assert hi == pytest.approx(own.hi)
    assert lo == pytest.approx(found.value - math.hypot(found.value - own.lo, none.hi))


@quickly
@given(some_rows, st.integers(1, 4), alphas)
def test_single_baseline_rows_of_the_same_cluster_say_what_their_mean_says(
    rows: Rows, times: int, alpha: float
) -> None:
    """A cluster of k rows with the same baseline, given as its `times` rows that weigh k / times each."""
    values, means, clusters = rows
    own = {label: mean for label, mean in zip(clusters, means, strict=True)}
    baselines = [own[label] for label in clusters]
    single = [(label, clusters.count(label) / times) for label in own for _ in range(times)]
    side = Side([own[label] for label, _ in single], [label for label, _ in single], [weight for _, weight in single])
    for by_mean, by_row in ((matched_rates, compared_rates), (matched_means, compared_means)):
        one = by_mean(values, baselines, clusters, n_baseline=len(single), alpha=alpha)
        other = by_row(Side(values, clusters), side, alpha=alpha)
        assert (one.n, one.n_baseline, one.clusters) == (other.n, other.n_baseline, other.clusters)
        assert (one.value, one.baseline, one.p) == pytest.approx((other.value, other.baseline, other.p), abs=1e-9)
        assert one.interval == pytest.approx(other.interval, abs=1e-6)


def test_sides_of_different_clusters_have_the_error_of_a_regression_on_the_side() -> None:
    rng = np.random.default_rng(8)
    values, baselines = rng.normal(1, 1, 40), rng.normal(0, 1, 40)
    labels = [place // 4 for place in range(40)], [10 + place // 4 for place in range(40)]
    found = compared_means(Side(values.tolist(), labels[0]), Side(baselines.tolist(), labels[1]), alpha=0.05)
    side = np.repeat([1.0, 0.0], 40)
    fitted = sm.OLS(np.concatenate([values, baselines]), sm.add_constant(side)).fit(
        cov_type="cluster", cov_kwds={"groups": np.concatenate(labels), "use_correction": False}
    )
    lo, hi = ends(found)
    half = float(student.isf(0.025, 9)) * math.sqrt(10 / 9) * float(fitted.bse[1])
    assert (lo, hi) == pytest.approx((found.difference - half, found.difference + half))


# --- What changes it and what does not -----------------------------------------------------------


@quickly
@given(some_rows, alphas)
def test_the_interval_holds_the_difference_is_never_a_point_and_leaves_no_possible_value(
    rows: Rows, alpha: float
) -> None:
    found = rates(rows, alpha=alpha)
    lo, hi = ends(found)
    assert -1 <= lo <= found.difference <= hi <= 1
    assert hi - lo > 1e-6


@quickly
@given(some_rows, alphas)
def test_rates_of_no_have_the_mirrored_interval(rows: Rows, alpha: float) -> None:
    values, baselines, clusters = rows
    lo, hi = ends(rates(rows, alpha=alpha))
    mirrored = rates(([1 - one for one in values], [1 - one for one in baselines], clusters), alpha=alpha)
    assert ends(mirrored) == pytest.approx((-hi, -lo), abs=1e-6)


@quickly
@given(some_rows, st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_names_of_clusters_matter(rows: Rows, chance: Random) -> None:
    values, baselines, clusters = rows
    order = chance.sample(range(len(values)), len(values))
    names = dict(zip(dict.fromkeys(clusters), chance.sample(range(1000), len(set(clusters))), strict=True))
    moved = (
        [values[place] for place in order],
        [baselines[place] for place in order],
        [names[clusters[place]] for place in order],
    )
    assert ends(rates(moved)) == pytest.approx(ends(rates(rows)), abs=1e-6)


@quickly
@given(some_rows)
def test_more_confidence_needs_a_wider_interval(rows: Rows) -> None:
    widths = [hi - lo for lo, hi in (ends(rates(rows, alpha=alpha)) for alpha in (0.32, 0.1, 0.05, 0.01))]
    assert widths == sorted(widths)


def test_rows_that_share_a_baseline_are_less_evidence_than_rows_that_do_not() -> None:
    values, baselines = [1.0, 1.0, 0.0] * 12, [float(place % 2) for place in range(12) for _ in range(3)]
    shared = ends(rates((values, baselines, [place // 3 for place in range(36)]), n_baseline=12))
    apart = ends(rates((values, baselines, list(range(36))), n_baseline=36))
    assert shared[1] - shared[0] > 1.2 * (apart[1] - apart[0])


# --- At the edges --------------------------------------------------------------------------------


@pytest.mark.parametrize("clusters", [2, 4, 12])
@pytest.mark.parametrize("repeats", [1, 10])
def test_a_difference_of_exactly_one_still_has_the_width_of_its_clusters(clusters: int, repeats: int) -> None:
    labels = [place for place in range(clusters) for _ in range(3 * repeats)]
    found = rates(([1.0] * len(labels), [0.0] * len(labels), labels), n_baseline=clusters * repeats)
    lo, hi = ends(found)
    assert (found.difference, hi, found.p) == (1.0, 1.0, None)
    assert lo < 1 - 2 / (clusters + 4)


def test_rows_that_are_all_as_their_baselines_do_not_have_a_point_for_an_interval() -> None:
    """Nothing is known then of how values and baselines go together."""
    same = [float(place % 2) for place in range(12)]
    lo, hi = ends(rates((same, same, list(range(12)))))
    assert lo == pytest.approx(-hi) and hi > 0.3


def test_one_cluster_has_values_and_neither_interval_nor_p_value() -> None:
    assert rates(([1.0, 0.0], [0.5, 0.5], [7, 7]), n_baseline=2) == Matched(2, 2, 1, 0.5, 0.5, None, None)
    assert matched_means([3.0], [1.0], ["q"], n_baseline=1, alpha=0.05) == Matched(1, 1, 1, 3.0, 1.0, None, None)


def test_one_baseline_row_for_all_clusters_is_worth_one_row() -> None:
    found = rates(([1.0, 1.0, 0.0, 1.0], [0.0] * 4, [0, 1, 2, 3]), n_baseline=1)
    lo, hi = ends(found)
    assert lo < -0.1 and hi < 1


def test_means_without_any_spread_have_no_interval() -> None:
    found = matched_means([0.3, 0.3, 0.3], [0.1, 0.1, 0.1], [0, 1, 2], n_baseline=3, alpha=0.05)
    assert (found.interval, found.p, found.difference) == (None, None, pytest.approx(0.2))


@pytest.mark.parametrize(
    ("values", "baselines", "clusters", "n_baseline"),
    [
        ([], [], [], 1),
        ([1.0], [0.0, 0.0], [0], 1),
        ([1.0], [0.0], [0, 1], 1),
        ([0.5, 1.0], [0.0, 0.0], [0, 1], 1),
        ([1.0, 1.0], [0.0, 1.5], [0, 1], 1),
        ([1.0, math.nan], [0.0, 0.0], [0, 1], 1),
        ([1.0, 1.0], [0.0, 0.0], [0, 1], 0),
    ],
)
def test_what_cannot_be_is_refused(
    values: list[float], baselines: list[float], clusters: list[int], n_baseline: int
) -> None:
    with pytest.raises(ValueError):
        rates((values, baselines, clusters), n_baseline=n_baseline)


@pytest.mark.parametrize(
    "baselines",
    [
        Side([0.0, 1.0], [0, 1], [1.0, 2.0]),
        Side([0.0, 1.0], [0, 1], [0.0, 2.0]),
        Side([0.0, 1.0], [0, 1], [2.0]),
        Side([0.0, 1.0], [0], [1.0, 1.0]),
        Side([0.0, 1.0, 1.0], [0, 1, 1]),
        Side([], []),
    ],
)
def test_baselines_must_weigh_as_much_as_there_are_rows(baselines: Side) -> None:
    with pytest.raises(ValueError):
        compared_rates(Side([1.0, 0.0], [0, 1]), baselines, alpha=0.05)
