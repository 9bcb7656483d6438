"""How is a value turned into a line of JSON that every reader splits alike?

ASCII only: some readers take U+2028 or U+0085 for the end of a line.
"""

import json
from typing import Any

import orjson


def json_line(value: Any) -> bytes:
    """One line of ASCII JSON without its newline. NaN and infinities become null.

    Raises:
        TypeError: the value is not JSON data, or holds a lone surrogate (text is repaired earlier).
    """
    quick = orjson.dumps(value)
    if quick.isascii():
        return quick
    return json.dumps(orjson.loads(quick), ensure_ascii=True, separators=(",", ":")).encode("ascii")
