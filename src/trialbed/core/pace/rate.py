"""How many units a second does a quota let through? Learnt from throttles; no limit until there is reason for one.

At a throttle the quota is used up, so what was let through since the throttle before it is what it allows.
The rate is set a little below that and grows again along a curve like CUBIC's (Ha, Rhee, Xu: "CUBIC: A New
TCP-Friendly High-Speed TCP Variant", 2008): fast at first, flat around the rate at which it was throttled, then
faster and faster. So a steady quota costs few throttles, and one that has grown is soon found.

Some calls may be throttled whatever the rate, when a service is short of capacity: see `noise`.
"""

from collections import deque
from contextlib import suppress
from typing import Literal, NamedTuple

from trialbed.core.pace.noise import Noise

Finding = Literal["noise", "too fast", "cut"]
"""What a throttle means: nothing; the quota is used up (stop for a moment); that, and the rate was lowered."""

_AFTER_CUT = 0.93
_WHILE_UNSURE = 0.7
_FAR_ABOVE = 1.25
_DEEPEST = 0.1
_LEAST_RISE_S, _RISE_CALLS = 3.0, 50
"""The rate is back where it was throttled after this many calls, or seconds, whichever is later."""
_LEAST_HASTE_S, _HASTE_CALLS = 1.0, 16
"""The same after an estimate that may be far off: better ones are to be had soon."""
_TEST_CALLS = 30
_BETWEEN_CUTS_S = 1.0
_SPARE_CALLS = 2.0
_WINDOW_S, _WINDOW_CALLS = 1.0, 40
_LONGEST_WINDOW_S = 60.0
_FIRST_GUESS_S, _FEW_CALLS = 3.0, 20
_REMEMBERED = 4_096
_BURST_S = 0.02
_IN_USE_S = 0.5
_IDLE_SHARE = 0.1
_HEAVY = 0.25
_LOW_PART = 0.4
"""So much of the rise is well below the rate that is known to pass."""
_SHUT_CALLS = 10
_PEAK_HALVES_S = 300.0
_FIRST_AWAY = 3
"""A limit is begun with after so many throttles; fewer may be anything."""


