"""Do categories depend on the variant? The table `association`, and the test that other tables borrow."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from trialbed.analysis.recheck.exact import fisher
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import columns

ASSOCIATION = columns(
    measure="text", subject="text", test="text", statistic="number", df="count", p="p", cramers_v="number", n="count"
)
FISHER = "Fisher's exact test"
CHI_SQUARE = "Pearson's chi-square test"
MONTE_CARLO = "exact chi-square test on fixed margins (Monte Carlo, 9,999 tables)"
_TABLES = 9_999
_LEAST_EXPECTED = 5
_STANDARD_ERRORS = 4
# Not the report's: the draws are to be other ones.
_OWN_STREAM = 0x5EC0


@dataclass(frozen=True)
class Associated:
    """`slack`: by how much p may differ because both were drawn."""

    test: str
    statistic: float | None
    df: int | None
    p: float
    cramers_v: float
    n: int
    slack: float = 0.0


def association(study: Study) -> Sheet:
    sheet = Sheet("association", ASSOCIATION, [], key=("measure", "subject"))
    measure = study.category_measure()
    if measure is None:
        return sheet
    categories = study.categories(measure)
    for subject in study.strata:
        told = Counter((row.planned.variant, study.category(row, measure)) for row in study.of_subject(subject))
        counts = [[told[variant, name] for name in categories] for variant in study.variants]
        found = associated(counts, seed=study.choices.seed)
        if found is not None:
            row = (measure.name, subject, found.test, found.statistic, found.df, found.p, found.cramers_v, found.n)
            sheet.add(row, p=found.slack)
    return sheet


def associated(table: Sequence[Sequence[int]], *, seed: int) -> Associated | None:
    """Rows against columns, empty ones left out; None with fewer than two of either.

    2 x 2: Fisher. Else Pearson's chi-square (Phil. Mag. 50, 1900, 157) where every expected count is 5 or more, else
    its rank among 9,999 random tables with the same margins. Cramér's V without corrections.
    """
    counts = _without_empty(table)
    if len(counts) < 2 or len(counts[0]) < 2:
        return None
    rows, cols = [sum(row) for row in counts], [sum(col) for col in zip(*counts, strict=True)]
    n = sum(rows)
    expected = [[row * col / n for col in cols] for row in rows]
    square = _chi_square(counts, expected)
    v = min(1.0, math.sqrt(square / (n * (min(len(rows), len(cols)) - 1))))
    if len(rows) == len(cols) == 2:
        return Associated(FISHER, None, None, fisher(counts[0][0], rows[0], counts[1][0], rows[1]), v, n)
    df = (len(rows) - 1) * (len(cols) - 1)
    if min(map(min, expected)) >= _LEAST_EXPECTED:
        return Associated(CHI_SQUARE, square, df, float(chdtrc(df, square)), v, n)
    p = _drawn_p(tuple(rows), tuple(cols), square, seed)
    error = math.sqrt(2 * p * (1 - p) / _TABLES)
    return Associated(MONTE_CARLO, square, None, p, v, n, slack=_STANDARD_ERRORS * error + 2 / _TABLES)


def _without_empty(table: Sequence[Sequence[int]]) -> list[list[int]]:
    rows = [list(row) for row in table if any(row)]
    kept = [place for place in range(len(rows[0])) if any(row[place] for row in rows)] if rows else []
    return [[row[place] for place in kept] for row in rows]


def _chi_square(counts: Sequence[Sequence[int]], expected: Sequence[Sequence[float]]) -> float:
    """The sum of (seen - expected)^2 / expected."""
    return math.fsum(
        (seen - wanted) ** 2 / wanted
        for row, of_row in zip(counts, expected, strict=True)
        for seen, wanted in zip(row, of_row, strict=True)
    )


@lru_cache(maxsize=256)
def _drawn_p(rows: tuple[int, ...], cols: tuple[int, ...], seen: float, seed: int) -> float:
    """The share of random tables whose chi-square is as large; each row is drawn from what is left of the columns.

    Kept by table: with one subject that of the subject is that of all.
    """
    random = np.random.default_rng([_OWN_STREAM, seed])
    left = np.tile(np.array(cols, dtype=np.int64), (_TABLES, 1))
    square = np.zeros(_TABLES)
    for row in rows[:-1]:
        drawn = _drawn_row(random, left, row)
        square += _terms(drawn, row, cols)
        left -= drawn
    square += _terms(left, rows[-1], cols)
    return (1 + int((square >= seen * (1 - 1e-9)).sum())) / (1 + _TABLES)


def _drawn_row(random: np.random.Generator, left: npt.NDArray[np.int64], row: int) -> npt.NDArray[np.int64]:
    """Of every table one row of that sum, out of (tables, columns) left: column after column, hypergeometric."""
    drawn = np.zeros_like(left)
    wanted = np.full(len(left), row, dtype=np.int64)
    after = left.sum(axis=1)
    for place in range(left.shape[1] - 1):
        after = after - left[:, place]
        drawn[:, place] = random.hypergeometric(left[:, place], after, wanted)
        wanted = wanted - drawn[:, place]
    drawn[:, -1] = wanted
    return drawn


def _terms(drawn: npt.NDArray[np.int64], row: int, cols: Sequence[int]) -> npt.NDArray[np.float64]:
    """What a row with that sum adds to each table's chi-square."""
    expected = row * np.array(cols, dtype=np.float64) / sum(cols)
    return np.asarray(((drawn - expected) ** 2 / expected).sum(axis=1), dtype=np.float64)
