"""How does the stand-in start, stop, and show what it saw and what it keeps? Two real HTTP servers in threads."""

import asyncio
import base64
import hashlib
import logging
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import aiohttp
import boto3
from aiohttp import web
from botocore.config import Config
from moto.server import ThreadedMotoServer

from .faults import Dice, Fault, Faults

KEYS = ("AKIASTANDIN000000000", "s3-stand-in-secret-0000")
REGION = "us-east-1"
_WAIT_S = 10.0
_OF_CONNECTION = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"})
_LOOKING = ("HEAD", "GET")


@dataclass(slots=True)
class Exchange:
    """One request. `status` is None when it was cut or hung."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    fault: Fault | None = None
    status: int | None = None


class _Cut(Exception):
    """This connection ends here, without an answer."""


class S3StandIn:
    """An S3 on 127.0.0.1 for as long as its `with` block lasts, with one bucket in it."""

    bucket = "artifacts"

    def __init__(self, faults: Faults | None = None, *, seed: int = 0) -> None:
        """Prepare; nothing listens before `with`."""
        self.faults = faults or Faults()
        self.log: list[Exchange] = []
        self.endpoint = ""
        self._seed = seed
        self._dice = Dice(seed)
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._behind = ""
        self._started = Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=lambda: asyncio.run(self._serve()), name="s3-stand-in", daemon=True)

    def __enter__(self) -> Self:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        print(f"s3 stand-in: seed {self._seed}, {self.faults}")
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self._behind = f"http://{host}:{port}"
        self._thread.start()
        if not self._started.wait(_WAIT_S):
            raise TimeoutError(f"s3 stand-in: not listening after {_WAIT_S} s")
        self.client.create_bucket(Bucket=self.bucket)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut every connection, hanging ones included, forget everything, and stop listening."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_WAIT_S)
        self._moto.stop()

    @property
    def client(self) -> Any:
        """A client of the service itself, past all faults."""
        return boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=self._behind,
            aws_access_key_id=KEYS[0],
            aws_secret_access_key=KEYS[1],
            config=Config(s3={"addressing_style": "path"}),
        )

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a client that talks to this S3 only."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        }

    @property
    def objects(self) -> dict[str, bytes]:
        """What is in the bucket."""
        client = self.client
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return {key: client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    @property
    def open_uploads(self) -> list[str]:
        """The keys of multipart uploads that were neither completed nor aborted."""
        found = self.client.list_multipart_uploads(Bucket=self.bucket)
        return [upload["Key"] for upload in found.get("Uploads", [])]

    @property
    def puts(self) -> list[str]:
        """The keys of all writes so far, in order, failed ones too."""
        return [seen.path.split("/", 2)[2] for seen in self.log if seen.method == "PUT"]

    @property
    def fault_counts(self) -> dict[str, int]:
        """How often each fault was injected."""
        names = [seen.fault.value for seen in self.log if seen.fault is not None]
        return {name: names.count(name) for name in set(names)}

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(auto_decompress=False) as session:

            async def handle(request: web.Request) -> web.StreamResponse:
                return await self._answered(request, session)

            app = web.Application(client_max_size=64 * 1024 * 1024)
            app.router.add_route("*", "/{path:.*}", handle)
            runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
            await runner.setup()
            try:
                async with session.post(f"{self._behind}/moto-api/reset") as reset:
                    reset.raise_for_status()
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                (_, port, *_) = runner.addresses[0]
                self.endpoint = f"http://127.0.0.1:{port}"
                self._started.set()
                await self._stopping.wait()
                async with session.post(f"{self._behind}/moto-api/reset") as reset:
                    reset.raise_for_status()
            finally:
                await runner.cleanup()

    async def _answered(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        body = await request.read()
        seen = Exchange(request.method, request.path, dict(request.query), dict(request.headers))
        seen.fault = self._dice.fault_for(self.faults, is_write=request.method == "PUT" and bool(body))
        self.log.append(seen)
        try:
            response = await self._one(seen, request, body, session)
        except _Cut:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        seen.status = response.status
        return response

    async def _one(
        self, seen: Exchange, request: web.Request, body: bytes, session: aiohttp.ClientSession
    ) -> web.Response:
        refused = await self._refused(seen)
        if refused is not None:
            return refused
        if seen.fault is Fault.DAMAGED:
            body = bytes([body[0] ^ 1]) + body[1:]
        checksum = request.headers.get("x-amz-checksum-sha256")
        if checksum is not None and base64.b64encode(hashlib.sha256(body).digest()).decode() != checksum:
            # The service does this; moto does not.
            return _error(400, "BadDigest", "The SHA256 you specified did not match the calculated checksum.")
        if seen.fault is Fault.LOSE_TAIL:
            body = body[:-1]
        response = await self._passed_on(request, body, session)
        if seen.fault is Fault.CUT_AFTER:
            raise _Cut
        return _error(500, "InternalError", "We encountered an error.") if seen.fault is Fault.ERROR_AFTER else response

    async def _refused(self, seen: Exchange) -> web.Response | None:
        """What is answered without asking anybody."""
        is_looking = seen.method in _LOOKING and "uploads" not in seen.query
        if seen.fault is Fault.HANG:
            await self._stopping.wait()
            raise _Cut
        if seen.fault is Fault.CUT_BEFORE:
            raise _Cut
        if seen.fault is Fault.SLOW_DOWN:
            return _error(503, "SlowDown", "Please reduce your request rate.")
        if int(seen.query.get("partNumber", -1)) in self.faults.bad_parts:
            return _error(500, "InternalError", "We encountered an error.")
        if self.faults.looking_is_denied and is_looking:
            return _error(403, "AccessDenied", "Access Denied")
        if self.faults.refusal is not None and not is_looking:
            return _error(*self.faults.refusal, "refused by the stand-in")
        return None

    async def _passed_on(self, request: web.Request, body: bytes, session: aiohttp.ClientSession) -> web.Response:
        sent = {name: value for name, value in request.headers.items() if name.lower() not in _OF_CONNECTION}
        url = f"{self._behind}{request.path_qs}"
        async with session.request(request.method, url, headers=sent, data=body or None) as response:
            content = await response.read()
            headers = {name: value for name, value in response.headers.items() if name.lower() not in _OF_CONNECTION}
            if self.faults.gives_no_checksums:
                headers = {
                    name: value for name, value in headers.items() if not name.lower().startswith("x-amz-checksum")
                }
            if request.method == "HEAD":
                headers["Content-Length"] = response.headers.get("Content-Length", "0")
            return web.Response(status=response.status, headers=headers, body=content)


def _error(status: int, code: str, message: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml")
