"""When did one attempt leave, and when did its pieces of text come? The SDK and its HTTP client tell, for the task that
is asking."""

from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import aiohttp

from trialbed.core.clock import SystemClock
from trialbed.core.timing import StreamTiming


class Stopwatch:
    """Of one attempt. It starts anew when the SDK hands the request on, and when that is written to a connection: what
    this process is busy with before is no time of the model's."""

    def __init__(self) -> None:
        self._now = SystemClock().monotonic
        self._sent_at = self._now()
        self._connecting_at: float | None = None
        self._connect_s: float | None = None
        self._text_at_s: list[float] = []
        self._text_chars: list[int] = []

    def sends(self) -> None:
        """The request, whole and signed, is on its way: to the HTTP client, then to the connection."""
        self._sent_at = self._now()

    def connects(self) -> None:
        self._connecting_at = self._now()

    def connected(self, *, anew: bool) -> None:
        """There is a connection: a new one, or one that was there already."""
        began = self._connecting_at
        self._connect_s = 0.0 if not anew or began is None else self._now() - began

    def heard(self, text: str, at: float) -> None:
        """A piece of text came; what goes before the first visible word is none."""
        if text and (self._text_at_s or text.strip()):
            self._text_at_s.append(at - self._sent_at)
            self._text_chars.append(len(text))

    def now(self) -> float:
        return self._now()

    def read(self) -> StreamTiming:
        """The times so far; the end of the stream is now."""
        total_s = self._now() - self._sent_at
        return StreamTiming(total_s, tuple(self._text_at_s), tuple(self._text_chars), self._connect_s)


running: ContextVar[Stopwatch | None] = ContextVar("running", default=None)


def note_sending(request: Any, **_: Any) -> None:
    """Of the SDK's event `before-send`."""
    watch = running.get()
    if watch is not None:
        watch.sends()


def tracing_of_requests() -> aiohttp.TraceConfig:
    """What tells the running stopwatch of connections, and of the moment when a request is written to one; it costs
    every request of a session a little."""
    config = aiohttp.TraceConfig()

    async def begins(_: aiohttp.ClientSession, __: SimpleNamespace, ___: Any) -> None:
        if (watch := running.get()) is not None:
            watch.connects()

    async def ends(_: aiohttp.ClientSession, __: SimpleNamespace, ___: Any) -> None:
        if (watch := running.get()) is not None:
            watch.connected(anew=True)

    async def reuses(_: aiohttp.ClientSession, __: SimpleNamespace, ___: Any) -> None:
        if (watch := running.get()) is not None:
            watch.connected(anew=False)

    async def writes(_: aiohttp.ClientSession, __: SimpleNamespace, ___: Any) -> None:
        if (watch := running.get()) is not None:
            watch.sends()

    config.on_request_headers_sent.append(writes)
    config.on_connection_create_start.append(begins)
    config.on_connection_create_end.append(ends)
    config.on_connection_reuseconn.append(reuses)
    config.freeze()
    return config
