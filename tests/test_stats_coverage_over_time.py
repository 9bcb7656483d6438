"""How often do 95 % intervals over time hold the true percentile or mean, where values depend on the ones before?

Half-hourly measurements of a day, a week and four weeks, lognormal, each logarithm with `phi` of the one before (of an
AR(1) process), in the blocks that the report would take. Medians and means of weeks are held 91 to 99 times in a
hundred for phi up to 0.8; by intervals that take every measurement as independent, 50 to 80 times. In a single day a
strong dependence is beyond what blocks can see.
"""

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from tests.test_timeline import measured_for
from trialbed.analysis.stats.means import cluster_robust_mean
from trialbed.analysis.stats.quantiles import percentile_interval
from trialbed.analysis.timeline import began_ms, timeline_of

SEED = 95_2026
DATA_SETS = 600
SPREAD = 0.3
HALF_HOUR_S = 1_800
DAY, WEEK, MONTH = 48, 336, 1_344
TRUE = {50: 1.0, 95: math.exp(SPREAD * norm.ppf(0.95)), "mean": math.exp(SPREAD**2 / 2)}


def series(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    """Lognormal, stationary from its first value on."""
    noise = rng.normal(size=n) * math.sqrt(1 - phi**2)
    noise[0] = rng.normal()
    return np.asarray(np.exp(SPREAD * lfilter([1.0], [1.0, -phi], noise)))


def blocks_of(n: int) -> list[int]:
    rows = measured_for(n * HALF_HOUR_S, HALF_HOUR_S)
    timeline = timeline_of(rows, measures=1)
    assert timeline is not None
    return [timeline.block_of(began_ms(one)) for one in rows]


def held(n: int, phi: float, *, in_blocks: bool = True) -> dict[object, float]:
    """The shares of intervals that hold the median, the 95th percentile and the mean; missing ones are not counted."""
    rng, blocks = np.random.default_rng(SEED), np.asarray(blocks_of(n))
    seen: dict[object, list[bool]] = {what: [] for what in TRUE}
    for _ in range(DATA_SETS):
        values = series(rng, n, phi)
        ascending = np.argsort(values)
        values, labels = values[ascending], blocks[ascending].tolist()
        mean = cluster_robust_mean(values.tolist(), labels if in_blocks else range(n), alpha=0.05)
        ends = {"mean": (mean.lo, mean.hi)}
        for percent in (50, 95):
            ends[percent] = percentile_interval(values, percent, alpha=0.05, clusters=labels if in_blocks else None)
        for what, found in ends.items():
            if found is not None:
                seen[what].append(found[0] <= TRUE[what] <= found[1])
    shares = {what: sum(those) / len(those) for what, those in seen.items() if those}
    print(f"n = {n}, phi = {phi}, blocks: {in_blocks}, seed {SEED}: {shares}")
    return shares


@pytest.mark.parametrize("n", [WEEK, MONTH])
@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6, 0.8])
def test_of_weeks(n: int, phi: float) -> None:
    shares = held(n, phi)
    assert all(share >= 0.89 for share in shares.values()), shares
    # Where nothing depends on anything a block counts for less than it could: cautious, and not more than that.
    assert all(share <= 0.995 for share in shares.values()), shares
    assert 0.91 <= shares["mean"] <= 0.98 and 0.91 <= shares[50] <= 0.995


@pytest.mark.parametrize(("phi", "least"), [(0.0, 0.93), (0.3, 0.92), (0.6, 0.89)])
def test_of_a_single_day_of_few_blocks(phi: float, least: float) -> None:
    shares = held(DAY, phi)
    assert shares["mean"] >= least and shares[50] >= least


@pytest.mark.parametrize("n", [WEEK, MONTH])
def test_of_intervals_that_take_all_as_independent_they_are_held_too_rarely(n: int) -> None:
    assert all(share < 0.93 for share in held(n, 0.6, in_blocks=False).values())
    assert all(share < 0.8 for share in held(n, 0.8, in_blocks=False).values())


def test_of_independent_values_without_blocks() -> None:
    assert all(0.93 <= share <= 0.985 for share in held(WEEK, 0.0, in_blocks=False).values())
