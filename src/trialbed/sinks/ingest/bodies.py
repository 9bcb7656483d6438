"""What is sent of a record? Pure.

A key names what is sent for ever: the same result, or the same failure of a trial, has the same key at every attempt,
in every sitting and at every server.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from trialbed.core.outcome import Outcome
from trialbed.sinks.ingest.diagnosis import diagnosis_of
from trialbed.sinks.lines import json_line

Kind = Literal["result", "error"]
RESULT: Kind = "result"
ERROR: Kind = "error"

ForIngest = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""What an experiment has for a results server of an answered trial's record; None = nothing."""

_KEY_CHARS = 40
_MOST_MESSAGE = 2_000


@dataclass(frozen=True, slots=True)
class Payload:
    """One result or one report of an error, as it is sent: an object of ASCII JSON with its key in it."""

    trial: str
    kind: Kind
    key: str
    text: bytes
    model: str


def kind_of_outcome(outcome: str) -> Kind:
    """What a record of this outcome is to a results server."""
    return RESULT if outcome == Outcome.ANSWERED else ERROR


def key_of(nonce: str, trial: str, kind: Kind) -> str:
    """The idempotency key: of this run, this trial and this kind of message, whatever else changes.

    A record that is judged again is not a new result; a failed trial that was answered later is one.
    """
    return hashlib.sha256(f"ingest:{nonce}:{trial}:{kind}".encode()).hexdigest()[:_KEY_CHARS]


def key_of_batch(keys: Iterable[str]) -> str:
    """The same for an array of results."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:_KEY_CHARS]


def body_of(record: Mapping[str, Any], key: str, for_ingest: ForIngest) -> bytes | None:
    """The JSON that is sent of a record; None = nothing is.

    Raises:
        TypeError: the experiment made something that is no JSON.
    """
    if kind_of_outcome(record["outcome"]) == ERROR:
        return json_line(_error_body(record, key))
    made = for_ingest(record)
    return None if made is None else json_line({**made, "idempotency_key": key})


def _error_body(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = diagnosis_of(record)
    return {
        "provider": record["provider"],
        "model_name": record["steward_model"],
        "run_ts": record["started_at"],
        "ts": record["timestamp"],
        "stage": found.stage,
        "message": (record["outcome_reason"] or record["outcome"])[:_MOST_MESSAGE],
        "exc_type": found.exc_type,
        "error_kind": found.error_kind,
        "idempotency_key": key,
    }


def array_of(payloads: Iterable[Payload]) -> bytes:
    """Results as one JSON array."""
    return b"[" + b",".join(payload.text for payload in payloads) + b"]"


def key_in(text: bytes) -> str:
    """The idempotency key that a body holds."""
    return str(orjson.loads(text)["idempotency_key"])
