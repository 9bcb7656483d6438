"""Are agreement coefficients those of the books, and silent where there is nothing to agree on?"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa as statsmodels_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from trialbed.analysis.stats.agreement import Agreement, cohen_kappa, fleiss_kappa
from trialbed.analysis.stats.icc import icc
from trialbed.analysis.stats.krippendorff import Level, krippendorff_alpha

quickly = settings(deadline=None, max_examples=60)
N = None

DIAGNOSES = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]
"""Psychotic, neurotic, organic: Fleiss, "Statistical Methods for Rates and Proportions", 1981, table 13.1."""

# fmt: off
PSYCHIATRISTS = [
    "00060", "03003", "01401", "00006", "03030", "20400", "00402", "20310", "20040", "00006",
    "10050", "11040", "03300", "10050", "02031", "00501", "30012", "51000", "02040", "10203",
    "00006", "01050", "02013", "20040", "10041", "05010", "40002", "02040", "10500", "00006",
]
# fmt: on
"""How many of six named each of five diagnoses, for thirty patients: Fleiss, Psychol. Bull. 76:378 (1971), table 1."""

CONTENT = [
    [1, 1, N, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [N, 5, 5, 5],
    [N, N, 1, 1],
    [N, N, 3, N],
]
"""Twelve units, four observers: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, part C."""

JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Six targets, four judges: Shrout & Fleiss, Psychol. Bull. 86:420 (1979), table 2."""


def two_raters(table: list[list[int]]) -> tuple[list[str], list[str]]:
    pairs = [(str(i), str(j)) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def spelt_out(counts: list[str]) -> list[list[str]]:
    return [[str(place) for place, times in enumerate(unit) for _ in range(int(times))] for unit in counts]


def test_cohens_kappa_of_the_diagnoses() -> None:
    """kappa = 0.68 with a standard error of 0.087: section 13.1 there."""
    found = cohen_kappa(*two_raters(DIAGNOSES), alpha=0.05)
    assert found.value == pytest.approx(0.68, abs=5e-3)
    assert found.lo is not None and found.hi is not None
    assert (found.hi - found.lo) / 2 / 1.96 == pytest.approx(0.087, abs=1e-3)
    assert found.n == 100


tables = st.lists(st.lists(st.integers(0, 20), min_size=3, max_size=3), min_size=3, max_size=3).filter(
    lambda table: sum(map(sum, table)) > 0
)


@quickly
@given(tables)
def test_cohens_kappa_and_its_interval_are_those_of_statsmodels(table: list[list[int]]) -> None:
    a, b = two_raters(table)
    found, turned = cohen_kappa(a, b, alpha=0.05), cohen_kappa(b, a, alpha=0.05)
    if len({*a, *b}) < 2:
        assert found.value is None
        return
    theirs = statsmodels_kappa(np.array(table))
    assert found.value == pytest.approx(theirs.kappa, abs=1e-9)
    assert turned.value == pytest.approx(found.value, abs=1e-12)
    if found.lo is None or found.hi is None:
        assert theirs.var_kappa == pytest.approx(0, abs=1e-11)
        return
    assert found.lo == pytest.approx(max(-1.0, theirs.kappa_low), abs=1e-6)
    assert found.hi == pytest.approx(min(1.0, theirs.kappa_upp), abs=1e-6)


def test_perfect_agreement_has_a_value_and_no_interval() -> None:
    a = ["yes", "no", "yes", "no"]
    assert cohen_kappa(a, a, alpha=0.05) == Agreement("Cohen's kappa", 1.0, None, None, 4)
    both = [[one, one] for one in a]
    assert fleiss_kappa(both, alpha=0.05, seed=0, resamples=200) == Agreement("Fleiss' kappa", 1.0, None, None, 4)
    for level in ("nominal", "ordinal", "interval"):
        found = krippendorff_alpha([[1, 1], [2, 2], [5, 5]], level=level, alpha=0.05, seed=0, resamples=200)
        assert (found.value, found.lo, found.hi) == (1.0, None, None)
    assert icc([[1, 1], [2, 2], [5, 5]], alpha=0.05) == Agreement("ICC(2,1)", 1.0, None, None, 3)


@pytest.mark.parametrize("units", [0, 1, 7])
def test_where_all_say_the_same_there_is_no_agreement_to_measure(units: int) -> None:
    same = ["yes"] * units
    assert cohen_kappa(same, same, alpha=0.05).value is None
    assert fleiss_kappa([["yes"] * 3] * units, alpha=0.05, seed=0, resamples=50).value is None
    for level in ("nominal", "ordinal", "interval"):
        found = krippendorff_alpha([[0.1, 0.1, 0.1]] * units, level=level, alpha=0.05, seed=0, resamples=50)
        assert (found.value, found.lo, found.hi, found.n) == (None, None, None, units)
    assert icc([[0.1, 0.1, 0.1]] * units, alpha=0.05).value is None


def test_fleiss_kappa_of_the_psychiatrists() -> None:
    """kappa = 0.430 there."""
    found = fleiss_kappa(spelt_out(PSYCHIATRISTS), alpha=0.05, seed=1, resamples=2000)
    assert found.value == pytest.approx(0.430, abs=5e-4)
    assert found.n == 30
    assert found.lo is not None and found.hi is not None
    assert 0.2 < found.lo < 0.430 < found.hi < 0.65


@quickly
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=3, max_size=3), min_size=1, max_size=15))
def test_fleiss_kappa_is_that_of_statsmodels(ratings: list[list[str]]) -> None:
    found = fleiss_kappa(ratings, alpha=0.05, seed=1, resamples=50)
    if len({one for unit in ratings for one in unit}) < 2:
        assert found.value is None
        return
    counts = np.array([[unit.count(category) for category in "abc"] for unit in ratings])
    assert found.value == pytest.approx(statsmodels_fleiss(counts), abs=1e-9)


