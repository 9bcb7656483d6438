"""A stand-in for a list of models on the web: a real HTTP server in a thread, on loopback."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

TOKEN = "token-of-the-list-of-models"


@dataclass
class ModelList:
    """Answers with `models` as JSON, or `body` as it is, or with nothing but `status`. `asked` counts requests."""

    models: Any = field(default_factory=list)
    status: int = 200
    body: bytes | None = None
    location: str | None = None
    asked: int = 0
    tokens: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/models"

    def environment(self) -> dict[str, str]:
        return {"BENCHMARK_MODELS_URL": self.url, "BENCHMARK_MODELS_TOKEN": TOKEN}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, models: ModelList) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models = models


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        models = self.server.models
        models.asked += 1
        models.tokens.append(self.headers.get("authorization"))
        body = models.body if models.body is not None else json.dumps(models.models).encode()
        self.send_response(models.status)
        if models.location is not None:
            self.send_header("location", models.location)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
