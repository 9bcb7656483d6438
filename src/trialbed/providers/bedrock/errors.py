"""What did an exception of the SDK mean? Pure: Bedrock's error table (2026-11), row by row.

botocore's messages carry no HTTP status: the error code and status of the response decide. Messages are
cut of secrets and account numbers before they are kept.
"""

from collections.abc import Mapping
from json import JSONDecodeError
from typing import Any

import aiohttp
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from trialbed.core import errors
from trialbed.core.redact import Redactor

_DETAIL_CHARS = 500
_MOST_READ = 20_000
_redact = Redactor()

_BY_CODE: dict[str, type[errors.CallError]] = {
    "Throttling": errors.Throttled,
    "TooManyRequests": errors.Throttled,
    "ModelNotReady": errors.WarmingUp,
    "ServiceUnavailable": errors.ServiceFault,
    "ServiceUnavailableError": errors.ServiceFault,
    "InternalServer": errors.ServiceFault,
    "InternalServerError": errors.ServiceFault,
    "InternalFailure": errors.ServiceFault,
    "ModelTimeout": errors.ModelTimedOut,
    "ModelStreamError": errors.BrokenStream,
    "ValidationError": errors.InvalidRequest,
    "Validation": errors.InvalidRequest,
    "ServiceQuotaExceeded": errors.QuotaExhausted,
    "AccessDenied": errors.ModelUnavailable,
    "ResourceNotFound": errors.ModelUnavailable,
    "ExpiredToken": errors.CredentialsExpired,
    "UnrecognizedClient": errors.CredentialsExpired,
    "InvalidClientTokenId": errors.CredentialsExpired,
    "InvalidAccessKeyId": errors.CredentialsExpired,
    "RequestExpired": errors.CredentialsExpired,
    "InvalidSignature": errors.CredentialsExpired,
    "SignatureDoesNotMatch": errors.CredentialsExpired,
    "IncompleteSignature": errors.CredentialsExpired,
    "MissingAuthenticationToken": errors.CredentialsExpired,
}

_BY_STATUS: dict[int, type[errors.CallError]] = {
    401: errors.CredentialsExpired,
    403: errors.ModelUnavailable,
    404: errors.ModelUnavailable,
    408: errors.ModelTimedOut,
    424: errors.ModelFault,
    429: errors.Throttled,
}

_BY_TYPE: tuple[tuple[tuple[type[Exception], ...], type[errors.CallError]], ...] = (
    # No connection was made, so nothing was asked and nothing paid.
    (
        (sdk.ConnectTimeoutError, sdk.ProxyConnectionError, sdk.SSLError, aiohttp.ClientConnectorError),
        errors.Unreachable,
    ),
    # Something may have been asked, and what came back is not whole.
    (
        (
            sdk.HTTPClientError,
            sdk.ConnectionError,
            sdk.IncompleteReadError,
            aiohttp.ClientError,
            TimeoutError,
            OSError,
        ),
        errors.ConnectionCut,
    ),
    (
        (
            sdk.NoCredentialsError,
            sdk.PartialCredentialsError,
            sdk.CredentialRetrievalError,
            sdk.MetadataRetrievalError,
            sdk.TokenRetrievalError,
            sdk.NoAuthTokenError,
            sdk.SSOError,
        ),
        errors.CredentialsExpired,
    ),
    ((sdk.ParamValidationError,), errors.InvalidRequest),
    ((ResponseParserError, JSONDecodeError, UnicodeDecodeError, RecursionError), errors.MalformedBody),
    ((sdk.BotoCoreError,), errors.InvalidRequest),
)

_SIGNATURE_CODES = {"InvalidSignature", "SignatureDoesNotMatch", "IncompleteSignature"}
_KEY_REFUSED = ("bearer token", "api key", "security token")


