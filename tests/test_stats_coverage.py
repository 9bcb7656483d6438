"""How often do nominal 95 % intervals hold the true value? Between 93 and 97 times in a hundred.

Rates have so few outcomes that the coverage is summed over all of them, each with its probability: exact, without a
simulation's error. Means are simulated; every seed is below, and a failure prints its figure.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom, multinomial, norm

from trialbed.analysis.stats.agreement import cohen_kappa, fleiss_kappa
from trialbed.analysis.stats.icc import icc
from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.krippendorff import krippendorff_alpha
from trialbed.analysis.stats.means import cluster_bootstrap_mean, cluster_robust_mean
from trialbed.analysis.stats.paired import paired_bootstrap_mean, paired_risk_difference
from trialbed.analysis.stats.rates import wilson
from trialbed.analysis.stats.survival import kaplan_meier
from trialbed.analysis.stats.unmatched import mean_difference, risk_difference

SEED = 95_2024
DATA_SETS = 2_000
RATES = (0.08, 0.2, 0.35, 0.5, 0.65)
LEAST, MOST = 0.93, 0.97


def within(coverage: float, what: str) -> None:
    print(f"{what}: {coverage:.4f}")
    assert LEAST <= coverage <= MOST, f"{what}: {coverage:.4f} (seed {SEED})"


def share_held(
    draw: Callable[[np.random.Generator], tuple[float, float] | None], truth: float, data_sets: int = DATA_SETS
) -> float:
    rng = np.random.default_rng(SEED)
    drawn = [ends for _ in range(data_sets) if (ends := draw(rng)) is not None]
    assert len(drawn) > 0.99 * data_sets
    return sum(lo <= truth <= hi for lo, hi in drawn) / len(drawn)


@pytest.mark.parametrize("n", [30, 50, 100, 150])
def test_of_a_rate_on_average_over_rates(n: int) -> None:
    """The number of yes is whole, so that single rates are covered a little more or less: never under 91 %."""
    ends = [wilson(k, n) for k in range(n + 1)]
    held = [sum(binom.pmf(k, n, p) for k in range(n + 1) if ends[k].lo <= p <= ends[k].hi) for p in RATES]
    within(float(np.mean(held)), f"Wilson, n = {n}")
    assert min(held) > 0.91


@cache
def tango(n: int, b: int, c: int) -> Interval:
    if c > b:
        turned = tango(n, c, b)
        return Interval(-turned.hi, -turned.lo)
    return paired_risk_difference(0, b, c, n - b - c, alpha=0.05)


@pytest.mark.parametrize("n", [30, 60])
def test_of_a_paired_difference_of_rates(n: int) -> None:
    tables = np.array([(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)])
    ends = np.array([tango(n, int(b), int(c)) for b, c, _ in tables])
    held = []
    for p0 in RATES:
        for difference in (0.0, 0.1, 0.2):
            for correlation in (0.0, 0.4):
                p1 = p0 + difference
                both = p0 * p1 + correlation * math.sqrt(p0 * (1 - p0) * p1 * (1 - p1))
                chances = multinomial.pmf(tables, n, [p1 - both, p0 - both, 1 - p0 - p1 + 2 * both])
                # Rounding must not decide whether the end of an interval is in it.
                holds = (ends[:, 0] <= difference + 1e-9) & (difference - 1e-9 <= ends[:, 1])
                held.append(float(chances[holds].sum()))
    within(float(np.mean(held)), f"paired risk difference, {n} pairs")
    # Rare discordance makes it cautious, which is the better side to err on.
    assert min(held) > LEAST, min(held)
    assert max(held) < 0.995, max(held)


@pytest.mark.parametrize(("n1", "n0"), [(30, 30), (60, 40)])
def test_of_an_unmatched_difference_of_rates(n1: int, n0: int) -> None:
    ends = np.array([[risk_difference(k1, n1, k0, n0, alpha=0.05) for k0 in range(n0 + 1)] for k1 in range(n1 + 1)])
    held = []
    for p0 in RATES:
        for difference in (0.0, 0.1, 0.2):
            chances = np.outer(binom.pmf(np.arange(n1 + 1), n1, p0 + difference), binom.pmf(np.arange(n0 + 1), n0, p0))
            holds = (ends[:, :, 0] <= difference + 1e-9) & (difference - 1e-9 <= ends[:, :, 1])
            held.append(float(chances[holds].sum()))
    within(float(np.mean(held)), f"unmatched risk difference, {n1} and {n0}")
    assert min(held) > LEAST, min(held)


def clustered(rng: np.random.Generator, clusters: int, binary: bool) -> tuple[list[float], list[int]]:
    """Two to six rows of each; a third of the spread is between clusters. A mean of 5, or a rate of 0.35."""
    sizes = rng.integers(2, 7, clusters)
    labels = np.repeat(np.arange(clusters), sizes)
    hidden = rng.normal(0, math.sqrt(1 / 3), clusters)[labels] + rng.normal(0, math.sqrt(2 / 3), len(labels))
    rows = hidden < norm.ppf(0.35) if binary else 5 + 2 * hidden
    return rows.astype(float).tolist(), labels.tolist()


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("clusters", [12, 30, 60])
def test_of_a_mean_by_the_spread_between_clusters(clusters: int, binary: bool) -> None:
    def draw(rng: np.random.Generator) -> tuple[float, float]:
        estimate = cluster_robust_mean(*clustered(rng, clusters, binary), alpha=0.05)
        assert estimate.lo is not None and estimate.hi is not None
        return estimate.lo, estimate.hi

    within(share_held(draw, 0.35 if binary else 5.0), f"cluster-robust mean, {clusters} clusters, binary: {binary}")


@pytest.mark.parametrize(
    ("clusters", "binary", "expanded"),
    [(40, False, False), (40, True, False), (60, True, False), (12, False, True), (30, False, True), (30, True, True)],
)
def test_of_a_mean_by_resampled_clusters(clusters: int, binary: bool, expanded: bool) -> None:
    """Plain percentiles from 40 clusters on; expanded ones for fewer too."""

    def draw(rng: np.random.Generator) -> tuple[float, float]:
        rows, labels = clustered(rng, clusters, binary)
        seed = int(rng.integers(2**32))
        estimate = cluster_bootstrap_mean(rows, labels, alpha=0.05, resamples=1000, seed=seed, expanded=expanded)
        assert estimate.lo is not None and estimate.hi is not None
        return estimate.lo, estimate.hi

    within(
        share_held(draw, 0.35 if binary else 5.0),
        f"cluster bootstrap, {clusters} clusters, binary: {binary}, expanded: {expanded}",
    )


def score_differences(rng: np.random.Generator, pairs: int) -> np.ndarray:
    """Of scores from 1 to 10 in whole steps, the variant's one half lower."""
    block = rng.normal(5.5, 1.5, pairs)
    variant, baseline = (block + shift + rng.normal(0, 1.2, pairs) for shift in (-0.5, 0.0))
    return np.asarray(np.clip(np.rint(variant), 1, 10) - np.clip(np.rint(baseline), 1, 10))


