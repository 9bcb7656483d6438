"""Does a table of counts get the right test, and the right answer from it?"""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association as scipys_strength

from trialbed.analysis.stats.association import association

quickly = settings(deadline=None, max_examples=60)
PARTIES = [[762, 327, 468], [484, 239, 477]]
"""Women and men by party: Agresti, "An Introduction to Categorical Data Analysis", 2007, table 2.5."""
SPARSE = [[3, 0, 1], [0, 4, 1], [1, 1, 3]]

tables = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 30), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


def test_parties_differ_as_agresti_says() -> None:
    """Chi-square 30.1 with 2 degrees of freedom, p < 0.0001: section 2.4.2 there."""
    found = association(PARTIES)
    assert found is not None
    assert (found.test, found.df, found.n) == ("Pearson's chi-square test", 2, 2757)
    assert found.statistic == pytest.approx(30.07, abs=5e-3)
    assert found.p == pytest.approx(2.95e-7, rel=2e-3)
    assert found.cramers_v == pytest.approx(math.sqrt(30.07 / 2757), abs=1e-4)


def test_a_table_of_four_gets_fishers_exact_test() -> None:
    found = association([[3, 1], [1, 3]])
    assert found is not None
    assert (found.test, found.statistic, found.df) == ("Fisher's exact test", None, None)
    assert found.p == pytest.approx(34 / 70)
    assert found.cramers_v == pytest.approx(0.5)


def compositions(total: int, most: list[int]) -> Iterator[list[int]]:
    if len(most) == 1:
        if total <= most[0]:
            yield [total]
        return
    for first in range(min(total, most[0]) + 1):
        for rest in compositions(total - first, most[1:]):
            yield [first, *rest]


def all_tables(rows: list[int], columns: list[int]) -> Iterator[list[list[int]]]:
    if not rows:
        yield []
        return
    for row in compositions(rows[0], columns):
        left = [column - cell for column, cell in zip(columns, row, strict=True)]
        for rest in all_tables(rows[1:], left):
            yield [row, *rest]


def test_a_sparse_table_gets_the_exact_p_within_the_error_of_the_draws() -> None:
    """Every table with these margins, weighed by its probability given them (Agresti, Statist. Sci. 7:131 (1992))."""
    rows, columns = [sum(row) for row in SPARSE], [sum(column) for column in zip(*SPARSE, strict=True)]
    expected = np.outer(rows, columns) / sum(rows)

    def square(table: list[list[int]]) -> float:
        return float(((np.array(table) - expected) ** 2 / expected).sum())

    weights = [
        (square(table), 1 / math.prod(math.factorial(cell) for row in table for cell in row))
        for table in all_tables(rows, columns)
    ]
    exact = sum(w for s, w in weights if s >= square(SPARSE) - 1e-9) / sum(w for _, w in weights)
    found = association(SPARSE, seed=4)
    assert found is not None
    assert found.test == "exact chi-square test on fixed margins (Monte Carlo, 9,999 tables)"
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 10_000))
    assert found.df is None
    assert found.statistic == pytest.approx(square(SPARSE))


def test_the_seed_decides_the_tables_drawn() -> None:
    found = association(SPARSE, seed=1)
    assert association(SPARSE, seed=1) == found
    assert len({association(SPARSE, seed=seed) for seed in range(6)}) > 1


def test_an_expected_count_of_five_is_what_decides() -> None:
    just = association([[5, 5, 5], [5, 5, 5]])
    below = association([[5, 5, 5], [5, 5, 4]])
    assert just is not None and just.test == "Pearson's chi-square test"
    assert below is not None and "Monte Carlo" in below.test


def test_tables_as_likely_as_the_one_seen_count_as_much() -> None:
    found = association([[2, 2, 1], [2, 2, 1]])
    assert found is not None
    assert (found.statistic, found.p) == (pytest.approx(0, abs=1e-12), 1.0)


def test_the_drawn_p_is_never_zero() -> None:
    found = association([[9, 0, 0], [0, 9, 0], [0, 0, 4]])
    assert found is not None
    assert found.p == 1e-4
    assert found.cramers_v == 1.0


@quickly
@given(tables)
def test_the_strength_is_scipys_and_order_and_empty_lines_do_not_matter(table: list[list[int]]) -> None:
    counts = np.array(table)
    told = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    found = association(table)
    if min(told.shape) < 2:
        assert found is None
        return
    assert found is not None
    assert 0 < found.p <= 1
    assert found.n == counts.sum()
    assert found.cramers_v == pytest.approx(scipys_strength(told, method="cramer"), abs=1e-9)
    padded = np.pad(counts, ((1, 0), (0, 1)))
    assert association(padded.tolist()) == found
    if found.df is not None:
        theirs = chi2_contingency(told, correction=False)
        assert (found.statistic, found.df, found.p) == pytest.approx((theirs.statistic, theirs.dof, theirs.pvalue))
    if "Monte Carlo" not in found.test:
        turned = association(counts[::-1, ::-1].T.tolist())
        assert turned is not None
        assert turned.p == pytest.approx(found.p)


@pytest.mark.parametrize("nothing", [[], [[]], [[0, 0], [0, 0]], [[3, 4]], [[3], [4]], [[3, 0], [4, 0]]])
def test_where_nothing_can_differ_there_is_no_test(nothing: list[list[int]]) -> None:
    assert association(nothing) is None


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        association([[1, 2], [3]])
    with pytest.raises(ValueError, match="negative"):
        association([[1, -2], [3, 4]])
