"""How many calls may be in flight at one model? Additive increase, multiplicative decrease. Pure."""

_FIRST = 100
_DECREASE = 0.8
_INCREASE = 0.05
_COOLDOWN_S = 15.0


class Width:
    """A limit between 1 and `most`.

    It begins as high as a quota that nobody knows is worth risking, doubles per round of answers until the
    first throttle, and from then on grows by 5 % per quiet round, not before a decrease has cooled down.
    """

    def __init__(self, most: int) -> None:
        self.limit = float(min(most, _FIRST))
        self._most = most
        self._is_starting = True
        self._quiet = 0
        self._decreased_at = float("-inf")

    def answered(self, now: float, *, in_use: bool) -> None:
        """A call was answered; `in_use` says that calls wait for this limit."""
        if not in_use or self.limit >= self._most:
            return
        if self._is_starting:
            self.limit = min(self._most, self.limit + 1.0)
            return
        self._quiet += 1
        if self._quiet >= self.limit and now - self._decreased_at >= _COOLDOWN_S:
            self.limit = min(self._most, max(self.limit + 1.0, self.limit * (1.0 + _INCREASE)))
            self._quiet = 0

    def throttled(self) -> None:
        """A quota was met; no more doubling."""
        self._is_starting = False
        self._quiet = 0

    def decrease(self, in_flight: int, now: float) -> None:
        """So many in flight were too many. Once per cooldown: those in flight were started under the old limit."""
        self.throttled()
        if now - self._decreased_at >= _COOLDOWN_S:
            self.limit = max(1.0, min(self.limit, in_flight) * _DECREASE)
            self._decreased_at = now
