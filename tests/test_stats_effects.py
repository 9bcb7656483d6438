"""Are effect sizes those of the books?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_effectsize

from trialbed.analysis.stats.effects import cliffs_delta, cohens_h

quickly = settings(deadline=None, max_examples=100)
rates = st.floats(0, 1)
scores = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


def test_h_is_that_of_cohens_table() -> None:
    """phi(.50) = 1.571 and phi(.40) = 1.369, so h = .20: Cohen 1988, table 6.2.2."""
    assert cohens_h(0.5, 0.4) == pytest.approx(1.571 - 1.369, abs=1e-3)
    assert cohens_h(1.0, 0.0) == pytest.approx(np.pi)


@quickly
@given(rates, rates)
def test_h_is_that_of_statsmodels(p1: float, p0: float) -> None:
    assert cohens_h(p1, p0) == pytest.approx(float(proportion_effectsize(p1, p0)), abs=1e-12)


@quickly
@given(scores, scores)
def test_delta_counts_all_pairs(x: list[int], y: list[int]) -> None:
    by_hand = sum((a > b) - (a < b) for a in x for b in y) / (len(x) * len(y))
    assert cliffs_delta(x, y) == pytest.approx(by_hand)
    assert cliffs_delta(y, x) == pytest.approx(-by_hand)


def test_delta_of_samples_apart_and_of_equal_ones() -> None:
    assert cliffs_delta([5, 6], [1, 2, 3]) == 1.0
    assert cliffs_delta([5, 5], [5, 5, 5]) == 0.0


def test_delta_of_a_hundred_thousand_rows_does_not_compare_each_pair() -> None:
    """Ten thousand million pairs would neither fit nor end."""
    low, high = np.arange(100_000), np.arange(50_000, 150_000)
    assert cliffs_delta(low.tolist(), high.tolist()) == pytest.approx(-0.75, abs=1e-4)


def test_what_has_no_effect_size_is_refused() -> None:
    with pytest.raises(ValueError, match="not both rates"):
        cohens_h(1.2, 0.3)
    with pytest.raises(ValueError, match="at least one value"):
        cliffs_delta([], [1.0])
