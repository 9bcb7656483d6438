"""Is there room in a quota that is known? A bucket with the service's own arithmetic. Pure."""


class Bucket:
    """`per_s` units flow in, at most `capacity` are kept; what a call reserves is taken out at its start."""

    def __init__(self, per_s: float, capacity: float) -> None:
        self._per_s = per_s
        self._capacity = capacity
        self._left = capacity
        self._at: float | None = None

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until `amount` is there. More than the bucket holds is let through when it is full."""
        self._refill(now)
        missing = min(amount, self._capacity) - self._left
        return max(0.0, missing / self._per_s)

    def take(self, amount: float, now: float) -> None:
        self._refill(now)
        self._left -= amount

    def give_back(self, amount: float) -> None:
        """What was reserved and not used; negative for what was used beyond it."""
        self._left = min(self._capacity, self._left + amount)

    def _refill(self, now: float) -> None:
        if self._at is not None:
            self._left = min(self._capacity, self._left + self._per_s * (now - self._at))
        self._at = now
