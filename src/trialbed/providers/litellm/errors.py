"""What did a failed attempt mean? The providers' error tables (2026-11); pure.

The status decides, and before it a code or type where a provider gives one; never the words of a message. Messages are
cut of secrets before they are kept.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from trialbed.core import errors
from trialbed.core.http_rules import seconds_asked
from trialbed.providers.litellm.http import Received

_DETAIL_CHARS = 500
_MOST_READ = 20_000

_BY_CODE: dict[str, type[errors.CallError]] = {
    # OpenAI and those who speak like it
    "insufficient_quota": errors.QuotaExhausted,
    "billing_hard_limit_reached": errors.QuotaExhausted,
    "billing_not_active": errors.QuotaExhausted,
    "insufficient_balance": errors.QuotaExhausted,
    "rate_limit_exceeded": errors.Throttled,
    "invalid_api_key": errors.ModelUnavailable,
    "model_not_found": errors.ModelUnavailable,
    "model_decommissioned": errors.ModelUnavailable,
    "model_not_active": errors.ModelUnavailable,
    # Anthropic
    "billing_error": errors.QuotaExhausted,
    "authentication_error": errors.ModelUnavailable,
    "permission_error": errors.ModelUnavailable,
    "not_found_error": errors.ModelUnavailable,
    "rate_limit_error": errors.Throttled,
    "timeout_error": errors.ModelTimedOut,
    "overloaded_error": errors.ServiceFault,
    # Google
    "API_KEY_INVALID": errors.ModelUnavailable,
    "API_KEY_SERVICE_BLOCKED": errors.ModelUnavailable,
    "BILLING_DISABLED": errors.QuotaExhausted,
    "RESOURCE_EXHAUSTED": errors.Throttled,
}

_BY_STATUS: dict[int, type[errors.CallError]] = {
    401: errors.ModelUnavailable,
    402: errors.QuotaExhausted,
    403: errors.ModelUnavailable,
    404: errors.ModelUnavailable,
    408: errors.ModelTimedOut,
    410: errors.ModelUnavailable,
    424: errors.ModelFault,
    425: errors.ServiceFault,
    429: errors.Throttled,
    498: errors.Throttled,  # Groq: the capacity of its flex tier is used up
}

_ABOUT_THE_KEY = (401, 403)
_OURS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "p": "top_p",
    "reasoning_effort": "effort",
    "reasoning.effort": "effort",
    "thinking": "thinking",
    "thinking.budget_tokens": "thinking",
}
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


def of_exception(error: Exception, redact: Callable[[str], str]) -> errors.CallError | None:
    """What an error of the HTTP client means; None if it is no matter of a call (a bug)."""
    code = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return errors.Unreachable(_detail(str(error), redact), code=code)
    if isinstance(error, aiohttp.InvalidURL):
        return errors.InvalidRequest(_detail(str(error), redact), code=code)
    if isinstance(error, aiohttp.ClientError | TimeoutError | OSError):
        return errors.ConnectionCut(_detail(str(error), redact), code=code)
    return None


def of_response(
    received: Received, *, key_variable: str, has_tokens: bool, redact: Callable[[str], str]
) -> errors.CallError:
    """What an answer other than a 200 means, or a 200 that says it is an error.

    Args:
        key_variable: the variable that holds the key, for the message where it was refused.
        has_tokens: whether the provider is called with tokens that expire, not with a key.
    """
    body = _object(received.body)
    about = error_in(body)
    status = received.status
    if status == 200:
        # Some gateways say so what an upstream has answered.
        said = about.get("code") if about else None
        status = said if isinstance(said, int) and 400 <= said < 600 else 502
    meaning = _meaning(about, status)
    message = _message(about, body, received)
    if meaning is errors.ModelUnavailable and (status in _ABOUT_THE_KEY or "API_KEY_INVALID" in _codes(about)):
        if has_tokens and status == 401:
            meaning = errors.CredentialsExpired
        message = f"{message} (the key is that of {key_variable})"
    return meaning(
        _detail(message, redact),
        code=_code(about) or f"HTTP {received.status}",
        http_status=received.status,
        request_id=request_id(received.headers, body),
        retry_after_s=retry_after_s(received.headers, about),
    )


def of_stream(event: Any, received: Received, redact: Callable[[str], str]) -> errors.CallError:
    """What an event that is an error means, in a stream that began as a 200."""
    about = error_in(event) or {}
    meaning = next((_BY_CODE[code] for code in _codes(about) if code in _BY_CODE), errors.BrokenStream)
    if meaning in (errors.ServiceFault, errors.ModelTimedOut):
        meaning = errors.BrokenStream
    detail = _message(about, {}, received)
    return meaning(
        _detail(detail, redact),
        code=_code(about) or "BrokenStream",
        http_status=received.status,
        request_id=request_id(received.headers, {}),
    )


def error_in(body: Any) -> Mapping[str, Any] | None:
    """The error that a body or an event is; None if it is none."""
    if isinstance(body, list) and body:
        body = body[0]  # Google answers a stream's request so
    if not isinstance(body, Mapping):
        return None
    found = body.get("error")
    if isinstance(found, str) and found:
        return {"message": found, "code": body.get("error_code")}
    if isinstance(found, Mapping):
        return found
    return body if body.get("type") == "error" or body.get("object") == "error" else None


def refused_parameter(received: Received) -> str | None:
    """The parameter, under our name, that a refusal names in a member of its own."""
    about = error_in(_object(received.body)) or {}
    param = about.get("param")
    return _OURS.get(param) if received.status in (400, 422) and isinstance(param, str) else None


def request_id(headers: Mapping[str, str], body: Any) -> str | None:
    """The provider's id for the attempt: of its headers, else of its body."""
    lower = {name.lower(): value for name, value in headers.items()}
    for name in ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "x-goog-request-id"):
        if lower.get(name):
            return lower[name][:200]
    for name in ("request_id", "responseId", "id"):
        if isinstance(body, Mapping) and isinstance(value := body.get(name), str) and value:
            return value[:200]
    return None


