"""Are the second path's own formulas right? Published worked examples, hand counts, and properties."""

import math
from itertools import combinations, product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbed.analysis.recheck import exact, power, reliability, shares, spreads
from trialbed.analysis.recheck.association import CHI_SQUARE, FISHER, MONTE_CARLO, associated
from trialbed.analysis.recheck.multiplicity import benjamini_hochberg, holm
from trialbed.analysis.recheck.survival import kaplan_meier, log_rank
from trialbed.analysis.recheck.variance import components
from trialbed.analysis.stats.survival import log_rank_p

quickly = settings(deadline=None, max_examples=60)
ALPHA = 0.05
DRAWN = {"alpha": ALPHA, "resamples": 200, "seed": 1}


def close(*expected: float, to: float = 5e-5) -> object:
    return pytest.approx(expected, abs=to)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_that_of_newcombes_table(k: int, n: int, low: float, high: float) -> None:
    # Stat. Med. 17, 1998, 857, table I, method 3.
    assert shares.wilson(k, n, ALPHA) == close(low, high)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((5, 56, 0, 29), -0.0381, 0.1926),
    ],
)
def test_two_unmatched_shares_differ_as_in_newcombes_table(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    # Stat. Med. 17, 1998, 873, table II, method 10.
    assert shares.unmatched_difference(*counts, ALPHA) == close(low, high)


def test_two_paired_shares_differ_as_in_the_airway_example() -> None:
    # Fagerland, Lydersen & Laake, Stat. Med. 33, 2014, 2850: 1 and 7 of 21 pairs; Tango's interval and exact McNemar.
    assert shares.paired_difference(1, 7, 21, ALPHA) == close(-0.517, -0.026, to=5e-4)
    assert exact.mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)


def test_cohens_h_and_cliffs_delta_are_those_of_a_hand_count() -> None:
    assert shares.cohens_h(0.5, 0.25) == pytest.approx(math.pi / 6)
    # Nine pairs: six won, one lost, two even.
    assert spreads.cliffs_delta([3, 4, 2], [1, 3, 2]) == pytest.approx((6 - 1) / 9)


def test_a_lady_tasting_tea_has_the_p_value_of_fisher() -> None:
    assert exact.fisher(3, 4, 1, 4) == pytest.approx(34 / 70)


def test_rank_tests_give_the_p_values_of_their_examples() -> None:
    darwins = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]
    assert exact.wilcoxon(darwins) == pytest.approx(0.041259765625)
    assert exact.mann_whitney([19, 22, 16, 29, 24], [20, 11, 17, 12]) == pytest.approx(1 / 9)


@quickly
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_signed_ranks_are_counted_over_all_signs(differences: list[int]) -> None:
    nonzero = [float(one) for one in differences if one]
    ranks = exact.doubled_ranks([abs(one) for one in nonzero])
    seen = sum(rank for rank, one in zip(ranks, nonzero, strict=True) if one > 0)
    sums = [sum(r for r, up in zip(ranks, signs, strict=True) if up) for signs in product((0, 1), repeat=len(ranks))]
    tail = min(sum(one <= seen for one in sums), sum(one >= seen for one in sums)) / len(sums)
    assert exact.wilcoxon(differences) == pytest.approx(min(1.0, 2 * tail) if nonzero else 1.0)


@quickly
@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_rank_sums_are_counted_over_all_choices(first: list[int], second: list[int]) -> None:
    ranks = exact.doubled_ranks([*first, *second])
    mean = len(first) * (len(ranks) + 1)
    far = abs(sum(ranks[: len(first)]) - mean)
    sums = [sum(chosen) for chosen in combinations(ranks, len(first))]
    as_far = sum(abs(one - mean) >= far for one in sums) / len(sums)
    assert exact.mann_whitney(first, second) == pytest.approx(as_far if len({*first, *second}) > 1 else 1.0)


