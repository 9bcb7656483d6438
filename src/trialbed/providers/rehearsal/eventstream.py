"""How is a message of application/vnd.amazon.eventstream framed? Pure.

Layout, big-endian: total length u32, headers length u32, CRC-32 of those eight bytes, headers, payload,
CRC-32 of everything before it. A header is name length u8, name, type u8 (7 = string), value length u16, value.
"""

import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from trialbed.providers.rehearsal import jsontext

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7
_FRAME_BYTES = 16


def event(kind: str, payload: Mapping[str, Any]) -> bytes:
    """One event, e.g. `contentBlockDelta`."""
    return _message(_headers("event", ":event-type", kind), jsontext.encode(payload))


def exception(kind: str, payload: Mapping[str, Any]) -> bytes:
    """An error inside a stream that had begun well, e.g. `modelStreamErrorException`."""
    return _message(_headers("exception", ":exception-type", kind), jsontext.encode(payload))


def corrupted(message: bytes) -> bytes:
    """The message with a checksum that does not hold."""
    return message[:-1] + bytes([message[-1] ^ 0xFF])


def _message(headers: bytes, payload: bytes) -> bytes:
    lengths = struct.pack("!II", _FRAME_BYTES + len(headers) + len(payload), len(headers))
    body = b"".join((lengths, struct.pack("!I", zlib.crc32(lengths)), headers, payload))
    return body + struct.pack("!I", zlib.crc32(body))


@lru_cache(maxsize=64)
def _headers(message_type: str, type_header: str, kind: str) -> bytes:
    pairs = ((type_header, kind), (":content-type", "application/json"), (":message-type", message_type))
    return b"".join(_header(name.encode(), value.encode()) for name, value in pairs)


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", _STRING, len(value)) + value
