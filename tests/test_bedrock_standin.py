"""A Bedrock runtime of a few lines on a real port, for the tests of `providers.bedrock`; and a look at itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import ClientSession, web

from trialbed.core.model import Message, ModelName, ModelRequest, Sampling

KEY = "AKIATESTTESTTESTTEST"
SECRET = "test-secret-test-secret"
_HEADERS = {"x-amzn-RequestId": "req-1", "Content-Type": "application/json"}
NOVA = ModelName("bedrock", "amazon.nova-pro-v1:0")


@dataclass(frozen=True)
class Seen:
    """One HTTP request as it arrived."""

    method: str
    path: str
    model: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)


Respond = Callable[[Seen, web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Runtime:
    """Answers every call of Converse or ConverseStream with `respond` and keeps what it saw."""

    respond: Respond
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        model = unquote(request.match_info["model"])
        path = request.raw_path
        seen = Seen(request.method, path, model, dict(request.headers), await request.read())
        self.seen.append(seen)
        return await self.respond(seen, request)


def answer_body(text: str = "Paris.", **members: Any) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
        "metrics": {"latencyMs": 3},
        **members,
    }


def answers(body: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> Respond:
    """Always the same answer: JSON for a dict or list, raw for bytes."""
    payload = answer_body() if body is None else body

    async def respond(_: Seen, __: web.Request) -> web.StreamResponse:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return web.Response(status=status, body=raw, headers={**_HEADERS, **(headers or {})})

    return respond


def refuses(code: str, status: int, message: str = "no", **members: Any) -> Respond:
    """An error as Bedrock sends it."""
    return answers({"message": message, **members}, status, {"x-amzn-ErrorType": f"{code}:http://internal/"})


@asynccontextmanager
async def runtime(respond: Respond) -> AsyncIterator[Runtime]:
    standin = Runtime(respond)
    app = web.Application()
    app.router.add_post("/model/{model:.+}/converse", standin.handle)
    app.router.add_post("/model/{model:.+}/converse-stream", standin.handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        standin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield standin
    finally:
        await runner.cleanup()


@contextmanager
def aws_environment(home: Path, **variables: str) -> Iterator[pytest.MonkeyPatch]:
    """Only these AWS settings, none of this machine's, and no instance metadata."""
    import os

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name, value in variables.items():
            patch.setenv(name, value)
        yield patch


def question(text: str = "Capital of France?", sampling: Sampling | None = None, **members: Any) -> ModelRequest:
    fields: dict[str, Any] = {"model": NOVA, "system": None, **members}
    return ModelRequest(messages=(Message("user", text),), sampling=sampling or Sampling(100), **fields)


async def test_the_standin_shows_what_it_was_sent() -> None:
    async with runtime(answers()) as bedrock, ClientSession() as http:
        path = f"{bedrock.url}/model/arn%3Aaws%3Abedrock%3A%3Ax/converse"
        async with http.post(path, json={"a": 1}) as response:
            assert (await response.json())["stopReason"] == "end_turn"
        await asyncio.sleep(0)
    assert [(seen.model.split(":")[0], seen.body) for seen in bedrock.seen] == [("arn", {"a": 1})]
