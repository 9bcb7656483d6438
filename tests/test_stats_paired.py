"""Are matched contrasts those of the books, at the corners too?"""

import itertools
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata
from scipy.stats import wilcoxon as scipys
from statsmodels.stats.contingency_tables import mcnemar

from trialbed.analysis.stats import signed_ranks
from trialbed.analysis.stats.means import cluster_robust_mean
from trialbed.analysis.stats.paired import (
    clustered_difference,
    mcnemar_exact,
    paired_bootstrap_mean,
    paired_risk_difference,
    wilcoxon_p,
)

quickly = settings(deadline=None, max_examples=100)

DARWINS_MAIZE = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]
"""Crossed less self-fertilised plants, in eighths of an inch: Fisher, "The Design of Experiments", 1935, section 17."""

cells = st.tuples(*[st.integers(0, 40)] * 4).filter(any)


def test_mcnemar_of_the_airways_of_bentur_et_al() -> None:
    """1 and 7 discordant pairs: p = 0.070 in Fagerland, Lydersen & Laake, BMC Med. Res. Methodol. 13:91 (2013)."""
    assert mcnemar_exact(1, 7) == pytest.approx(0.0703125)


@quickly
@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_that_of_statsmodels_and_without_discordant_pairs_it_is_1(b: int, c: int) -> None:
    theirs = mcnemar([[0, b], [c, 0]], exact=True).pvalue if b + c else 1.0
    assert mcnemar_exact(b, c) == pytest.approx(min(1.0, theirs), abs=1e-12)


def test_the_risk_difference_is_that_of_fagerland_et_al() -> None:
    """Tango's interval of (1, 1, 7, 12) in Fagerland, Lydersen & Laake, Statist. Med. 33:2850 (2014)."""
    assert paired_risk_difference(1, 1, 7, 12, alpha=0.05) == pytest.approx((-0.517, -0.026), abs=5e-4)


def tango_of_yang_sun_and_hardin(n: int, b: int, c: int, alpha: float) -> tuple[float, float]:
    """The same interval without iterating, as roots of a quartic: Yang, Sun & Hardin, Statist. Med. 32:1336 (2013)."""
    g = norm.isf(alpha / 2) ** 2
    d, s, m = b - c, b + c, n / g
    quartic = [
        n**2 * (m + 1) ** 2,
        -n * d * (m + 1) * (4 * m + 1),
        2 * n * d**2 * (3 * m + 2) / g - n**2 * (s / g + 1),
        n * d * (2 * s / g + 1) - d**3 * (4 * m + 1) / g,
        d**2 * (d**2 / g - s) / g,
    ]
    roots = np.roots(quartic)
    real = roots[abs(roots.imag) < 1e-6].real
    return float(real.min()), float(real.max())


@quickly
@given(cells.filter(lambda cell: 0 < cell[1] + cell[2] < sum(cell) and cell[1] != cell[2]))
def test_the_risk_difference_solves_the_quartic(cell: tuple[int, int, int, int]) -> None:
    n11, b, c, n00 = cell
    theirs = tango_of_yang_sun_and_hardin(sum(cell), b, c, 0.05)
    assert paired_risk_difference(n11, b, c, n00, alpha=0.05) == pytest.approx(theirs, abs=1e-6)


@quickly
@given(cells)
def test_the_interval_holds_the_difference_and_turns_with_the_arms(cell: tuple[int, int, int, int]) -> None:
    n11, b, c, n00 = cell
    ours, turned = (
        paired_risk_difference(n11, b, c, n00, alpha=0.05),
        paired_risk_difference(n11, c, b, n00, alpha=0.05),
    )
    assert -1 <= ours.lo <= (b - c) / sum(cell) <= ours.hi <= 1
    assert ours == pytest.approx((-turned.hi, -turned.lo), abs=1e-9)
    assert ours.hi - ours.lo > 0.01


