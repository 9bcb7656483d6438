"""What can go wrong between us and S3, named by what to do next, and which error of the SDK means what? Pure.

Messages are one line: what, where, what to do; without secrets. The SDK is only imported when there is an error of its.
"""

from collections.abc import Mapping
from typing import Any

from trialbed.core.redact import Redactor
from trialbed.sinks.s3.target import S3Target

_redact = Redactor()
_DETAIL_CHARS = 300


class S3Fault(Exception):
    """Anything that kept an object from being there."""


class Passing(S3Fault):
    """Whether it happened may be unknown. Try again later."""


class CredentialsExpired(Passing):
    """The same, with a client that has read the credentials anew."""


class Refused(S3Fault):
    """It will not pass before the user does something; the message says what."""


class Unreadable(Refused):
    """What is there may not be looked at; writing may be allowed all the same."""


_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_BUSY = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "OperationAborted",
    "ConditionalRequestConflict",
    "KMS.ThrottlingException",
    "KMS.KMSInternalException",
    "KMS.DependencyTimeoutException",
}
_DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"}
# A multipart upload that is gone or incomplete is begun anew.
_LOST_UPLOAD = {"NoSuchUpload", "InvalidPart", "InvalidPartOrder"}
_OTHER_REGION = {
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
_WRONG_KEYS = {"InvalidAccessKeyId", "InvalidToken", "UnrecognizedClientException", "InvalidClientTokenId"}
# The service's message quotes the signed request, session token included.
_BAD_SIGNATURE = {"SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidSignatureException"}
_NOT_ALLOWED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AccountProblem", "InvalidPayer", "403"}
_LOOKING = {"HeadObject", "GetObject", "HeadBucket"}


def fault_of(error: Exception, target: S3Target, key: str = "") -> S3Fault | None:
    """What an exception of the SDK, or of what it stands on, means; None if it is no matter of S3 (a bug)."""
    import aiohttp
    from botocore import exceptions as sdk
    from botocore.parsers import ResponseParserError

    where = f"s3://{target.bucket}/{key or target.prefix}"
    name = type(error).__name__
    match error:
        case S3Fault():
            return error
        case sdk.ClientError():
            return _of_response(error.response, error.operation_name, target, where)
        case sdk.NoCredentialsError() | sdk.PartialCredentialsError():
            return Refused(
                f"{where}: no AWS credentials ({name}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            )
        case (
            sdk.CredentialRetrievalError()
            | sdk.MetadataRetrievalError()
            | sdk.TokenRetrievalError()
            | sdk.SSOError()
            | sdk.NoAuthTokenError()
        ):
            return CredentialsExpired(f"{where}: no AWS credentials can be had now ({name}); renew them, e.g. sign in")
        case sdk.NoRegionError():
            return Refused(f"{where}: no region is set; set AWS_REGION, e.g. us-east-1")
        case (
            sdk.HTTPClientError()
            | sdk.ConnectionError()
            | sdk.IncompleteReadError()
            | aiohttp.ClientError()
            | TimeoutError()
            | OSError()
        ):
            # Without its text: it may hold an endpoint with a password in it.
            return Passing(
                f"{where}: no answer from S3 ({name}); check the network, or AWS_ENDPOINT_URL_S3 if it is set"
            )
        case sdk.ChecksumError() | sdk.FlexibleChecksumError() | ResponseParserError():
            return Passing(f"{where}: what S3 sent was damaged on its way ({name}); nothing to do unless it stays so")
        case sdk.BotoCoreError() | ValueError():
            return Refused(f"{where}: {name}: {_one_line(str(error))}; correct RUNNER_S3_BUCKET or the AWS settings")
    return None


def _of_response(response: Mapping[str, Any], operation: str, target: S3Target, where: str) -> S3Fault:
    about: Mapping[str, Any] = response.get("Error") or {}
    meta: Mapping[str, Any] = response.get("ResponseMetadata") or {}
    code = str(about.get("Code") or "")
    status = meta.get("HTTPStatusCode")
    passing = _passing(code, status, operation, where)
    if passing is not None:
        return passing
    if code == "NoSuchBucket" or (operation == "HeadBucket" and status == 404):
        return Refused(
            f"No such bucket: {target.bucket}, named by RUNNER_S3_BUCKET; create it or unset RUNNER_S3_BUCKET"
        )
    if operation in _LOOKING and (code in _NOT_ALLOWED or status in (401, 403)):
        return Unreadable(f"{where}: these credentials may not look at it ({operation}); allow it, or only write there")
    if code in _OTHER_REGION or status in (301, 307):
        region = (meta.get("HTTPHeaders") or {}).get("x-amz-bucket-region") or about.get("Region")
        named = f", {region}" if region else ""
        return Refused(f"{where}: the bucket is in another region{named}; set AWS_REGION to the bucket's")
    return Refused(f"{where}: {_why_refused(code, status, _one_line(str(about.get('Message') or '')))}")


def _passing(code: str, status: Any, operation: str, where: str) -> Passing | None:
    if code in _EXPIRED:
        return CredentialsExpired(f"{where}: {code}: the AWS credentials have expired; renew them")
    if code in _DAMAGED:
        return Passing(f"{where}: {code}: it was damaged on its way; nothing to do unless it stays so")
    if code in _LOST_UPLOAD:
        return Passing(f"{where}: {code}: S3 lost a part of the upload; it begins anew")
    if operation in _LOOKING and status == 400 and (not code or code.isdigit()):
        # An answer to HEAD has no body, so it may be anything, expired credentials too; a write is told more.
        return Passing(
            f"{where}: S3 does not say what is there (HTTP 400); writing will show what is wrong, if anything"
        )
    if operation in ("HeadObject", "GetObject") and status == 404:
        return Passing(f"{where}: it is not there although S3 took it; it is sent again")
    is_answer = isinstance(status, int) and 300 <= status < 500
    if code in _BUSY or status in (408, 429) or not is_answer:
        said = code if code and not code.isdigit() else f"HTTP {status}"
        return Passing(f"{where}: {said}: S3 is busy or out of order; nothing to do unless it stays so")
    return None


def _why_refused(code: str, status: Any, message: str) -> str:
    said = f"{code or f'HTTP {status}'}{f': {message}' if message else ''}"
    if code in _WRONG_KEYS:
        return f"{code}: the AWS keys are not taken; correct AWS_ACCESS_KEY_ID and what belongs to it"
    if code in _BAD_SIGNATURE:
        return f"{code}: the signature is not taken; correct AWS_SECRET_ACCESS_KEY or this machine's clock"
    if code.startswith("KMS"):
        return f"{said}; correct the KMS key, or let these credentials use it"
    if code in _NOT_ALLOWED or status in (401, 403):
        return f"{said}; allow these credentials s3:PutObject there, or unset RUNNER_S3_BUCKET"
    return f"{said}; correct RUNNER_S3_BUCKET or the AWS settings"


def _one_line(text: str) -> str:
    return _redact(" ".join(text.split()))[:_DETAIL_CHARS]
