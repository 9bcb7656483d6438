"""How long until the next try? Pure."""

from random import Random

from trialbed.sinks.ingest.target import Pace


def wait_s(*, failures: int, asked_s: float | None, most_s: float, pace: Pace, random: Random) -> float:
    """Seconds before the next try: full jitter under a doubling cap ("Exponential Backoff And Jitter", AWS Architecture
    Blog, 2015), or a little more than the server asks for.

    Args:
        failures: those in a row, this one too.
        asked_s: what the server asks for; taken for `pace.retry_after_most_s` if it is more.
        most_s: where the cap ends.
    """
    cap_s = min(pace.retry_first_s * 2 ** min(failures - 1, 20), most_s)
    if asked_s is None:
        return random.uniform(0.0, cap_s)
    # Never earlier than asked: a try before its time may count against the limit too.
    return min(asked_s, pace.retry_after_most_s) + random.uniform(0.0, min(cap_s, pace.retry_first_s))
