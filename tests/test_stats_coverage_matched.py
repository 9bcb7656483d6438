"""How often does the interval of a difference from matched baselines hold the true one?

Twelve clusters of three triplets. Each triplet's rows are compared with the neutral prompt of their cluster, which all
three share, all of it asked `repeats` times. Nominal 95 %; every seed is below, and a failure prints its figure.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import norm

from trialbed.analysis.stats.matched import Matched, Side, compared_rates, matched_means, matched_rates

SEED = 12_2025
DATA_SETS = 600
CLUSTERS, TRIPLETS = 12, 3
LEAST, MOST = 0.93, 0.98


@dataclass(frozen=True)
class World:
    """`between`: the spread between clusters on the probit scale, beside 1 within; values and baselines share it."""

    repeats: int
    baseline: float
    effect: float
    between: float

    def drawn(self, rng: np.random.Generator) -> tuple[list[float], list[float], list[int]]:
        """(values, baselines, clusters); triplets stand together."""
        cluster = self.between * rng.normal(size=(CLUSTERS, 1, 1))
        wider = (1 + self.between**2) ** 0.5
        value, neutral = (
            norm.cdf(norm.ppf(rate) * wider + cluster) for rate in (self.baseline + self.effect, self.baseline)
        )
        values = rng.random((CLUSTERS, TRIPLETS, self.repeats)) < value
        means = (rng.random((CLUSTERS, 1, self.repeats)) < neutral).mean(axis=2, keepdims=True)
        clusters = np.arange(CLUSTERS)[:, None, None]
        both = (np.broadcast_to(of, values.shape).ravel().tolist() for of in (means, clusters))
        return values.ravel().astype(float).tolist(), *both


def held(world: World, *, by_triplet: bool = False, data_sets: int = DATA_SETS) -> float:
    rng, count = np.random.default_rng(SEED), 0
    for _ in range(data_sets):
        values, baselines, clusters = world.drawn(rng)
        labels = [place // world.repeats for place in range(len(values))] if by_triplet else clusters
        found = matched_rates(values, baselines, labels, n_baseline=CLUSTERS * world.repeats, alpha=0.05)
        count += holds(found, world.effect)
    return count / data_sets


def holds(found: Matched, truth: float) -> bool:
    assert found.interval is not None
    return found.interval.lo <= truth + 1e-9 and truth - 1e-9 <= found.interval.hi


def within(coverage: float, what: object) -> None:
    print(f"{what}: {coverage:.4f}")
    assert LEAST <= coverage <= MOST, f"{what}: {coverage:.4f} (seed {SEED})"


@pytest.mark.parametrize("repeats", [1, 5])
@pytest.mark.parametrize("between", [0.0, 0.7])
@pytest.mark.parametrize(
    ("baseline", "effect"), [(0.05, 0.4), (0.05, 0.9), (0.1, 0.2), (0.3, 0.0), (0.5, 0.4), (0.95, -0.6)]
)
def test_of_a_difference_of_rates(repeats: int, between: float, baseline: float, effect: float) -> None:
    world = World(repeats, baseline, effect, between)
    within(held(world), world)


def test_of_no_difference_of_rates_near_0_it_errs_on_the_side_of_caution() -> None:
    """Where there is less than one yes to expect of all neutral answers, nothing can be known better."""
    world = World(1, 0.05, 0.0, 0.0)
    assert held(world) > LEAST


@pytest.mark.parametrize("world", [World(5, 0.3, 0.2, 1.2), World(5, 0.05, 0.4, 0.7)])
def test_taking_triplets_as_clusters_holds_too_little_since_they_share_a_neutral_prompt(world: World) -> None:
    ignored, seen = held(world, by_triplet=True), held(world)
    print(world, ignored, seen)
    assert ignored < 0.89 < LEAST < seen


def test_of_a_difference_of_means() -> None:
    rng, count = np.random.default_rng(SEED), 0
    for _ in range(DATA_SETS):
        neutral = rng.normal(0, 1, (CLUSTERS, 1)) + rng.normal(0, 0.5, (CLUSTERS, 1))
        values = 0.4 + neutral + rng.normal(0, 0.5, (CLUSTERS, 1)) + rng.normal(0, 0.5, (CLUSTERS, TRIPLETS))
        baselines, clusters = (np.broadcast_to(of, values.shape) for of in (neutral, np.arange(CLUSTERS)[:, None]))
        rows = values.ravel().tolist(), baselines.ravel().tolist(), clusters.ravel().tolist()
        count += holds(matched_means(*rows, n_baseline=CLUSTERS, alpha=0.05), 0.4)
    within(count / DATA_SETS, "means")


@pytest.mark.parametrize("repeats", [1, 5])
@pytest.mark.parametrize("baseline", [0.1, 0.5])
def test_of_a_difference_of_rates_where_all_clusters_share_all_baselines(repeats: int, baseline: float) -> None:
    """Nothing has to match: each row is compared with the neutral rows of all clusters."""
    rng, count, world = np.random.default_rng(SEED), 0, World(repeats, baseline, 0.2, 0.7)
    for _ in range(DATA_SETS):
        values, means, clusters = world.drawn(rng)
        hits = [means[place : place + 1] for place in range(0, len(values), TRIPLETS * repeats)]
        neutral = [float(turn < round(mean * repeats)) for (mean,) in hits for turn in range(repeats)]
        side = Side(neutral, [place // repeats for place in range(len(neutral))], [float(TRIPLETS)] * len(neutral))
        count += holds(compared_rates(Side(values, clusters), side, alpha=0.05), world.effect)
    within(count / DATA_SETS, world)


@pytest.mark.parametrize("baseline", [0.1, 0.5])
def test_of_a_difference_of_rates_from_baselines_of_clusters_of_their_own(baseline: float) -> None:
    rng, count, world = np.random.default_rng(SEED), 0, World(5, baseline, 0.2, 0.7)
    for _ in range(DATA_SETS):
        values, _, clusters = world.drawn(rng)
        _, means, others = world.drawn(rng)
        single = [float(mean > rng.random()) for mean in means[::TRIPLETS]]
        labels = [CLUSTERS + label for label in others[::TRIPLETS]]
        side = Side(single, labels, [float(TRIPLETS)] * len(single))
        count += holds(compared_rates(Side(values, clusters), side, alpha=0.05), world.effect)
    within(count / DATA_SETS, world)
