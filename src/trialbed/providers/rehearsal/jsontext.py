"""How is JSON read and written when a text may hold half a surrogate pair? Pure.

The fast library refuses such text, which models really produce; then the standard one takes over, which
reads and writes it as an escape like "\\ud83d".
"""

import json
from typing import Any

import orjson


def encode(value: Any) -> bytes:
    """Compact JSON. Text that UTF-8 cannot carry is written as ASCII escapes."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def decode(data: bytes) -> Any:
    """The value that JSON text stands for.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)