def test_units_are_resampled_as_published() -> None:
    ratings = spelt_out(PSYCHIATRISTS)
    draws = np.random.default_rng(12).integers(0, 30, size=(200, 30))
    counts = np.array([[int(times) for times in unit] for unit in PSYCHIATRISTS])
    by_hand = np.quantile([statsmodels_fleiss(counts[row]) for row in draws], [0.05, 0.95])
    found = fleiss_kappa(ratings, alpha=0.1, seed=12, resamples=200)
    assert (found.lo, found.hi) == pytest.approx(tuple(by_hand), abs=1e-9)


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_content_analysis(level: Level, value: float) -> None:
    found = krippendorff_alpha(CONTENT, level=level, alpha=0.05, seed=1, resamples=500)
    assert found.value == pytest.approx(value, abs=5e-4)
    assert found.n == 11, "a unit that one observer rated is not reliable data"
    assert found.statistic == f"Krippendorff's alpha ({level})"


def alpha_by_coincidences(ratings: list[list[int | None]], level: Level) -> float | None:
    """By the matrix of coincidences and the published distance of each level, pair by pair."""
    units = [[one for one in unit if one is not None] for unit in ratings]
    units = [unit for unit in units if len(unit) > 1]
    scale = sorted({one for unit in units for one in unit})
    seen = dict.fromkeys(itertools.product(scale, scale), 0.0)
    for unit in units:
        for i, j in itertools.permutations(range(len(unit)), 2):
            seen[unit[i], unit[j]] += 1 / (len(unit) - 1)
    totals = {c: sum(seen[c, k] for k in scale) for c in scale}
    n = sum(totals.values())

    def distance(c: int, k: int) -> float:
        if level == "nominal":
            return float(c != k)
        if level == "interval":
            return float(c - k) ** 2
        lo, hi = min(c, k), max(c, k)
        between = sum(totals[g] for g in scale if lo <= g <= hi)
        return (between - (totals[c] + totals[k]) / 2) ** 2

    expected = sum(totals[c] * totals[k] * distance(c, k) for c, k in seen) / (n - 1) if n > 1 else 0.0
    return 1 - sum(seen[c, k] * distance(c, k) for c, k in seen) / expected if expected else None


incomplete = st.lists(
    st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=2, max_size=4), min_size=1, max_size=10
)


