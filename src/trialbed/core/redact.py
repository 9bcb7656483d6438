"""What must never be written down? Secrets and account numbers, cut out of any text."""

import re
from collections.abc import Iterable

MASK = "[redacted]"
_SHORTEST_SECRET = 8
_PATTERNS = [
    re.compile(r"\bhf_[A-Za-z0-9_]{8,}"),
    re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA|ABSK)[A-Za-z0-9+/=]{12,}"),
    re.compile(r"(?i)(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)(?<=Signature=)[0-9a-f]{64}"),
    re.compile(r"(?i)(?<=X-Amz-Security-Token[=:])[^&\s'\",]+"),
]
_ACCOUNT = re.compile(
    r"(?<=:)\d{12}(?=[:/])"
    r"|(?i:(?<=%3a)\d{12}(?=%3a))"  # an ARN inside a URL
    r"|(?i:(?<=account )|(?<=account: )|(?<=account id ))\d{12}\b"
)


class Redactor:
    """Cuts the given secrets and anything of a secret's known shape out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(MASK, text)
        return _ACCOUNT.sub("************", text)


SECRET_VARIABLES = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)
"""Variables whose values are secrets wherever they come from."""
