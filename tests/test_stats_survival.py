"""Are survival curves and their test those of the books?"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, chi2, ecdf, logrank

from trialbed.analysis.stats.survival import kaplan_meier, log_rank_p, median_interval, median_survival

quickly = settings(deadline=None, max_examples=80)

MERCAPTOPURINE = (
    [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35],
    [True] * 9 + [False] * 12,
)
PLACEBO = ([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], [True] * 21)
"""Weeks of remission: Freireich et al., Blood 21:699 (1963)."""

trials = st.lists(st.tuples(st.integers(1, 8), st.booleans()), min_size=1, max_size=30)


def test_remission_under_mercaptopurine() -> None:
    """Kalbfleisch & Prentice, 2002, section 1.4; the interval at 6 weeks is that of R's survfit, conf.type log-log."""
    steps = kaplan_meier(*MERCAPTOPURINE, alpha=0.05)
    at_events = {step.time: step for step in steps if step.events}
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert {time: round(step.survival, 3) for time, step in at_events.items()} == published
    assert {time: step.at_risk for time, step in at_events.items()} == {
        6: 21, 7: 17, 10: 15, 13: 12, 16: 11, 22: 7, 23: 6,
    }  # fmt: skip
    assert (at_events[6].lo, at_events[6].hi) == pytest.approx((0.620, 0.952), abs=5e-4)
    assert len(steps) == len(set(MERCAPTOPURINE[0])), "censorings are steps too, so that they can be drawn"


def test_median_remission_is_23_weeks_against_8() -> None:
    assert median_survival(kaplan_meier(*MERCAPTOPURINE, alpha=0.05)) == 23
    assert median_survival(kaplan_meier(*PLACEBO, alpha=0.05)) == 8
    assert median_survival(kaplan_meier([5, 5, 5], [True, False, False], alpha=0.05)) is None
    assert median_survival([]) is None


def test_the_interval_of_the_median_is_that_of_survfit_and_of_statsmodels() -> None:
    """R's survfit, conf.type log-log: 13 weeks to nobody knows, and 4 to 11."""
    assert median_interval(kaplan_meier(*MERCAPTOPURINE, alpha=0.05)) == (13, None)
    assert median_interval(kaplan_meier(*PLACEBO, alpha=0.05)) == (4, 11)
    assert median_interval([]) == (None, None)


@quickly
@given(trials)
def test_the_median_lies_within_its_interval(seen: list[tuple[int, bool]]) -> None:
    steps = kaplan_meier([time for time, _ in seen], [event for _, event in seen], alpha=0.05)
    median, (lo, hi) = median_survival(steps), median_interval(steps)
    assert lo is None or median is None or lo <= median
    assert hi is None or (median is not None and median <= hi)


def test_a_half_made_of_thirds_is_a_half() -> None:
    """2/3 · 3/4 in floating point may be just above."""
    assert median_survival(kaplan_meier([1, 2, 3, 4, 5, 6], [True] * 6, alpha=0.05)) == 3


def test_the_log_rank_test_of_remission() -> None:
    """Chi-square 16.79: Kleinbaum & Klein, "Survival Analysis", 2012, chapter 2."""
    assert log_rank_p([MERCAPTOPURINE, PLACEBO]) == pytest.approx(float(chi2.sf(16.79, 1)), rel=5e-3)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
@quickly
@given(trials)
def test_curve_and_interval_are_those_of_scipy(rows: list[tuple[int, bool]]) -> None:
    times, observed = [time for time, _ in rows], [event for _, event in rows]
    steps = kaplan_meier(times, observed, alpha=0.1)
    curve = ecdf(CensoredData.right_censored(times, [not event for event in observed])).sf
    assert [step.time for step in steps] == list(curve.quantiles)
    assert [step.survival for step in steps] == pytest.approx(list(curve.probabilities))
    with np.errstate(all="ignore"):
        ends = curve.confidence_interval(0.9, method="log-log")
    for step, lo, hi in zip(steps, ends.low.probabilities, ends.high.probabilities, strict=True):
        if step.lo is not None:
            assert (step.lo, step.hi) == pytest.approx((lo, hi), abs=1e-9)
            assert step.hi is not None and 0 <= step.lo <= step.survival <= step.hi <= 1
        else:
            assert step.survival in (0.0, 1.0)


