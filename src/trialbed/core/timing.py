"""When did the pieces of one streamed answer come? Of one attempt, by the monotonic clock of this process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class StreamTiming:
    """Seconds since the request was sent: since its head was written to a connection that was there.

    Where the HTTP client does not tell of that, since it was given the request; `connect_s` is None then.

    Args:
        total_s: the end of the stream.
        text_at_s: the arrival of each piece of visible text, in order; pieces that came in one packet have one time.
            Thoughts and the input of tools are no visible text.
        text_chars: how many characters each of them had.
        connect_s: how long a connection was set up before that, which is in no other time; 0.0 = one was there
            already, None = not known, and in all of them.
    """

    total_s: float
    text_at_s: tuple[float, ...] = ()
    text_chars: tuple[int, ...] = ()
    connect_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """As a record's `calls` hold it, rounded to microseconds."""
        return {
            "total_s": round(self.total_s, _DECIMALS),
            "text_at_s": [round(at_s, _DECIMALS) for at_s in self.text_at_s],
            "text_chars": list(self.text_chars),
            "connect_s": None if self.connect_s is None else round(self.connect_s, _DECIMALS),
        }


def timing_of(stored: Mapping[str, Any]) -> StreamTiming:
    """The inverse of `StreamTiming.as_dict`."""
    text_at_s: Sequence[float] = stored["text_at_s"]
    text_chars: Sequence[int] = stored["text_chars"]
    return StreamTiming(stored["total_s"], tuple(text_at_s), tuple(text_chars), stored["connect_s"])
