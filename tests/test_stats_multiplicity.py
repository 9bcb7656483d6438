"""Are adjusted p values those of the books, in the places of the ones given?"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from trialbed.analysis.stats.multiplicity import benjamini_hochberg, holm

quickly = settings(deadline=None, max_examples=100)
THROMBOLYSIS = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
    *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
]
"""Fifteen comparisons of one trial: Benjamini & Hochberg, J. R. Statist. Soc. B 57:289 (1995), section 4.1."""

several = st.lists(st.floats(0, 1), max_size=15)


def stands_by_closure(ps: list[float], place: int) -> float:
    """The greatest Bonferroni p of all intersections with it: Marcus, Peritz & Gabriel, Biometrika 63:655 (1976)."""
    others = [p for other, p in enumerate(ps) if other != place]
    return max(
        min(1.0, (len(chosen) + 1) * min([ps[place], *chosen]))
        for size in range(len(others) + 1)
        for chosen in itertools.combinations(others, size)
    )


def test_of_fifteen_comparisons_four_stand_by_false_discovery_and_three_by_holm() -> None:
    """As the authors count: Bonferroni's three (Hochberg's and Holm's too), theirs four."""
    assert sum(p <= 0.05 for p in benjamini_hochberg(THROMBOLYSIS)) == 4
    assert sum(p <= 0.05 for p in holm(THROMBOLYSIS)) == 3
    assert benjamini_hochberg(THROMBOLYSIS)[3] == pytest.approx(0.0095 * 15 / 4)
    assert holm(THROMBOLYSIS)[3] == pytest.approx(0.0095 * 12)


@quickly
@given(st.lists(st.floats(0, 1), max_size=7))
def test_holm_is_the_closed_test_of_all_intersections(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx([stands_by_closure(ps, place) for place in range(len(ps))], abs=1e-12)


def test_holm_is_that_of_statsmodels() -> None:
    assert holm(THROMBOLYSIS[::-1]) == pytest.approx(list(multipletests(THROMBOLYSIS[::-1], method="holm")[1]))


@quickly
@given(several)
def test_false_discovery_is_scipys_and_never_stricter_than_holm(ps: list[float]) -> None:
    found = benjamini_hochberg(ps)
    assert found == pytest.approx(list(false_discovery_control(ps)) if ps else [], abs=1e-12)
    assert all(p - 1e-15 <= bh <= h + 1e-12 for p, bh, h in zip(ps, found, holm(ps), strict=True))


def test_nothing_to_adjust_is_nothing() -> None:
    assert holm([]) == benjamini_hochberg([]) == []


def test_adjusted_values_are_plain_floats() -> None:
    assert {type(p) for p in [*holm(np.array([0.1, 0.2]).tolist()), *benjamini_hochberg([0.1])]} == {float}


@pytest.mark.parametrize("wrong", [[-0.1], [1.1, 0.5], [float("nan")]])
def test_what_is_no_p_value_is_refused(wrong: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="between 0 and 1"):
            adjust(wrong)
