"""What does a commit request ask for? Parses the NDJSON body; knows nothing of repos."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from . import refusals


@dataclass(frozen=True, slots=True)
class PutFile:
    """A small file, sent inside the commit."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class PutLfs:
    """A file whose content went through LFS before."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Remove one file."""

    path: str


@dataclass(frozen=True, slots=True)
class DeleteFolder:
    """Remove everything under a folder."""

    path: str


Operation = PutFile | PutLfs | DeleteFile | DeleteFolder


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """One commit as asked for. `parent` None means: on top of whatever is there."""

    title: str
    description: str
    parent: str | None
    operations: tuple[Operation, ...]


def parse_commit(body: bytes) -> CommitRequest:
    """Read the NDJSON body of a commit. Raises Refused(400) when any line is not what the Hub takes."""
    try:
        items: list[dict[str, Any]] = [json.loads(line) for line in body.splitlines() if line.strip()]
        headers = [item["value"] for item in items if item["key"] == "header"]
        (header,) = headers
        operations = tuple(_operation(item["key"], item["value"]) for item in items if item["key"] != "header")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise refusals.malformed(f"commit payload: {type(error).__name__}: {error}") from error
    return CommitRequest(
        title=str(header["summary"]),
        description=str(header.get("description", "")),
        parent=header.get("parentCommit"),
        operations=operations,
    )


def _operation(key: str, value: dict[str, Any]) -> Operation:
    path = _safe_path(value["path"])
    if key == "file":
        if value.get("encoding", "utf-8") == "base64":
            return PutFile(path, base64.b64decode(value["content"], validate=True))
        return PutFile(path, str(value["content"]).encode())
    if key == "lfsFile":
        return PutLfs(path, str(value["oid"]))
    if key == "deletedFile":
        return DeleteFile(path)
    if key == "deletedFolder":
        return DeleteFolder(path.rstrip("/"))
    raise ValueError(f"unknown key {key!r}")


def _safe_path(path: str) -> str:
    parts = path.rstrip("/").split("/")
    if not path or any(part in ("", ".", "..", ".git") for part in parts):
        raise ValueError(f"unsafe path {path!r}")
    return path