def retry_after_s(
    headers: Mapping[str, str], about: Mapping[str, Any] | None = None, now: datetime | None = None
) -> float | None:
    """How long the provider asks to be left alone, in seconds: by `retry-after-ms`, by `Retry-After` (seconds or a
    date, RFC 9110), or by Google's RetryInfo."""
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    milliseconds = _number(lower.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    if value := lower.get("retry-after"):
        # By the provider's own clock, where it tells the time.
        return seconds_asked(value, _moment(lower.get("date")) or now or datetime.now(UTC))
    for part in _parts(about or {}):
        delay = part.get("retryDelay")
        if isinstance(delay, str) and (match := _DELAY.fullmatch(delay)):
            return float(match[1])
    return None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d+)?", text) else None


def _moment(date: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def _meaning(about: Mapping[str, Any] | None, status: int) -> type[errors.CallError]:
    for code in _codes(about):
        if code in _BY_CODE:
            return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return errors.ServiceFault if status >= 500 or status < 400 else errors.InvalidRequest


def _codes(about: Mapping[str, Any] | None) -> list[str]:
    """All codes an error bears, the most particular first."""
    if about is None:
        return []
    inner = about.get("error")
    own = [part.get("reason") for part in _parts(about)] + [about.get(name) for name in ("code", "type", "status")]
    own += [inner.get("type")] if isinstance(inner, Mapping) else []
    return [code for code in own if isinstance(code, str)]


def _parts(about: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = about.get("details")
    yield from (part for part in details if isinstance(part, Mapping)) if isinstance(details, list) else ()


def _code(about: Mapping[str, Any] | None) -> str | None:
    found = [code for code in _codes(about) if code and not code.isdigit()]
    return " ".join(found[0].split())[:100] if found else None


def _message(about: Mapping[str, Any] | None, body: Any, received: Received) -> str:
    for place in (about or {}, body if isinstance(body, Mapping) else {}):
        for name in ("message", "detail", "msg"):
            if isinstance(value := place.get(name), str) and value:
                return value
    text = received.body[:_MOST_READ].decode("utf-8", "replace")
    return "the answer is a page, not JSON" if text.lstrip().startswith("<") else text


def _object(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _detail(message: str, redact: Callable[[str], str]) -> str:
    """One line without secrets."""
    return redact(" ".join(message[:_MOST_READ].split()))[:_DETAIL_CHARS]
