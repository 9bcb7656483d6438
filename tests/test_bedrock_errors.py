"""Does each row of Bedrock's error table become its class, over real HTTP, after exactly one attempt?"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from botocore import exceptions as sdk

from tests.test_bedrock_standin import (
    KEY,
    NOVA,
    SECRET,
    Respond,
    Seen,
    answers,
    aws_environment,
    question,
    refuses,
    runtime,
)
from trialbed.core import errors
from trialbed.providers.bedrock.capabilities import capabilities_of
from trialbed.providers.bedrock.errors import call_error
from trialbed.providers.bedrock.model import BedrockModel
from trialbed.providers.bedrock.session import open_client

HTML = b"<!DOCTYPE html><html><body>Bad gateway</body></html>"


async def failure(respond: Respond, tmp_path: Path, **options: Any) -> errors.CallError:
    """What one `converse` raised; asserts that it was one HTTP attempt."""
    async with runtime(respond) as bedrock:
        with aws_environment(
            tmp_path,
            AWS_ACCESS_KEY_ID=KEY,
            AWS_SECRET_ACCESS_KEY=SECRET,
            AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url,
        ):
            async with open_client(region="us-east-1", max_pool_connections=2, **options) as client:
                model = BedrockModel(client, NOVA, capabilities_of(NOVA.id))
                with pytest.raises(errors.CallError) as caught:
                    await model.converse(question())
        assert len(bedrock.seen) == 1
    assert SECRET not in repr(caught.value) + str(caught.value.__context__ or "")
    return caught.value


ROWS: list[tuple[str, int, str, type[errors.CallError]]] = [
    ("ThrottlingException", 429, "Too many requests, please wait", errors.Throttled),
    ("ThrottlingException", 429, "Too many tokens, please wait before trying again.", errors.Throttled),
    ("ModelNotReadyException", 429, "the model is not ready", errors.WarmingUp),
    ("ServiceUnavailableException", 503, "", errors.ServiceFault),
    ("InternalServerException", 500, "", errors.ServiceFault),
    ("ModelTimeoutException", 408, "", errors.ModelTimedOut),
    ("ModelStreamErrorException", 424, "", errors.BrokenStream),
    ("ValidationException", 400, "Malformed input request", errors.InvalidRequest),
    ("ServiceQuotaExceededException", 400, "", errors.QuotaExhausted),
    ("AccessDeniedException", 403, "You don't have access to the model", errors.ModelUnavailable),
    ("ResourceNotFoundException", 404, "This model version has reached the end of its life.", errors.ModelUnavailable),
    ("ResourceNotFoundException", 404, "Access denied. This Model is marked as Legacy", errors.ModelUnavailable),
    ("ExpiredTokenException", 403, "The security token included in the request is expired", errors.CredentialsExpired),
    ("ExpiredToken", 400, "", errors.CredentialsExpired),
    ("UnrecognizedClientException", 403, "", errors.CredentialsExpired),
    ("InvalidClientTokenId", 403, "", errors.CredentialsExpired),
    ("RequestExpired", 400, "", errors.CredentialsExpired),
    ("InvalidSignatureException", 403, "Signature expired", errors.CredentialsExpired),
    (
        "AccessDeniedException",
        403,
        "Authentication failed: Please make sure your API Key is valid.",
        errors.CredentialsExpired,
    ),
    ("SomethingNewException", 400, "", errors.InvalidRequest),
    ("SomethingNewException", 429, "", errors.Throttled),
    ("SomethingNewException", 529, "", errors.ServiceFault),
]


@pytest.mark.parametrize(("code", "status", "message", "meaning"), ROWS, ids=[f"{row[0]}-{row[1]}" for row in ROWS])
async def test_an_error_of_the_service_has_its_class(
    code: str, status: int, message: str, meaning: type[errors.CallError], tmp_path: Path
) -> None:
    error = await failure(refuses(code, status, message), tmp_path)
    assert type(error) is meaning
    assert (error.code, error.http_status, error.request_id) == (code, status, "req-1")


@pytest.mark.parametrize(
    ("original", "meaning"),
    [
        (500, errors.ModelFault),
        (429, errors.ModelFault),
        (503, errors.ModelFault),
        (400, errors.InvalidRequest),
        (422, errors.InvalidRequest),
        (None, errors.ModelFault),
        ("odd", errors.ModelFault),
    ],
)
async def test_a_failed_model_passes_if_its_own_status_does(
    original: Any, meaning: type[errors.CallError], tmp_path: Path
) -> None:
    error = await failure(refuses("ModelErrorException", 424, "m", originalStatusCode=original), tmp_path)
    assert type(error) is meaning and error.http_status == 424


@pytest.mark.parametrize(
    ("body", "status", "meaning"),
    [
        (HTML, 502, errors.ServiceFault),
        (HTML, 504, errors.ServiceFault),
        (b"<html>oops</html>", 503, errors.ServiceFault),
        (b"", 500, errors.ServiceFault),
        ([1], 500, errors.ServiceFault),
        (b'"text"', 429, errors.Throttled),
        (b"\xff\xfe", 400, errors.InvalidRequest),
        (b"[" * 50_000, 503, errors.ServiceFault),
        ({"code": 7, "message": {"a": 1}, "__type": 5}, 500, errors.ServiceFault),
        (HTML, 302, errors.ServiceFault),
        (HTML, 403, errors.ModelUnavailable),
        ({"message": "no"}, 401, errors.CredentialsExpired),
    ],
)
async def test_an_error_without_a_code_is_known_by_its_status(
    body: Any, status: int, meaning: type[errors.CallError], tmp_path: Path
) -> None:
    error = await failure(answers(body, status), tmp_path)
    assert type(error) is meaning and error.http_status == status


@pytest.mark.parametrize("body", [HTML, b"", b'{"output": ', b"\xff\xfe", [], b'"x"', b"null", b"[" * 50_000, {}])
async def test_a_200_without_an_answer_is_malformed(body: Any, tmp_path: Path) -> None:
    error = await failure(answers(body), tmp_path)
    assert type(error) is errors.MalformedBody
    assert (error.http_status, error.request_id) == (200, "req-1")


async def reset(_: Seen, request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()  # type: ignore[attr-defined]
    return web.Response()


async def cut(_: Seen, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"output": {')
    assert request.transport is not None
    request.transport.close()
    return response


async def silent(_: Seen, __: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    raise AssertionError("nobody waits that long")


@pytest.mark.parametrize(("respond", "options"), [(reset, {}), (cut, {}), (silent, {"read_timeout_s": 0.2})])
async def test_no_whole_answer_is_ambiguous_and_asked_once(
    respond: Respond, options: dict[str, Any], tmp_path: Path
) -> None:
    assert type(await failure(respond, tmp_path, **options)) is errors.ConnectionCut


async def test_where_nobody_listens_nothing_was_paid(tmp_path: Path) -> None:
    with aws_environment(tmp_path, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET):
        async with open_client(region="us-east-1", max_pool_connections=1, endpoint_url="http://127.0.0.1:9") as client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.converse({"modelId": "arn:aws:bedrock:us-east-1:123456789012:x/y", "messages": []})
    assert "123456789012" not in caught.value.detail


async def test_what_the_sdk_itself_refuses_is_an_invalid_request(tmp_path: Path) -> None:
    with aws_environment(tmp_path, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET):
        async with open_client(region="us-east-1", max_pool_connections=1) as client:
            with pytest.raises(errors.InvalidRequest):
                await client.converse({"modelId": 5, "messages": "no list"})


async def test_details_are_one_line_without_account_or_key(tmp_path: Path) -> None:
    message = f"User: arn:aws:iam::123456789012:user/me\n is not authorized, key {KEY}"
    error = await failure(refuses("AccessDeniedException", 403, message), tmp_path)
    assert error.detail == "User: arn:aws:iam::************:user/me is not authorized, key [redacted]"


async def test_a_refused_signature_is_not_quoted(tmp_path: Path) -> None:
    message = "The Canonical String should have been 'POST x-amz-security-token:FwoGZXIvYXdzEXAMPLE'"
    error = await failure(refuses("InvalidSignatureException", 403, message), tmp_path)
    assert "FwoGZ" not in error.detail and "clock" in error.detail


@pytest.mark.parametrize(
    "error",
    [
        sdk.NoCredentialsError(),
        sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        sdk.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"),
        sdk.UnauthorizedSSOTokenError(),
        sdk.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
    ],
)
def test_missing_or_unreadable_credentials_pause_the_run(error: Exception) -> None:
    assert isinstance(call_error(error), errors.CredentialsExpired)


def test_an_error_event_in_a_stream_is_no_answer() -> None:
    def event(code: str) -> errors.CallError | None:
        return call_error(sdk.EventStreamError({"Error": {"Code": code, "Message": "m"}}, "ConverseStream"))

    assert type(event("modelStreamErrorException")) is errors.BrokenStream
    assert type(event("throttlingException")) is errors.Throttled
    assert type(event("validationException")) is errors.InvalidRequest
    assert type(event("internalServerException")) is errors.ServiceFault


def test_a_bug_is_not_taken_for_an_error_of_the_call() -> None:
    assert call_error(KeyError("x")) is None
    assert call_error(AttributeError("x")) is None