@quickly
@given(cells.filter(lambda cell: cell[1] + cell[2] > 0), st.sampled_from([0.01, 0.05, 0.2]))
def test_zero_is_left_out_exactly_where_mcnemars_score_test_rejects(
    cell: tuple[int, int, int, int], alpha: float
) -> None:
    n11, b, c, n00 = cell
    ours = paired_risk_difference(n11, b, c, n00, alpha=alpha)
    assert (ours.lo > 0 or ours.hi < 0) == (abs(b - c) / math.sqrt(b + c) > norm.isf(alpha / 2))


@pytest.mark.parametrize("n", [1, 2, 10, 150])
def test_without_discordant_pairs_the_interval_is_what_the_formula_leaves(n: int) -> None:
    """0 ± z²/(n + z²), from the score equation with b = c = 0."""
    z2 = norm.isf(0.025) ** 2
    for n11 in (0, n // 2, n):
        ours = paired_risk_difference(n11, 0, 0, n - n11, alpha=0.05)
        assert ours == pytest.approx((-z2 / (n + z2), z2 / (n + z2)), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 10, 150])
def test_if_every_pair_changed_the_interval_ends_at_1(n: int) -> None:
    z2 = norm.isf(0.025) ** 2
    assert paired_risk_difference(0, n, 0, 0, alpha=0.05) == pytest.approx(((n - z2) / (n + z2), 1.0), abs=1e-9)
    assert paired_risk_difference(0, 0, n, 0, alpha=0.05).lo == -1.0


def test_signed_ranks_of_darwins_maize() -> None:
    """p = 0.0413 for the sum 96: Hollander & Wolfe's table A.4 has 0.021 for one side."""
    assert wilcoxon_p(DARWINS_MAIZE) == pytest.approx(0.04126, abs=5e-6)


@quickly
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30, unique=True), st.integers(0, 2**30))
def test_signed_ranks_without_ties_are_scipys_exact_ones(sizes: list[int], signs: int) -> None:
    values = [size if signs >> place & 1 else -size for place, size in enumerate(sizes)]
    assert wilcoxon_p(values) == pytest.approx(float(scipys(values, method="exact").pvalue), abs=1e-10)


@quickly
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=11))
def test_signed_ranks_with_ties_are_counted_over_all_signs(values: list[int]) -> None:
    told = np.array([value for value in values if value])
    ranks = rankdata(np.abs(told)) if len(told) else np.array([])
    seen = abs(float((np.sign(told) * ranks).sum()))
    all_signs = np.array(list(itertools.product([-1, 1], repeat=len(told)))).reshape(2 ** len(told), len(told))
    by_hand = float((np.abs(all_signs @ ranks) >= seen - 1e-9).mean())
    assert wilcoxon_p(values) == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_many_signed_ranks_go_on_where_the_exact_count_ends(monkeypatch: pytest.MonkeyPatch, shift: int) -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.integers(-5, 6, size=300), np.full(12 * shift, 2)]).tolist()
    approximate = wilcoxon_p(values)
    monkeypatch.setattr(signed_ranks, "_EXACT_UP_TO", 10_000)
    exact = wilcoxon_p(values)
    assert approximate != exact
    assert approximate == pytest.approx(exact, abs=1e-3, rel=0.02)


def test_differences_that_differ_by_rounding_only_are_tied() -> None:
    assert wilcoxon_p([0.1 + 0.2, -0.3, 0.3, 0.3, 0.3]) == wilcoxon_p([3, -3, 3, 3, 3])


def test_no_difference_anywhere_is_no_evidence() -> None:
    assert wilcoxon_p([0.0] * 20) == 1.0


