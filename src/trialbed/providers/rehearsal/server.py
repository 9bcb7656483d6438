"""The rehearsal server: Bedrock runtime's Converse and ConverseStream over HTTP on 127.0.0.1."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web

from trialbed.core.clock import Clock, SystemClock, iso_z
from trialbed.core.errors import UserError
from trialbed.providers.rehearsal import jsontext
from trialbed.providers.rehearsal.call import RehearsalCall, UnreadableRequest, parse_call
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.decide import Accepted, Rejected, decide
from trialbed.providers.rehearsal.delivery import Connection, Sent
from trialbed.providers.rehearsal.faults import EXPIRED, ErrorAnswer, invalid
from trialbed.providers.rehearsal.log import LogLine, RequestLog
from trialbed.providers.rehearsal.personas import Persona
from trialbed.providers.rehearsal.prompt_cache import PromptCache
from trialbed.providers.rehearsal.quota import Quota
from trialbed.providers.rehearsal.seen import Seen

MOST_BODY_BYTES = 64 * 1024 * 1024
BACKLOG = 4096
CLOSE_S = 0.2
"""How long requests in flight may take to notice that the server closes."""

_SIGNED_WITH = re.compile(r"Credential=([^/]+)/")
_OPERATIONS = {"converse": False, "converse-stream": True}
"""Last part of the path -> whether it streams."""
_UNKNOWN_PATH = ErrorAnswer(
    "UnknownOperationException", 404, "The rehearsal server knows Converse and ConverseStream only."
)


def _access_key(request: web.BaseRequest) -> str | None:
    """The access key that a request is signed with; None with an API key, or unsigned."""
    found = _SIGNED_WITH.search(request.headers.get("authorization", ""))
    return None if found is None else found[1]


@dataclass(slots=True)
class _Account:
    """What one request has come to so far; becomes its line in the log."""

    received_at: str
    path: str
    request_id: str
    data: bytes = b""
    model_id: str | None = None
    seen: int = 0
    reply: Rejected | Accepted | None = None
    sent: Sent | None = None


class RehearsalServer:
    """`async with RehearsalServer(config) as server: ...` listens on `server.url` in the running event loop.

    `config` may be replaced at any time (or changed in part with `change`) and holds from the next request on;
    only `port` and `log_path` are read at the start alone. Personas are asked in order; the generic one is last.
    `received` counts requests, `in_flight` and `peak_in_flight` those being answered.
    """

    def __init__(
        self, config: RehearsalConfig | None = None, *, personas: Sequence[Persona] = (), clock: Clock | None = None
    ) -> None:
        self.config = config or RehearsalConfig()
        self.received = 0
        self.peak_in_flight = 0
        self._personas = tuple(personas)
        self._clock = clock or SystemClock()
        self._quota = Quota()
        self._cache = PromptCache()
        self._seen = Seen()
        self._log = RequestLog(self.config.log_path) if self.config.log_path else None
        self._handlers: set[asyncio.Task[Any]] = set()
        self._listener: asyncio.Server | None = None
        self._http: web.Server | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, while the server listens."""
        if self._listener is None:
            raise RuntimeError("the rehearsal server is not listening; enter it with `async with`")
        host, port = self._listener.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def in_flight(self) -> int:
        return len(self._handlers)

    def change(self, **members: Any) -> None:
        """Replace members of the configuration, e.g. `change(expired_credentials=True)`.

        Raises:
            pydantic.ValidationError: a member is unknown or its value impossible.
        """
        current = {name: getattr(self.config, name) for name in RehearsalConfig.model_fields}
        self.config = RehearsalConfig.model_validate(current | members)

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            UserError: the port is taken.
        """
        loop = asyncio.get_running_loop()

        def make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
            return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MOST_BODY_BYTES)

        self._http = web.Server(self._handle, request_factory=make_request, handler_cancellation=True, access_log=None)
        config = self.config
        if self._log is not None:
            self._log.open()
        try:
            self._listener = await loop.create_server(self._http, config.host, config.port, backlog=BACKLOG)
        except OSError as error:
            self._close_log()
            reason = error.strerror or error
            raise UserError(f"rehearsal server: port {config.port}: {reason}; choose another port, or 0") from error
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening and let go of every request in flight, within `CLOSE_S` or so."""
        assert self._listener is not None and self._http is not None
        self._listener.close()
        waiting = set(self._handlers)
        for handler in waiting:
            handler.cancel()
        try:
            if waiting:
                await asyncio.wait(waiting, timeout=CLOSE_S)
            await self._http.shutdown(timeout=CLOSE_S / 4)
        finally:  # no await: also when this very wait is cancelled
            for connection in self._http.connections:
                connection.force_close()
            self._listener = self._http = None
            self._close_log()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One HTTP request, from its arrival to its line in the log."""
        clock = self._clock
        connection = Connection(request, str(uuid4()), clock, clock.monotonic())
        account = _Account(iso_z(clock.now()), request.raw_path, connection.request_id)
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.received += 1
        self.peak_in_flight = max(self.peak_in_flight, len(self._handlers))
        try:
            account.data = await request.read()
            account.sent = await self._reply(connection, account)
            return account.sent.response
        finally:
            self._handlers.discard(task)
            self._write_down(account)

    async def _reply(self, connection: Connection, account: _Account) -> Sent:
        config = self.config
        call = self._call(account)
        if isinstance(call, ErrorAnswer):
            account.reply = Rejected(call)
            return await connection.reject(call)
        is_expired = _access_key(connection.request) in config.expired_keys
        reply = account.reply = Rejected(EXPIRED) if is_expired else decide(call, config, self._personas)
        if isinstance(reply, Rejected):
            return await connection.reject(reply.fault)
        held = self._quota.admit(call, config, self._clock.monotonic())
        if isinstance(held, ErrorAnswer):
            account.reply = Rejected(held)
            return await connection.reject(held)
        call = call.with_cache(self._cache.use(call, self._clock.monotonic()))
        try:
            return await connection.deliver(call, reply, config)
        finally:
            spent = reply.answer.output_tokens
            # What comes from the cache costs nothing of the quota.
            taken = call.input_tokens - (call.cached.read_tokens if call.cached else 0)
            self._quota.settle(held, input_tokens=taken, output_tokens=spent, burndown=config.output_burndown)

    def _call(self, account: _Account) -> RehearsalCall | ErrorAnswer:
        """The request as a value, with its number; or why it cannot be read."""
        parts = account.path.partition("?")[0].split("/")
        if len(parts) < 4 or parts[1] != "model" or parts[-1] not in _OPERATIONS:
            return _UNKNOWN_PATH
        # the id of a profile is an ARN, which may hold slashes
        account.model_id = unquote("/".join(parts[2:-1]))
        try:
            call = parse_call(account.model_id, account.data, streaming=_OPERATIONS[parts[-1]])
        except UnreadableRequest as error:
            return invalid(str(error))
        account.seen = self._seen.times_before(f"{call.content_hash} {call.trial}")
        return call.after(account.seen)

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()

    def _write_down(self, account: _Account) -> None:
        if self._log is None:  # nothing of what follows is worth its time then
            return
        reply, sent = account.reply, account.sent
        accepted = reply if isinstance(reply, Accepted) else None
        fault = reply.fault if isinstance(reply, Rejected) else accepted.disturbance if accepted else None
        self._log.write(
            LogLine(
                received_at=account.received_at,
                answered_at=iso_z(self._clock.now()),
                path=account.path,
                model_id=account.model_id,
                body=_parsed(account.data),
                status=sent.status if sent else None,
                delivered=sent is not None and sent.delivered,
                fault=fault.name if fault else None,
                mishap=accepted.mishap if accepted else None,
                answer_text=accepted.answer.text if accepted else None,
                stop_reason=accepted.answer.stop_reason if accepted else None,
                request_id=account.request_id,
                seen=account.seen,
            )
        )


async def serve_forever(
    config: RehearsalConfig, personas: Sequence[Persona], announce: Callable[[str], object]
) -> None:
    """Serve until cancelled; `announce` gets the URL, once, when the server listens."""
    async with RehearsalServer(config, personas=personas) as server:
        announce(server.url)
        await asyncio.get_running_loop().create_future()


def _parsed(data: bytes) -> Any:
    try:
        return jsontext.decode(data)
    except ValueError:
        return None
