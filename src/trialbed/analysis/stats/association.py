"""Does the distribution over categories differ between variants? Pure: the seed decides the tables drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, fisher_exact, random_table
from scipy.stats.contingency import expected_freq

from trialbed.analysis.stats.samples import Floats, Whole

_TABLES = 9_999
_LEAST_EXPECTED = 5


@dataclass(frozen=True, slots=True)
class Association:
    """Of `n` counted; `statistic` and `df` are None where the test has none."""

    test: str
    statistic: float | None
    df: int | None
    p: float
    cramers_v: float
    n: int


def association(table: Sequence[Sequence[int]], *, seed: int = 0) -> Association | None:
    """Test rows (variants) against columns (categories); None where fewer than two of either have any count.

    2×2: Fisher's exact test. Larger: Pearson's chi-square (Phil. Mag. 50:157 (1900)) if every expected count is at
    least 5 (Cochran, Biometrics 10:417 (1954), asks for less), else the share of 9,999 random tables with the
    same margins of which chi-square is at least as large, the table seen being counted among them: (1 + hits) /
    10,000 (Davison & Hinkley, "Bootstrap Methods and their Application", 1997, section 4.2). The tables are those of
    `scipy.stats.random_table(rows, columns).rvs(9999, random_state=numpy.random.default_rng(seed))`. Cramér's V =
    sqrt(chi-square / (n · (min(rows, columns) - 1))), without continuity or bias correction: Cramér, "Mathematical
    Methods of Statistics", 1946, section 21.9.

    Raises:
        ValueError: rows of different lengths, or a negative count.
    """
    counts = _told(table)
    if min(counts.shape) < 2:
        return None
    expected = expected_freq(counts)
    square = float(_chi_square(counts[None], expected)[0])
    n = int(counts.sum())
    strength = min(1.0, math.sqrt(square / (n * (min(counts.shape) - 1))))
    if counts.shape == (2, 2):
        return Association("Fisher's exact test", None, None, float(fisher_exact(counts).pvalue), strength, n)
    df = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    if expected.min() >= _LEAST_EXPECTED:
        return Association("Pearson's chi-square test", square, df, float(chi2.sf(square, df)), strength, n)
    name = f"exact chi-square test on fixed margins (Monte Carlo, {_TABLES:,} tables)"
    return Association(name, square, None, _monte_carlo_p(counts, expected, square, seed), strength, n)


def _told(table: Sequence[Sequence[int]]) -> Whole:
    if len({len(row) for row in table}) > 1:
        raise ValueError("the rows of a table must be equally long")
    counts = np.array(table, dtype=np.int64).reshape(len(table), len(table[0]) if len(table) else 0)
    if (counts < 0).any():
        raise ValueError("a table of counts has no negative ones")
    return counts[counts.any(axis=1)][:, counts.any(axis=0)]


def _chi_square(tables: Whole, expected: Floats) -> Floats:
    """Of each of (tables, rows, columns): the sum of squares over expected counts, less the number counted."""
    squares = np.einsum("trc,trc,rc->t", tables, tables, 1 / expected)
    return np.asarray(np.maximum(0.0, squares - expected.sum()), dtype=np.float64)


def _monte_carlo_p(counts: Whole, expected: Floats, seen: float, seed: int) -> float:
    margins = random_table(counts.sum(axis=1), counts.sum(axis=0))
    tables = margins.rvs(size=_TABLES, random_state=np.random.default_rng(seed))
    # Equal tables must count as equal, whatever the order in which their cells were summed.
    hits = int((_chi_square(tables, expected) >= seen - 1e-9 * counts.sum()).sum())
    return (1 + hits) / (1 + _TABLES)
