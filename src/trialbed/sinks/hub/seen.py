"""What does the Hub show of a repo at a commit? Values only: files by path, known by their hashes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file at some revision: `blob` is its git id, `sha256` is known for LFS files only."""

    size: int
    blob: str
    sha256: str | None

    def holds(self, *, size: int, blob: str, sha256: str) -> bool:
        """Whether its content is the one with these hashes."""
        return self.size == size and (self.blob == blob if self.sha256 is None else self.sha256 == sha256)


@dataclass(frozen=True, slots=True)
class Seen:
    """Which of the paths asked for are in the repo at the commit `oid`."""

    oid: str
    files: Mapping[str, FileSeen]


def git_blob(content: bytes) -> str:
    """The id git gives to a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
