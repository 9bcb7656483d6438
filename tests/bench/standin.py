"""The far side of the benchmark: answers Converse after a fixed time, within quotas, and keeps count in memory.

    python -m tests.bench.standin --latency-s 0.2 --requests-per-second 50

The first line on stdout is the address. It costs as little as it can, so that it is not what is measured: no faults,
no personas, one fixed answer; a form (toolConfig or outputConfig) is filled in by its schema. Quotas have the
arithmetic of the rehearsal server. A request turned away is answered at once.

GET /count is `{"asked", "answered", "throttled"}` of the requests that matter; GET /account is every request (see
`Account`); GET /bodies is the requests' bodies, if they are kept; POST /forget empties all three and the quotas.
"""

import argparse
import asyncio
import json
import re
import signal
import time
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any
from urllib.parse import unquote

from trialbed.providers.rehearsal.call import RehearsalCall, parse_call
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import ErrorAnswer
from trialbed.providers.rehearsal.quota import Quota, Reservation
from trialbed.providers.rehearsal.schema_instance import instance

QUOTE = "I keep to the facts that I have and say plainly what is known."
SPOKEN = f"The answer is 42. {QUOTE} Nothing else bears on the question that you have put to me."
OUTPUT_TOKENS = 200
"""What an answer is said to have cost, and what it is settled with."""

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_PATH = re.compile(rb"/model/([^/]+)/converse")
_HEAD = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nx-amzn-RequestId: %s\r\n"
_END = b"\r\n\r\n"
_FORMS = (b'"toolConfig"', b'"outputConfig"')


@dataclass(slots=True)
class Account:
    """Columns, one row per request for a model.

    Times are seconds since 1970: when it had arrived, and when the answer was written (0 = not yet). `tokens` is
    what it took from a token quota in the end, 0 without one. `matters` says that the body had the mark that was
    asked for, so that the small calls a program makes before its work can be told from the work.
    """

    arrived_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)
    matters: list[bool] = field(default_factory=list)

    def open_row(self, matters: bool) -> int:
        """A new request; returns its row."""
        self.arrived_s.append(time.time())
        self.answered_s.append(0.0)
        self.status.append(0)
        self.tokens.append(0.0)
        self.matters.append(matters)
        return len(self.status) - 1

    def close_row(self, row: int, status: int, tokens: float = 0.0) -> None:
        if row < len(self.status):  # an answer that is due after everything was forgotten has no row
            self.answered_s[row], self.status[row], self.tokens[row] = time.time(), status, tokens


class StandIn:
    """What all connections share."""

    def __init__(self, config: RehearsalConfig, *, mark: bytes, keep_bodies: bool) -> None:
        self.config = config
        self._mark = mark
        self._keep_bodies = keep_bodies
        self.forget()

    def forget(self) -> None:
        self.account = Account()
        self.bodies: list[tuple[str, bytes]] = []
        self._quota = Quota()
        self._asked = self._answered = self._throttled = 0

    def count(self) -> dict[str, int]:
        return {"asked": self._asked, "answered": self._answered, "throttled": self._throttled}

    def ask(self, connection: "Connection", model_id: str, body: bytes) -> None:
        """Answer now or after the latency."""
        matters = self._mark in body
        row = self.account.open_row(matters)
        self._asked += matters
        if self._keep_bodies:
            self.bodies.append((model_id, body))
        call = self._call(model_id, body)
        held = self._quota.admit(call, self.config, time.monotonic())
        if isinstance(held, ErrorAnswer):
            self._throttled += matters
            self.account.close_row(row, held.status)
            connection.answer(held.status, row, json.dumps({"message": held.message}).encode(), held.code)
            return
        account = self.account
        asyncio.get_running_loop().call_later(
            self.config.latency_s, self._finish, connection, account, row, held, call, body
        )

    def _call(self, model_id: str, body: bytes) -> RehearsalCall:
        """The request as the quota needs it: read only when it is counted in tokens."""
        if self.config.tokens_per_minute is None:
            return RehearsalCall(model_id, ())
        return parse_call(model_id, body)

    def _finish(
        self, connection: "Connection", account: Account, row: int, held: Reservation, call: RehearsalCall, body: bytes
    ) -> None:
        by_tokens = bool(held.tokens)
        input_tokens = call.input_tokens if by_tokens else len(body) // 4
        if by_tokens:
            self._quota.settle(held, input_tokens=input_tokens, output_tokens=OUTPUT_TOKENS, burndown=1.0)
        if account is self.account:
            self._answered += account.matters[row]
        account.close_row(row, 200, input_tokens + OUTPUT_TOKENS if by_tokens else 0.0)
        connection.answer(200, row, answer_to(body, input_tokens))


