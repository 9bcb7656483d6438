"""How long until the next try? Pure."""

from random import Random

from trialbed.sinks.s3.target import Pace


def wait_s(*, failures: int, pace: Pace, random: Random) -> float:
    """Seconds before the next try: full jitter under a doubling cap. `failures` counts those in a row, this one too."""
    return random.uniform(0.0, min(pace.retry_first_s * 2 ** min(failures - 1, 20), pace.retry_most_s))