class Rate:
    """A limit of units (requests, or tokens) a second; `per_s` is None where none has been needed.

    Sending makes a debt: a call may start when what earlier ones took has been worked off, and then takes
    its own weight.
    """

    def __init__(self) -> None:
        self.per_s: float | None = None
        self._top = 0.0
        self._below = 1.0 - _WHILE_UNSURE
        self._is_sure = False
        self._peak = 0.0
        self._cut_at = float("-inf")
        self._rise_s = _LEAST_RISE_S
        self._credit = 0.0
        self._credit_at = 0.0
        self._busy_until = 0.0
        self._idle_s = 0.0
        self._since_cut = 0.0
        self._sent: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self._turned_away: deque[float] = deque(maxlen=_REMEMBERED)
        self._noise = Noise()

    def wait_s(self, now: float) -> float:
        """Seconds until the next call may start."""
        if self.per_s is None:
            return 0.0
        rate = self._refill(now)
        if self._credit >= 0.0:
            return 0.0
        wait_s = -self._credit / rate
        # Only while somebody waits does it tell something that nothing is throttled.
        self._idle_s += max(0.0, now - self._busy_until)
        self._busy_until = max(self._busy_until, now + wait_s + _IN_USE_S)
        return wait_s

    def take(self, weight: float, now: float) -> None:
        """A call of this weight starts."""
        self._sent.append((now, weight))
        self._since_cut += weight
        if self.per_s is None:
            return
        risen = self._risen_s(now) / self._rise_s
        if (was_noise := self._noise.sent(risen, is_low=self._is_sure and risen < _LOW_PART)) is not None:
            self._after_test(now, was_noise=was_noise)
        self._refill(now)
        self._credit -= weight

    def correct(self, more: float) -> None:
        """A call took `more` than was thought; less, if negative."""
        if self.per_s is not None:
            self._credit -= more

    def throttled(self, sent_at: float, weight: float, now: float) -> Finding:
        """A call of that weight, started at `sent_at`, was turned away.

        One that started before the last cut tells nothing about the rate since.
        """
        self._credit += weight
        with suppress(ValueError):
            self._sent.remove((sent_at, weight))
        if sent_at <= self._cut_at:
            return "noise"
        self._since_cut -= weight
        self._turned_away.append(sent_at)
        seen = self._window(now)
        is_heavy = (seen.away >= 2 and seen.away > _HEAVY * seen.calls) or self._is_shut()
        if is_heavy:
            self._noise = Noise()
        elif self._is_noise(seen, now):
            return "noise"
        if now - self._cut_at < _BETWEEN_CUTS_S:
            return "too fast"
        self._cut(seen.per_s, weight, now, is_heavy=is_heavy)
        return "cut"

    def _is_noise(self, seen: "_Seen", now: float) -> bool:
        """Whether throttles are let be; begins a test of what looks like noise."""
        risen = self._risen_s(now) / self._rise_s
        is_low = self.per_s is not None and self._is_sure and risen < _LOW_PART
        if self._noise.explains(seen.away, seen.calls, risen, now, is_low=is_low):
            return True
        if self.per_s is None:
            if seen.away < _FIRST_AWAY:
                return True
            self._noise.test(seen.away / seen.calls, None)
        elif self._noise.is_suspected:
            self._noise.test(self._noise.low_share, self._top)
        else:
            return is_low
        return False

    def _after_test(self, now: float, *, was_noise: bool) -> None:
        """At a much lower rate as many were turned away, or hardly any."""
        if not was_noise:
            return
        self._noise.proved_at = now
        if self._noise.top_before is None:
            self.per_s = None
        else:
            self._top, self._is_sure = self._noise.top_before, True
            self._rise_s = max(_LEAST_RISE_S, self._rise_s)
            self._cut_at, self._idle_s, self._busy_until = now - self._rise_s, 0.0, now + _IN_USE_S

    def _cut(self, units_per_s: float, weight: float, now: float, *, is_heavy: bool) -> None:
        top, self._is_sure = units_per_s, False
        self._peak = max(self._peak * 0.5 ** ((now - self._credit_at) / _PEAK_HALVES_S), units_per_s)
        if self.per_s is not None:
            grown, before = self._grown(now), self._top
            top = max(min(top, grown, self._passed_since_cut(weight, now)), grown * _DEEPEST)
            # Two throttles that tell about the same, or one not far above what is known.
            self._is_sure = grown < before * _FAR_ABOVE or before / _FAR_ABOVE < top < before * _FAR_ABOVE
        self._is_sure = self._is_sure and not self._noise.is_tested
        if is_heavy:
            self._peak = top
        # Not below half of what passed lately while few are turned away; and if nothing passed, one in a while. That
        # nothing passes is not known of a few calls: a single dialogue would wait a minute for each of its turns.
        knows_little = len(self._sent) + len(self._turned_away) < _FEW_CALLS
        self._top = max(top, self._peak / 2.0, weight / (_FIRST_GUESS_S if knows_little else _LONGEST_WINDOW_S))
        self._below = 1.0 - (_AFTER_CUT if self._is_sure else _WHILE_UNSURE)
        least_s, calls = (_LEAST_RISE_S, _RISE_CALLS) if self._is_sure else (_LEAST_HASTE_S, _HASTE_CALLS)
        calls = _TEST_CALLS if self._noise.is_tested else calls
        self._rise_s = max(least_s, calls * weight / self._top)
        self._cut_at = self._credit_at = now
        self._busy_until = now + _IN_USE_S
        self._idle_s = self._credit = self._since_cut = 0.0
        self.per_s = self._grown(now)

    def _refill(self, now: float) -> float:
        if self.per_s is None:
            return 0.0
        rate = self.per_s = self._grown(now)
        self._credit = min(self._credit + rate * (now - self._credit_at), rate * _BURST_S)
        self._credit_at = now
        return rate

    def _grown(self, now: float) -> float:
        """The rate on its curve; time in which nobody waited for it does not count."""
        risen_s = self._risen_s(now)
        if risen_s < self._rise_s:
            return self._top * (1.0 - self._below * (1.0 - risen_s / self._rise_s) ** 3)
        beyond = risen_s / self._rise_s - 1.0
        probing = 1.0 + (1.0 - _AFTER_CUT) * min(beyond, 1.0) ** 3
        doublings: float = 2.0 ** max(0.0, beyond - 1.0)
        return self._top * probing * doublings

    def _risen_s(self, now: float) -> float:
        return now - self._cut_at - self._idle(now)

    def _idle(self, now: float) -> float:
        return self._idle_s + max(0.0, now - self._busy_until)

    def _passed_since_cut(self, weight: float, now: float) -> float:
        """Units a second since the last cut, some calls' worth above; no bound if the rate was not used up."""
        since_s = now - self._cut_at
        if self._idle(now) > since_s * _IDLE_SHARE:
            return float("inf")
        return (self._since_cut + _SPARE_CALLS * weight) / since_s

    def _is_shut(self) -> bool:
        """Whether more of the newest calls were turned away than let through."""
        if len(self._sent) < _SHUT_CALLS or len(self._turned_away) < _SHUT_CALLS:
            return False
        return self._turned_away[-_SHUT_CALLS] >= self._sent[-_SHUT_CALLS][0]

    def _window(self, now: float) -> "_Seen":
        """What happened over the last second, or over the time of the last calls if they were slower."""
        units, calls = 0.0, 0
        window_s = _WINDOW_S
        for sent_at, weight in reversed(self._sent):
            age_s = now - sent_at
            if (age_s > _WINDOW_S and calls >= _WINDOW_CALLS) or age_s > _LONGEST_WINDOW_S:
                break
            units, calls, window_s = units + weight, calls + 1, max(window_s, age_s)
        away = 0
        for sent_at in reversed(self._turned_away):
            if now - sent_at > window_s:
                break
            away += 1
        return _Seen(units / window_s, calls + away, away, window_s)


class _Seen(NamedTuple):
    """Units a second that were let through; calls, and how many of them were turned away; over how long."""

    per_s: float
    calls: int
    away: int
    window_s: float
