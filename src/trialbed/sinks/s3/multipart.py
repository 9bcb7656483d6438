"""How does a large body get to S3 in parts, and no half of it stay behind?

Not by the SDK's own transfer: cancelled, it leaves its tasks and an open upload, which is paid for until someone finds
it.
"""

import base64
import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import anyio

from trialbed.sinks.s3.objects import S3Object

_ABORT_S = 1.0
_STRANGER = 500


async def put_in_parts(
    client: Any, bucket: str, what: S3Object, *, part_bytes: int, options: Mapping[str, Any]
) -> None:
    """Upload `what`, one part after the other. Raises what the SDK raises, and then no upload of this key is open.

    One that a killed process left, or whose end could not be told to S3, ends with the next upload of the same key.
    """
    await _end_open_uploads(client, bucket, what.key)
    place = {"Bucket": bucket, "Key": what.key}
    begun = await client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256", **options)
    upload = {**place, "UploadId": begun["UploadId"]}
    try:
        parts = []
        for number, body in enumerate(_cut(what.body, part_bytes), start=1):
            checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
            sent = await client.upload_part(
                **upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum
            )
            parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum})
        await client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except BaseException:  # a cancellation too must leave nothing; a service that hangs does not hold it up for long
        with anyio.move_on_after(_ABORT_S, shield=True), contextlib.suppress(Exception):
            await client.abort_multipart_upload(**upload)
        raise


async def _end_open_uploads(client: Any, bucket: str, key: str) -> None:
    from botocore.exceptions import ClientError

    try:
        found = await client.list_multipart_uploads(Bucket=bucket, Prefix=key)
        for upload in found.get("Uploads", []):
            if upload["Key"] == key:
                await client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload["UploadId"])
    except ClientError as error:
        # Who may not list uploads, or has a service that cannot, still may write.
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _STRANGER) >= _STRANGER:
            raise


def _cut(body: bytes, part_bytes: int) -> Iterator[bytes]:
    return (body[start : start + part_bytes] for start in range(0, len(body), part_bytes))
