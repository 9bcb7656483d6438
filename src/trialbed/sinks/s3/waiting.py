"""How long until the next try? Full jitter under a doubling cap."""

from random import Random

from trialbed.sinks.s3.target import Pace

_MOST_DOUBLINGS = 20


def wait_s(failures: int, pace: Pace, random: Random) -> float:
    """Seconds to wait; `failures` counts those in a row, the last one included."""
    cap = pace.retry_first_s * 2 ** min(failures - 1, _MOST_DOUBLINGS)
    return random.uniform(0.0, min(cap, pace.retry_most_s))
