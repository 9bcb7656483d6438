"""How is content turned into bytes and ids? Pure: equal values give equal text on any machine."""

import hashlib
import json
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
DIGEST_CHARS = 20
"""80 bits: at 10 million trials the chance of any collision is about 4e-11."""


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces and ASCII only.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot hold.
        TypeError: for values that are not plain JSON data.
    """
    return _ENCODER.encode(value)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, shortened to `DIGEST_CHARS` hex characters."""
    return digest_of(canonical_json(value))


def digest_of(text: str) -> str:
    """The same of canonical JSON that is there already."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGEST_CHARS]


def seed_from(value: Any) -> int:
    """A seed below 2**53, so that every JSON reader gets the same integer."""
    return seed_of(canonical_json(value))


def seed_of(text: str) -> int:
    """The same of canonical JSON that is there already."""
    return int(hashlib.sha256(text.encode("ascii")).hexdigest()[:16], 16) >> 11