@pytest.mark.parametrize(("pairs", "expanded"), [(30, True), (40, False), (100, False)])
def test_of_a_paired_difference_of_means(pairs: int, expanded: bool) -> None:
    truth = float(score_differences(np.random.default_rng(SEED + 1), 4_000_000).mean())

    def draw(rng: np.random.Generator) -> tuple[float, float] | None:
        differences = score_differences(rng, pairs).tolist()
        seed = int(rng.integers(2**32))
        return paired_bootstrap_mean(differences, alpha=0.05, resamples=1000, seed=seed, expanded=expanded)

    within(share_held(draw, truth), f"paired bootstrap, {pairs} pairs, expanded: {expanded}")


def test_of_a_difference_of_means_of_unlike_spread() -> None:
    def draw(rng: np.random.Generator) -> tuple[float, float] | None:
        return mean_difference(rng.normal(1, 3, 20).tolist(), rng.normal(0, 1, 40).tolist(), alpha=0.05)

    within(share_held(draw, 1.0, 1000), "Welch")


def raters(rng: np.random.Generator, units: int, how_many: int) -> list[list[str]]:
    """Each names the unit's true category with probability 0.8, else one of the three at random."""
    truth = rng.integers(0, 3, (units, 1))
    return (
        np.where(rng.random((units, how_many)) < 0.8, truth, rng.integers(0, 3, (units, how_many))).astype(str).tolist()
    )


def test_of_agreement_between_two_raters_or_three() -> None:
    """Two such raters agree by 0.8² beyond chance, and all three coefficients mean that."""

    def kappa(rng: np.random.Generator) -> tuple[float, float] | None:
        pairs = raters(rng, 100, 2)
        found = cohen_kappa([a for a, _ in pairs], [b for _, b in pairs], alpha=0.05)
        return None if found.lo is None or found.hi is None else (found.lo, found.hi)

    def fleiss(rng: np.random.Generator) -> tuple[float, float] | None:
        found = fleiss_kappa(raters(rng, 80, 3), alpha=0.05, seed=int(rng.integers(2**32)), resamples=400)
        return None if found.lo is None or found.hi is None else (found.lo, found.hi)

    def alpha(rng: np.random.Generator) -> tuple[float, float] | None:
        rated: Sequence[Sequence[str | None]] = [
            [one if rng.random() < 0.85 else None for one in unit] for unit in raters(rng, 80, 3)
        ]
        seed = int(rng.integers(2**32))
        found = krippendorff_alpha(rated, level="nominal", alpha=0.05, seed=seed, resamples=400)
        return None if found.lo is None or found.hi is None else (found.lo, found.hi)

    within(share_held(kappa, 0.64), "Cohen's kappa, 100 units")
    within(share_held(fleiss, 0.64, 1000), "Fleiss' kappa, 80 units")
    within(share_held(alpha, 0.64, 1000), "Krippendorff's alpha, 80 units")


def test_of_the_agreement_of_scores() -> None:
    """Variance 4 of units, 0.5 of raters, 1.5 of the rest: 4 of 6."""

    def draw(rng: np.random.Generator) -> tuple[float, float] | None:
        scores = rng.normal(0, 2, (40, 1)) + rng.normal(0, 0.5**0.5, (1, 5)) + rng.normal(0, 1.5**0.5, (40, 5))
        found = icc(scores.tolist(), alpha=0.05)
        return None if found.lo is None or found.hi is None else (found.lo, found.hi)

    within(share_held(draw, 4 / 6), "ICC(2,1), 40 units of 5 raters")


def test_of_survival_up_to_a_turn() -> None:
    """One in ten gives in at each turn, one in twenty stops before the next: at turn five, 0.9⁵ have not given in."""

    def draw(rng: np.random.Generator) -> tuple[float, float] | None:
        gives_in, stops = rng.geometric(0.1, 60), rng.geometric(0.05, 60)
        times, observed = np.minimum(gives_in, stops), gives_in <= stops
        steps = kaplan_meier(times.tolist(), observed.tolist(), alpha=0.05)
        last = [step for step in steps if step.time <= 5][-1]
        return None if last.lo is None or last.hi is None else (last.lo, last.hi)

    within(share_held(draw, 0.9**5), "Kaplan-Meier at turn 5, 60 trials")