def call_error(error: Exception) -> errors.CallError | None:
    """The row of the table that `error` belongs to, or None if it is no matter of a call (a bug)."""
    if isinstance(error, errors.CallError):
        return error
    if isinstance(error, sdk.ClientError):
        return _of_response(error.response, in_stream=isinstance(error, sdk.EventStreamError))
    if isinstance(error, sdk.EndpointConnectionError) and _never_connected(error):
        return errors.Unreachable(_detail(str(error)), code=type(error).__name__)
    for types, meaning in _BY_TYPE:
        if isinstance(error, types):
            return meaning(_detail(str(error)), code=type(error).__name__)
    return None


def credentials_error(error: Exception) -> errors.CredentialsExpired:
    """No credentials can be had right now, whatever the reason: pause and try again, burn no trial."""
    if isinstance(error, sdk.ClientError):
        about: Mapping[str, Any] = error.response.get("Error") or {}
        code = str(about.get("Code") or type(error).__name__)
        detail = f"{error.operation_name} was refused: {about.get('Message') or ''}"
        return errors.CredentialsExpired(_detail(detail), code=code, request_id=_request_id(error.response))
    return errors.CredentialsExpired(_detail(str(error)), code=type(error).__name__)


def stream_error(code: str, members: Mapping[str, Any], request_id: str | None) -> errors.CallError:
    """What an error event inside a stream means, e.g. `throttlingException`; the stream itself was a 200."""
    metadata = {"HTTPStatusCode": 200, "RequestId": request_id}
    response = {**members, "Error": {"Code": code, "Message": members.get("message")}, "ResponseMetadata": metadata}
    return _of_response(response, in_stream=True)


def _of_response(response: Mapping[str, Any], *, in_stream: bool) -> errors.CallError:
    about: Mapping[str, Any] = response.get("Error") or {}
    code = str(about.get("Code") or "")
    message = str(about.get("Message") or "")
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    plain = _plain(code)
    meaning = _meaning(plain, status, message, response.get("originalStatusCode"))
    if in_stream and meaning is errors.InvalidRequest and plain != "Validation":
        meaning = errors.BrokenStream
    if plain in _SIGNATURE_CODES:
        # The service's message quotes the signed request, session token included.
        message = "the request signature was refused: check the secret key and this machine's clock"
    return meaning(
        _detail(message),
        code=code if code and not code.isdigit() else f"HTTP {status}",
        http_status=status,
        request_id=_request_id(response),
    )


def _meaning(code: str, status: int | None, message: str, original_status: Any) -> type[errors.CallError]:
    if code == "ModelError":
        return _of_original(original_status)
    if code == "AccessDenied" and any(words in message.lower() for words in _KEY_REFUSED):
        # An API key (bearer token) that ran out is answered like this; the model itself is not denied.
        return errors.CredentialsExpired
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    # A redirect or a gateway's page is not Bedrock speaking.
    return errors.ServiceFault if status is None or status >= 500 or status < 400 else errors.InvalidRequest


def _of_original(status: Any) -> type[errors.CallError]:
    """A failed model: transient if its own status was, or is not known."""
    if not isinstance(status, int):
        return errors.ModelFault
    return errors.ModelFault if status >= 500 or status in (408, 429) else errors.InvalidRequest


def _plain(code: str) -> str:
    """`throttlingException` and `ThrottlingException` are one code."""
    bare = code.removesuffix("Exception")
    return bare[:1].upper() + bare[1:]


def _never_connected(error: sdk.EndpointConnectionError) -> bool:
    """The SDK names a reset in mid-request like a refused connection; what it wraps tells them apart."""
    return isinstance(error.kwargs.get("error"), aiohttp.ClientConnectorError)


def _request_id(response: Mapping[str, Any]) -> str | None:
    found = (response.get("ResponseMetadata") or {}).get("RequestId")
    return found if isinstance(found, str) else None


def _detail(message: str) -> str:
    """One line without secrets. An ARN in the URL of a failed connection is percent-encoded."""
    return _redact(" ".join(message[:_MOST_READ].split()))[:_DETAIL_CHARS]
