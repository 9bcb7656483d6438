"""What does one line of a journal look like? Pure.

    {"crc":"89abcdef","prev":"0123456789abcdef0123456789abcdef","e":"answer","trial":"…",…}

`crc` is the CRC-32 of everything after `"crc":"…",`; `prev` names the line before, so that no line can be changed,
taken out or put in without all that follow; `e` is the kind of event; `trial` stands next where an event belongs to
a trial, so that a reader can pass over what it does not need without parsing it. Lines of earlier versions have no
`prev`.
"""

import hashlib
import re
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
    "judging_start",
    "judging_failed",
    "judging_stop",
    "probe",
]

HEAD = re.compile(rb'\{"crc":"[0-9a-f]{8}",(?:"prev":"[0-9a-f]{32}",)?"e":"(\w+)"(?:,"trial":"([0-9a-f]+)")?')
"""The beginning of a line; its groups are the kind of event and, if it belongs to one, the trial."""

DIGEST_CHARS = 32
NO_LINE = "0" * DIGEST_CHARS
"""What the first line of a journal has for the name of the line before it."""

_CRC = len(b'{"crc":"89abcdef",')
_RECORD = b',"record":'


def encode(kind: Kind, trial: str | None, body: dict[str, Any], *, prev: str) -> bytes:
    """A whole line, newline included. The keys of `body` keep their order; `prev` is `name_of` the line before."""
    head: dict[str, Any] = {"e": kind} if trial is None else {"e": kind, "trial": trial}
    rest = b'"prev":"%s",%s' % (prev.encode(), json_line({**head, **body})[1:])
    return b'{"crc":"%08x",%s\n' % (zlib.crc32(rest), rest)


def name_of(line: bytes) -> str:
    """What the next line calls this one (its newline left out): the first 128 bits of its SHA-256, in hex.

    A line holds the name of the one before it, so its own name stands for all of the journal up to here.
    """
    return hashlib.sha256(line).hexdigest()[:DIGEST_CHARS]


def kind_of(line: bytes) -> str | None:
    """The kind of event, read off the beginning; None for what is no line of a journal."""
    match = HEAD.match(line)
    return None if match is None else match[1].decode()


def record_in(line: bytes) -> bytes:
    """The record in a line of that kind, as one line of ASCII JSON: the very bytes that were written.

    It is the last member, and what goes before it holds no such key and no quote: an outcome's name, a number and
    the name of a variant's file.
    """
    return line[line.index(_RECORD) + len(_RECORD) : -1]


def is_whole(line: bytes | memoryview) -> bool:
    """Whether a line (without its newline) is as it was written."""
    head = b'{"crc":"%08x",' % zlib.crc32(line[_CRC:])
    return bytes(line[:_CRC]) == head


def decode(line: bytes) -> dict[str, Any]:
    """The event of a whole line.

    Raises:
        ValueError: the line is torn or changed.
    """
    if not is_whole(line):
        raise ValueError("checksum does not match")
    event: dict[str, Any] = orjson.loads(line)
    return event
