"""What is in a dataset repo, now and at every commit before? No HTTP, no chance.

A commit is built aside and becomes the head in one assignment, so every observer sees whole commits only.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from . import refusals
from .payload import CommitRequest, DeleteFile, DeleteFolder, PutFile, PutLfs

Author = Literal["hub", "client", "rival"]
FindLfs = Callable[[str], bytes | None]

GIT_ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Content with the two ids the Hub knows it by."""

    content: bytes
    lfs: bool
    git_oid: str
    sha256: str

    @classmethod
    def of(cls, content: bytes, *, lfs: bool = False) -> "StoredFile":
        """Hash `content` once."""
        sha256 = hashlib.sha256(content).hexdigest()
        tracked = _lfs_pointer(sha256, len(content)) if lfs else content
        git_oid = hashlib.sha1(b"blob %d\0" % len(tracked) + tracked, usedforsecurity=False).hexdigest()
        return cls(content, lfs, git_oid, sha256)

    @property
    def etag(self) -> str:
        """What resolve answers and preupload compares: sha256 for LFS, git blob id otherwise."""
        return self.sha256 if self.lfs else self.git_oid


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit and the whole tree it left. `at` is ISO-8601 with Z; `paths` are those it touched."""

    oid: str
    parent: str | None
    title: str
    message: str
    paths: tuple[str, ...]
    who: Author
    at: str
    tree: Mapping[str, StoredFile]


class Repo:
    """A dataset repo with one branch, `main`, and its whole history, oldest commit first."""

    def __init__(self, repo_id: str, *, private: bool) -> None:
        """Start as the real Hub does: with one commit holding `.gitattributes`."""
        self.repo_id = repo_id
        self.private = private
        self._commits: list[Commit] = []
        tree = {".gitattributes": StoredFile.of(GIT_ATTRIBUTES)}
        self.advance(tree, tuple(tree), "initial commit", "", "hub")

    @property
    def commits(self) -> tuple[Commit, ...]:
        """Every commit, oldest first."""
        return tuple(self._commits)

    @property
    def head(self) -> Commit:
        """The newest commit."""
        return self._commits[-1]

    def restore(self, commits: list[Commit]) -> None:
        """Take up a history kept elsewhere."""
        self._commits = commits

    def at(self, revision: str | None) -> Commit:
        """The commit a revision names. Raises Refused(404, RevisionNotFound)."""
        if revision in (None, "main", "refs/heads/main"):
            return self.head
        for commit in self._commits:
            if commit.oid == revision:
                return commit
        raise refusals.no_revision(str(revision))

    def files(self, revision: str | None = None) -> dict[str, bytes]:
        """Content by path at a revision. Raises Refused when there is no such revision."""
        return {path: file.content for path, file in self.at(revision).tree.items()}

    def rows(self, prefix: str = "data/", revision: str | None = None) -> list[dict[str, Any]]:
        """Parsed lines of all `.jsonl` files under `prefix`, in path order. Raises ValueError on a torn line."""
        files = self.files(revision)
        paths = sorted(path for path in files if path.startswith(prefix) and path.endswith(".jsonl"))
        return [json.loads(line) for path in paths for line in files[path].split(b"\n") if line]

    def apply(self, request: CommitRequest, find_lfs: FindLfs, *, who: Author = "client") -> Commit:
        """Commit all of `request` or nothing.

        Raises Refused: 412 when `parent` is not the head, 404 when it deletes what is not there, 400 when
        LFS content was never uploaded.
        """
        if request.parent is not None and request.parent != self.head.oid:
            raise refusals.stale_parent()
        tree = dict(self.head.tree)
        touched: list[str] = []
        for operation in request.operations:
            touched.append(operation.path)
            match operation:
                case PutFile(path, content):
                    tree[path] = StoredFile.of(content)
                case PutLfs(path, sha256):
                    tree[path] = _uploaded(path, sha256, find_lfs)
                case DeleteFile(path):
                    if tree.pop(path, None) is None:
                        raise refusals.nothing_to_delete(path)
                case DeleteFolder(path):
                    _drop_folder(tree, path)
        return self.advance(tree, tuple(touched), request.title, request.description, who)

    def advance(
        self, tree: Mapping[str, StoredFile], paths: tuple[str, ...], title: str, message: str, who: Author
    ) -> Commit:
        """Make `tree` the new head."""
        parent = self._commits[-1].oid if self._commits else None
        identity = json.dumps(
            [self.repo_id, parent, len(self._commits), title, sorted((p, f.etag) for p, f in tree.items())]
        )
        commit = Commit(
            oid=hashlib.sha1(identity.encode(), usedforsecurity=False).hexdigest(),
            parent=parent,
            title=title,
            message=message,
            paths=paths,
            who=who,
            at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            tree=tree,
        )
        self._commits.append(commit)
        return commit


def _uploaded(path: str, sha256: str, find_lfs: FindLfs) -> StoredFile:
    content = find_lfs(sha256)
    if content is None:
        raise refusals.malformed(f"LFS pointer of {path} pointed to a file that does not exist")
    return StoredFile.of(content, lfs=True)


def _drop_folder(tree: dict[str, StoredFile], folder: str) -> None:
    inside = [path for path in tree if path.startswith(f"{folder}/")]
    if not inside:
        raise refusals.nothing_to_delete(folder)
    for path in inside:
        del tree[path]


def _lfs_pointer(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
