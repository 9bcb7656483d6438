"""What waits to be sent, and when may it be? Keeps count; sends nothing, reads no clock.

A trial waits fresh (never tried since its record changed), until a moment (tried, and to be tried again), is under way,
or is parked: tried as often as is allowed, still owed, left alone until somebody says `try_again`.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from itertools import count


class Backlog:
    """The trials that are owed. Moments are seconds of one clock that never goes back."""

    def __init__(self, owed: Iterable[str]) -> None:
        self._fresh: deque[str] = deque(dict.fromkeys(owed))
        self._later: list[tuple[float, int, str]] = []
        self._number = count()
        self._order: dict[str, int] = {trial: next(self._number) for trial in self._fresh}
        self._attempts: dict[str, int] = {}
        self._under_way: set[str] = set()
        self._changed: set[str] = set()
        self._parked: set[str] = set()

    @property
    def owed(self) -> int:
        return len(self._order)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way or will be by itself."""
        return len(self._parked) == len(self._order)

    def is_under_way(self, trial: str) -> bool:
        return trial in self._under_way

    @property
    def fresh(self) -> int:
        return len(self._fresh)

    def offer(self, trial: str) -> None:
        """A newer record of this trial is there: whatever was tried of an older one does not count."""
        self._attempts.pop(trial, None)
        if trial in self._under_way:
            self._changed.add(trial)
        elif trial in self._parked:
            self._parked.discard(trial)
            self._fresh.append(trial)
        elif trial not in self._order:
            self._order[trial] = next(self._number)
            self._fresh.append(trial)

    def take(self, now: float) -> str | None:
        """The next one to be sent, now under way: who was tried before comes first, then the oldest."""
        if self._later and self._later[0][0] <= now:
            trial = heapq.heappop(self._later)[2]
        elif self._fresh:
            trial = self._fresh.popleft()
        else:
            return None
        self._under_way.add(trial)
        return trial

    def put_back(self, trial: str) -> None:
        """It was not sent after all; it is the next."""
        self._under_way.discard(trial)
        self._changed.discard(trial)
        self._fresh.appendleft(trial)

    def settle(self, trial: str) -> None:
        """Nothing is owed of it any more, unless a newer record came while it was under way."""
        self._under_way.discard(trial)
        if trial in self._changed:
            self._changed.discard(trial)
            self._fresh.append(trial)
            return
        self._attempts.pop(trial, None)
        del self._order[trial]

    def count_attempt(self, trial: str) -> int:
        """One more try was in vain. Returns how many were."""
        self._attempts[trial] = self._attempts.get(trial, 0) + 1
        return self._attempts[trial]

    def wait_until(self, trial: str, moment: float) -> None:
        """Send it again then, not before."""
        self._under_way.discard(trial)
        self._changed.discard(trial)
        heapq.heappush(self._later, (moment, self._order[trial], trial))

    def park(self, trial: str) -> None:
        """Leave it alone; a record that came while it was under way is another matter."""
        self._under_way.discard(trial)
        if trial in self._changed:
            self._changed.discard(trial)
            self._fresh.append(trial)
        else:
            self._parked.add(trial)

    def next_moment(self) -> float | None:
        """When the next one may be sent, 0.0 = at once; None = nothing waits."""
        if self._fresh:
            return 0.0
        return self._later[0][0] if self._later else None

    def try_again(self) -> None:
        """Everything that waits or is parked is as if it had never been tried, the oldest first."""
        waiting = {*self._fresh, *self._parked, *(trial for _, _, trial in self._later)}
        self._attempts.clear()
        self._parked.clear()
        self._later.clear()
        self._fresh = deque(sorted(waiting, key=self._order.__getitem__))
