"""How does the stand-in listen, answer, fail, and keep what it was asked? A real HTTP server in a thread."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.standins.providers.protocols import Said, pieces, protocol_of, whole


@dataclass(frozen=True)
class Seen:
    """One request, as it came. `in_flight` counts it and those that were being answered when it came."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float
    in_flight: int

    @property
    def is_streamed(self) -> bool:
        return bool(self.body.get("stream")) or "streamGenerateContent" in self.path

    @property
    def protocol(self) -> str:
        return protocol_of(self.path.partition("?")[0])


@dataclass(frozen=True)
class Fault:
    """What is answered in the place of words.

    `body` goes out as it is, if it is bytes, else as JSON. `resets` cuts the connection before any answer. In a stream
    `after` events come first, and then the connection ends (`ends`), is reset (`cuts`), or `body` comes as an event.
    `hangs` answers nothing until the stand-in stops.
    """

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    resets: bool = False
    hangs: bool = False
    after: int | None = None
    ends: bool = False
    cuts: bool = False


Answer = Callable[[Seen], Said | Fault]


class ProviderStandIn:
    """Answers in every protocol, by path, for as long as its `with` block lasts; `answer` decides what."""

    def __init__(self, answer: Answer = lambda _: Said(), *, gap_s: float = 0.0, latency_s: float = 0.0) -> None:
        self.seen: list[Seen] = []
        self.tokens_asked = 0
        self.refuses_tokens = False
        self.answer = answer
        self.gap_s, self.latency_s = gap_s, latency_s
        self.lock = threading.Lock()
        self.in_flight = 0
        self.over = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="provider", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def most_in_flight(self) -> int:
        return max((one.in_flight for one in self.seen), default=0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, standin: ProviderStandIn) -> None:
        self.standin = standin
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of the stand-in's troubles."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silent."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        standin = self.server.standin
        if self.path == "/token":
            standin.tokens_asked += 1
            token = {"access_token": "ya29.of-the-stand-in", "expires_in": 3600, "token_type": "Bearer"}
            refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            self._send(400, refusal, {}) if standin.refuses_tokens else self._send(200, token, {})
            return
        with standin.lock:
            standin.in_flight += 1
            seen = Seen(self.path, dict(self.headers), json.loads(content), time.monotonic(), standin.in_flight)
            standin.seen.append(seen)
        try:
            standin.over.wait(standin.latency_s)
            self._answer(seen, standin.answer(seen))
        finally:
            with standin.lock:
                standin.in_flight -= 1

    def _answer(self, seen: Seen, answer: Said | Fault) -> None:
        if isinstance(answer, Fault):
            if answer.hangs:
                self.server.standin.over.wait()
            elif answer.resets:
                self._reset()
            elif answer.after is not None and seen.is_streamed:
                self._stream(seen, Said(), answer)
            else:
                self._send(answer.status, answer.body, answer.headers)
        elif seen.is_streamed:
            self._stream(seen, answer, None)
        else:
            self._send(
                200, whole(seen.protocol, answer, seen.body), {"x-request-id": f"req-{len(self.server.standin.seen)}"}
            )

    def _send(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        if "Content-Length" in headers:
            self.close_connection = True

    def _stream(self, seen: Seen, said: Said, fault: Fault | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("x-request-id", "req-stream")
        self.end_headers()
        for number, event in enumerate(pieces(seen.protocol, said, seen.body)):
            if fault is not None and number == fault.after:
                if fault.cuts:
                    self._reset()
                    return
                if not fault.ends:
                    self._chunk(
                        b"data: " + json.dumps(fault.body).encode() + b"\n\n"
                        if not isinstance(fault.body, bytes)
                        else fault.body
                    )
                break
            self._chunk(event)
            if self.server.standin.gap_s:
                self.server.standin.over.wait(self.server.standin.gap_s)
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _reset(self) -> None:
        """Not closed in good order: the other side gets a reset."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
