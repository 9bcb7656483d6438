"""A service with a quota, and callers governed by one lane, in virtual time: hours pass in a moment.

Independent of the rehearsal server: it knows the arithmetic of a quota, nothing of HTTP.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from trialbed.core.pace.lane import Lane, Need, Quota, Unit

CHARS = 800
INPUT_TOKENS = CHARS // 4
MAX_TOKENS = 500
MEAN_OUTPUT_TOKENS = 100
_LEAST_STEP_S = 0.0005


@dataclass
class Service:
    """`per_s` units flow into a bucket of `capacity`; a call takes one request, or reserves its tokens.

    `rival_per_s` calls a second are made by somebody else who does not slow down. `noise` is the share of calls
    that are turned away whatever is left.
    """

    unit: Unit
    per_s: float
    capacity: float
    latency_s: float = 0.2
    latency_spread: float = 0.3
    refusal_s: float = 0.003
    burndown: float = 1.0
    rival_per_s: Callable[[float], float] = lambda _: 0.0
    noise: float = 0.0
    left: float = field(init=False)
    at: float = 0.0
    _rival_at: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.capacity

    def admits(self, now: float) -> bool:
        while (per_s := self.rival_per_s(self._rival_at)) and self._rival_at < now:
            self._admits(self._rival_at)
            self._rival_at += 1.0 / per_s
        self._rival_at = max(self._rival_at, now)
        return self._admits(now)

    def _admits(self, now: float) -> bool:
        self.left = min(self.capacity, self.left + self.per_s * (now - self.at))
        self.at = now
        amount = 1.0 if self.unit == "requests" else float(INPUT_TOKENS + MAX_TOKENS)
        if self.left < amount:
            return False
        self.left -= amount
        return True

    def settles(self, output_tokens: int) -> None:
        if self.unit == "tokens":
            self.left += MAX_TOKENS - output_tokens * self.burndown

    @property
    def calls_per_s(self) -> float:
        """What the quota allows in the long run."""
        mean = INPUT_TOKENS + MEAN_OUTPUT_TOKENS * self.burndown
        return self.per_s if self.unit == "requests" else self.per_s / mean


@dataclass
class Account:
    """When calls were sent, answered and throttled, in seconds."""

    sent: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    most_in_flight: int = 0

    def rate(self, start: float, end: float) -> float:
        """Answers a second between two times."""
        return sum(start < at <= end for at in self.answered) / (end - start)

    def wasted(self, start: float, end: float) -> float:
        """The share of requests that were throttled."""
        sent = sum(start < at <= end for at in self.sent)
        return sum(start < at <= end for at in self.throttled) / max(1, sent)


def live(lane: Lane, service: Service, *, until_s: float, seed: int = 0) -> Account:
    """Callers that always have another call to make, for `until_s` seconds."""
    random, account, numbers = Random(seed), Account(), count()
    events: list[tuple[float, int, str, tuple[Any, ...]]] = [(0.0, next(numbers), "look", ())]
    need, look_at = Need(CHARS, MAX_TOKENS, "subject"), 0.0
    while events:
        now, _, what, about = heapq.heappop(events)
        if now > until_s:
            break
        if what == "answer":
            ticket, output_tokens = about
            service.settles(output_tokens)
            lane.answered(ticket, INPUT_TOKENS, output_tokens, now, others_wait=True)
            account.answered.append(now)
        elif what == "refusal":
            lane.throttled(about[0], service.unit, now)
            account.throttled.append(now)
        while lane.has_width:
            wait_s = lane.wait_s(need, now)
            if wait_s > 0:
                wake_at = now + max(wait_s, _LEAST_STEP_S)
                if not now < look_at <= wake_at:
                    look_at = wake_at
                    heapq.heappush(events, (wake_at, next(numbers), "look", ()))
                break
            ticket = lane.start(need, now)
            account.sent.append(now)
            account.most_in_flight = max(account.most_in_flight, lane.in_flight)
            if random.random() >= service.noise and service.admits(now):
                output_tokens = max(1, round(random.expovariate(1 / MEAN_OUTPUT_TOKENS)))
                output_tokens = min(output_tokens, MAX_TOKENS)
                end = now + service.latency_s * random.lognormvariate(0.0, service.latency_spread)
                heapq.heappush(events, (end, next(numbers), "answer", (ticket, output_tokens)))
            else:
                heapq.heappush(events, (now + service.refusal_s, next(numbers), "refusal", (ticket,)))
    return account


def a_lane(most: int, quota: Quota | None = None) -> Lane:
    return Lane(most, quota or Quota())
