"""What must never be written down? Secrets and account numbers, cut out of any text."""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

MASK = "[redacted]"
ACCOUNT_MASK = "*" * 12
ACCOUNT_IN_ARN = re.compile(r"(?<=:)\d{12}(?=:)")
_SHORTEST_SECRET = 8
_LONG_SECRET = 16
_GOES_ON = r"[A-Za-z0-9+/=_~.%-]*"
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
    """Cuts the given secrets, also as they look in a URL or cut short, and anything of a secret's shape out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long_enough = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        forms = sorted({*long_enough, *(quote(secret, safe="") for secret in long_enough)}, key=len, reverse=True)
        # A message that was shortened somewhere on its way ends in the middle of what it quotes.
        beginnings = {form[:_SHORTEST_SECRET] for form in forms if len(form) >= _LONG_SECRET}
        patterns = [*map(re.escape, forms), *(re.escape(begin) + _GOES_ON for begin in sorted(beginnings))]
        self._known = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(MASK, text)
        return _ACCOUNT.sub(ACCOUNT_MASK, text)


SECRET_VARIABLES = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "BEDROCK_ASSUME_ROLE_EXTERNAL_ID",
    "GALILEO_API_KEY",
    "INGEST_API_KEY",
    "BENCHMARK_MODELS_TOKEN",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "AZURE_API_KEY",
    "ANYSCALE_API_KEY",
    "TOGETHER_API_KEY",
    "TOGETHERAI_API_KEY",
    "OPENROUTER_API_KEY",
    "RUNPOD_API_KEY",
    "FIREWORKS_API_KEY",
    "FIREWORKS_AI_API_KEY",
    "DEEPINFRA_API_KEY",
    "DEEPINFRA_TOKEN",
    "GROQ_API_KEY",
    "DATABRICKS_API_KEY",
    "DATABRICKS_TOKEN",
    "LAMBDA_API_KEY",
    "CEREBRAS_API_KEY",
    "GOOGLE_AI_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "HUGGINGFACE_API_KEY",
    "MISTRAL_API_KEY",
    "COHERE_API_KEY",
    "CO_API_KEY",
)
"""Variables whose values are secrets wherever they come from."""

HEADER_VARIABLES = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
"""Those that hold `name=value` pairs, each of whose values is one by itself."""

_SAYS_ONLY_WHERE = frozenset({"project", "logstream", "x-honeycomb-dataset", "x-scope-orgid"})
"""Headers that name a place at a collector; cut out of every text, such a word would make others unreadable."""


def header_secrets(pairs: str) -> list[str]:
    """The values among `name=value,name=value`, as they are written and as they are sent; of a scheme and a
    credential (`Basic abc`) also the credential alone."""
    found: list[str] = []
    for name, _, value in (pair.partition("=") for pair in pairs.split(",")):
        if unquote(name).strip().lower() not in _SAYS_ONLY_WHERE:
            written, sent = value.strip(), unquote(value).strip()
            found += [written, sent, *sent.split()[1:]]
    return list(dict.fromkeys(one for one in found if one))