def test_counting_and_the_normal_approximation_meet_where_one_hands_over_to_the_other() -> None:
    random = Random(5)
    differences = [random.gauss(0.1, 1) for _ in range(exact.MOST_SIGNS_COUNTED + 1)]
    few, one_more = exact.wilcoxon(differences[:-1]), exact.wilcoxon([*differences[:-1], 1e-9])
    assert few == pytest.approx(one_more, rel=0.02)
    half = exact.MOST_VALUES_COUNTED // 2
    first, second = differences[:half], differences[half : 2 * half]
    assert exact.mann_whitney(first, second) == pytest.approx(exact.mann_whitney([*first, 0.0], second), rel=0.1)


def test_holm_and_benjamini_hochberg_adjust_as_published() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # J. R. Stat. Soc. B 57, 1995, 289, section 3.2: four of fifteen are rejected.
    ps = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324]
    ps += [0.4262, 0.5719, 0.6528, 0.759, 1.0]
    adjusted = benjamini_hochberg(ps)
    assert sum(p <= 0.05 for p in adjusted) == 4 and adjusted[3] == pytest.approx(0.0095 * 15 / 4)


@quickly
@given(st.lists(st.floats(0, 1), max_size=8))
def test_adjusted_p_values_keep_their_order_and_never_fall(ps: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(ps)
        assert all(p - 1e-12 <= one <= 1 for p, one in zip(ps, adjusted, strict=True))
        assert [adjusted[place] for place in np.argsort(ps, kind="stable")] == sorted(adjusted)


def test_kappa_is_that_of_fifty_grant_proposals() -> None:
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    agreed = reliability.cohens_kappa(first, second, ALPHA)
    assert agreed.value == pytest.approx(0.4) and agreed.n == 50
    # Of the 2 x 2 table: A = 0.4 * 0.34^2 + 0.3 * 0.46^2, B = 0.36 * (0.1 * 1.1^2 + 0.2 * 0.9^2), C = 0.1^2.
    error = math.sqrt((0.4 * 0.34**2 + 0.3 * 0.46**2 + 0.36 * (0.1 * 1.1**2 + 0.2 * 0.9**2) - 0.1**2) / 50) / 0.5
    assert agreed.interval == pytest.approx((0.4 - 1.959964 * error, 0.4 + 1.959964 * error), abs=1e-6)


def test_raters_without_any_variation_have_no_kappa() -> None:
    assert reliability.cohens_kappa(["a", "a"], ["a", "a"], ALPHA).value is None
    assert reliability.fleiss_kappa([["a", "a"], ["a", "a"]], **DRAWN).value is None


def test_fleiss_kappa_is_that_of_fourteen_raters_and_ten_units() -> None:
    # Of each unit how many raters chose which of five categories; e is fourteen.
    counts = ["0000e", "02642", "00356", "03920", "22811", "77000", "32630", "25322", "65210", "02237"]
    units = [[str(name) for name, many in enumerate(row) for _ in range(int(many, 16))] for row in counts]
    assert reliability.fleiss_kappa(units, **DRAWN).value == pytest.approx(0.210, abs=5e-4)


def test_krippendorffs_alpha_is_that_of_three_coders_with_gaps() -> None:
    coders = ["*****34121133*3", "1*213343*******", "**21344*21133*4"]
    units = [[rating for rating in unit if rating != "*"] for unit in zip(*coders, strict=True)]
    nominal = reliability.krippendorffs_alpha(units, is_interval=False, **DRAWN)
    numbers = [[float(rating) for rating in unit] for unit in units]
    interval = reliability.krippendorffs_alpha(numbers, is_interval=True, **DRAWN)
    assert (nominal.value, interval.value) == close(0.691, 0.811, to=5e-4) and nominal.n == 12


def test_the_icc_is_that_of_shrout_and_fleiss() -> None:
    units = [(9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7)]
    agreed = reliability.icc(units, ALPHA)
    assert agreed.value == pytest.approx(0.29, abs=5e-3) and agreed.interval == close(0.019, 0.761, to=5e-4)


def test_survival_is_that_of_the_leukaemia_trial() -> None:
    # Freireich et al., Blood 21, 1963, 699: weeks in remission under 6-MP.
    relapsed = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    seen = [(float(week), True) for week in relapsed] + [(float(week), False) for week in censored]
    steps = {step[0]: step[1:] for step in kaplan_meier(seen, ALPHA)}
    assert steps[6.0][:2] == (21, 3) and steps[6.0][2:] == close(0.8571, 0.6197, 0.9516)
    assert steps[23.0][:2] == (6, 1) and steps[23.0][2:] == close(0.4482, 0.1881, 0.6801)
    assert steps[35.0][:2] == (1, 0)


def test_the_log_rank_test_is_that_of_the_leukaemia_trial() -> None:
    # Freireich et al. 1963, as analysed by Cox, J. R. Stat. Soc. B 34, 1972, 187: chi-square 16.79 with 1 df.
    mercaptopurine = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    one = [(float(week), True) for week in mercaptopurine[0]] + [(float(week), False) for week in mercaptopurine[1]]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    other = [(float(week), True) for week in placebo]
    assert log_rank(one, other) == pytest.approx(4.169e-5, abs=1e-8)
    assert log_rank(one, []) is None and log_rank([(1.0, False)], [(2.0, False)]) is None


@settings(deadline=None, max_examples=150)
@given(*[st.lists(st.tuples(st.integers(0, 6).map(float), st.booleans()), min_size=1, max_size=25)] * 2)
def test_both_paths_find_the_same_log_rank_p(one: list[tuple[float, bool]], other: list[tuple[float, bool]]) -> None:
    groups = [([time for time, _ in group], [event for _, event in group]) for group in (one, other)]
    first, second = log_rank_p(groups), log_rank(one, other)
    assert (first is None) == (second is None)
    assert first is None or second == pytest.approx(first, abs=1e-9)


def test_means_have_the_intervals_of_a_hand_count() -> None:
    # Clusters a: 1, 3; b: 5, 7; mean 4, sums of residuals -4 and 4: variance 2 * 32 / 16 = 4; t with 1 df is 12.7062.
    low, high = spreads.robust_interval([1, 3, 5, 7], ["a", "a", "b", "b"], ALPHA) or (0, 0)
    assert (low, high) == close(4 - 2 * 12.7062, 4 + 2 * 12.7062, to=1e-3)
    # One cluster: sd 2.581989 / 2, t with 3 df is 3.1824.
    low, high = spreads.robust_interval([1, 3, 5, 7], ["a"] * 4, ALPHA) or (0, 0)
    assert (low, high) == close(4 - 3.18245 * 1.290994, 4 + 3.18245 * 1.290994, to=1e-4)
    assert spreads.robust_interval([1], ["a"], ALPHA) is None


def test_the_bootstrap_makes_the_published_draws_however_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sums, sizes = [1.0, 5.0, 2.0, 9.0], [1, 3, 1, 2]
    draws = np.random.default_rng(3).integers(0, 4, size=(150, 4))
    means = [sum(sums[at] for at in row) / sum(sizes[at] for at in row) for row in draws]
    # Student's t of 0.975 with 3 df is 3.182446, which sqrt(4/3) carries further out.
    tail = math.erfc(math.sqrt(4 / 3) * 3.182446 / math.sqrt(2)) / 2
    published = tuple(np.quantile(means, [tail, 1 - tail]))
    for at_once in (1, 17, 10_000):
        monkeypatch.setattr(spreads, "_MOST_DRAWS_AT_ONCE", at_once)
        found = spreads.bootstrap_interval(sums, sizes, alpha=ALPHA, resamples=150, seed=3)
        assert found == pytest.approx(published)


def test_equivalence_is_shown_where_the_narrower_interval_lies_within_the_margin() -> None:
    for b, c, n in ((3, 4, 100), (12, 4, 100), (0, 0, 30)):
        low, high = shares.paired_difference(b, c, n, 2 * ALPHA)
        for margin in (0.05, 0.1, 0.2):
            is_shown = shares.paired_equivalence(b, c, n, margin) < ALPHA
            assert is_shown == (-margin < low and high < margin)
    assert spreads.paired_equivalence([0.1] * 5, 0.2) == 0.5**5 and spreads.paired_equivalence([0.1], 0.2) == 1.0


@quickly
@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12), st.floats(-0.9, 0.9))
def test_the_likeliest_shares_are_likelier_than_their_neighbours(k1: int, n1: int, k2: int, n2: int, d: float) -> None:
    k1, k2 = min(k1, n1), min(k2, n2)
    z = shares._score_z(k1, n1, k2, n2, d)
    seen = k1 / n1 - k2 / n2
    assert math.isinf(z) or z == 0 or (z > 0) == (seen > d)


