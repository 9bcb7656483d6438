"""Do equivalence tests agree with their intervals, with other programs, and with the books?"""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm
from statsmodels.stats.weightstats import ttost_paired

from trialbed.analysis.stats.equivalence import tost_paired, tost_paired_rates, tost_rates
from trialbed.analysis.stats.paired import paired_risk_difference
from trialbed.analysis.stats.score_difference import score_z

quickly = settings(deadline=None, max_examples=100)
two_rates = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@quickly
@given(st.lists(st.integers(-8, 8), min_size=2, max_size=30).filter(lambda d: len(set(d)) > 1), st.floats(0.05, 6))
def test_paired_means_are_those_of_statsmodels(differences: list[int], margin: float) -> None:
    theirs = ttost_paired(np.array(differences, float), np.zeros(len(differences)), -margin, margin)[0]
    assert tost_paired(differences, margin=margin) == pytest.approx(float(theirs), abs=1e-10)


def test_equal_differences_are_judged_by_their_number() -> None:
    assert tost_paired([0.2] * 5, margin=0.5) == 0.5**5
    assert tost_paired([0.0, 0.0], margin=0.5) == 0.25
    assert tost_paired([0.5] * 50, margin=0.5) == 1.0
    assert tost_paired([0.0], margin=0.5) == 1.0


def test_the_score_statistic_is_that_of_the_published_example() -> None:
    """56/70 and 48/80 (Newcombe, Statist. Med. 17:873 (1998)): Miettinen & Nurminen's interval is 0.0528 to 0.3382."""
    assert score_z(56, 70, 48, 80, difference=0.0528) == pytest.approx(norm.isf(0.025), abs=2e-3)
    assert score_z(56, 70, 48, 80, difference=0.3382) == pytest.approx(-norm.isf(0.025), abs=2e-3)


def likeliest_by_search(k1: int, n1: int, k0: int, n0: int, difference: float) -> float:
    """The greatest likelihood under the null, looked for without the cubic."""

    def minus_likelihood(p1: float) -> float:
        parts = ((k1, p1), (n1 - k1, 1 - p1), (k0, p1 - difference), (n0 - k0, 1 - p1 + difference))
        return -sum(count * math.log(max(p, 1e-300)) for count, p in parts if count)

    bounds = (max(0.0, difference), min(1.0, 1 + difference))
    return float(minimize_scalar(minus_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x)


@quickly
@given(two_rates, st.sampled_from([-0.3, -0.1, -0.05, 0.05, 0.1, 0.3]))
def test_the_score_statistic_uses_the_likeliest_rates_also_at_0_and_1(
    counts: tuple[int, int, int, int], difference: float
) -> None:
    k1, n1, k0, n0 = counts
    p1 = likeliest_by_search(*counts, difference)
    p0 = p1 - difference
    variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * (n1 + n0) / (n1 + n0 - 1)
    assume(variance > 1e-6)
    by_hand = (k1 / n1 - k0 / n0 - difference) / math.sqrt(variance)
    assert score_z(*counts, difference=difference) == pytest.approx(by_hand, rel=2e-3, abs=2e-3)


def test_the_score_statistic_solves_the_score_equation() -> None:
    """Where the likelihood of 30/60 and 20/60 is flat along p1 - p0 = 0.1, its slope is 0."""
    p1 = brentq(lambda p: 30 / p - 30 / (1 - p) + 20 / (p - 0.1) - 40 / (1.1 - p), 0.11, 0.99, xtol=1e-14)
    error = math.sqrt((p1 * (1 - p1) + (p1 - 0.1) * (1.1 - p1)) / 60 * 120 / 119)
    assert score_z(30, 60, 20, 60, difference=0.1) == pytest.approx((1 / 6 - 0.1) / error, abs=1e-10)
    above, below = score_z(30, 60, 20, 60, difference=-0.2), score_z(30, 60, 20, 60, difference=0.2)
    assert tost_rates(30, 60, 20, 60, margin=0.2) == pytest.approx(max(norm.sf(above), norm.cdf(below)))


@quickly
@given(two_rates, st.floats(0.02, 0.5))
def test_unmatched_rates_do_not_mind_which_arm_is_first_or_what_counts_as_yes(
    counts: tuple[int, int, int, int], margin: float
) -> None:
    k1, n1, k0, n0 = counts
    p = tost_rates(k1, n1, k0, n0, margin=margin)
    assert tost_rates(k0, n0, k1, n1, margin=margin) == pytest.approx(p, abs=1e-7)
    assert tost_rates(n1 - k1, n1, n0 - k0, n0, margin=margin) == pytest.approx(p, abs=1e-7)
    if abs(k1 / n1 - k0 / n0) >= margin:
        assert p >= 0.5 - 1e-9


@quickly
@given(st.tuples(*[st.integers(0, 40)] * 4).filter(any), st.floats(0.02, 0.6))
def test_paired_rates_are_equivalent_exactly_if_their_interval_lies_within_the_margin(
    cell: tuple[int, int, int, int], margin: float
) -> None:
    p = tost_paired_rates(*cell, margin=margin)
    lo, hi = paired_risk_difference(*cell, alpha=0.1)
    assume(min(abs(lo + margin), abs(hi - margin)) > 1e-6)
    assert (p < 0.05) == (-margin < lo and hi < margin)


def test_equal_answers_in_every_block_show_equivalence_only_if_there_are_enough() -> None:
    """With b = c = 0 the statistic is sqrt(n·margin / (1 - margin))."""
    for n in (10, 24, 25, 100):
        p = tost_paired_rates(n // 2, 0, 0, n - n // 2, margin=0.1)
        assert p == pytest.approx(float(norm.sf(math.sqrt(n * 0.1 / 0.9))))
    assert tost_paired_rates(12, 0, 0, 12, margin=0.1) > 0.05 > tost_paired_rates(12, 0, 0, 13, margin=0.1)


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan")])
def test_a_margin_of_nothing_is_refused(margin: float) -> None:
    for test in (
        lambda: tost_paired([1.0, 2.0], margin=margin),
        lambda: tost_rates(1, 2, 1, 2, margin=margin),
        lambda: tost_paired_rates(1, 0, 0, 1, margin=margin),
    ):
        with pytest.raises(ValueError, match="margin"):
            test()
    with pytest.raises(ValueError, match="margin"):
        tost_rates(1, 2, 1, 2, margin=1.0)


def test_what_are_no_counts_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        tost_paired_rates(0, 0, 0, 0, margin=0.1)
    with pytest.raises(ValueError, match="not a rate"):
        tost_rates(3, 2, 0, 1, margin=0.1)
