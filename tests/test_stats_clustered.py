"""Is the interval of a clustered share that of other programs where they meet? How often does it hold the truth?"""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from trialbed.analysis.stats.clustered import Share, clustered_share

SEED = 20260117
DATA_SETS = 1_000
LEAST = {True: 0.92, False: 0.88}
"""By whether clusters are of one size. Nominal 95 %; seen over 2000 data sets each: 0.93 to 0.98 with clusters of one
size, 0.90 to 0.98 with one to nine rows each, lowest for 40 of those at a rate of 0.95 that nearly all say the same
throughout. The few that dissent then say all that is known of the spread."""
MOST = 0.99

quickly = settings(deadline=None, max_examples=200)


def ends(share: Share) -> tuple[float, float]:
    assert share.interval is not None
    return share.interval.lo, share.interval.hi


def width(share: Share) -> float:
    lo, hi = ends(share)
    return hi - lo


def wilson(p: float, n: float, alpha: float) -> tuple[float, float]:
    """statsmodels takes numbers that are not whole."""
    lo, hi = proportion_confint(p * n, n, alpha=alpha, method="wilson")
    return float(lo), float(hi)


def rows_of(clusters: Sequence[tuple[int, int]]) -> tuple[list[bool], list[str]]:
    """Rows of clusters that have so many hits of so many rows."""
    hits = [place < hit for hit, size in clusters for place in range(size)]
    return hits, [f"q{number}" for number, (_, size) in enumerate(clusters) for _ in range(size)]


cluster_counts = st.integers(1, 8).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size)))
some_clusters = st.lists(cluster_counts, min_size=2, max_size=12)
alphas = st.sampled_from([0.01, 0.05, 0.1, 0.32])


# --- By other programs ---------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(1, 2), (1, 30), (7, 10), (15, 30), (29, 30), (95, 100), (721, 1100)])
@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_rows_that_are_each_a_cluster_have_wilsons_interval_of_one_row_less(k: int, n: int, alpha: float) -> None:
    """The variance between n clusters of one row has n - 1 below it, and there is no correction for few clusters."""
    found = clustered_share([place < k for place in range(n)], range(n), alpha=alpha)
    assert ends(found) == pytest.approx(wilson(k / n, n - 1, alpha), abs=1e-12)
    assert (found.k, found.n, found.clusters, found.value) == (k, n, n, k / n)


@pytest.mark.parametrize("n", [2, 5, 30, 400])
@pytest.mark.parametrize("hit", [False, True])
def test_rows_that_all_say_the_same_and_are_each_a_cluster_have_wilsons_interval_itself(n: int, hit: bool) -> None:
    assert ends(clustered_share([hit] * n, range(n))) == pytest.approx(wilson(float(hit), n, 0.05), abs=1e-12)


@quickly
@given(some_clusters, alphas)
def test_the_interval_is_wilsons_for_the_rows_that_a_regression_with_clustered_errors_is_worth(
    clusters: list[tuple[int, int]], alpha: float
) -> None:
    hits, labels = rows_of(clusters)
    p, n, groups = float(np.mean(hits)), len(hits), len(clusters)
    rows = np.asarray(hits, dtype=float)
    codes = np.unique(labels, return_inverse=True)[1]
    fitted = sm.OLS(rows, np.ones(n)).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": True, "df_correction": True}
    )
    variance = float(fitted.bse[0]) ** 2
    # Residuals of a cluster that is as the whole add up to nothing but rounding.
    effective = float(groups) if min(p, 1 - p) == 0 or variance < 1e-20 else min(n, p * (1 - p) / variance)
    effective *= (student.ppf(1 - alpha / 2, n - 1) / student.ppf(1 - alpha / 2, groups - 1)) ** 2
    found = clustered_share(hits, labels, alpha=alpha)
    assert ends(found) == pytest.approx(wilson(p, effective, alpha), abs=1e-9)


# --- What changes it and what does not -----------------------------------------------------------


@quickly
@given(some_clusters, alphas)
def test_the_ends_are_within_0_and_1_and_hold_the_value_between_them(
    clusters: list[tuple[int, int]], alpha: float
) -> None:
    found = clustered_share(*rows_of(clusters), alpha=alpha)
    lo, hi = ends(found)
    assert 0 <= lo <= found.value <= hi <= 1
    assert lo < hi
    assert (lo == 0 or found.k > 0) and (hi == 1 or found.k < found.n)


