"""What does one line of a journal look like? Pure.

    {"crc":"89abcdef","e":"answer","trial":"…",…}

`crc` is the CRC-32 of everything after `"crc":"…",`; `e` is the kind of event; `trial` stands second where
an event belongs to a trial, so that a reader can pass over what it does not need without parsing it.
"""

import zlib
from typing import Any, Literal

import orjson

from trialbed.sinks.lines import json_line

Kind = Literal[
    "run_start",
    "plan_grown",
    "deviation",
    "preflight",
    "budget",
    "trial_start",
    "attempt",
    "attempt_failed",
    "answer",
    "verdict",
    "record",
    "trial_stopped",
    "model_stopped",
    "governor",
    "sealed",
    "receipt",
    "run_stop",
]

_HEAD = len(b'{"crc":"89abcdef",')
_RECORD = b',"record":'


def encode(kind: Kind, trial: str | None, body: dict[str, Any]) -> bytes:
    """A whole line, newline included. The keys of `body` keep their order."""
    head: dict[str, Any] = {"e": kind} if trial is None else {"e": kind, "trial": trial}
    rest = json_line({**head, **body})[1:]
    return b'{"crc":"%08x",%s\n' % (zlib.crc32(rest), rest)


def record_in(line: bytes) -> bytes:
    """The record in a line of that kind, as one line of ASCII JSON: the very bytes that were written.

    It is the last member, and what goes before it holds no such key and no quote: an outcome's name, a number and
    the name of a variant's file.
    """
    return line[line.index(_RECORD) + len(_RECORD) : -1]


def is_whole(line: bytes | memoryview) -> bool:
    """Whether a line (without its newline) is as it was written."""
    head = b'{"crc":"%08x",' % zlib.crc32(line[_HEAD:])
    return bytes(line[:_HEAD]) == head


def decode(line: bytes) -> dict[str, Any]:
    """The event of a whole line.

    Raises:
        ValueError: the line is torn or changed.
    """
    if not is_whole(line):
        raise ValueError("checksum does not match")
    event: dict[str, Any] = orjson.loads(line)
    return event
