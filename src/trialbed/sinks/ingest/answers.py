"""What does the server's answer say of what was sent? Pure.

A 2xx means that it was taken, unless the body says otherwise: {"status": "rejected"} for all of it, or such a status
for an item of a batch. Whatever else a 2xx says, or says in another form, does not count against it.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from trialbed.core.http_rules import seconds_asked
from trialbed.sinks.ingest.faults import IngestFault, NoArrays, NotKept, Passing, Refused, Rejected

_REJECTED = frozenset({"rejected", "error", "failed"})
_SAYS_REJECTED = re.compile(rb'"status"\s*:\s*"\s*(?:rejected|error|failed)\s*"', re.IGNORECASE)
_WHY = ("reason", "message", "detail", "error")
_MOST_SAID = 200
_BUSY = (408, 409, 423, 425, 429)
"""409 and 423: another attempt at the same is being worked on (the IETF's draft of the Idempotency-Key header)."""
_NO_ARRAYS = (400, 404, 405, 413, 415, 422)
_NO_ADDRESS = (404, 405, 410)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that came; `body` is its beginning if `is_whole` is false."""

    status: int
    body: bytes = b""
    is_whole: bool = True
    encoding: str = ""
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def fault_of_result(answer: Answer, now: datetime) -> IngestFault | None:
    """Why one result is not there; None = it is."""
    if not answer.is_success:
        return _of_status(answer, now)
    body = _readable(answer)
    found = _parsed(body)
    if found is None:
        return Rejected("the server rejected it") if _SAYS_REJECTED.search(body) else None
    # Some servers answer one result like a batch of one.
    items = _items(found) or []
    return next((fault for said in (found, *items) if (fault := _rejection(said)) is not None), None)


def fault_of_error(answer: Answer, now: datetime) -> IngestFault | None:
    """Why a report of an error is not there; None = it is."""
    if answer.status in (404, 405):
        return NotKept(f"the server has no address for reports of errors (HTTP {answer.status})")
    return fault_of_result(answer, now)


def faults_of_batch(answer: Answer, keys: Sequence[str], now: datetime) -> dict[str, IngestFault | None]:
    """Why each item of an array is not there, by its idempotency key; None = it is.

    Raises:
        IngestFault: it says nothing of single items; none of them is known to be there.
    """
    if answer.status in _NO_ARRAYS:
        raise NoArrays(f"the server takes no arrays ({_said(answer)})")
    if not answer.is_success:
        raise _of_status(answer, now)
    body = _readable(answer)
    found = _parsed(body)
    if not answer.is_whole or (found is None and _SAYS_REJECTED.search(body)):
        raise NoArrays("the server's answer to an array cannot be read")
    if isinstance(found, Mapping) and (fault := _rejection(found)) is not None:
        raise fault
    items = None if found is None else _items(found)
    return dict.fromkeys(keys) if not items else _of_items(items, keys)


def _of_items(items: list[Any], keys: Sequence[str]) -> dict[str, IngestFault | None]:
    named = [item for item in items if isinstance(item, Mapping) and isinstance(item.get("idempotency_key"), str)]
    by_key: dict[str, Any] = {item["idempotency_key"]: item for item in named}
    if not by_key:
        if len(items) != len(keys):
            raise NoArrays(f"the server's answer has {len(items)} items for {len(keys)}, and no keys")
        by_key = dict(zip(keys, items, strict=True))
    silent = Passing("the server's answer does not name it, but others that were sent with it")
    return {key: _rejection(by_key[key]) if key in by_key else silent for key in keys}


def _items(found: Any) -> list[Any] | None:
    """The list with an entry for each of what was sent, if there is one."""
    items = found.get("results") if isinstance(found, Mapping) else found
    return items if isinstance(items, list) else None


def _rejection(said: Any) -> Rejected | None:
    """What an object with a `status`, or a status alone, says against what it stands for."""
    status = said.get("status") if isinstance(said, Mapping) else said
    if not isinstance(status, str) or status.strip().lower() not in _REJECTED:
        return None
    why = _why(said)
    return Rejected(f"the server rejected it{'' if why is None else f': {why}'}")


def _of_status(answer: Answer, now: datetime) -> IngestFault:
    status = answer.status
    if status in (401, 403):
        return Refused(f"INGEST_API_KEY: is not taken ({_said(answer)}); correct it, or the rights it has")
    if 300 <= status < 400:
        return Refused(
            f"INGEST_API_URL: leads elsewhere (HTTP {status}), and redirects are not followed; set the final address"
        )
    if status in _NO_ADDRESS:
        return Refused(f"INGEST_API_URL: there is nothing that takes results ({_said(answer)}); correct it")
    if status in _BUSY or not 400 <= status < 500:
        asked = seconds_asked(answer.retry_after, now)
        return Passing(f"the server is busy or out of order ({_said(answer)})", asked_s=asked)
    return Rejected(f"the server does not take it ({_said(answer)})")


def _said(answer: Answer) -> str:
    """The status, and the server's word on it if it has one."""
    why = _why(_parsed(_readable(answer)))
    return f"HTTP {answer.status}" if why is None else f"HTTP {answer.status}: {why}"


def _why(said: Any) -> str | None:
    """The reason that an object gives, as one short line."""
    if not isinstance(said, Mapping):
        return None
    reasons = (said[name] for name in _WHY if isinstance(said.get(name), str))
    lines = (" ".join("".join(c if c.isprintable() else " " for c in reason).split()) for reason in reasons)
    return next((line[:_MOST_SAID] for line in lines if line), None)


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _readable(answer: Answer) -> bytes:
    """The body as it was before it was packed, which nobody asked for; at most four times as much."""
    if answer.encoding not in ("gzip", "deflate"):
        return answer.body
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(answer.body, 4 * max(1024, len(answer.body)))
    except zlib.error:
        return b""