@quickly
@given(some_clusters, st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_names_of_clusters_matter(
    clusters: list[tuple[int, int]], chance: Random
) -> None:
    hits, labels = rows_of(clusters)
    order = chance.sample(range(len(hits)), len(hits))
    names = dict(zip(dict.fromkeys(labels), chance.sample(range(1000), len(clusters)), strict=True))
    shuffled = clustered_share([hits[place] for place in order], [names[labels[place]] for place in order])
    assert ends(shuffled) == pytest.approx(ends(clustered_share(hits, labels)), abs=1e-12)


@quickly
@given(some_clusters, alphas)
def test_the_share_of_misses_has_the_mirrored_interval(clusters: list[tuple[int, int]], alpha: float) -> None:
    hits, labels = rows_of(clusters)
    lo, hi = ends(clustered_share(hits, labels, alpha=alpha))
    assert ends(clustered_share([not hit for hit in hits], labels, alpha=alpha)) == pytest.approx((1 - hi, 1 - lo))


@quickly
@given(some_clusters)
def test_more_confidence_needs_a_wider_interval(clusters: list[tuple[int, int]]) -> None:
    widths = [width(clustered_share(*rows_of(clusters), alpha=alpha)) for alpha in (0.32, 0.1, 0.05, 0.01)]
    assert widths == sorted(widths)


@quickly
@given(some_clusters, st.integers(2, 20))
def test_saying_everything_again_makes_an_interval_no_narrower_than_its_clusters_allow(
    clusters: list[tuple[int, int]], times: int
) -> None:
    """Only where clusters are more alike than chance would have them are more rows more evidence, and then they are
    worth at most what the clusters are."""
    hits, labels = rows_of(clusters)
    once, again = clustered_share(hits, labels), clustered_share(hits * times, labels * times)
    sums = np.array([hit for hit, _ in clusters]) - once.value * np.array([size for _, size in clusters])
    between = len(clusters) / (len(clusters) - 1) * float(sums @ sums) / once.n**2
    alike = once.value * (1 - once.value) > once.n * between * (1 - 1e-9) and between > 1e-20
    assert alike or width(again) >= width(once) - 1e-12
    assert (again.value, again.clusters, again.n) == (once.value, once.clusters, once.n * times)


def test_the_same_rows_in_fewer_clusters_that_agree_have_a_wider_interval() -> None:
    hits = [True] * 30 + [False] * 10
    widths = [width(clustered_share(hits, [place // size for place in range(40)])) for size in (1, 2, 5, 10)]
    assert widths == sorted(widths) and widths[-1] > 2 * widths[0]


# --- At the edges --------------------------------------------------------------------------------


def test_one_cluster_has_no_interval() -> None:
    assert clustered_share([True, False, True], ["q"] * 3) == Share(2, 3, 1, None)
    assert clustered_share([True], ["q"]).interval is None


@pytest.mark.parametrize("groups", [2, 5, 20, 100])
@pytest.mark.parametrize("size", [1, 5, 50])
@pytest.mark.parametrize("hit", [False, True])
def test_where_all_say_the_same_the_interval_still_has_the_width_of_its_clusters(
    groups: int, size: int, hit: bool
) -> None:
    found = clustered_share([hit] * (groups * size), [place // size for place in range(groups * size)])
    lo, hi = ends(found)
    assert (hi if hit else lo) == found.value == float(hit)
    assert hi - lo >= width(clustered_share([hit] * groups, range(groups))) - 1e-12
    assert hi - lo > 3 / (groups + 4)


def test_clusters_that_are_all_as_the_whole_do_not_have_a_point_for_an_interval() -> None:
    """Their spread is nothing, so each is taken as one row."""
    found = clustered_share([True, False] * 10, [place // 2 for place in range(20)])
    assert width(found) > 0.4


def test_rows_and_labels_must_be_there_and_as_many() -> None:
    with pytest.raises(ValueError, match="at least one"):
        clustered_share([], [])
    with pytest.raises(ValueError, match="2 values, but 3 cluster labels"):
        clustered_share([True, False], ["a", "b", "c"])


# --- How often it holds the truth ----------------------------------------------------------------


def drawn(
    rng: np.random.Generator, groups: int, p: float, correlation: float, is_even: bool
) -> tuple[list[bool], list[int]]:
    """Rows of clusters whose own rates have a beta distribution: two rows of a cluster correlate as said."""
    sizes = np.full(groups, 5) if is_even else rng.integers(1, 10, groups)
    spread = (1 - correlation) / correlation if correlation else 0.0
    rates = rng.beta(p * spread, (1 - p) * spread, groups) if correlation else np.full(groups, p)
    labels = np.repeat(np.arange(groups), sizes)
    return (rng.random(len(labels)) < rates[labels]).tolist(), labels.tolist()


def covered(groups: int, p: float, correlation: float, is_even: bool) -> tuple[float, float]:
    """How often our interval holds `p`, and how often Wilson's does that takes rows for independent."""
    rng = np.random.default_rng(SEED)
    ours = plain = 0
    for _ in range(DATA_SETS):
        hits, labels = drawn(rng, groups, p, correlation, is_even)
        found = clustered_share(hits, labels)
        lo, hi = ends(found)
        ours += lo <= p <= hi
        lo, hi = wilson(found.value, found.n, 0.05)
        plain += lo <= p <= hi
    return ours / DATA_SETS, plain / DATA_SETS


@pytest.mark.parametrize("is_even", [True, False])
@pytest.mark.parametrize("groups", [10, 20, 40, 100])
def test_it_holds_the_truth_about_as_often_as_it_says(groups: int, is_even: bool) -> None:
    found = {}
    for p in (0.5, 0.8, 0.95):
        for correlation in (0.0, 0.3, 0.8):
            found[p, correlation] = covered(groups, p, correlation, is_even)
            print(f"{groups} clusters, even {is_even}, rate {p}, correlation {correlation}: {found[p, correlation]}")
    ours = [own for own, _ in found.values()]
    assert all(LEAST[is_even] <= own <= MOST for own in ours), (SEED, found)
    assert 0.935 <= float(np.mean(ours)) <= 0.98, (SEED, found)
    # What it is for: intervals over rows promise far too much where the rows of a question go together.
    assert all(plain < own - 0.1 for (_, correlation), (own, plain) in found.items() if correlation == 0.8), found
