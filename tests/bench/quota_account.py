"""How well was a quota used? Pure: from the stand-in's account of one run.

Ideal is the time in which a bucket that starts full lets that many calls in: (what they cost - what was in the
bucket) / rate. No run can be faster, however many it keeps in flight.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.farside import Asked

WARM_UP_S = 10.0
"""From the first request that was turned away: before that nobody can have learnt anything. Without one, from the
beginning."""


@dataclass(frozen=True)
class QuotaKind:
    """A bucket: `rate_per_s` flows in, `capacity` is its size, both in requests or in tokens."""

    name: str
    rate_per_s: float
    capacity: float
    by_tokens: bool

    def cost(self, call: Asked) -> float:
        return call.tokens if self.by_tokens else 1.0


@dataclass(frozen=True)
class QuotaUse:
    """`whole` and `steady` are wall ÷ ideal, of the run and of its part after the warm-up; shares are of requests.

    None where the run was over before the warm-up was.
    """

    answered: int
    wall_s: float
    whole: float
    steady: float | None
    throttled: float
    throttled_steady: float | None


def quota_use(asked: Sequence[Asked], quota: QuotaKind, *, least_call_s: float) -> QuotaUse:
    """`least_call_s` is what a call takes of the time at the run's ceiling on concurrency, without any quota.

    Raises:
        ValueError: nothing was answered, or so little that the full bucket had room for all of it.
    """
    let_in = [call for call in asked if call.status == 200]
    if not let_in:
        raise ValueError(f"nothing was answered, {len(asked)} requests were made")
    began_s, ended_s = asked[0].arrived_s, max(call.answered_s for call in let_in)
    ideal_s = max((sum(map(quota.cost, let_in)) - quota.capacity) / quota.rate_per_s, len(let_in) * least_call_s)
    if ideal_s <= 0:
        raise ValueError(f"only {len(let_in)} calls were answered: that is less than the quota allows at once")
    warm_s = WARM_UP_S + next((call.arrived_s for call in asked if call.status != 200), began_s)
    late = [call for call in asked if call.arrived_s >= warm_s]
    late_in = [call for call in late if call.status == 200]
    owed = sum(map(quota.cost, late_in)) - left_in_bucket(let_in, quota, began_s=began_s, at_s=warm_s)
    owed_s = max(owed / quota.rate_per_s, len(late_in) * least_call_s)
    return QuotaUse(
        answered=len(let_in),
        wall_s=ended_s - began_s,
        whole=(ended_s - began_s) / ideal_s,
        steady=(ended_s - warm_s) / owed_s if owed > 0 else None,
        throttled=1 - len(let_in) / len(asked),
        throttled_steady=1 - len(late_in) / len(late) if late else None,
    )


def left_in_bucket(let_in: Sequence[Asked], quota: QuotaKind, *, began_s: float, at_s: float) -> float:
    """What the bucket holds at `at_s`; a call takes what it costs in the end when it arrives."""
    level, since_s = quota.capacity, began_s
    for call in let_in:
        if call.arrived_s >= at_s:
            break
        level = min(quota.capacity, level + quota.rate_per_s * (call.arrived_s - since_s)) - quota.cost(call)
        since_s = call.arrived_s
    return min(quota.capacity, level + quota.rate_per_s * (at_s - since_s))
