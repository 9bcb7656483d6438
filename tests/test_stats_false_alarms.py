"""How often does each test find what is not there? Not more often than it says, but for the error of a simulation.

Where all outcomes can be counted they are, each with its probability; elsewhere data sets are drawn, and the
tolerance is three standard errors of a share of 5 %.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom, multinomial, norm

from trialbed.analysis.stats.association import association
from trialbed.analysis.stats.equivalence import tost_paired, tost_paired_rates, tost_rates
from trialbed.analysis.stats.multiplicity import benjamini_hochberg, holm
from trialbed.analysis.stats.paired import mcnemar_exact, wilcoxon_p
from trialbed.analysis.stats.survival import log_rank_p
from trialbed.analysis.stats.unmatched import fisher_p, mann_whitney_p

SEED = 5_2024
DATA_SETS = 2_000
ALPHA = 0.05


def tolerated(data_sets: int = DATA_SETS) -> float:
    return ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / data_sets)


def share_rejected(draw: Callable[[np.random.Generator], float | None], data_sets: int = DATA_SETS) -> float:
    rng = np.random.default_rng(SEED)
    rejected = sum((p := draw(rng)) is not None and p <= ALPHA for _ in range(data_sets)) / data_sets
    print(f"{rejected:.4f} of {data_sets} (seed {SEED})")
    return rejected


@pytest.mark.parametrize("n", [30, 100])
def test_mcnemar(n: int) -> None:
    tables = np.array([(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)])
    rejected = np.array([mcnemar_exact(int(b), int(c)) <= ALPHA for b, c, _ in tables])
    for moved in (0.1, 0.3, 0.6):
        assert multinomial.pmf(tables[rejected], n, [moved / 2, moved / 2, 1 - moved]).sum() <= ALPHA


def test_fisher() -> None:
    n1, n0 = 30, 25
    rejected = np.array([[fisher_p(k1, n1, k0, n0) <= ALPHA for k0 in range(n0 + 1)] for k1 in range(n1 + 1)])
    for p in (0.08, 0.35, 0.65):
        chances = np.outer(binom.pmf(np.arange(n1 + 1), n1, p), binom.pmf(np.arange(n0 + 1), n0, p))
        assert float(chances[rejected].sum()) <= ALPHA


@pytest.mark.parametrize("pairs", [12, 30, 60])
@pytest.mark.parametrize("steps", [1, 3])
def test_signed_ranks_of_scores_with_ties(pairs: int, steps: int) -> None:
    def draw(rng: np.random.Generator) -> float:
        return wilcoxon_p(rng.integers(-steps, steps + 1, pairs).tolist())

    assert share_rejected(draw) <= tolerated()


@pytest.mark.parametrize(("n1", "n0", "steps"), [(8, 20, 1), (20, 15, 5), (80, 60, 2)])
def test_rank_sums_of_scores_with_ties(n1: int, n0: int, steps: int) -> None:
    def draw(rng: np.random.Generator) -> float:
        x, y = (rng.binomial(steps, 0.3, n).tolist() for n in (n1, n0))
        return mann_whitney_p(x, y)

    assert share_rejected(draw) <= tolerated()


def test_categories_of_many_trials() -> None:
    def draw(rng: np.random.Generator) -> float | None:
        found = association(rng.multinomial(50, [0.4, 0.3, 0.15, 0.15], size=4).tolist())
        return None if found is None else found.p

    assert share_rejected(draw) <= tolerated()


def test_categories_of_few_trials() -> None:
    """The drawn tables are the costly part: fewer data sets, and a wider tolerance with them."""

    def draw(rng: np.random.Generator) -> float | None:
        counts = rng.multinomial(10, [0.6, 0.2, 0.1, 0.1], size=3).tolist()
        found = association(counts, seed=int(rng.integers(2**32)))
        return None if found is None else found.p

    assert share_rejected(draw, 400) <= tolerated(400)


@pytest.mark.parametrize("groups", [2, 3])
def test_survival(groups: int) -> None:
    def draw(rng: np.random.Generator) -> float | None:
        drawn = []
        for _ in range(groups):
            event, end = rng.geometric(0.15, 40), rng.geometric(0.1, 40)
            drawn.append((np.minimum(event, end).tolist(), (event <= end).tolist()))
        return log_rank_p(drawn)

    assert share_rejected(draw) <= tolerated()


@pytest.mark.parametrize(("correlation", "n"), [(0.0, 60), (0.5, 60), (0.3, 120)])
def test_equivalence_of_paired_rates_that_differ_by_the_margin(correlation: float, n: int) -> None:
    """An asymptotic test: over rates at most its level, at a single one by not more than a point above."""
    margin = 0.15
    tables = np.array([(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)])

    @cache
    def p_of(b: int, c: int) -> float:
        return tost_paired_rates(0, b, c, n - b - c, margin=margin)

    ps = np.array([p_of(int(b), int(c)) for b, c, _ in tables])
    sizes = []
    for p0 in (0.08, 0.2, 0.35, 0.5, 0.65):
        p1 = p0 + margin
        both = p0 * p1 + correlation * math.sqrt(p0 * (1 - p0) * p1 * (1 - p1))
        chances = multinomial.pmf(tables, n, [p1 - both, p0 - both, 1 - p0 - p1 + 2 * both])
        sizes.append(float(chances[ps <= ALPHA].sum()))
    print([round(size, 4) for size in sizes])
    assert max(sizes) <= ALPHA + 0.01
    assert np.mean(sizes) <= ALPHA + 0.001


@pytest.mark.parametrize(("n1", "n0", "margin"), [(40, 30, 0.2), (80, 80, 0.15)])
def test_equivalence_of_unmatched_rates_that_differ_by_the_margin(n1: int, n0: int, margin: float) -> None:
    """As for paired ones."""
    ps = np.array([[tost_rates(k1, n1, k0, n0, margin=margin) for k0 in range(n0 + 1)] for k1 in range(n1 + 1)])
    sizes = []
    for p0 in (0.08, 0.2, 0.35, 0.5, 0.65):
        chances = np.outer(binom.pmf(np.arange(n1 + 1), n1, p0 + margin), binom.pmf(np.arange(n0 + 1), n0, p0))
        sizes.append(float(chances[ps <= ALPHA].sum()))
    print([round(size, 4) for size in sizes])
    assert max(sizes) <= ALPHA + 0.01
    assert np.mean(sizes) <= ALPHA + 0.001


@pytest.mark.parametrize("pairs", [30, 120])
def test_equivalence_of_paired_means_that_differ_by_the_margin(pairs: int) -> None:
    def draw(rng: np.random.Generator) -> float:
        return tost_paired(rng.normal(0.5, 1.2, pairs).tolist(), margin=0.5)

    assert share_rejected(draw) <= tolerated()


def contrasts(rng: np.random.Generator, blocks: int, real: int) -> list[float]:
    """McNemar's p of four variants against one baseline; the first `real` of them do differ."""
    block = rng.normal(0, 0.7, blocks)
    cut = norm.ppf(0.35) * math.sqrt(1 + 0.49)
    baseline = block + rng.normal(0, 1, blocks) < cut
    ps = []
    for place in range(4):
        answers = block + rng.normal(0, 1, blocks) - (1.2 if place < real else 0.0) < cut
        ps.append(mcnemar_exact(int((answers & ~baseline).sum()), int((~answers & baseline).sum())))
    return ps


@pytest.mark.parametrize("real", [0, 2])
def test_after_holm_any_false_alarm_among_four_contrasts(real: int) -> None:
    def any_false(adjust: Callable[[list[float]], list[float]]) -> float:
        return share_rejected(lambda rng: min(adjust(contrasts(rng, 80, real))[real:]))

    adjusted, unadjusted = any_false(holm), any_false(lambda ps: ps)
    assert adjusted <= tolerated()
    assert unadjusted > adjusted, "four chances are more than one"


def test_after_benjamini_and_hochberg_the_share_of_false_ones_among_those_found() -> None:
    rng = np.random.default_rng(SEED)
    shares = []
    for _ in range(DATA_SETS):
        found = [p <= ALPHA for p in benjamini_hochberg(contrasts(rng, 80, 2))]
        shares.append(sum(found[2:]) / max(1, sum(found)))
    assert np.mean(shares) <= tolerated()
    assert np.mean(shares) > 0