@quickly
@given(incomplete, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_is_that_of_the_coincidence_matrix(ratings: list[list[int | None]], level: Level) -> None:
    found = krippendorff_alpha(ratings, level=level, alpha=0.05, seed=1, resamples=20)
    by_hand = alpha_by_coincidences(ratings, level)
    assert found.value == (None if by_hand is None else pytest.approx(by_hand, abs=1e-9))


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_each_replicate_of_alpha_is_the_alpha_of_its_units(level: Level) -> None:
    """Ranks and expected disagreement are those of the replicate; ones without variation are left out."""
    rated = CONTENT[:11]
    replicates = []
    for row in np.random.default_rng(8).integers(0, 11, size=(150, 11)):
        value = alpha_by_coincidences([rated[place] for place in row], level)
        if value is not None:
            replicates.append(value)
    found = krippendorff_alpha(CONTENT, level=level, alpha=0.1, seed=8, resamples=150)
    assert (found.lo, found.hi) == pytest.approx(tuple(np.quantile(replicates, [0.05, 0.95])), abs=1e-9)


def test_alpha_takes_words_on_the_nominal_level_only() -> None:
    words = [["bribe", "bribe"], ["refuse", N], ["refuse", "bribe"], ["refuse", "refuse"]]
    assert krippendorff_alpha(words, level="nominal", alpha=0.05, seed=0, resamples=50).n == 3
    with pytest.raises(ValueError, match="ordinal level needs numbers, and 'bribe' is text"):
        krippendorff_alpha(words, level="ordinal", alpha=0.05, seed=0, resamples=50)
    with pytest.raises(ValueError, match="finite"):
        krippendorff_alpha([[1.0, float("nan")]], level="interval", alpha=0.05, seed=0, resamples=50)


def test_icc_of_shrout_and_fleiss() -> None:
    """ICC(2,1) = .29; McGraw & Wong's interval of the same data, .02 to .76, is what the psych package of R prints."""
    found = icc(JUDGES, alpha=0.05)
    assert found.value == pytest.approx(0.29, abs=5e-3)
    assert (found.lo, found.hi) == pytest.approx((0.019, 0.761), abs=5e-4)
    assert (found.statistic, found.n) == ("ICC(2,1)", 6)


@quickly
@given(st.lists(st.lists(st.integers(0, 10), min_size=3, max_size=3), min_size=2, max_size=8), st.integers(2, 9))
def test_icc_does_not_mind_unit_and_origin_of_the_scale_or_the_order_of_raters(
    scores: list[list[int]], times: int
) -> None:
    found = icc(scores, alpha=0.05)
    moved = icc([[times * one + 100 for one in unit[::-1]] for unit in scores], alpha=0.05)
    assert (found.value is None) == (moved.value is None)
    if found.value is not None and moved.value is not None:
        assert moved.value == pytest.approx(found.value, abs=1e-9)
        assert found.value <= 1 + 1e-12
    if found.lo is not None and found.hi is not None:
        assert found.value is not None and found.lo <= found.value <= found.hi <= 1
        assert (moved.lo, moved.hi) == pytest.approx((found.lo, found.hi), abs=1e-6)


@pytest.mark.parametrize("times", [1, 3, 7])
def test_with_hardly_a_degree_of_freedom_the_ends_are_still_the_formulas(times: int) -> None:
    """F's upper quantile overflows there, and whether it did depended on the unit of the scale."""
    found = icc([[0.0, 2.0 * times, 7.0 * times], [0.0, 7.0 * times, 0.0]], alpha=0.05)
    assert (found.lo, found.value, found.hi) == pytest.approx((-0.7032, -0.6604, -0.6336), abs=5e-5)


def test_where_the_formula_gives_ends_that_do_not_hold_the_value_there_is_no_interval() -> None:
    found = icc([[7, 2, 4], [1, 9, 4], [0, 8, 5], [0, 7, 5]], alpha=0.05)
    assert found.value == pytest.approx(-0.3605, abs=5e-5)
    assert (found.lo, found.hi) == (None, None)


def test_a_rater_who_is_always_two_higher_lowers_absolute_agreement() -> None:
    base = [[one, one] for one in (1.0, 4.0, 2.0, 7.0, 5.0)]
    shifted = [[one, other + 2] for one, other in base]
    found = icc(shifted, alpha=0.05)
    assert found.value is not None and 0.5 < found.value < 0.9


def test_tables_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="one rater has 1 units, the other 2"):
        cohen_kappa(["a"], ["a", "b"], alpha=0.05)
    with pytest.raises(ValueError, match="same number of ratings"):
        fleiss_kappa([["a", "b"], ["a"]], alpha=0.05, seed=0, resamples=10)
    with pytest.raises(ValueError, match="same number of ratings"):
        fleiss_kappa([["a"], ["a"]], alpha=0.05, seed=0, resamples=10)
    with pytest.raises(ValueError, match="same number of scores"):
        icc([[1.0, 2.0], [1.0]], alpha=0.05)
