"""Are percentiles and their intervals those of published tables, of numpy, and of a count of all outcomes?"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc
from scipy.stats import binom

from trialbed.analysis.recheck import order
from trialbed.analysis.stats.quantiles import percentile, percentile_interval

quickly = settings(deadline=None, max_examples=60)
numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80).map(sorted)
percents = st.sampled_from([5, 25, 50, 75, 95, 99])


def found(values: Sequence[float], percent: int) -> float | None:
    return percentile(np.asarray(values, dtype=np.float64), percent)


@pytest.mark.parametrize(
    ("n", "percent", "ranks"),
    # By tables of the binomial, as in Conover, Practical Nonparametric Statistics, 1999, section 3.2.
    [(6, 50, (1, 6)), (10, 50, (2, 9)), (16, 50, (4, 13)), (20, 50, (6, 15)), (30, 50, (10, 21)), (100, 50, (40, 61))],
)
def test_the_interval_of_a_median_has_the_ranks_of_the_tables(n: int, percent: int, ranks: tuple[int, int]) -> None:
    values = np.arange(1.0, n + 1)
    assert percentile_interval(values, percent, alpha=0.05) == ranks


@quickly
@given(numbers, percents)
def test_a_percentile_is_numpys_median_unbiased_one_where_the_values_reach_so_far(
    values: list[float], percent: int
) -> None:
    n, h = len(values), (len(values) + 1 / 3) * percent / 100 + 1 / 3
    one = found(values, percent)
    if 1 + 1e-9 < h < n - 1e-9:
        assert one == pytest.approx(float(np.quantile(values, percent / 100, method="median_unbiased")), rel=1e-12)
    elif h < 1 - 1e-9 or h > n + 1e-9:
        assert one is None


@pytest.mark.parametrize(("percent", "least"), [(50, 1), (25, 3), (75, 3), (5, 13), (95, 13), (99, 67)])
def test_too_few_values_have_no_percentile(percent: int, least: int) -> None:
    assert found(range(least), percent) is not None
    assert found(range(least - 1), percent) is None if least > 1 else found([5.0], percent) == 5.0


@pytest.mark.parametrize(("percent", "least"), [(50, 6), (95, 72), (5, 72), (25, 13)])
def test_too_few_values_have_no_interval(percent: int, least: int) -> None:
    assert percentile_interval(np.arange(float(least)), percent, alpha=0.05) is not None
    assert percentile_interval(np.arange(least - 1.0), percent, alpha=0.05) is None


@quickly
@given(st.integers(1, 400), percents, st.sampled_from([0.01, 0.05, 0.1]))
def test_each_end_leaves_out_half_of_alpha_at_most_and_no_rank_could_be_nearer(
    n: int, percent: int, alpha: float
) -> None:
    ends, p = percentile_interval(np.arange(1.0, n + 1), percent, alpha=alpha), percent / 100
    if ends is None:
        assert binom.cdf(0, n, p) > alpha / 2 or binom.sf(n - 1, n, p) > alpha / 2
        return
    low, high = round(ends.lo), round(ends.hi)
    assert binom.cdf(low - 1, n, p) <= alpha / 2 < binom.cdf(low, n, p)
    assert binom.sf(high - 1, n, p) <= alpha / 2 < binom.sf(high - 2, n, p)


def in_blocks(rng: np.random.Generator, blocks: int, each: int, between: float) -> tuple[list[float], list[int]]:
    """Ascending, with the block of each."""
    labels = np.repeat(np.arange(blocks), each)
    values = between * rng.normal(size=blocks)[labels] + rng.normal(size=len(labels))
    ascending = np.argsort(values)
    return values[ascending].tolist(), labels[ascending].tolist()


def test_what_depends_on_each_other_is_less_sure() -> None:
    rng = np.random.default_rng(3)
    widths = []
    for between in (0.0, 1.0, 5.0):
        values, blocks = in_blocks(rng, 14, 24, between)
        ends = percentile_interval(np.asarray(values), 50, alpha=0.05, clusters=blocks)
        plain = percentile_interval(np.asarray(values), 50, alpha=0.05)
        assert ends is not None and plain is not None
        widths.append((ends.hi - ends.lo) / (plain.hi - plain.lo))
    assert widths[0] < 2 < widths[1] < widths[2]


def test_blocks_that_say_the_same_count_as_one_value_each() -> None:
    # Ten blocks, each with one value of two below the median. Of ten values it is ranks 2 to 9, so of twenty 4 to 17.
    values, blocks = np.arange(1.0, 21), [*range(10), *range(10)]
    assert percentile_interval(values, 50, alpha=0.05, clusters=blocks) == (4.0, 17.0)
    assert percentile_interval(values, 50, alpha=0.05) == (6.0, 15.0)


def test_one_block_shows_nothing() -> None:
    assert percentile_interval(np.arange(50.0), 50, alpha=0.05, clusters=["one"] * 50) is None


@quickly
@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 12), percents, st.booleans())
def test_both_paths_find_the_same(seed: int, blocks: int, each: int, percent: int, is_blocked: bool) -> None:
    values, labels = in_blocks(np.random.default_rng(seed), blocks, each, 0.7)
    share = Fraction(percent, 100)
    assert order.percentile(values, share) == pytest.approx(found(values, percent), abs=1e-12)
    names = [str(label) for label in labels] if is_blocked else None
    again = order.interval(values, share, 0.05, names)
    assert again == percentile_interval(np.asarray(values), percent, alpha=0.05, clusters=names)


@quickly
@given(st.floats(0.01, 2_000), st.floats(0.01, 2_000), st.floats(0.001, 0.999))
def test_the_second_paths_beta_function_is_scipys(a: float, b: float, x: float) -> None:
    assert order.incomplete_beta(a, b, x) == pytest.approx(float(betainc(a, b, x)), rel=1e-8, abs=1e-12)


def test_a_binomial_chance_is_a_sum_of_outcomes() -> None:
    n, p, k = 30, 0.3, 12
    summed = math.fsum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k))
    assert 1 - order.incomplete_beta(k, n - k + 1, p) == pytest.approx(summed, rel=1e-10)
