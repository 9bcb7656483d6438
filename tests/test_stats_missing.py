"""Do the bounds hold whatever the missing trials would have said?"""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from trialbed.analysis.stats.missing import (
    Bounds,
    differential_missingness,
    mean_difference_bounds,
    rate_difference_bounds,
)

quickly = settings(deadline=None, max_examples=100)
arms = (
    st.integers(0, 6)
    .flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(0, 4)))
    .filter(lambda arm: arm[1] + arm[2] > 0)
)


@quickly
@given(arms, arms)
def test_the_bounds_are_the_ends_of_all_completions(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    (k1, n1, missing1), (k0, n0, missing0) = one, other
    completed = [
        (k1 + yes1) / (n1 + missing1) - (k0 + yes0) / (n0 + missing0)
        for yes1, yes0 in itertools.product(range(missing1 + 1), range(missing0 + 1))
    ]
    bounds = rate_difference_bounds(k1, n1, missing1, k0, n0, missing0)
    assert (bounds.worst, bounds.best) == pytest.approx((min(completed), max(completed)))
    assert bounds.best - bounds.worst == pytest.approx(missing1 / (n1 + missing1) + missing0 / (n0 + missing0))


def test_with_nothing_missing_the_bounds_are_the_difference() -> None:
    assert rate_difference_bounds(3, 10, 0, 1, 10, 0) == Bounds(pytest.approx(0.2), pytest.approx(0.2))


def test_bounds_of_a_mean_put_the_missing_at_opposite_ends_of_the_scale() -> None:
    bounds = mean_difference_bounds(40.0, 8, 2, 24.0, 8, 2, low=1.0, high=10.0)
    assert bounds == Bounds(
        pytest.approx((40 + 2) / 10 - (24 + 20) / 10), pytest.approx((40 + 20) / 10 - (24 + 2) / 10)
    )


def test_an_arm_without_any_answer_is_bounded_by_the_scale_alone() -> None:
    assert rate_difference_bounds(0, 0, 5, 5, 10, 0) == Bounds(-0.5, 0.5)


def test_variants_that_lose_different_shares_are_told_apart() -> None:
    found = differential_missingness([10, 1], [20, 29], seed=0)
    assert found is not None
    assert found.test == "Fisher's exact test"
    assert found.p == pytest.approx(float(fisher_exact([[10, 20], [1, 29]]).pvalue))


def test_with_nothing_missing_or_one_variant_there_is_no_test() -> None:
    assert differential_missingness([0, 0, 0], [10, 12, 9], seed=0) is None
    assert differential_missingness([3], [10], seed=0) is None
    assert differential_missingness([], [], seed=0) is None


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((1, 2, -1, 1, 2, 0), "missing1 is a count"),
        ((3, 2, 0, 1, 2, 0), "not both rates"),
        ((0, 0, 0, 1, 2, 0), "each arm needs a trial"),
        ((-1, 2, 0, 1, 2, 0), "k1 is a count"),
    ],
)
def test_what_are_no_counts_is_refused(counts: tuple[int, int, int, int, int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rate_difference_bounds(*counts)


def test_a_scale_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="below its start"):
        mean_difference_bounds(1.0, 1, 0, 1.0, 1, 0, low=2.0, high=1.0)
