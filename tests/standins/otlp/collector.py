"""How does the stand-in listen, fail, and keep what it got? A real HTTP server in a thread, on loopback."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from .received import ReceivedSpan, spans_in

PROJECT_ID, LOG_STREAM_ID, TOKEN = "0f0e-project", "9a9b-log-stream", "token-of-the-stand-in"


@dataclass(frozen=True)
class Fault:
    """What becomes of a request for traces. `hangs` = it is read and never answered; `cut` = the connection is reset
    instead of an answer; `keeps` says whether the spans are kept all the same."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    slow_s: float = 0.0
    hangs: bool = False
    cut: bool = False

    @property
    def keeps(self) -> bool:
        return self.status == 200 and not self.hangs and not self.cut


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]


class Collector:
    """Takes traces at /v1/traces and /otel/traces for as long as its `with` block lasts.

    `fault` is asked for each request for traces, with its number from 0. `api` answers other paths as Galileo does.
    """

    def __init__(self, fault: Callable[[int], Fault] = lambda _: Fault(), *, api: "GalileoApi | None" = None) -> None:
        self.requests: list[Request] = []
        self.spans: list[ReceivedSpan] = []
        self.api = api
        self._fault = fault
        self._asked = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="collector", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environment(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def traces(self) -> set[str]:
        return {span.trace_id for span in self.spans}

    def named(self, name: str) -> list[ReceivedSpan]:
        """The spans whose name begins so."""
        return [span for span in self.spans if span.name.startswith(name)]

    def taken(self, path: str, headers: dict[str, str], body: bytes) -> Fault:
        with self._lock:
            fault = self._fault(self._asked)
            self._asked += 1
            self.requests.append(Request(path, headers))
            if fault.keeps:
                self.spans += spans_in(body)
        return fault

    def wait(self, seconds: float) -> None:
        """Until then, or until the stand-in ends."""
        self._over.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, collector: Collector) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.collector = collector


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if urlsplit(self.path).path.endswith("/traces"):
            self._traces(self.server.collector.taken(self.path, headers, body))
        else:
            self._api(headers, json.loads(body))

    def do_GET(self) -> None:
        self._api({name.lower(): value for name, value in self.headers.items()}, None)

    def _traces(self, fault: Fault) -> None:
        if fault.hangs:
            self.server.collector.wait(3600.0)
            self.close_connection = True
        elif fault.cut:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            self.connection.close()
            self.close_connection = True
        else:
            self.server.collector.wait(fault.slow_s)
            plain = fault.body or ExportTraceServiceResponse().SerializeToString()
            self._answer(fault.status, plain, {"content-type": "application/x-protobuf", **fault.headers})

    def _api(self, headers: dict[str, str], body: Any) -> None:
        if self.server.collector.api is None:
            self._answer(404, b"", {})
            return
        status, answer = self.server.collector.api.answer(self.path, headers, body)
        self._answer(status, json.dumps(answer).encode(), {"content-type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@dataclass(frozen=True)
class GalileoApi:
    """Galileo's own calls: login by key, the projects of a name, the log streams of a project. One of each is there."""

    api_key: str
    project: str
    log_stream: str
    slow_s: float = 0.0

    def answer(self, path: str, headers: Mapping[str, str], body: Any) -> tuple[int, Any]:
        time.sleep(self.slow_s)
        parts = urlsplit(path)
        if parts.path == "/login/api_key":
            return (200, {"access_token": TOKEN}) if body == {"api_key": self.api_key} else (401, {})
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {}
        if parts.path == "/projects":
            asked = parse_qs(parts.query).get("project_name")
            return 200, [{"id": PROJECT_ID, "name": self.project}] if asked == [self.project] else []
        if parts.path == f"/projects/{PROJECT_ID}/log_streams":
            return 200, [{"id": "other", "name": "other"}, {"id": LOG_STREAM_ID, "name": self.log_stream}]
        return 404, {}
