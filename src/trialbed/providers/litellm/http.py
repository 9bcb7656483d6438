"""How is one request sent, once, and what comes back? One session per provider, with the program's own HTTP client."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from trialbed.core.timing import StreamTiming
from trialbed.providers.litellm.library import Built
from trialbed.providers.litellm.sse import Events
from trialbed.providers.stopwatch import Stopwatch, running, tracing_of_requests

_CONNECT_S = 10.0
_OK = 200


@dataclass(frozen=True, slots=True)
class Received:
    """What came back. `events` are those of a stream, None if none came; `body` is what came instead.

    `was_ended` says that the stream said itself that it ends, `unreadable` that an event was no JSON.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    events: tuple[Any, ...] | None = None
    unreadable: bool = False
    timing: StreamTiming | None = None


class Sender:
    """Sends whole requests. Redirects are not followed: a key goes where the user has sent it, and nowhere else."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, built: Built) -> Received:
        """One attempt; the answer is read to its end.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: no whole answer came.
        """
        async with self._session.post(
            built.url, data=built.content, headers=built.headers, allow_redirects=False
        ) as response:
            return Received(response.status, dict(response.headers), await response.read())

    async def stream(self, built: Built, text_of: Callable[[Any], str]) -> Received:
        """One attempt at an answer in pieces, each of which is timed by the visible text that it brings.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: no whole answer came.
        """
        watch = Stopwatch()
        before = running.set(watch)
        try:
            watch.sends()
            async with self._session.post(
                built.url, data=built.content, headers=built.headers, allow_redirects=False
            ) as response:
                if response.status != _OK:
                    return Received(response.status, dict(response.headers), await response.read())
                return await _read(response, watch, text_of)
        finally:
            running.reset(before)


async def _read(response: aiohttp.ClientResponse, watch: Stopwatch, text_of: Callable[[Any], str]) -> Received:
    stream, events, unreadable = Events(), list[Any](), False
    try:
        async for data in response.content.iter_any():
            at = watch.now()
            for event in stream.add(data):
                watch.heard(text_of(event), at)
                events.append(event)
        at = watch.now()
        for event in stream.close():
            watch.heard(text_of(event), at)
            events.append(event)
    except (ValueError, RecursionError):
        unreadable = True
        response.close()
    return Received(
        response.status, dict(response.headers), stream.begins_with, tuple(events), unreadable, timing=watch.read()
    )


@asynccontextmanager
async def open_sender(*, most_connections: int, read_timeout_s: float, is_timed: bool) -> AsyncIterator[Sender]:
    """A session for the calls to one provider; proxies are those of the environment.

    Args:
        most_connections: the run's concurrency; a smaller pool queues calls unseen.
        read_timeout_s: seconds without a byte.
        is_timed: have the timing of streams begin when a request is written, and say how long a connection was set up.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=most_connections),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=read_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[tracing_of_requests()] if is_timed else None,
        trust_env=True,
    )
    async with session:
        yield Sender(session)
