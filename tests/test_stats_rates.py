"""Is the interval of a rate the published one, whatever the rate and its number?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from trialbed.analysis.stats.rates import wilson

quickly = settings(deadline=None, max_examples=100)

k_of_n = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("k", "n", "lo", "hi"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_that_of_newcombes_table(k: int, n: int, lo: float, hi: float) -> None:
    """Newcombe, Statist. Med. 17:857 (1998), table I, method 3."""
    assert wilson(k, n) == pytest.approx((lo, hi), abs=5e-5)


@quickly
@given(k_of_n, st.sampled_from([0.01, 0.05, 0.2]))
def test_the_interval_is_scipys_and_holds_the_rate(counted: tuple[int, int], alpha: float) -> None:
    k, n = counted
    ours = wilson(k, n, alpha=alpha)
    theirs = binomtest(k, n).proportion_ci(1 - alpha, method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= ours.lo <= k / n <= ours.hi <= 1
    assert ours.hi - ours.lo > 0, "no number of trials makes a rate certain"


@quickly
@given(k_of_n)
def test_yes_and_no_are_mirror_images(counted: tuple[int, int]) -> None:
    k, n = counted
    yes, no = wilson(k, n), wilson(n - k, n)
    assert yes == pytest.approx((1 - no.hi, 1 - no.lo), abs=1e-12)


def test_at_the_border_the_interval_ends_exactly_there() -> None:
    for n in range(1, 200):
        assert wilson(0, n).lo == 0.0
        assert wilson(n, n).hi == 1.0


@pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 3), (4, 3), (1, -1)])
def test_what_is_no_rate_is_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{k} of {n}"):
        wilson(k, n)


def test_a_numpy_count_gives_plain_floats() -> None:
    """The report writes them as JSON."""
    assert {type(end) for end in wilson(np.int64(3), np.int64(9))} == {float}  # type: ignore[arg-type]
