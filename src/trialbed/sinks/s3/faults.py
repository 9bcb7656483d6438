"""What can go wrong between us and a bucket, named by what to do next? Messages are one line, without secrets."""

from typing import TYPE_CHECKING

from trialbed.core.redact import Redactor

if TYPE_CHECKING:
    from trialbed.sinks.s3.target import S3Target

_redact = Redactor()
_MOST_CHARS = 300
_NO_BUCKET = frozenset({"NoSuchBucket", "404", "NotFound"})
_REFUSED = {
    "AccessDenied": "allow s3:PutObject and s3:GetObject on it for these credentials",
    "403": "allow s3:PutObject and s3:GetObject on it for these credentials",
    "AllAccessDisabled": "the bucket is closed for everybody; name another one",
    "AccountProblem": "there is a problem with the AWS account; see its console",
    "InvalidAccessKeyId": "check the AWS keys",
    "SignatureDoesNotMatch": "check the AWS secret key and this machine's clock",
    "InvalidBucketName": "this is no name of a bucket; correct it",
    "PermanentRedirect": "the bucket is in another region; set AWS_REGION to it",
    "IllegalLocationConstraintException": "the bucket is in another region; set AWS_REGION to it",
    "KMS.NotFoundException": "check RUNNER_S3_KMS_KEY_ID",
    "KMS.DisabledException": "the key of RUNNER_S3_KMS_KEY_ID is disabled; enable it or name another",
    "KMS.KMSInvalidStateException": "the key of RUNNER_S3_KMS_KEY_ID cannot be used now; name another",
    "InvalidArgument": "check RUNNER_S3_ENCRYPTION and RUNNER_S3_KMS_KEY_ID",
    "EntityTooLarge": "a file is larger than S3 takes",
}
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})


class S3Fault(Exception):
    """Anything that kept a file from being known to be there."""


class Passing(S3Fault):
    """It may pass by itself: try again."""


class Refused(S3Fault):
    """It will not pass before the user does something; the message says what."""


def fault_of(error: Exception, target: "S3Target") -> S3Fault | None:
    """What an exception of the SDK means; None if it is no matter of S3 (a bug)."""
    import aiohttp
    from botocore import exceptions as sdk

    if isinstance(error, S3Fault):
        return error
    if isinstance(error, sdk.ClientError):
        return _of_response(error, target)
    if isinstance(error, sdk.NoCredentialsError | sdk.PartialCredentialsError | sdk.ProfileNotFound):
        return Refused(f"AWS credentials: {_line(error)}; RUNNER_S3_BUCKET needs some, or unset it")
    if isinstance(error, sdk.NoRegionError):
        return Refused("AWS_REGION: no region is set; set it in .env or the shell, e.g. us-east-1")
    if isinstance(error, sdk.ParamValidationError | sdk.InvalidRegionError | ValueError):
        return Refused(f"RUNNER_S3_BUCKET: {_line(error)}; correct it")
    if isinstance(error, sdk.BotoCoreError | sdk.HTTPClientError | aiohttp.ClientError | OSError | TimeoutError):
        return Passing(f"{target.bucket}: {_line(error) or type(error).__name__}")
    return None


def _of_response(error: Exception, target: "S3Target") -> S3Fault:
    response = getattr(error, "response", {})
    about = response.get("Error") or {}
    code = str(about.get("Code") or "")
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    said = _redact(" ".join(str(about.get("Message") or "").split()))[:_MOST_CHARS]
    if code == "NoSuchBucket" or (code in _NO_BUCKET and getattr(error, "operation_name", "") == "HeadBucket"):
        return Refused(
            f"RUNNER_S3_BUCKET: No such bucket: {target.bucket!r}; create it (aws s3 mb s3://{target.bucket}), or "
            "unset RUNNER_S3_BUCKET to write none"
        )
    if code in _EXPIRED:
        return Passing(f"{target.bucket}: the AWS credentials are no longer taken ({code}); renew them")
    if code in _REFUSED:
        return Refused(f"RUNNER_S3_BUCKET: {target.bucket}: {code}: {said}; {_REFUSED[code]}")
    if status is not None and 300 <= status < 500 and status not in (404, 408, 409, 412, 429):
        return Refused(f"RUNNER_S3_BUCKET: {target.bucket}: {code}: {said}; correct what it names")
    return Passing(f"{target.bucket}: {code or status}: {said}")


def _line(error: Exception) -> str:
    return _redact(" ".join(str(error).split()))[:_MOST_CHARS]
