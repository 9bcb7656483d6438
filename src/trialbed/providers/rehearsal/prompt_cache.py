"""Which beginnings of conversations does the service still have? Kept for five minutes after their last use.

Bounded: the least recently used are forgotten. The time is an argument.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from trialbed.core.canonical import digest
from trialbed.providers.rehearsal.call import CHARS_PER_TOKEN, Cached, RehearsalCall

KEPT_S = 300.0
MOST_BEGINNINGS = 10_000


class PromptCache:
    """The beginnings that cache points have marked."""

    def __init__(self, most: int = MOST_BEGINNINGS) -> None:
        self._most = most
        self._used_at: OrderedDict[str, float] = OrderedDict()

    def use(self, call: RehearsalCall, now_s: float) -> Cached | None:
        """What of `call` was there already, and what is there from now on; None without a cache point."""
        points = list(_beginnings(call))
        if not points:
            return None
        known = max((tokens for key, tokens in points if self._is_kept(key, now_s)), default=0)
        for key, _ in points:
            self._used_at[key] = now_s
            self._used_at.move_to_end(key)
        while len(self._used_at) > self._most:
            self._used_at.popitem(last=False)
        # Something always comes after the last point, and counts as input that is not cached.
        marked = min(points[-1][1], call.input_tokens - 1)
        read = min(known, marked)
        return Cached(read, marked - read)

    def _is_kept(self, key: str, now_s: float) -> bool:
        used_at = self._used_at.get(key)
        return used_at is not None and now_s - used_at <= KEPT_S


def _beginnings(call: RehearsalCall) -> Iterator[tuple[str, int]]:
    """Key and length in tokens of all that stands before each cache point: tools, then system, then messages."""
    before: list[Any] = [call.model_id]
    chars = 0
    for place, block in _blocks(call):
        if "cachePoint" in block:
            yield digest(before), -(-chars // CHARS_PER_TOKEN)
            continue
        before.append([place, block])
        chars += len(block["text"]) if "text" in block else len(str(block))


def _blocks(call: RehearsalCall) -> Iterator[tuple[str, dict[str, Any]]]:
    body = call.body
    yield from (("tools", tool) for tool in (body.get("toolConfig") or {}).get("tools", ()))
    yield from (("system", block) for block in body.get("system") or ())
    for message in body["messages"]:
        yield from ((message["role"], block) for block in message["content"])
