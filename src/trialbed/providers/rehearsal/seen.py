"""How often has this very request arrived? Bounded: the least recently seen are forgotten."""

from collections import OrderedDict

MOST_REQUESTS = 10_000


class Seen:
    """Counts requests by their content and trial."""

    def __init__(self, most: int = MOST_REQUESTS) -> None:
        self._most = most
        self._counts: OrderedDict[str, int] = OrderedDict()

    def times_before(self, key: str) -> int:
        """How often `key` was asked for before now; 0 = never, or long ago."""
        before = self._counts.pop(key, 0)
        self._counts[key] = before + 1
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)
        return before
