"""Does an object get into the bucket whole, encrypted as asked, and is every fault named for what to do about it?"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import anyio
import pytest
from botocore import exceptions as sdk

from tests.standins.s3 import Fault, Faults, S3StandIn
from tests.support.measure import at_most
from tests.support.s3_material import FAST
from trialbed.sinks.s3.faults import CredentialsExpired, Passing, Refused, S3Fault, Unreadable, fault_of
from trialbed.sinks.s3.objects import S3Object
from trialbed.sinks.s3.store import Store, open_store
from trialbed.sinks.s3.target import S3Target

SMALL = S3Object("raw/runs/run-1/turn_000.json", '{"said":"caf\u00e9 漢字"}\n'.encode())
LARGE = S3Object("raw/runs/run-1/turn_001.json", bytes(range(256)) * (9 * 4096))
TARGET = S3Target(S3StandIn.bucket)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3StandIn]:
    with S3StandIn(seed=1) as stand_in:
        use(stand_in, monkeypatch)
        yield stand_in


def use(stand_in: S3StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK of this process talk to this S3 only."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in stand_in.environment.items():
        monkeypatch.setenv(name, value)


async def fault_in_putting(what: S3Object, target: S3Target = TARGET) -> S3Fault:
    async with open_store(target, FAST) as store:
        with pytest.raises(S3Fault) as raised:
            await store.put(what)
    return raised.value


async def test_an_object_is_there_as_it_was_sent_and_is_looked_at_once(s3: S3StandIn) -> None:
    async with open_store(TARGET, FAST) as store:
        assert await store.check() is None
        await store.put(SMALL)
    assert s3.objects == {SMALL.key: SMALL.body}
    assert [seen.method for seen in s3.log] == ["HEAD", "PUT", "HEAD"]
    assert s3.client.head_object(Bucket=s3.bucket, Key=SMALL.key)["ContentType"] == "application/json"


async def test_a_body_without_a_checksum_there_is_read_back(s3: S3StandIn) -> None:
    s3.faults = Faults(gives_no_checksums=True)
    async with open_store(TARGET, FAST) as store:
        await store.put(SMALL)
    assert [seen.method for seen in s3.log] == ["PUT", "HEAD", "GET"]


@pytest.mark.parametrize("what", [SMALL, LARGE], ids=["whole", "in parts"])
@pytest.mark.parametrize("key_id", [None, "arn:aws:kms:us-east-1:123456789012:key/1"])
async def test_encryption_arrives_as_asked(s3: S3StandIn, what: S3Object, key_id: str | None) -> None:
    async with open_store(replace(TARGET, encryption="aws:kms", kms_key_id=key_id), FAST) as store:
        await store.put(what)
    (begun,) = [seen for seen in s3.log if seen.headers.get("x-amz-server-side-encryption")]
    assert begun.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert begun.headers.get("x-amz-server-side-encryption-aws-kms-key-id") == key_id
    assert s3.client.head_object(Bucket=s3.bucket, Key=what.key)["ServerSideEncryption"] == "aws:kms"


def test_a_key_for_an_encryption_that_takes_none_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="aws:kms"):
        S3Target("artifacts", kms_key_id="k")


async def test_a_large_body_goes_in_parts_and_leaves_one_object_and_no_open_upload(s3: S3StandIn) -> None:
    async with open_store(TARGET, FAST) as store:
        await store.put(LARGE)
    assert s3.objects == {LARGE.key: LARGE.body}
    assert s3.open_uploads == []
    assert sum("partNumber" in seen.query for seen in s3.log) == 2


async def test_a_part_that_fails_leaves_nothing_behind(s3: S3StandIn) -> None:
    s3.faults = Faults(bad_parts=frozenset({2}))
    assert isinstance(await fault_in_putting(LARGE), Passing)
    assert (s3.objects, s3.open_uploads) == ({}, [])


async def test_an_upload_that_a_killed_process_left_open_ends_with_the_next_one(s3: S3StandIn) -> None:
    s3.client.create_multipart_upload(Bucket=s3.bucket, Key=LARGE.key)
    s3.client.create_multipart_upload(Bucket=s3.bucket, Key=f"{LARGE.key}.of_others")
    async with open_store(TARGET, FAST) as store:
        await store.put(LARGE)
    assert s3.open_uploads == [f"{LARGE.key}.of_others"]


async def test_a_cancelled_upload_in_parts_leaves_nothing_open(s3: S3StandIn) -> None:
    async with open_store(TARGET, replace(FAST, answer_s=30.0)) as store, anyio.create_task_group() as tasks:
        tasks.start_soon(store.put, LARGE)
        with anyio.fail_after(10):
            while not any("partNumber" in seen.query for seen in s3.log):  # noqa: ASYNC110
                await anyio.sleep(0.001)  # what is waited for happens in another thread
        tasks.cancel_scope.cancel()
    assert s3.open_uploads == []


@pytest.mark.parametrize("what", [SMALL, LARGE], ids=["whole", "in parts"])
@pytest.mark.parametrize("fault", list(Fault))
async def test_every_fault_that_passes_is_told_as_one_line_without_secrets(
    s3: S3StandIn, fault: Fault, what: S3Object
) -> None:
    s3.faults = Faults.always(fault)
    told = await fault_in_putting(what)
    assert isinstance(told, Passing)
    assert "\n" not in str(told)
    assert f"s3://{s3.bucket}/{what.key}: " in str(told)
    assert not any(secret in str(told) for secret in (s3.endpoint, *s3.environment["AWS_SECRET_ACCESS_KEY"].split()))


async def test_a_body_damaged_in_the_bucket_is_noticed_by_reading_it_back(s3: S3StandIn) -> None:
    async with open_store(TARGET, FAST) as store:
        s3.faults = Faults(gives_no_checksums=True, lose_tail=1.0)
        with pytest.raises(Passing, match="not what was sent"):
            await store.put(SMALL)


async def test_a_bucket_that_is_not_there_is_named_with_its_variable(s3: S3StandIn) -> None:
    async with open_store(S3Target("not-there"), FAST) as store:
        with pytest.raises(Refused) as checked:
            await store.check()
        with pytest.raises(Refused) as put:
            await store.put(SMALL)
    for told in (str(checked.value), str(put.value)):
        assert "No such bucket" in told
        assert "not-there" in told
        assert "RUNNER_S3_BUCKET; create it or unset RUNNER_S3_BUCKET" in told


@pytest.mark.parametrize(
    ("refusal", "kind", "part"),
    [
        ((403, "AccessDenied"), Refused, "s3:PutObject"),
        ((403, "InvalidAccessKeyId"), Refused, "AWS_ACCESS_KEY_ID"),
        ((403, "SignatureDoesNotMatch"), Refused, "AWS_SECRET_ACCESS_KEY or this machine's clock"),
        ((403, "AllAccessDisabled"), Refused, "RUNNER_S3_BUCKET"),
        ((400, "KMS.DisabledException"), Refused, "KMS key"),
        ((400, "KMS.ThrottlingException"), Passing, "busy"),
        ((400, "AuthorizationHeaderMalformed"), Refused, "AWS_REGION"),
        ((400, "ExpiredToken"), CredentialsExpired, "renew them"),
        ((400, "RequestTimeout"), Passing, "busy"),
        ((429, "Whatever"), Passing, "busy"),
        ((502, "Whatever"), Passing, "busy"),
        ((400, "EntityTooLarge"), Refused, "EntityTooLarge"),
    ],
)
async def test_a_refusal_says_what_to_do(
    s3: S3StandIn, refusal: tuple[int, str], kind: type[S3Fault], part: str
) -> None:
    s3.faults = Faults(refusal=refusal)
    told = await fault_in_putting(SMALL)
    assert type(told) is kind
    assert part in str(told)


async def test_who_may_write_but_not_look_still_may_write(s3: S3StandIn) -> None:
    s3.faults = Faults(looking_is_denied=True)
    async with open_store(TARGET, FAST) as store:
        warning = await store.check()
        assert warning is not None
        assert "may write" in warning
        await store.put(SMALL)
        await store.put(LARGE)
    assert set(s3.objects) == {SMALL.key, LARGE.key}


async def test_a_service_that_cannot_be_reached_is_a_warning_at_first(
    s3: S3StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{nobody_listens.getsockname()[1]}")
        async with open_store(TARGET, FAST) as store:
            assert "no answer from S3" in str(await store.check())
            with pytest.raises(Passing, match="check the network"):
                await store.put(SMALL)


async def test_without_credentials_the_user_has_to_act(s3: S3StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with open_store(TARGET, FAST) as store:
        with pytest.raises(Refused, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
            await store.check()


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_PROFILE", "nobody-has-this"), ("AWS_ENDPOINT_URL_S3", "not an address")]
)
async def test_settings_that_are_wrong_are_refused_when_it_is_opened(
    s3: S3StandIn, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match="AWS settings"):
        async with open_store(TARGET, FAST) as store:
            await store.put(SMALL)


async def test_a_service_that_hangs_holds_up_neither_a_cancellation_nor_the_loop(s3: S3StandIn) -> None:
    s3.faults = Faults(hang=1.0)
    async with open_store(TARGET, replace(FAST, answer_s=60.0)) as store:
        with at_most(1.0), anyio.move_on_after(0.2) as scope:
            await store.put(SMALL)
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), Passing),
        (ConnectionResetError(), Passing),
        (aiohttp.ServerDisconnectedError(), Passing),
        (sdk.EndpointConnectionError(endpoint_url="http://user:password@host"), Passing),
        (sdk.ReadTimeoutError(endpoint_url="http://user:password@host"), Passing),
        (sdk.FlexibleChecksumError(error_msg="x"), Passing),
        (sdk.UnauthorizedSSOTokenError(), CredentialsExpired),
        (sdk.TokenRetrievalError(provider="sso", error_msg="expired"), CredentialsExpired),
        (sdk.CredentialRetrievalError(provider="process", error_msg="x"), CredentialsExpired),
        (sdk.NoCredentialsError(), Refused),
        (sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), Refused),
        (sdk.NoRegionError(), Refused),
        (sdk.ProfileNotFound(profile="x"), Refused),
        (sdk.ParamValidationError(report="Invalid bucket name"), Refused),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_sdk_raises_has_a_name(error: Exception, kind: type[S3Fault]) -> None:
    fault = fault_of(error, TARGET, "k")
    assert type(fault) is kind
    assert "password" not in str(fault)


@pytest.mark.parametrize("error", [KeyError("x"), AssertionError(), TypeError()])
def test_a_bug_is_not_taken_for_a_fault_of_the_service(error: Exception) -> None:
    assert fault_of(error, TARGET) is None


def response(status: int, code: str, message: str = "", operation: str = "PutObject", **headers: str) -> Any:
    meta = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return sdk.ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}, operation)


def test_a_redirect_names_the_region_of_the_bucket() -> None:
    fault = fault_of(response(301, "301", operation="HeadBucket", **{"x-amz-bucket-region": "eu-west-1"}), TARGET)
    assert isinstance(fault, Refused)
    assert "eu-west-1; set AWS_REGION" in str(fault)


def test_a_403_to_looking_says_nothing_of_writing() -> None:
    assert type(fault_of(response(403, "403", operation="HeadObject"), TARGET)) is Unreadable


def test_accounts_and_keys_are_cut_out_of_what_the_service_says() -> None:
    said = "arn:aws:iam::123456789012:user/me with AKIAABCDEFGHIJKLMNOP\nis not authorized"
    told = str(fault_of(response(403, "AccessDenied", said), TARGET))
    assert "123456789012" not in told
    assert "AKIA" not in told
    assert "\n" not in told


def test_a_signature_that_is_not_taken_quotes_nothing_of_the_request() -> None:
    assert "token-of-mine" not in str(fault_of(response(403, "SignatureDoesNotMatch", "token-of-mine"), TARGET))


def test_the_sdk_is_not_loaded_before_it_is_needed() -> None:
    script = "import sys, trialbed.sinks.s3.sink; print([n for n in sys.modules if n.startswith(('aio', 'boto'))])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_a_store_is_opened_without_asking_anything(s3: S3StandIn) -> None:
    async with open_store(TARGET, FAST) as store:
        assert isinstance(store, Store)
    assert s3.log == []
