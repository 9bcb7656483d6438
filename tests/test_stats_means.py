"""Are the two intervals of a mean those of other programs, and those that were published for an auditor?"""

import json
from dataclasses import asdict

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, ttest_1samp
from scipy.stats import t as student

from trialbed.analysis.stats import bootstrap
from trialbed.analysis.stats.bootstrap import drawn, times_drawn
from trialbed.analysis.stats.means import cluster_bootstrap_mean, cluster_robust_mean

quickly = settings(deadline=None, max_examples=100)

SEED = 20240611


def rows_in_clusters(rng: np.random.Generator, clusters: int, most: int) -> tuple[list[float], list[str]]:
    labels = [f"s{place}" for place in range(clusters) for _ in range(int(rng.integers(1, most + 1)))]
    of_cluster = {label: rng.normal() for label in labels}
    return [float(of_cluster[label] + rng.normal()) for label in labels], labels


@pytest.mark.parametrize("seed", range(5))
def test_the_sandwich_is_that_of_a_regression_in_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, labels = rows_in_clusters(rng, 12, 6)
    codes = np.unique(labels, return_inverse=True)[1]
    fitted = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": True, "df_correction": True}, use_t=True
    )
    # statsmodels multiplies by (n-1)/(n-1) for one coefficient, so the two CR1 factors are the same.
    ours = cluster_robust_mean(values, labels, alpha=0.1)
    theirs = student.ppf(0.95, 11) * float(fitted.bse[0])
    assert (ours.mean, ours.lo, ours.hi) == pytest.approx(
        (np.mean(values), np.mean(values) - theirs, np.mean(values) + theirs), abs=1e-10
    )
    assert (ours.n, ours.clusters, ours.method) == (len(values), 12, "cluster-robust (CR1), t with 11 df")


def test_rows_that_are_each_a_cluster_have_the_ordinary_t_interval() -> None:
    values = [3.0, 5.0, 4.0, 9.0, 1.0, 2.5]
    ends = ttest_1samp(values, 0).confidence_interval(0.95)
    apart = cluster_robust_mean(values, range(6), alpha=0.05)
    together = cluster_robust_mean(values, ["only"] * 6, alpha=0.05)
    assert (apart.lo, apart.hi) == pytest.approx((ends.low, ends.high))
    assert (together.lo, together.hi) == pytest.approx((ends.low, ends.high))
    assert together.method == "t interval over rows (one cluster), 5 df"
    assert together.clusters == 1


def test_doubling_every_row_inside_its_cluster_changes_no_interval() -> None:
    """Repeats that say the same again are no evidence."""
    values, labels = rows_in_clusters(np.random.default_rng(SEED), 9, 4)
    once, twice = (cluster_robust_mean(values * k, labels * k, alpha=0.05) for k in (1, 2))
    assert (twice.lo, twice.hi) == pytest.approx((once.lo, once.hi))
    booted, again = (cluster_bootstrap_mean(values * k, labels * k, alpha=0.05, resamples=500, seed=1) for k in (1, 2))
    assert (again.lo, again.hi) == pytest.approx((booted.lo, booted.hi))


def as_published(values: list[float], clusters: list[object], resamples: int, seed: int, alpha: float) -> list[float]:
    """The bootstrap written down once more, from its description alone."""
    labels = sorted(set(clusters), key=str)
    members = [[value for value, of in zip(values, clusters, strict=True) if of == label] for label in labels]
    draws = np.random.default_rng(seed).integers(0, len(labels), size=(resamples, len(labels)))
    replicates = []
    for row in draws:
        pooled = [value for place in row for value in members[place]]
        replicates.append(sum(pooled) / len(pooled))
    return [float(end) for end in np.quantile(replicates, [alpha / 2, 1 - alpha / 2])]


@pytest.mark.parametrize("clusters", [["b", "a", "c", "a", "b", "d", "c"], [10, 9, 2, 2, 10, 1, 9]])
def test_the_cluster_bootstrap_is_the_published_one(clusters: list[object]) -> None:
    values = [1.0, 2.0, 7.0, 4.0, 1.0, 0.0, 5.0]
    ours = cluster_bootstrap_mean(values, clusters, alpha=0.1, resamples=400, seed=SEED)  # type: ignore[arg-type]
    assert [ours.lo, ours.hi] == pytest.approx(as_published(values, clusters, 400, SEED, 0.1), abs=1e-12)
    assert ours.method == "cluster bootstrap, 400 resamples"


