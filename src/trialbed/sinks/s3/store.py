"""How does one object get into the bucket, and is it there as it was sent? Raises `S3Fault`s; tries nothing twice."""

import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import anyio
import anyio.to_thread

from trialbed.sinks.s3.faults import Passing, Unreadable, fault_of
from trialbed.sinks.s3.multipart import put_in_parts
from trialbed.sinks.s3.objects import S3Object
from trialbed.sinks.s3.target import Pace, S3Target

_CLOSE_S = 1.0
_CHUNK_BYTES = 1024 * 1024
_SDK_FILES = ("partitions", "endpoints", "sdk-default-configuration")


class Store:
    """One bucket, by one client of the SDK."""

    def __init__(self, client: Any, target: S3Target, pace: Pace) -> None:
        self._client = client
        self._target = target
        self._pace = pace

    async def check(self) -> str | None:
        """Look whether the bucket is there. Returns what could not be found out, for a warning.

        Raises:
            Refused: there is no such bucket, or it can never be written to with these settings.
        """
        try:
            with self._faults():
                await self._client.head_bucket(Bucket=self._target.bucket)
        except Unreadable:
            return f"{self._target.place}: these credentials may not look whether the bucket is there; they may write"
        except Passing as fault:
            return str(fault)
        return None

    async def put(self, what: S3Object) -> None:
        """Write an object, and make sure that it is there as it was sent.

        Raises:
            S3Fault: it is not known to be there.
        """
        with self._faults(what.key), anyio.fail_after(self._pace.put_limit_s(len(what.body))):
            in_parts = len(what.body) >= self._pace.multipart_from_bytes
            await (self._put_in_parts(what) if in_parts else self._put_whole(what))
            await self._verify(what, in_parts=in_parts)

    async def _put_whole(self, what: S3Object) -> None:
        await self._client.put_object(
            Bucket=self._target.bucket,
            Key=what.key,
            Body=what.body,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=_base64(what.digest),
            **self._options,
        )

    async def _put_in_parts(self, what: S3Object) -> None:
        part_bytes = self._pace.part_bytes
        await put_in_parts(self._client, self._target.bucket, what, part_bytes=part_bytes, options=self._options)

    async def _verify(self, what: S3Object, *, in_parts: bool) -> None:
        """Compare what is there with what was sent. Who may not read has S3's word: it took it with its checksum."""
        place = {"Bucket": self._target.bucket, "Key": what.key}
        try:
            with self._faults(what.key):
                head = await self._client.head_object(**place, ChecksumMode="ENABLED")
                checksum = None if in_parts else head.get("ChecksumSHA256")
                is_whole = head["ContentLength"] == len(what.body)
                # The checksum of parts is none of the whole, and some services give none at all.
                if is_whole and checksum is None:
                    checksum = _base64(await self._digest_there(place))
        except Unreadable:
            return
        if not is_whole or checksum != _base64(what.digest):
            where = f"s3://{self._target.bucket}/{what.key}"
            raise Passing(f"{where}: what is there is not what was sent (checksum); nothing to do unless it stays so")

    async def _digest_there(self, place: dict[str, str]) -> bytes:
        hashed = hashlib.sha256()
        response = await self._client.get_object(**place)
        async with response["Body"]:
            async for chunk in response["Body"].iter_chunks(_CHUNK_BYTES):
                hashed.update(chunk)
        return hashed.digest()

    @property
    def _options(self) -> dict[str, str]:
        options = {"ContentType": "application/json"}
        if self._target.encryption is not None:
            options["ServerSideEncryption"] = self._target.encryption
        if self._target.kms_key_id is not None:
            options["SSEKMSKeyId"] = self._target.kms_key_id
        return options

    @contextmanager
    def _faults(self, key: str = "") -> Iterator[None]:
        with faults_named(self._target, key):
            yield


@asynccontextmanager
async def open_store(target: S3Target, pace: Pace, endpoint_url: str | None = None) -> AsyncIterator[Store]:
    """Open a client with the SDK's usual credentials; no role is assumed. AWS_ENDPOINT_URL_S3 is honoured by the SDK.

    Nothing is asked of S3 yet.

    Raises:
        S3Fault: the settings are wrong, or no credentials can be had.
    """
    stack = AsyncExitStack()
    try:
        with faults_named(target):
            # In a thread: loading the SDK takes a busy loop half a second.
            session, config = await anyio.to_thread.run_sync(_loaded_session, pace, abandon_on_cancel=True)
            opening = session.client("s3", region_name=target.region, endpoint_url=endpoint_url, config=config)
            client = await stack.enter_async_context(opening)
        yield Store(client, target, pace)
    finally:
        # However the way here was cut off, connections are closed; that asks nothing of the far side.
        with anyio.move_on_after(_CLOSE_S, shield=True):
            await stack.aclose()


def _loaded_session(pace: Pace) -> tuple[Any, Any]:
    import aioboto3
    from aiobotocore.config import AioConfig
    from aiobotocore.session import AioSession
    from botocore.exceptions import DataNotFoundError

    core = AioSession()
    loader = core.get_component("data_loader")
    # What is read here need not be read in the loop; what another version has elsewhere, it will find by itself.
    with contextlib.suppress(DataNotFoundError):
        loader.load_service_model("s3", "service-2")
        loader.load_service_model("s3", "endpoint-rule-set-1")
        for name in _SDK_FILES:
            loader.load_data(name)
    config = AioConfig(
        # One attempt: the sink decides when to try again, and for how long.
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=pace.concurrency,
        connect_timeout=pace.connect_s,
        read_timeout=pace.answer_s,
        # Bodies have a SHA-256 of ours; what is read back is hashed here.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return aioboto3.Session(botocore_session=core), config


@contextmanager
def faults_named(target: S3Target, key: str = "") -> Iterator[None]:
    """Turn errors of the SDK into faults."""
    try:
        yield
    except Exception as error:  # the SDK raises its own, aiohttp's and bare errors; strangers go on as they are
        fault = fault_of(error, target, key)
        if fault is None:
            raise
        # Without its cause: the SDK's text may hold the account, a signed request or an endpoint.
        raise fault from None


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
