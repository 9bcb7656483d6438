"""How does one file get into a bucket, and how is it known to be there? One attempt each; the sink tries again."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

from trialbed.sinks.s3.faults import Passing, Refused, S3Fault, fault_of
from trialbed.sinks.s3.objects import S3Object
from trialbed.sinks.s3.target import Pace, S3Target

_CONTENT_TYPE = "application/json"


class Store:
    """An open bucket."""

    def __init__(self, client: Any, target: S3Target, pace: Pace) -> None:
        self._client = client
        self._target = target
        self._pace = pace

    async def check(self) -> str | None:
        """Whether the bucket is there. Returns what may pass, or may be meant so: a policy that allows writing alone.

        Raises:
            Refused: it is not there, or cannot be used.
        """
        try:
            await self._client.head_bucket(Bucket=self._target.bucket)
        except Exception as error:  # of the SDK and of aiohttp below it; strangers go on as they are
            fault = self._meant(error)
            if isinstance(fault, Refused) and _status(error) != 403:
                raise fault from None
            return f"{self._target.bucket} cannot be looked at ({fault}); files are written to it all the same"
        return None

    async def put(self, made: S3Object) -> None:
        """Write one file and see that it is there as it was meant.

        Raises:
            S3Fault: it is not known to be there.
        """
        try:
            if len(made.body) >= self._pace.multipart_from_bytes:
                await self._put_in_parts(made)
            else:
                await self._put_whole(made)
        except Exception as error:  # as above
            raise self._meant(error) from None

    async def _put_whole(self, made: S3Object) -> None:
        checksum = base64.b64encode(hashlib.sha256(made.body).digest()).decode()
        await self._client.put_object(
            Bucket=self._target.bucket,
            Key=made.key,
            Body=made.body,
            ContentType=_CONTENT_TYPE,
            # The service refuses what arrives otherwise than it was sent.
            ChecksumSHA256=checksum,
            **self._encryption(),
        )
        there = await self._client.head_object(Bucket=self._target.bucket, Key=made.key, ChecksumMode="ENABLED")
        if there["ContentLength"] != len(made.body) or there.get("ChecksumSHA256", checksum) != checksum:
            raise Passing(f"{made.key}: what is there is not what was written")

    async def _put_in_parts(self, made: S3Object) -> None:
        """In parts, which the SDK takes back if one fails; read again, since their checksums are not the whole's."""
        from boto3.s3.transfer import TransferConfig

        await self._client.upload_fileobj(
            BytesIO(made.body),
            self._target.bucket,
            made.key,
            ExtraArgs={"ContentType": _CONTENT_TYPE, **self._encryption()},
            Config=TransferConfig(
                multipart_threshold=self._pace.multipart_from_bytes, multipart_chunksize=self._pace.part_bytes
            ),
        )
        there = await self._client.get_object(Bucket=self._target.bucket, Key=made.key)
        seen = hashlib.sha256()
        async with there["Body"] as stream:
            async for piece in stream.content.iter_chunked(1 << 20):
                seen.update(piece)
        if seen.digest() != hashlib.sha256(made.body).digest():
            raise Passing(f"{made.key}: what is there is not what was written")

    def _encryption(self) -> dict[str, str]:
        if self._target.encryption is None:
            return {}
        key = self._target.kms_key_id if self._target.encryption == "aws:kms" else None
        return {"ServerSideEncryption": self._target.encryption, **({} if key is None else {"SSEKMSKeyId": key})}

    def _meant(self, error: Exception) -> S3Fault:
        fault = fault_of(error, self._target)
        if fault is None:
            raise error
        return fault


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None) or {}
    status: int | None = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    return status


@asynccontextmanager
async def open_store(target: S3Target, pace: Pace | None = None) -> AsyncIterator[Store]:
    """Open the bucket, with the credentials of the usual chain: a role assumed for Bedrock is for Bedrock alone.

    AWS_ENDPOINT_URL_S3 is honoured by the SDK. Nothing is asked yet.

    Raises:
        Refused: no region, or a setting that the SDK does not take.
    """
    import aioboto3
    from aiobotocore.config import AioConfig

    pace = pace or Pace()
    config = AioConfig(
        # One attempt: the sink decides about the next one.
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=pace.connect_s,
        read_timeout=pace.answer_s,
        max_pool_connections=pace.concurrency,
    )
    opening = aioboto3.Session().client("s3", region_name=target.region, config=config)
    try:
        client = await opening.__aenter__()
    except Exception as error:  # as in Store.check
        fault = fault_of(error, target)
        if fault is None:
            raise
        raise fault from None
    try:
        yield Store(client, target, pace)
    finally:
        await opening.__aexit__(None, None, None)