def test_with_one_cluster_its_rows_are_resampled_in_the_given_order() -> None:
    values = [float(value) for value in (9, 1, 4, 4, 7, 3, 8, 2, 5, 6, 0, 1)]
    ours = cluster_bootstrap_mean(values, ["x"] * 12, alpha=0.05, resamples=300, seed=7)
    # Labels that sort as the rows stand.
    assert [ours.lo, ours.hi] == pytest.approx(
        as_published(values, [f"{place:02}" for place in range(12)], 300, 7, 0.05), abs=1e-12
    )
    assert "one cluster" in ours.method
    assert ours.clusters == 1


@pytest.mark.parametrize("clusters", [2, 7])
def test_expanded_percentiles_are_hesterbergs(clusters: int) -> None:
    values, labels = (
        [float(v) for v in np.random.default_rng(4).normal(size=14)],
        [f"s{v % clusters}" for v in range(14)],
    )
    tail = norm.cdf(-np.sqrt(clusters / (clusters - 1)) * student.isf(0.025, clusters - 1))
    ours = cluster_bootstrap_mean(values, labels, alpha=0.05, resamples=900, seed=3, expanded=True)
    assert [ours.lo, ours.hi] == pytest.approx(as_published(values, list(labels), 900, 3, 2 * tail), abs=1e-12)
    assert ours.method == "cluster bootstrap, 900 resamples, expanded percentiles"


def test_draws_in_parts_are_the_draws_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded, and an auditor may still draw them all at once."""
    for clusters in (3, 7, 1000):
        whole = np.random.default_rng(SEED).integers(0, clusters, size=(101, clusters))
        monkeypatch.setattr(bootstrap, "_DRAWN_AT_ONCE", 5 * clusters + 1)
        parts = list(drawn(clusters, resamples=101, seed=SEED))
        assert len(parts) == 21
        assert np.array_equal(np.concatenate(parts), whole)
        times = np.concatenate(list(times_drawn(clusters, resamples=101, seed=SEED)))
        assert np.array_equal(times, np.array([np.bincount(row, minlength=clusters) for row in whole]))


def test_a_single_row_has_a_mean_and_no_interval() -> None:
    for estimate in (
        cluster_robust_mean([4.0], ["a"], alpha=0.05),
        cluster_bootstrap_mean([4.0], ["a"], alpha=0.05, resamples=10, seed=0),
    ):
        assert (estimate.mean, estimate.lo, estimate.hi, estimate.n) == (4.0, None, None, 1)
        assert estimate.method == "one row: no interval"


@quickly
@given(st.lists(st.tuples(st.integers(-50, 50), st.sampled_from("abcd")), min_size=2, max_size=40))
def test_the_order_of_rows_does_not_matter(rows: list[tuple[int, str]]) -> None:
    shuffled = sorted(rows, key=lambda row: (row[1], row[0]))
    for estimate in (
        lambda r: cluster_robust_mean([v for v, _ in r], [c for _, c in r], alpha=0.05),
        lambda r: cluster_bootstrap_mean([v for v, _ in r], [c for _, c in r], alpha=0.05, resamples=50, seed=3),
    ):
        given_order, sorted_order = estimate(rows), estimate(shuffled)
        assert given_order.lo <= given_order.mean <= given_order.hi or given_order.method.startswith("cluster boot")
        if given_order.clusters > 1:
            assert (given_order.lo, given_order.hi) == pytest.approx((sorted_order.lo, sorted_order.hi), abs=1e-9)


@pytest.mark.parametrize(
    ("values", "clusters", "said"),
    [
        ([], [], "at least one value"),
        ([1.0, float("nan")], ["a", "b"], "finite"),
        ([1.0, float("inf")], ["a", "b"], "finite"),
        ([1.0, 2.0], ["a"], "2 values, but 1 cluster labels"),
    ],
)
def test_what_has_no_mean_is_refused(values: list[float], clusters: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cluster_robust_mean(values, clusters, alpha=0.05)
    with pytest.raises(ValueError, match=said):
        cluster_bootstrap_mean(values, clusters, alpha=0.05, resamples=10, seed=0)


def test_an_estimate_can_be_written_as_json() -> None:
    estimate = cluster_bootstrap_mean([1, 2, 3], ["a", "b", "b"], alpha=0.05, resamples=10, seed=0)
    assert json.loads(json.dumps(asdict(estimate)))["n"] == 3
