"""How is content turned into bytes and ids? Pure: equal values give equal text on any machine."""

import hashlib
import json
from typing import Any

DIGEST_CHARS = 20
"""80 bits: at 10 million trials the chance of any collision is about 4e-11."""


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces and ASCII only.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot hold.
        TypeError: for values that are not plain JSON data.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, shortened to `DIGEST_CHARS` hex characters."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()[:DIGEST_CHARS]


def seed_from(value: Any) -> int:
    """A seed below 2**53, so that every JSON reader gets the same integer."""
    return int(hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()[:16], 16) >> 11
