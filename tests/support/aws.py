"""S3 and STS over HTTP on loopback: moto's server in a thread, and what lies in its buckets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_api._internal import moto_api_backend
from moto.server import ThreadedMotoServer
from moto.sts.models import sts_backends

BUCKET = "socratic-benchmark-data"


@dataclass(frozen=True)
class Aws:
    """`url` is the address of both services."""

    url: str

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_S3": self.url, "AWS_ENDPOINT_URL_STS": self.url}

    @property
    def client(self) -> Any:
        keys = {"aws_access_key_id": "reader", "aws_secret_access_key": "reader"}
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **keys)

    def make_bucket(self, name: str = BUCKET) -> None:
        self.client.create_bucket(Bucket=name)

    def all_keys(self, bucket: str = BUCKET) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", ()))

    def read(self, key: str, bucket: str = BUCKET) -> dict[str, Any]:
        body = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        document: dict[str, Any] = json.loads(body)
        return document

    def assumed_roles(self) -> list[Any]:
        """Every role that was assumed since the server was started, oldest first."""
        return list(sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles)


_open: list[ThreadedMotoServer] = []


@contextmanager
def aws_server() -> Iterator[Aws]:
    """A fresh, empty S3 and STS until the block ends; one inside of another shares its buckets.

    What moto's servers hold belongs to the process: the last one to end leaves nothing behind for another test.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    _open.append(server)
    server.start()
    try:
        host, port = server.get_host_and_port()
        aws = Aws(f"http://{host}:{port}")
        sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles.clear()
        yield aws
    finally:
        server.stop()
        _open.remove(server)
        if not _open:
            moto_api_backend.reset()
