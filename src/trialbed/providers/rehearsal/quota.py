"""Is there room for one more call in the quota of a model?

The service's arithmetic: at the start input + maxTokens is reserved, at the end that is settled to
input + output x burn-down. Buckets start full and refill evenly. The time is an argument.
"""

from collections import OrderedDict
from dataclasses import dataclass

from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import THROTTLED, TOO_MANY_TOKENS, ErrorAnswer

MOST_BUCKETS = 2000
"""Buckets beyond this many are forgotten, oldest first: model ids come from the client."""


@dataclass(slots=True)
class Bucket:
    """What is left at `at_s`; may be negative after a settlement."""

    left: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens held for a call that was let in; give it to `Quota.settle` when the call is over."""

    model_id: str
    tokens: float


class Quota:
    """The buckets of every model, for requests and for tokens."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def admit(self, call: RehearsalCall, config: RehearsalConfig, now_s: float) -> Reservation | ErrorAnswer:
        """Room for `call`, or the ThrottlingException it gets. A call turned away uses up nothing."""
        requests = tokens = None
        wanted = 0.0
        quota = config.quota_of(call.model_id)
        if (per_second := quota.requests_per_second) is not None:
            requests = self._filled(call.model_id, "requests", per_second, max(1.0, per_second), now_s)
            if requests.left < 1:
                return THROTTLED
        if (per_minute := quota.tokens_per_minute) is not None:
            most = call.inference.max_tokens
            wanted = float(call.input_tokens + (config.unset_max_tokens if most is None else most))
            tokens = self._filled(call.model_id, "tokens", per_minute / 60, per_minute, now_s)
            if tokens.left < wanted:
                return TOO_MANY_TOKENS
            tokens.left -= wanted
        if requests is not None:
            requests.left -= 1
        return Reservation(call.model_id, wanted)

    def settle(self, held: Reservation, *, input_tokens: int, output_tokens: int, burndown: float) -> None:
        """Give back what was reserved beyond what was used, or take what is missing."""
        if held.tokens and (tokens := self._buckets.get((held.model_id, "tokens"))):
            tokens.left += held.tokens - (input_tokens + output_tokens * burndown)

    def _filled(self, model_id: str, kind: str, per_second: float, capacity: float, now_s: float) -> Bucket:
        """The bucket as it stands now; a new one is full."""
        bucket = self._buckets.get((model_id, kind))
        if bucket is None:
            bucket = self._buckets[model_id, kind] = Bucket(capacity, now_s)
            if len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        bucket.left = min(capacity, bucket.left + per_second * (now_s - bucket.at_s))
        bucket.at_s = now_s
        return bucket