def test_the_paired_bootstrap_is_the_published_one() -> None:
    differences = [0.0, 1.0, -2.0, 3.0, 3.0, 0.0, 1.0, 1.0]
    draws = np.random.default_rng(99).integers(0, 8, size=(700, 8))
    by_hand = np.quantile(np.array(differences)[draws].mean(axis=1), [0.025, 0.975])
    ours = paired_bootstrap_mean(differences, alpha=0.05, resamples=700, seed=99)
    assert ours == pytest.approx(tuple(by_hand), abs=1e-12)
    assert paired_bootstrap_mean(differences, alpha=0.05, resamples=700, seed=99, clusters=["s"] * 8) == ours
    # The same clusters, in the order of their text.
    assert paired_bootstrap_mean(differences, alpha=0.05, resamples=700, seed=99, clusters="abcdefgh") == ours


def test_pairs_of_one_scenario_are_drawn_together() -> None:
    differences, scenarios = [4.0, 4.0, 4.0, 0.0, 0.0, 0.0], ["t", "t", "t", "s", "s", "s"]
    together = paired_bootstrap_mean(differences, alpha=0.05, resamples=500, seed=1, clusters=scenarios)
    apart = paired_bootstrap_mean(differences, alpha=0.05, resamples=500, seed=1)
    assert together == (0.0, 4.0)
    assert apart is not None and (apart.lo, apart.hi) != (0.0, 4.0)


def test_a_single_pair_has_no_interval() -> None:
    assert paired_bootstrap_mean([2.0], alpha=0.05, resamples=100, seed=0) is None


@pytest.mark.parametrize("wrong", [[], [float("nan"), 1.0]])
def test_what_are_no_differences_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError):
        wilcoxon_p(wrong)
    with pytest.raises(ValueError):
        paired_bootstrap_mean(wrong, alpha=0.05, resamples=10, seed=0)


def test_what_are_no_counts_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        paired_risk_difference(0, 0, 0, 0, alpha=0.05)
    with pytest.raises(ValueError, match="c is a count"):
        paired_risk_difference(1, 1, -1, 0, alpha=0.05)
    with pytest.raises(ValueError, match="b is a count"):
        mcnemar_exact(-1, 2)


# --- Clustered pairs ----------------------------------------------------------------------------


def test_clustered_pairs_are_tested_by_the_sandwich_estimator() -> None:
    differences, clusters = [1.0, 0.0, 1.0, 0.0, -1.0, 1.0], ["a", "a", "b", "b", "c", "c"]
    found = clustered_difference(differences, clusters, alpha=0.05)
    robust = cluster_robust_mean(differences, clusters, alpha=0.05)
    assert found.interval is not None and found.p is not None
    assert (found.interval.lo, found.interval.hi) == pytest.approx((robust.lo, robust.hi))
    design = np.ones((len(differences), 1))
    fitted = sm.OLS(differences, design).fit(
        cov_type="cluster", cov_kwds={"groups": [0, 0, 1, 1, 2, 2], "df_correction": True}, use_t=True
    )
    # statsmodels also multiplies by (n - 1) / (n - k), which is 1 here: there is one coefficient.
    assert found.p == pytest.approx(float(fitted.pvalues[0]))


def test_pairs_of_one_cluster_count_less_than_as_many_of_their_own() -> None:
    differences = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0]
    together = clustered_difference(differences, [place // 3 for place in range(15)], alpha=0.05)
    apart = clustered_difference(differences, [place % 5 for place in range(15)], alpha=0.05)
    assert together.p is not None and apart.p is not None and together.p > 2 * apart.p


@pytest.mark.parametrize(
    ("differences", "clusters"),
    [
        ([1.0, 0.0, 1.0], ["a", "a", "a"]),
        ([1.0, 0.0, 1.0], ["a", "b", "c"]),
        ([1 / 3] * 6, ["a", "a", "b", "b", "c", "c"]),
        ([0.0] * 4, ["a", "a", "b", "b"]),
    ],
    ids=["one cluster", "each its own", "no spread", "no difference"],
)
def test_nothing_is_said_of_clusters_where_there_is_nothing_to_say(
    differences: list[float], clusters: list[str]
) -> None:
    found = clustered_difference(differences, clusters, alpha=0.05)
    assert (found.clusters, found.interval, found.p) == (len(set(clusters)), None, None)