@quickly
@given(trials)
def test_trials_leave_by_events_and_by_censorings_and_in_no_other_way(rows: list[tuple[int, bool]]) -> None:
    times, observed = [time for time, _ in rows], [event for _, event in rows]
    steps = kaplan_meier(times, observed, alpha=0.05)
    assert steps[0].at_risk == len(rows)
    assert sum(step.events for step in steps) == sum(observed)
    for step, after in itertools.pairwise(steps):
        left = sum(time == step.time for time in times)
        assert after.at_risk == step.at_risk - left
        assert after.survival <= step.survival


@quickly
@given(trials, trials)
def test_two_groups_are_compared_as_scipy_does(one: list[tuple[int, bool]], other: list[tuple[int, bool]]) -> None:
    groups = [([time for time, _ in rows], [event for _, event in rows]) for rows in (one, other)]
    p = log_rank_p(groups)
    with np.errstate(all="ignore"):
        theirs = logrank(*(CensoredData.right_censored(t, [not e for e in o]) for t, o in groups)).pvalue
    if p is None:
        assert not math.isfinite(theirs) or theirs == pytest.approx(1.0)
    else:
        assert p == pytest.approx(theirs, abs=1e-9)
        assert log_rank_p(groups[::-1]) == pytest.approx(p)


def test_three_groups_by_the_covariances_of_observed_and_expected() -> None:
    """The textbook sums at each event time (Klein & Moeschberger, "Survival Analysis", 2003, section 7.3)."""
    rng = np.random.default_rng(6)
    groups = [(rng.integers(1, 9, 20).tolist(), (rng.random(20) < 0.6).tolist()) for _ in range(3)]
    excess, covariance = np.zeros(3), np.zeros((3, 3))
    for time in sorted({t for times, _ in groups for t in times}):
        risk = np.array([sum(t >= time for t in times) for times, _ in groups])
        dead = np.array([sum(t == time and e for t, e in zip(*group, strict=True)) for group in groups])
        n, d = risk.sum(), dead.sum()
        excess += dead - d * risk / n
        if n > 1:
            covariance += d * (n - d) / (n - 1) * (np.diag(risk / n) - np.outer(risk, risk) / n**2)
    square = excess[:2] @ np.linalg.solve(covariance[:2, :2], excess[:2])
    assert log_rank_p(groups) == pytest.approx(float(chi2.sf(square, 2)))


def test_a_group_that_left_before_the_first_event_changes_nothing() -> None:
    gone: tuple[list[float], list[bool]] = ([0.5, 0.7], [False, False])
    assert log_rank_p([MERCAPTOPURINE, gone, PLACEBO]) == log_rank_p([MERCAPTOPURINE, PLACEBO])


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [PLACEBO],
        [PLACEBO, ([], [])],
        [([1, 2], [False, False]), ([3, 4], [False, False])],
        [([3, 3], [True, True]), ([3, 3, 3], [True, True, True])],
    ],
)
def test_where_nothing_can_be_compared_there_is_no_p(groups: list[tuple[list[float], list[bool]]]) -> None:
    assert log_rank_p(groups) is None


def test_no_trials_make_no_steps_and_wrong_ones_are_refused() -> None:
    assert kaplan_meier([], [], alpha=0.05) == []
    with pytest.raises(ValueError, match="2 times, but 1 marks"):
        kaplan_meier([1, 2], [True], alpha=0.05)
    with pytest.raises(ValueError, match="negative"):
        kaplan_meier([-1], [True], alpha=0.05)
    with pytest.raises(ValueError, match="finite"):
        log_rank_p([([float("nan")], [True]), PLACEBO])