def test_categories_are_tested_by_the_rule_of_the_table() -> None:
    tea = associated([[3, 1], [1, 3]], seed=1)
    assert tea is not None and tea.test == FISHER and tea.p == pytest.approx(34 / 70) and tea.statistic is None
    # Every expected count is 20 or 10: chi-square 10 with 2 degrees of freedom has p = exp(-5).
    large = associated([[30, 10], [20, 20], [10, 30]], seed=1)
    assert large is not None and (large.test, large.df, large.n) == (CHI_SQUARE, 2, 120)
    assert large.p == pytest.approx(math.exp(-large.statistic / 2)) if large.statistic else False
    small = associated([[3, 1, 0], [0, 2, 2], [0, 0, 0]], seed=1)
    assert small is not None and small.test == MONTE_CARLO and small.df is None and small.slack > 0
    assert small.p == pytest.approx(_exact_p([4, 4], [3, 3, 2], small.statistic or 0), abs=small.slack)
    assert associated([[3, 4], [0, 0]], seed=1) is None and associated([[3, 0], [4, 0]], seed=1) is None


def _exact_p(rows: list[int], cols: list[int], seen: float) -> float:
    """By every table with these margins of two rows, weighted by how many ways it comes about."""
    total = chance = 0.0
    for first in product(*(range(col + 1) for col in cols)):
        if sum(first) == rows[0]:
            ways = math.prod(math.comb(col, cell) for col, cell in zip(cols, first, strict=True))
            second = [col - cell for col, cell in zip(cols, first, strict=True)]
            expected = [[row * col / sum(rows) for col in cols] for row in rows]
            square = sum(
                (cell - want) ** 2 / want
                for row, wanted in zip((first, second), expected, strict=True)
                for cell, want in zip(row, wanted, strict=True)
            )
            total += ways
            chance += ways * (square >= seen - 1e-9)
    return chance / total


