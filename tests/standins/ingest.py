"""A results server on 127.0.0.1 that keeps what it takes by idempotency key, with faults by a seed.

It dedupes: what was applied once is not applied again. What it saw is independent of the program under test: which
keys, how often, and whether a key ever came with another body than before.
"""

import asyncio
import json
import ssl
import threading
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Self

from aiohttp import web

KEY = "ingest-stand-in-key-0000"
_WAIT_S = 10.0
_APPLIED = ("error_after", "cut_after", "huge", "drip")


@dataclass(frozen=True)
class Faults:
    """The share of requests that meet each fault; the rest are answered as they should be.

    Those that end in `after` were applied all the same. `throttle_for` asks to wait for `retry_after`. `refusal` is the
    status and body of every answer, if set; `items` is what a batch is answered with.
    """

    throttle: float = 0.0
    throttle_for: float = 0.0
    unavailable: float = 0.0
    error_after: float = 0.0
    hang: float = 0.0
    cut_before: float = 0.0
    cut_after: float = 0.0
    rejected: float = 0.0
    huge: float = 0.0
    drip: float = 0.0
    retry_after: str = "0"
    refusal: tuple[int, Any] | None = None
    redirect: str | None = None
    takes_arrays: bool = True
    knows_errors: bool = True
    rejects: frozenset[str] = frozenset()
    hangs_on: frozenset[str] = frozenset()
    items: str = "by_key"


_SHARES = ("throttle", "throttle_for", "unavailable", "hang", "cut_before", "rejected", *_APPLIED)


@dataclass
class Exchange:
    """One request, as it came; `fault` is what it met."""

    path: str
    query: str
    headers: dict[str, str]
    bodies: tuple[dict[str, Any], ...]
    is_array: bool
    at: float
    fault: str | None = None
    status: int | None = None


@dataclass
class IngestStandIn:
    """Runs for as long as its `with` block lasts; can be stopped and started again at the same port."""

    faults: Faults = field(default_factory=Faults)
    seed: int = 0
    key: str = KEY
    port: int = 0
    tls: ssl.SSLContext | None = None
    applied: dict[str, dict[str, Any]] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    log: list[Exchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}/ingest"

    def results(self) -> list[dict[str, Any]]:
        """The results that were taken, each once."""
        return [body for body in list(self.applied.values()) if "error_kind" not in body]

    def errors(self) -> list[dict[str, Any]]:
        return [body for body in list(self.applied.values()) if "error_kind" in body]

    def environment(self) -> dict[str, str]:
        return {"INGEST_API_URL": self.url, "INGEST_API_KEY": self.key}

    def __enter__(self) -> Self:
        print(f"ingest stand-in: seed {self.seed}, {self.faults}")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, at the port of before if there was one."""
        self._started, self._loop, self._stopping = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="ingest stand-in", daemon=True)
        self._thread.start()
        if not self._started.wait(_WAIT_S):
            raise TimeoutError("the ingest stand-in does not listen")

    def stop(self) -> None:
        """Cut every connection, hanging ones included, and stop listening; what was taken is kept."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_WAIT_S)
            self._thread = None

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=self.tls).start()
            self.port = runner.addresses[0][1]
            self._started.set()
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        data = await request.json()
        bodies = tuple(data) if isinstance(data, list) else (data,)
        exchange = Exchange(
            request.path,
            request.query_string,
            dict(request.headers),
            bodies,
            isinstance(data, list),
            self._loop.time(),
        )
        with self._lock:
            self._note(exchange)
            exchange.fault = self._fault(exchange)
        try:
            response = await self._answer(request, exchange)
        except ConnectionAbortedError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        exchange.status = response.status
        return response

    def _note(self, exchange: Exchange) -> None:
        self.log.append(exchange)
        if exchange.headers.get("X-API-Key") != self.key:
            self.problems.append("a request without the key")
        if not exchange.is_array and exchange.headers.get("Idempotency-Key") != exchange.bodies[0]["idempotency_key"]:
            self.problems.append("the header has another idempotency key than the body")
        for body in exchange.bodies:
            key = body["idempotency_key"]
            self.attempts[key] += 1
            if self.seen.setdefault(key, body) != body:
                self.problems.append(f"{key}: two bodies: {self.seen[key]} {body}")

    def _fault(self, exchange: Exchange) -> str | None:
        if any(body.get("model_name") in self.faults.hangs_on for body in exchange.bodies):
            return "hang"
        draw = self._random.random()
        for name in _SHARES:
            draw -= getattr(self.faults, name)
            if draw < 0:
                return name
        return None

    async def _answer(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        refused = self._refused(exchange) or await self._failed(exchange)
        if refused is not None:
            return refused
        statuses = [self._apply(body) for body in exchange.bodies]
        match exchange.fault:
            case "error_after":
                return web.json_response({"detail": "oops"}, status=500)
            case "cut_after":
                raise ConnectionAbortedError
            case "huge":
                return web.Response(text=json.dumps({"junk": "x" * 300_000, "status": "accepted"}))
            case "drip":
                return await self._drip(request)
        return web.json_response(self._said(exchange, statuses))

    def _refused(self, exchange: Exchange) -> web.Response | None:
        """How the server is set up."""
        faults = self.faults
        if faults.refusal is not None:
            return web.json_response(faults.refusal[1], status=faults.refusal[0])
        if faults.redirect is not None:
            return web.Response(status=307, headers={"Location": faults.redirect})
        if exchange.path.endswith("/error") and not faults.knows_errors:
            return web.json_response({"detail": "Not Found"}, status=404)
        if exchange.is_array and not faults.takes_arrays:
            return web.json_response({"detail": "an object, please"}, status=422)
        return None

    async def _failed(self, exchange: Exchange) -> web.Response | None:
        """What goes wrong before anything is applied."""
        match exchange.fault:
            case "hang":
                await self._stopping.wait()
                raise ConnectionAbortedError
            case "cut_before":
                raise ConnectionAbortedError
            case "throttle":
                return web.json_response({"detail": "slow down"}, status=429)
            case "throttle_for":
                return web.json_response({}, status=429, headers={"Retry-After": self.faults.retry_after})
            case "unavailable":
                return web.json_response({"detail": "try later"}, status=503)
            case "rejected":
                return web.json_response({"status": "Rejected", "reason": "not today"})
        return None

    def _apply(self, body: dict[str, Any]) -> str:
        if body.get("model_name") in self.faults.rejects:
            return "rejected"
        key = body["idempotency_key"]
        with self._lock:
            is_new = key not in self.applied
            self.applied.setdefault(key, body)
        return "accepted" if is_new else "duplicate"

    def _said(self, exchange: Exchange, statuses: list[str]) -> Any:
        if not exchange.is_array:
            return {"status": statuses[0]}
        if self.faults.items == "in_order":
            return [{"status": status} for status in statuses]
        keys = [body["idempotency_key"] for body in exchange.bodies]
        pairs = [{"idempotency_key": key, "status": said} for key, said in zip(keys, statuses, strict=True)]
        return {"results": pairs}

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        """A 200 whose body never comes to its end."""
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        for _ in range(900):
            if self._stopping.is_set():
                break
            await response.write(b" ")
            await asyncio.sleep(0.05)
        raise ConnectionAbortedError