def answer_to(body: bytes, input_tokens: int) -> bytes:
    """A Converse answer; a form that is asked for is filled in so that it fits."""
    content, stop_reason = [{"text": SPOKEN}], "end_turn"
    if any(form in body for form in _FORMS):
        content, stop_reason = _filled_form(body)
    usage = {
        "inputTokens": input_tokens,
        "outputTokens": OUTPUT_TOKENS,
        "totalTokens": input_tokens + OUTPUT_TOKENS,
    }
    answer = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason,
        "usage": usage,
        "metrics": {"latencyMs": 1},
    }
    return json.dumps(answer).encode()


def _filled_form(body: bytes) -> tuple[list[dict[str, Any]], str]:
    call = parse_call("any", body)
    if call.schema is None:
        return [{"text": SPOKEN}], "end_turn"
    filled = instance(call.schema, Random(len(body)), lambda name, rng: QUOTE)
    if call.tool is None:
        return [{"text": json.dumps(filled)}], "end_turn"
    return [{"toolUse": {"toolUseId": "tooluse_1", "name": call.tool.name, "input": filled}}], "tool_use"


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as SDKs speak it: one request at a time, bodies of a stated length."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while (head_end := self._buffer.find(_END)) >= 0:
            head = self._buffer[:head_end]
            found = _LENGTH.search(head)
            begin = head_end + len(_END)
            end = begin + (int(found[1]) if found else 0)
            if len(self._buffer) < end:
                return
            body, self._buffer = self._buffer[begin:end], self._buffer[end:]
            self._take(head.split(b"\r\n", 1)[0].split(b" ")[1], body)

    def _take(self, path: bytes, body: bytes) -> None:
        model = _PATH.fullmatch(path)
        if model:
            self._stand_in.ask(self, unquote(model[1].decode()), body)
            return
        match path:
            case b"/count":
                self.answer(200, 0, json.dumps(self._stand_in.count()).encode())
            case b"/account":
                account = self._stand_in.account
                columns = {name: getattr(account, name) for name in Account.__slots__}
                self.answer(200, 0, json.dumps(columns).encode())
            case b"/bodies":
                bodies = [{"model": model_id, "body": json.loads(body)} for model_id, body in self._stand_in.bodies]
                self.answer(200, 0, json.dumps(bodies).encode())
            case b"/forget":
                self._stand_in.forget()
                self.answer(200, 0, b"{}")
            case _:
                self.answer(404, 0, b'{"message": "no such path"}', "UnknownOperationException")

    def answer(self, status: int, number: int, body: bytes, error: str | None = None) -> None:
        """Write a whole answer, unless the client has gone."""
        if self._transport is None or self._transport.is_closing():
            return
        request_id = b"00000000-0000-4000-8000-%012d" % number
        head = _HEAD % (status, b"OK" if status == 200 else b"No", len(body), request_id)
        if error is not None:
            head += b"x-amzn-ErrorType: " + error.encode() + b"\r\n"
        self._transport.write(head + b"\r\n" + body)


async def serve(stand_in: StandIn, port: int) -> None:
    """Say the address and listen on this machine only, until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Connection(stand_in), "127.0.0.1", port, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--latency-s", type=float, default=0.0)
    parser.add_argument("--requests-per-second", type=float, help="quota per model")
    parser.add_argument("--tokens-per-minute", type=float, help="quota per model")
    parser.add_argument("--mark", default="", help="requests that have this text are the ones that matter")
    parser.add_argument("--keep-bodies", action="store_true")
    options = parser.parse_args()
    config = RehearsalConfig(
        latency_s=options.latency_s,
        requests_per_second=options.requests_per_second,
        tokens_per_minute=options.tokens_per_minute,
    )
    stand_in = StandIn(config, mark=options.mark.encode(), keep_bodies=options.keep_bodies)
    runner = import_module("uvloop" if find_spec("uvloop") else "asyncio")
    runner.run(serve(stand_in, options.port))


if __name__ == "__main__":
    main()
