"""Are contrasts of unmatched samples those of the books?"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm, rankdata
from scipy.stats import t as student

from trialbed.analysis.stats import rank_sums
from trialbed.analysis.stats.rates import wilson
from trialbed.analysis.stats.unmatched import fisher_p, mann_whitney_p, mean_difference, risk_difference

quickly = settings(deadline=None, max_examples=100)

two_rates = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)
score_lists = st.lists(st.integers(0, 4), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("counts", "lo", "hi"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_risk_difference_is_that_of_newcombes_table(
    counts: tuple[int, int, int, int], lo: float, hi: float
) -> None:
    """Newcombe, Statist. Med. 17:873 (1998), table II, method 10."""
    assert risk_difference(*counts, alpha=0.05) == pytest.approx((lo, hi), abs=5e-5)


@quickly
@given(two_rates, st.sampled_from([0.01, 0.05, 0.2]))
def test_the_risk_difference_squares_and_adds_the_wilson_intervals(
    counts: tuple[int, int, int, int], alpha: float
) -> None:
    k1, n1, k0, n0 = counts
    one, other, seen = wilson(k1, n1, alpha=alpha), wilson(k0, n0, alpha=alpha), k1 / n1 - k0 / n0
    lo = seen - math.hypot(k1 / n1 - one.lo, other.hi - k0 / n0)
    hi = seen + math.hypot(one.hi - k1 / n1, k0 / n0 - other.lo)
    ours = risk_difference(*counts, alpha=alpha)
    assert ours == pytest.approx((lo, hi), abs=1e-10)
    assert -1 <= ours.lo < ours.hi <= 1


def test_fishers_lady_tasting_tea() -> None:
    """Three of four cups told right: p = 17/70 for one side (Fisher 1935), 34/70 for both."""
    assert fisher_p(3, 4, 1, 4) == pytest.approx(34 / 70)


@quickly
@given(two_rates)
def test_fisher_adds_up_the_tables_no_likelier_than_the_one_seen(counts: tuple[int, int, int, int]) -> None:
    k1, n1, k0, n0 = counts
    yes = k1 + k0
    ways = {k: math.comb(n1, k) * math.comb(n0, yes - k) for k in range(max(0, yes - n0), min(n1, yes) + 1)}
    by_hand = sum(way for way in ways.values() if way <= ways[k1]) / math.comb(n1 + n0, yes)
    assert fisher_p(*counts) == pytest.approx(by_hand, abs=1e-10)


@quickly
@given(score_lists, score_lists)
def test_rank_sums_with_ties_are_counted_over_all_divisions(x: list[int], y: list[int]) -> None:
    ranks = rankdata([*x, *y])
    sums = np.array([ranks[list(chosen)].sum() for chosen in itertools.combinations(range(len(ranks)), len(x))])
    mean = len(x) * (len(ranks) + 1) / 2
    seen = abs(ranks[: len(x)].sum() - mean)
    assert mann_whitney_p(x, y) == pytest.approx((np.abs(sums - mean) >= seen - 1e-9).mean(), abs=1e-12)


@quickly
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=40, unique=True), st.data())
def test_rank_sums_without_ties_are_scipys_exact_ones(values: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(values) - 1))
    x, y = values[:cut], values[cut:]
    assert mann_whitney_p(x, y) == pytest.approx(float(mannwhitneyu(x, y, method="exact").pvalue), abs=1e-9)


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_many_rank_sums_go_on_where_the_exact_count_ends(monkeypatch: pytest.MonkeyPatch, shift: int) -> None:
    rng = np.random.default_rng(11)
    x, y = rng.integers(1, 8, size=60).tolist(), rng.integers(1, 8 + shift, size=45).tolist()
    approximate = mann_whitney_p(x, y)
    assert approximate == mann_whitney_p(y, x)
    monkeypatch.setattr(rank_sums, "_EXACT_UP_TO", 10_000)
    exact = mann_whitney_p(x, y)
    assert approximate != exact
    assert approximate == pytest.approx(exact, abs=1e-3, rel=0.05)


def test_equal_values_are_no_evidence() -> None:
    assert mann_whitney_p([3.0] * 5, [3.0] * 8) == 1.0
    assert mann_whitney_p([3.0] * 200, [3.0] * 8) == 1.0
    assert mann_whitney_p([0.1 + 0.2], [0.3]) == 1.0


def test_welchs_interval_of_two_samples_by_hand() -> None:
    """Variances 2.5 and 10 of five each: error √2.5, and 100/17 degrees of freedom by Welch's formula."""
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0, 8.0, 10.0]
    df = (0.5 + 2.0) ** 2 / (0.5**2 / 4 + 2.0**2 / 4)
    half = student.isf(0.025, df) * math.sqrt(2.5)
    assert df == pytest.approx(100 / 17)
    assert mean_difference(x, y, alpha=0.05) == pytest.approx((-3 - half, -3 + half))


def test_a_mean_of_one_value_has_no_interval_and_one_without_spread_no_width() -> None:
    assert mean_difference([1.0], [1.0, 2.0], alpha=0.05) is None
    assert mean_difference([1.0, 2.0], [1.0], alpha=0.05) is None
    assert mean_difference([3.0, 3.0], [1.0, 1.0], alpha=0.05) == (2.0, 2.0)


def test_many_rows_have_the_normal_interval() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=4000), rng.normal(size=4000)
    ends = mean_difference(x.tolist(), y.tolist(), alpha=0.05)
    half = norm.isf(0.025) * math.sqrt(x.var(ddof=1) / 4000 + y.var(ddof=1) / 4000)
    assert ends is not None
    assert ends.hi - ends.lo == pytest.approx(2 * half, rel=1e-3)


@pytest.mark.parametrize("counts", [(0, 0, 1, 2), (1, 2, 0, 0), (3, 2, 1, 2), (1, 2, -1, 2)])
def test_what_is_no_rate_is_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        risk_difference(*counts, alpha=0.05)
    with pytest.raises(ValueError, match="is not a rate"):
        fisher_p(*counts)
