"""What may the page do? Show itself: its own style and script by their hashes, no request at all. Pure."""

import base64
import hashlib


def content_policy(*, style: str, script: str) -> str:
    """The content of the page's policy. `style` and `script` are the elements' texts, character by character."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",
            # These two do not fall back to the default.
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
