"""Does a run of the planned size detect what it was planned to detect, that often?"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp
from statsmodels.stats.power import TTestPower

from trialbed.analysis.stats.discordance import Discordance, discordance, mcnemar_power
from trialbed.analysis.stats.paired import mcnemar_exact
from trialbed.analysis.stats.power import mde_paired_means, mde_paired_rates, pairs_for_means, pairs_for_rates

quickly = settings(deadline=None, max_examples=40)
SEED = 4711
DATA_SETS = 20_000

rates = st.floats(0.02, 0.98)


def simulated_power(pairs: int, p0: float, p1: float, correlation: float) -> float:
    """How often the exact test rejects among drawn blocks whose two answers correlate."""
    both = p0 * p1 + correlation * math.sqrt(p0 * (1 - p0) * p1 * (1 - p1))
    chances = [both, p1 - both, p0 - both, 1 - p0 - p1 + both]
    cells = np.random.default_rng(SEED).multinomial(pairs, chances, size=DATA_SETS)
    discordant, times = np.unique(cells[:, 1:3], axis=0, return_counts=True)
    rejects = [mcnemar_exact(int(b), int(c)) <= 0.05 for b, c in discordant]
    return float(times[rejects].sum() / DATA_SETS)


@pytest.mark.parametrize(
    ("pairs", "p0", "correlation"),
    [(30, 0.35, 0.0), (30, 0.35, 0.4), (60, 0.08, 0.0), (60, 0.2, 0.3), (150, 0.5, 0.2), (150, 0.65, 0.0)],
)
def test_the_smallest_detectable_difference_of_rates_is_detected_in_four_of_five_runs(
    pairs: int, p0: float, correlation: float
) -> None:
    size = mde_paired_rates(pairs, p0=p0, alpha=0.05, correlation=correlation)
    assert size is not None
    p1 = p0 + size if p0 <= 0.5 else p0 - size
    seen = simulated_power(pairs, p0, p1, correlation)
    assert seen == pytest.approx(0.8, abs=0.015), f"seed {SEED}: {seen}"


@pytest.mark.parametrize(
    ("difference", "p0", "correlation"), [(0.2, 0.08, 0.0), (0.15, 0.35, 0.3), (-0.2, 0.65, 0.0), (-0.25, 0.35, 0.0)]
)
def test_the_number_of_pairs_asked_for_is_enough_and_one_fewer_is_not(
    difference: float, p0: float, correlation: float
) -> None:
    pairs = pairs_for_rates(difference, p0=p0, alpha=0.05, correlation=correlation)
    assert pairs is not None
    seen = simulated_power(pairs, p0, p0 + difference, correlation)
    assert 0.785 < seen < 0.83, f"seed {SEED}: {seen}"
    chances = discordance(p0, p0 + difference, correlation)
    assert mcnemar_power(pairs - 1, chances, alpha=0.05) < 0.8 <= mcnemar_power(pairs, chances, alpha=0.05)


@pytest.mark.parametrize("pairs", [1, 5, 12, 20])
@pytest.mark.parametrize("chances", [(0.4, 0.1), (0.05, 0.3), (0.9, 0.1), (0.0, 0.6)])
def test_the_power_is_the_sum_over_all_tables(pairs: int, chances: tuple[float, float]) -> None:
    gained, lost = chances
    by_hand = 0.0
    for b, c in itertools.product(range(pairs + 1), repeat=2):
        if b + c <= pairs and mcnemar_exact(b, c) <= 0.05:
            ways = math.comb(pairs, b) * math.comb(pairs - b, c)
            by_hand += ways * gained**b * lost**c * max(0.0, 1 - gained - lost) ** (pairs - b - c)
    assert mcnemar_power(pairs, Discordance(gained, lost), alpha=0.05) == pytest.approx(by_hand, abs=1e-12)


@quickly
@given(rates, rates, st.floats(-1, 1))
def test_discordance_has_the_two_rates_and_no_negative_chance(p0: float, p1: float, correlation: float) -> None:
    gained, lost = discordance(p0, p1, correlation)
    assert gained - lost == pytest.approx(p1 - p0)
    assert gained >= 0 and lost >= 0 and gained + lost <= 1 + 1e-12


def test_rates_that_cannot_correlate_so_strongly_do_as_strongly_as_they_can() -> None:
    assert discordance(0.2, 0.5, 1.0) == pytest.approx((0.3, 0.0))
    assert discordance(0.2, 0.5, -1.0) == pytest.approx((0.5, 0.2))


@pytest.mark.parametrize(("p0", "correlation"), [(0.08, 0.0), (0.35, 0.3), (0.5, 0.0), (0.65, 0.0)])
def test_more_pairs_detect_smaller_differences(p0: float, correlation: float) -> None:
    sizes = [mde_paired_rates(n, p0=p0, alpha=0.05, correlation=correlation) for n in (3, 10, 20, 21, 22, 40, 80, 200)]
    known = [math.inf if size is None else size for size in sizes]
    assert known == sorted(known, reverse=True)
    assert sizes[0] is None, "three pairs never give p < 0.05"
    assert known[-1] < 0.2


def test_more_correlated_pairs_higher_power_and_stricter_levels_cost_what_they_should() -> None:
    base = mde_paired_rates(60, p0=0.3, alpha=0.05)
    correlated = mde_paired_rates(60, p0=0.3, alpha=0.05, correlation=0.5)
    surer = mde_paired_rates(60, p0=0.3, alpha=0.05, power=0.9)
    stricter = mde_paired_rates(60, p0=0.3, alpha=0.01)
    assert base is not None and correlated is not None and surer is not None and stricter is not None
    assert correlated < base < surer
    assert base < stricter


@pytest.mark.parametrize("p0", [0.1, 0.25, 0.4, 0.6, 0.9])
@pytest.mark.parametrize("correlation", [0.0, 0.4])
def test_away_from_one_half_as_large_a_difference_is_detected_at_least_as_often(p0: float, correlation: float) -> None:
    for size in np.arange(0.02, min(p0, 1 - p0), 0.04):
        towards, away = (p0 + size, p0 - size) if p0 <= 0.5 else (p0 - size, p0 + size)
        powers = [mcnemar_power(60, discordance(p0, p1, correlation), alpha=0.05) for p1 in (towards, away)]
        assert powers[1] >= powers[0] - 5e-3


@pytest.mark.parametrize("p0", [0.08, 0.3, 0.5])
def test_the_two_questions_about_rates_answer_each_other(p0: float) -> None:
    for pairs in (25, 60, 150):
        size = mde_paired_rates(pairs, p0=p0, alpha=0.05)
        assert size is not None
        asked = pairs_for_rates(size + 1e-5, p0=p0, alpha=0.05)
        assert asked is not None and pairs - 1 <= asked <= pairs
    needed = [pairs_for_rates(size, p0=p0, alpha=0.05) for size in (0.05, 0.1, 0.2, 0.3, 0.5)]
    assert needed == sorted((n for n in needed if n is not None), reverse=True)


def test_no_number_of_pairs_detects_no_difference() -> None:
    assert pairs_for_rates(0.0, p0=0.3, alpha=0.05) is None
    assert pairs_for_rates(1e-5, p0=0.3, alpha=0.05) is None
    with pytest.raises(ValueError, match="difference of 0"):
        pairs_for_means(0.0, sd_difference=1.0, alpha=0.05)
    with pytest.raises(ValueError, match="more than 1,000,000 pairs"):
        pairs_for_means(1e-6, sd_difference=1.0, alpha=0.05)


def test_a_medium_effect_needs_34_pairs() -> None:
    """d = 0.5, alpha = 0.05 on two sides, power 0.8: G*Power 3 (Faul et al., Behav. Res. Methods 39:175, 2007)."""
    assert pairs_for_means(0.5, sd_difference=1.0, alpha=0.05) == 34
    assert pairs_for_means(-5.0, sd_difference=10.0, alpha=0.05) == 34


@quickly
@given(st.integers(8, 400), st.sampled_from([0.01, 0.05]), st.sampled_from([0.5, 0.8, 0.95]))
def test_the_detectable_mean_is_that_of_statsmodels(pairs: int, alpha: float, power: float) -> None:
    """From 8 pairs on: of fewer, statsmodels has NaN where the wrong side is next to impossible."""
    size = mde_paired_means(pairs, sd_difference=2.0, alpha=alpha, power=power)
    assert size is not None
    theirs = TTestPower().power(size / 2, pairs, alpha, alternative="two-sided")
    assert float(theirs) == pytest.approx(power, abs=1e-6)
    assert pairs_for_means(size * 1.0001, sd_difference=2.0, alpha=alpha, power=power) <= pairs


@pytest.mark.parametrize("pairs", [10, 30, 100])
def test_the_detectable_mean_is_detected_in_four_of_five_runs(pairs: int) -> None:
    size = mde_paired_means(pairs, sd_difference=1.7, alpha=0.05)
    assert size is not None
    drawn = np.random.default_rng(SEED).normal(size, 1.7, (DATA_SETS, pairs))
    seen = float((ttest_1samp(drawn, 0, axis=1).pvalue <= 0.05).mean())
    assert seen == pytest.approx(0.8, abs=0.015), f"seed {SEED}: {seen}"


def test_the_fewest_pairs_and_the_odd_ones() -> None:
    assert mde_paired_means(1, sd_difference=1.0, alpha=0.05) is None
    assert mde_paired_rates(0, p0=0.3, alpha=0.05) is None
    assert mde_paired_means(5, sd_difference=0.0, alpha=0.05) == 0.0
    assert pairs_for_means(1.0, sd_difference=0.0, alpha=0.05) == 2
    assert pairs_for_means(1000.0, sd_difference=1.0, alpha=0.05) == 2
    few = mde_paired_means(2, sd_difference=1.0, alpha=0.05)
    assert few is not None and few > 10
    # From certainly no to certainly yes, every pair is discordant: six in a row have p = 0.03.
    assert pairs_for_rates(1.0, p0=0.0, alpha=0.05) == 6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"p0": 1.2}, "p0 = 1.2 is not a rate"),
        ({"alpha": 0.0}, "alpha lies between"),
        ({"power": 1.0}, "power lies between"),
        ({"correlation": 1.5}, "a correlation lies"),
    ],
)
def test_what_cannot_be_planned_with_is_refused(wrong: dict[str, float], said: str) -> None:
    plan = {"p0": 0.3, "alpha": 0.05, "power": 0.8, "correlation": 0.0} | wrong
    with pytest.raises(ValueError, match=said):
        mde_paired_rates(30, **plan)
    with pytest.raises(ValueError, match=said if "p0" not in wrong else "is not a rate"):
        pairs_for_rates(0.1, **plan)


def test_a_rate_beyond_1_or_a_negative_spread_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        pairs_for_rates(0.8, p0=0.3, alpha=0.05)
    with pytest.raises(ValueError, match="standard deviation"):
        mde_paired_means(10, sd_difference=-1.0, alpha=0.05)
