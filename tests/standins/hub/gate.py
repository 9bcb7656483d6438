"""What happens to every request before and after its handler?

Logs it, checks its token, injects the faults that are not about commits, and turns refusals into answers.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import web

from .accounts import account_of
from .faults import Fault
from .refusals import Refused
from .state import ACCOUNT, EXCHANGE, STATE, State
from .watch import Exchange

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Kind = Literal["read", "upload", "admin", "commit"]

KINDS = web.AppKey("kinds", dict[Handler, Kind])
CUT_AFTER_HALF = web.RequestKey("cut_after_half", bool)
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


class Cut(Exception):
    """This connection ends here, without an answer."""


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let one request through, or not."""
    state = request.app[STATE]
    exchange = Exchange(request.method, request.path, request.url.host or "")
    request[EXCHANGE] = exchange
    try:
        response = await _admitted(state, request, handler)
    except Refused as refusal:
        response = _answer(refusal)
    except Cut:
        _cut(request, state)
        response = web.Response(status=500)
    else:
        if _is_to_be_cut(state, request):
            state.watch.injected(exchange, Fault.READ_CUT)
            state.watch.ended(exchange)
            return await _cut_midway(request, state, response)
    if exchange.fault not in (Fault.HANG_ALL, Fault.HANG_BEFORE, Fault.HANG_AFTER):
        is_cut = exchange.fault in (Fault.CUT_BEFORE, Fault.CUT_AFTER)
        exchange.status = None if is_cut else response.status
        state.watch.ended(exchange)
    return response


async def hang(request: web.Request, fault: Fault) -> None:
    """Hold the connection until the client gives up (then cancelled) or the server stops. Always raises Cut."""
    state = request.app[STATE]
    state.watch.injected(request[EXCHANGE], fault)
    state.watch.ended(request[EXCHANGE])
    await state.stopping.wait()
    raise Cut


def server_error(request: web.Request, fault: Fault) -> Refused:
    """A 5xx, counted."""
    state = request.app[STATE]
    state.watch.injected(request[EXCHANGE], fault)
    return Refused(state.dice.server_error(), "Internal Error - We're working hard to fix this as soon as possible!")


async def _admitted(state: State, request: web.Request, handler: Handler) -> web.StreamResponse:
    if state.faults.hang_all:
        await hang(request, Fault.HANG_ALL)
    if state.faults.outage:
        state.watch.injected(request[EXCHANGE], Fault.OUTAGE)
        raise Refused(503, "Service Unavailable")
    if request[EXCHANGE].host not in LOOPBACK_NAMES:
        raise Refused(404, "the stand-in serves no other host")
    account = account_of(request.headers.get("Authorization"))
    if account is not None:
        request[ACCOUNT] = account
    kind = request.app[KINDS].get(request.match_info.handler)
    if kind == "upload" and state.dice.for_upload(state.faults):
        raise server_error(request, Fault.UPLOAD_ERROR)
    if kind == "read":
        fault = state.dice.for_read(state.faults)
        if fault is Fault.READ_ERROR:
            raise server_error(request, fault)
        if fault is Fault.READ_CUT:
            request[CUT_AFTER_HALF] = True
    try:
        return await handler(request)
    except web.HTTPException as error:
        raise Refused(error.status, f"the stand-in has no {request.method} {request.path}") from error


def _is_to_be_cut(state: State, request: web.Request) -> bool:
    return request.get(CUT_AFTER_HALF, False) and not state.stopping.is_set()


def _answer(refusal: Refused) -> web.Response:
    headers = {"X-Error-Message": refusal.message, **refusal.headers}
    if refusal.code is not None:
        headers["X-Error-Code"] = refusal.code
    body = json.dumps({"error": refusal.message})
    return web.Response(status=refusal.status, text=body, content_type="application/json", headers=headers)


async def _cut_midway(request: web.Request, state: State, whole: web.StreamResponse) -> web.StreamResponse:
    """Send the headers and half of the body of `whole`, then cut."""
    body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
    if request.method != "HEAD" and len(body) > 1:
        half = web.StreamResponse(status=whole.status, headers=whole.headers)
        half.content_length = len(body)
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
        await asyncio.sleep(0)  # lets the transport send the half before it is cut
        _close(request, reset=False)
        return half
    _cut(request, state)
    return web.Response(status=500)


def _cut(request: web.Request, state: State) -> None:
    # clients see a reset and an orderly close as different errors, so both occur, in turn
    state.cuts += 1
    _close(request, reset=state.cuts % 2 == 0)


def _close(request: web.Request, *, reset: bool) -> None:
    transport = request.transport
    if transport is None:
        return
    if not reset:
        transport.close()
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
