"""May the next call to one model start, and what does each end of a call teach? Pure: time is an argument.

One lane per account, region and model or profile: that is what Bedrock's quotas are of.
"""

from dataclasses import dataclass, field
from typing import Literal

from trialbed.core.pace.bucket import Bucket
from trialbed.core.pace.rate import Rate
from trialbed.core.pace.width import Width

Unit = Literal["requests", "tokens"]

_FIRST_TOKENS_PER_CHAR = 0.25
_SMOOTHING = 0.1
_FIRST_LATENCY_S = 0.2
_LONGEST_LATENCY_S = 1.0
_START_SHARE = 0.25
_LEAST_GAP_S = 0.0005
_START_BURST = 2.0
_SCOUTS, _SCOUTS_GAP_S = 3, 0.005
_PAUSE_CALLS = 5
_LEAST_PAUSE_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 0.25, 30.0
_LONGEST_HOLD_S = 300.0
_IN_A_ROW = 8
_BLAMED_ON_WIDTH = 0.5
_SAFE = 0.98
"""Of a known quota: the service's clock and its rounding are not ours."""
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Quota:
    """What is known of a model's quota beforehand: per minute, None = nothing; and what an output token counts."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    burndown: float = 1.0


@dataclass(frozen=True, slots=True)
class Need:
    """What a call will ask for: characters in, at most so many tokens out. `kind` groups calls of like size."""

    chars: int
    max_tokens: int
    kind: str = ""


@dataclass(slots=True)
class Ticket:
    """A call that has started: tokens reserved for it, and those it is expected to take."""

    sent_at: float
    need: Need
    reserved: float
    expected: float


@dataclass(frozen=True)
class Pace:
    """How a lane stands, for people: limits (None = none known) and counts since its start."""

    limit: int
    requests_per_s: float | None
    tokens_per_s: float | None
    started: int
    throttles: int
    reserved_tokens: int
    settled_tokens: int


@dataclass(slots=True)
class _Counts:
    started: int = 0
    throttles: int = 0
    in_a_row: int = 0
    reserved: float = 0.0
    settled: float = 0.0
    used: dict[str, float] = field(default_factory=dict)


class Lane:
    """The quota of one model as it is known, learnt and used up."""

    def __init__(self, most: int, quota: Quota) -> None:
        self.in_flight = 0
        self._quota = quota
        self._width = Width(most)
        self._most = self._spread_to = most
        self._rates: dict[Unit, Rate] = {"requests": Rate(), "tokens": Rate()}
        rpm, tpm = quota.requests_per_minute, quota.tokens_per_minute
        self._requests = None if rpm is None else Bucket(rpm * _SAFE / _MINUTE_S, max(1.0, rpm * _SAFE / _MINUTE_S))
        self._tokens = None if tpm is None else Bucket(tpm * _SAFE / _MINUTE_S, tpm * _SAFE)
        self._tokens_per_char = _FIRST_TOKENS_PER_CHAR
        self._latency_s: float | None = None
        self._paused_until = 0.0
        self._starts_at = 0.0
        self._full_at = float("-inf")
        self._counts = _Counts()

    @property
    def has_width(self) -> bool:
        """Whether one more call may be in flight."""
        return self.in_flight < int(self._width.limit)

    @property
    def limit(self) -> int:
        return int(self._width.limit)

    def wait_s(self, need: Need, now: float) -> float:
        """Seconds until a call may start, its width apart; 0 = now."""
        wait_s = max(
            self._paused_until - now,
            self._starts_at - now,
            self._rates["requests"].wait_s(now),
            self._rates["tokens"].wait_s(now),
        )
        if self._requests is not None:
            wait_s = max(wait_s, self._requests.wait_s(1.0, now))
        if self._tokens is not None:
            wait_s = max(wait_s, self._tokens.wait_s(self._reserved(need), now))
        return max(0.0, wait_s)

    def start(self, need: Need, now: float) -> Ticket:
        """A call is sent."""
        reserved = self._reserved(need)
        ticket = Ticket(now, need, reserved, self._counts.used.get(need.kind, reserved))
        self.in_flight += 1
        if not self.has_width:
            self._full_at = now
        self._counts.started += 1
        self._counts.reserved += reserved
        if self._counts.started <= self._spread_to:
            # The first, and those after a pause, are spread over part of a call's time: no burst goes out before its
            # first answers are in.
            latency_s = min(self._latency_s or _FIRST_LATENCY_S, _LONGEST_LATENCY_S)
            gap_s = max(_LEAST_GAP_S, latency_s * _START_SHARE / self._width.limit)
            if self._counts.started <= _SCOUTS:
                # A model that is denied to us needs no more than these to be found out.
                self._starts_at = now + max(gap_s, _SCOUTS_GAP_S)
            else:
                self._starts_at = max(self._starts_at, now - _START_BURST * gap_s) + gap_s
        self._rates["requests"].take(1.0, now)
        self._rates["tokens"].take(ticket.expected, now)
        if self._requests is not None:
            self._requests.take(1.0, now)
        if self._tokens is not None:
            self._tokens.take(reserved, now)
        return ticket

    def answered(self, ticket: Ticket, input_tokens: int, output_tokens: int, now: float, *, others_wait: bool) -> None:
        """A call was answered and has cost so many tokens. `others_wait`: more calls want to start."""
        used = input_tokens + output_tokens * self._quota.burndown
        counts = self._counts
        counts.in_a_row = 0
        counts.settled += used
        counts.used[ticket.need.kind] = _smoothed(counts.used.get(ticket.need.kind), used)
        if ticket.need.chars and input_tokens:
            self._tokens_per_char = _smoothed(self._tokens_per_char, input_tokens / ticket.need.chars)
        latency_s = now - ticket.sent_at
        self._latency_s = _smoothed(self._latency_s, latency_s)
        self._rates["tokens"].correct(used - ticket.expected)
        if self._tokens is not None:
            self._tokens.give_back(ticket.reserved - used)
        # Not "is full now": answers come in bursts, and after the first of one there is room.
        self._width.answered(now, in_use=others_wait and self._full_at >= ticket.sent_at)
        self.in_flight -= 1

    def withdrawn(self, ticket: Ticket) -> None:
        """A call was not sent after all."""
        self._counts.started -= 1
        self._counts.reserved -= ticket.reserved
        if self._tokens is not None:
            self._tokens.give_back(ticket.reserved)
        if self._requests is not None:
            self._requests.give_back(1.0)
        self._rates["requests"].correct(-1.0)
        self._rates["tokens"].correct(-ticket.expected)
        self.in_flight -= 1

    def failed(self, ticket: Ticket) -> None:
        """A call ended in another way: that says nothing about the quota."""
        if self._tokens is not None:
            self._tokens.give_back(ticket.reserved - ticket.expected)
        self.in_flight -= 1

    def throttled(self, ticket: Ticket, unit: Unit, now: float) -> bool:
        """A call was turned away for want of quota; whether that changed the pace."""
        counts = self._counts
        counts.throttles += 1
        counts.in_a_row += 1
        if self._tokens is not None:
            self._tokens.give_back(ticket.reserved)
        other: Unit = "tokens" if unit == "requests" else "requests"
        self._rates[other].correct(-self._weight(ticket, other))
        rate = self._rates[unit]
        before, used = rate.per_s, self.in_flight
        finding = rate.throttled(ticket.sent_at, self._weight(ticket, unit), now)
        if finding != "noise":
            self._width.throttled()
        if finding == "cut" and before is not None and (rate.per_s or 0.0) < before * _BLAMED_ON_WIDTH:
            # Far fewer were let through than the rate allowed, so it is not the rate that is too high.
            self._width.decrease(used, now)
        if finding != "noise" and ticket.sent_at >= self._paused_until:
            self._pause(ticket, unit, now)
        self.in_flight -= 1
        return finding == "cut"

    def warming_up(self, ticket: Ticket, wait_s: float, now: float) -> None:
        """The model is being loaded: nobody need ask before."""
        self._paused_until = max(self._paused_until, now + wait_s)
        self.failed(ticket)

    def hold_off(self, wait_s: float, now: float) -> None:
        """The provider has said when to come back: nobody asks before."""
        self._paused_until = max(self._paused_until, now + min(wait_s, _LONGEST_HOLD_S))

    def pace(self) -> Pace:
        """How the lane stands."""
        counts = self._counts
        return Pace(
            limit=self.limit,
            requests_per_s=_rounded(self._rates["requests"].per_s),
            tokens_per_s=_rounded(self._rates["tokens"].per_s),
            started=counts.started,
            throttles=counts.throttles,
            reserved_tokens=round(counts.reserved),
            settled_tokens=round(counts.settled),
        )

    def _pause(self, ticket: Ticket, unit: Unit, now: float) -> None:
        """Nobody starts for a moment; longer and longer while nothing gets through at all."""
        per_s = self._rates[unit].per_s
        calls_s = _FIRST_PAUSE_S if not per_s else _PAUSE_CALLS * self._weight(ticket, unit) / per_s
        pause_s = min(max(calls_s, _LEAST_PAUSE_S), _FIRST_PAUSE_S) * 2.0 ** min(self._counts.in_a_row // _IN_A_ROW, 10)
        self._paused_until = max(self._paused_until, now + min(pause_s, _LONGEST_PAUSE_S))
        self._spread_to = self._counts.started + self._most

    def _weight(self, ticket: Ticket, unit: Unit) -> float:
        return 1.0 if unit == "requests" else ticket.expected

    def _reserved(self, need: Need) -> float:
        """What the service sets aside at the start: its input and all it may answer."""
        return need.chars * self._tokens_per_char + need.max_tokens


def _smoothed(before: float | None, new: float) -> float:
    return new if before is None else before + _SMOOTHING * (new - before)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