def test_power_of_the_paired_t_test_is_cohens() -> None:
    # Cohen 1988, table 2.4.1, and G*Power for matched pairs.
    found = [power.fewest_pairs(lambda n, d: power.t_power(n, d, ALPHA), d, least=2) for d in (0.2, 0.5, 0.8)]
    assert found == [199, 34, 15]


@pytest.mark.parametrize(("pairs", "p_0", "p_1"), [(6, 0.2, 0.9), (9, 0.5, 0.9), (12, 0.05, 0.8)])
def test_power_of_mcnemar_is_that_of_every_outcome_weighed(pairs: int, p_0: float, p_1: float) -> None:
    gained, lost = p_1 * (1 - p_0), p_0 * (1 - p_1)
    chance = sum(
        math.comb(pairs, b) * math.comb(pairs - b, c) * gained**b * lost**c * (1 - gained - lost) ** (pairs - b - c)
        for b in range(pairs + 1)
        for c in range(pairs + 1 - b)
        if exact.mcnemar(b, c) <= ALPHA
    )
    assert power.mcnemar_power(pairs, p_0, p_1, ALPHA) == pytest.approx(chance)


def test_the_variance_of_balanced_groups_is_that_of_the_analysis_of_variance() -> None:
    groups = {"a": [1.0, 3.0, 2.0], "b": [6.0, 8.0, 7.0], "c": [4.0, 2.0, 6.0]}
    values = [value for of_group in groups.values() for value in of_group]
    labels = [name for name, of_group in groups.items() for _ in of_group]
    within = sum(spreads.variance(of_group) for of_group in groups.values()) / 3
    between = 3 * spreads.variance([spreads.mean(of_group) for of_group in groups.values()])
    found = components(values, {"scenario": labels, "judge": ["one"] * 9})
    assert [name for name, _, _ in found] == ["scenario", "repeat"]
    assert [amount for _, amount, _ in found] == pytest.approx([(between - within) / 3, within])
    assert sum(share for _, _, share in found) == pytest.approx(1)
    assert components([2.0, 2.0], {"scenario": ["a", "b"]}) == []
