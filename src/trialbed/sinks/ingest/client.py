"""How does one attempt get to the server, and what comes back? Raises `IngestFault`s; tries nothing twice."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from trialbed.sinks.ingest.answers import Answer
from trialbed.sinks.ingest.faults import IngestFault, Passing, Refused
from trialbed.sinks.ingest.resolver import AddressRefused, GuardedResolver, refusal
from trialbed.sinks.ingest.target import IngestTarget, Pace

_AGENT = "trialbed"


class Client:
    """One server, by a pool of connections."""

    def __init__(self, session: aiohttp.ClientSession, target: IngestTarget, pace: Pace) -> None:
        self._session = session
        self._target = target
        self._pace = pace

    async def post(self, url: URL, body: bytes, idempotency_key: str) -> Answer:
        """Send JSON, and read the answer whatever its status is.

        Raises:
            IngestFault: there is no whole answer.
        """
        headers = {"X-API-Key": self._target.key, "Idempotency-Key": idempotency_key}
        try:
            # A redirect would hand the key, and what is sent, to an address that nobody has checked.
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                text, is_whole = await self._read(response)
                return Answer(
                    response.status, text, is_whole, _encoding(response.headers), response.headers.get("Retry-After")
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Without its cause: the library's text may hold the address with all that is in it.
            raise _fault_of(error, self._pace) from None

    async def _read(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        """The answer's body, or as much of it as is read at most."""
        parts: list[bytes] = []
        left = self._pace.most_answer_bytes
        async for part in response.content.iter_any():
            parts.append(part[:left])
            if len(part) > left:
                response.close()
                return b"".join(parts), False
            left -= len(part)
        return b"".join(parts), True


@asynccontextmanager
async def open_client(target: IngestTarget, pace: Pace) -> AsyncIterator[Client]:
    """Open a pool. Nothing is connected to yet; no proxy is used."""
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(), use_dns_cache=False, limit=pace.concurrency)
    # `connect` is more than the connection itself: the search for an address and the handshake are in it.
    timeout = aiohttp.ClientTimeout(total=pace.attempt_s, connect=pace.connect_s)
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": _AGENT}
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        yield Client(session, target, pace)


def _encoding(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Encoding", "").strip().lower()


def _fault_of(error: Exception, pace: Pace) -> IngestFault:
    """What an error of the client or of what it stands on means."""
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return Refused(f"INGEST_API_URL: the server's certificate cannot be trusted ({name}); have it mended")
    behind = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(behind, AddressRefused):
        return Refused(refusal(behind))
    if isinstance(error, aiohttp.InvalidURL | ValueError) and not isinstance(error, aiohttp.ClientConnectionError):
        return Refused(f"INGEST_API_URL: cannot be asked ({name}); correct it")
    if isinstance(error, TimeoutError):
        return Passing(f"no whole answer within {pace.attempt_s:g} s ({name})")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Passing(f"the server cannot be reached ({name})")
    return Passing(f"the connection was cut before the whole answer had come ({name})")
