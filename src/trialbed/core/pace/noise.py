"""Which throttles come whatever the rate? A service that is short of capacity turns some calls away at any pace.

A rate that followed each of them would sink to nothing. What is throttled although the rate is well below
what is known to pass is suspected; then the rate is lowered for a moment, and what is noise stays as it
was, while what came of a quota is gone. Pure.
"""

from math import sqrt

_LEAST_AWAY = 3
_MEMORY_CALLS = 400
_TEST_FROM, _TEST_TO = 0.2, 0.9
"""The part of the rise after a cut that is looked at: not its beginning, when the quota may still be empty."""
_LEAST_TESTED = 10
_STAYED, _LEAST_STAYED = 0.5, 2
_MOST = 0.25
_TRUSTED_S = 30.0


class Noise:
    """`share` of the calls is known to be turned away at any rate; trusted for a while after `proved_at`.

    `top_before` is the rate that was known before a test, None = there was no limit.
    """

    def __init__(self) -> None:
        self.share = 0.0
        self.proved_at = float("-inf")
        self.top_before: float | None = None
        self._tested_share: float | None = None
        self._tested = self._tested_away = 0
        self._low = self._low_away = 0.0

    @property
    def is_tested(self) -> bool:
        return self._tested_share is not None

    @property
    def is_suspected(self) -> bool:
        """Whether so many were turned away well below the known rate that it is worth a test."""
        return self._low_away >= _LEAST_AWAY

    @property
    def low_share(self) -> float:
        return self._low_away / max(self._low, 1.0)

    def test(self, share: float, top: float | None) -> None:
        """The rate is about to be lowered, to see whether that changes `share`."""
        self._tested_share, self.top_before = share, top
        self._tested = self._tested_away = 0
        self._low = self._low_away = 0.0

    def sent(self, risen: float, *, is_low: bool) -> bool | None:
        """A call was sent, `risen` (1 = fully) after the last cut; whether a test that ends now found noise."""
        if is_low:
            self._low += 1.0
            if self._low > _MEMORY_CALLS:
                self._low, self._low_away = self._low / 2.0, self._low_away / 2.0
        if self._tested_share is None:
            return None
        if risen < _TEST_TO:
            self._tested += risen > _TEST_FROM
            return None
        stayed = self._tested_away >= max(_LEAST_STAYED, _STAYED * self._tested_share * self._tested)
        was_noise = self._tested >= _LEAST_TESTED and stayed
        self.share = min(_MOST, self._tested_share) if was_noise else 0.0
        self._tested_share = None
        return was_noise

    def explains(self, away: int, calls: int, risen: float, now: float, *, is_low: bool) -> bool:
        """Whether so many of so many calls being turned away is noise, known or just being tested."""
        if self._tested_share is not None:
            self._tested_away += risen > _TEST_FROM
            return True
        self._low_away += is_low
        expected = calls * self.share
        return now - self.proved_at < _TRUSTED_S and away <= expected + 2.0 * sqrt(expected)
