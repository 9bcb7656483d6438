"""How does a decided reply reach the client, or fail to? The awaiting side of every fault."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from aiohttp import web

from trialbed.core.clock import Clock
from trialbed.providers.rehearsal import eventstream, wire
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.decide import Accepted
from trialbed.providers.rehearsal.faults import (
    CutBefore,
    CutBody,
    ErrorAnswer,
    GatewayHtml,
    Hang,
    MalformedBody,
    ModelTimeout,
    Rejection,
    StreamError,
    WrongShape,
)

_JSON = "application/json"
_PADDING = "abcdefghijklmnop"
_TIMED_OUT = ErrorAnswer(
    "ModelTimeoutException", 408, "Model has timed out in processing the request. Try your request again."
)


class Sent(NamedTuple):
    """`status` None = no status line was sent; `delivered` = all of the reply was handed to the connection."""

    response: web.StreamResponse
    status: int | None
    delivered: bool


@dataclass(frozen=True, slots=True)
class Connection:
    """One request that waits for its reply."""

    request: web.BaseRequest
    request_id: str
    clock: Clock
    received_s: float

    @property
    def waited_s(self) -> float:
        return self.clock.monotonic() - self.received_s

    async def reject(self, fault: Rejection) -> Sent:
        """Turn the call away."""
        if isinstance(fault, GatewayHtml):
            return await self._send(fault.status, wire.GATEWAY_HTML, "text/html")
        body = wire.error_body(fault.message, fault.members)
        return await self._send(fault.status, body, _JSON, error=fault.code)

    async def deliver(self, call: RehearsalCall, reply: Accepted, config: RehearsalConfig) -> Sent:
        """Send the answer after its latency, or lose it in the way its disturbance says."""
        if isinstance(reply.disturbance, Hang):
            await asyncio.get_running_loop().create_future()  # ends when the client leaves or the server closes
        paid_but_lost = isinstance(reply.disturbance, ModelTimeout | CutBefore)
        first_s = reply.latency_s * (config.ttft_fraction if call.streaming and not paid_but_lost else 1.0)
        # From the arrival of the request: what it took to read and decide is part of the latency.
        await self._pause(first_s - self.waited_s)
        match reply.disturbance:
            case ModelTimeout():
                return await self.reject(_TIMED_OUT)
            case CutBefore():
                self._end(at_once=True)
                return Sent(web.Response(), None, False)
        if call.streaming:
            return await self._stream(call, reply, config)
        return await self._whole(call, reply)

    async def _whole(self, call: RehearsalCall, reply: Accepted) -> Sent:
        tool_use_id = _tool_use_id(call)
        body = wire.converse_body(reply.answer, call, latency_s=self.waited_s, tool_use_id=tool_use_id)
        match reply.disturbance:
            case CutBody():
                return await self._send_half(body)
            case MalformedBody():
                body = body[: len(body) // 2]
            case WrongShape():
                body = wire.wrong_shape_body(reply.answer, call)
        return await self._send(200, body, _JSON)

    async def _stream(self, call: RehearsalCall, reply: Accepted, config: RehearsalConfig) -> Sent:
        response = web.StreamResponse(headers=self._headers(eventstream.CONTENT_TYPE))
        chars = config.chunk_chars
        opening = wire.opening_events(reply.answer, tool_use_id=_tool_use_id(call), piece_chars=chars)
        first = _frames(opening)
        pieces = _frames(wire.piece_events(reply.answer, piece_chars=chars))
        try:
            await response.prepare(self.request)
            if isinstance(reply.disturbance, WrongShape):
                await response.write(first[0])
                await response.write_eof()
                return Sent(response, 200, True)
            kept = pieces if reply.disturbance is None else pieces[: len(pieces) // 2]
            await self._write(response, first, kept, _gap_s(reply, config, len(pieces)))
            return await self._finish(response, call, reply)
        except ConnectionError:
            return Sent(response, 200, False)

    async def _write(self, response: web.StreamResponse, first: list[bytes], pieces: list[bytes], gap_s: float) -> None:
        if gap_s <= 0:
            await response.write(b"".join((*first, *pieces)))
            return
        await response.write(b"".join(first))
        began = self.clock.monotonic()
        for number, piece in enumerate(pieces, 1):
            await response.write(piece)
            # By the clock, not one pause after another: what each takes too long would add up.
            await self._pause(began + number * gap_s - self.clock.monotonic())

    async def _finish(self, response: web.StreamResponse, call: RehearsalCall, reply: Accepted) -> Sent:
        """The end of a stream, as it should be or as the disturbance has it."""
        frames = _frames(wire.closing_events(reply.answer, call, latency_s=self.waited_s))
        match reply.disturbance:
            case CutBody():
                self._end()
                return Sent(response, 200, False)
            case MalformedBody():
                frames = [eventstream.corrupted(frames[0])]
            case StreamError() as error:
                members = {"originalStatusCode": error.original_status, "originalMessage": error.message}
                frames = [eventstream.exception(error.code, {"message": error.message, **members})]
        await response.write(b"".join(frames))
        await response.write_eof()
        return Sent(response, 200, True)

    async def _send(self, status: int, body: bytes, content_type: str, *, error: str | None = None) -> Sent:
        headers = self._headers(content_type)
        if error is not None:
            headers["x-amzn-errortype"] = error
        response = web.Response(status=status, body=body, headers=headers)
        try:
            await response.prepare(self.request)
            await response.write_eof()
        except ConnectionError:
            return Sent(response, status, False)
        return Sent(response, status, True)

    async def _send_half(self, body: bytes) -> Sent:
        headers = self._headers(_JSON) | {"content-length": str(len(body))}
        response = web.StreamResponse(headers=headers)
        try:
            await response.prepare(self.request)
            await response.write(body[: len(body) // 2])
        except ConnectionError:
            return Sent(response, 200, False)
        self._end()
        return Sent(response, 200, False)

    def _headers(self, content_type: str) -> dict[str, str]:
        return {"content-type": content_type, "x-amzn-requestid": self.request_id}

    def _end(self, *, at_once: bool = False) -> None:
        """End the connection; not at once = after what was written has left."""
        transport = self.request.transport
        if transport is None:
            return
        if at_once:
            transport.abort()
        else:
            transport.close()

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await self.clock.sleep(seconds)


def _frames(events: Iterable[wire.Event]) -> list[bytes]:
    """Padded as the service pads them, so that the size of an event tells nothing about the words in it."""
    return [eventstream.event(kind, {**payload, "p": _PADDING}) for kind, payload in events]


def _gap_s(reply: Accepted, config: RehearsalConfig, pieces: int) -> float:
    if config.chunk_gap_s is not None:
        return config.chunk_gap_s
    return reply.latency_s * (1 - config.ttft_fraction) / max(1, pieces)


def _tool_use_id(call: RehearsalCall) -> str:
    return f"tooluse_{call.content_hash}"
