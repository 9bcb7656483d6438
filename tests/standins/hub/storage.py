"""How does the stand-in's content survive a restart? One folder: blobs by sha256 and an index, replaced whole."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .repos import Commit, Repo, StoredFile


class Storage:
    """Keeps repos and LFS objects under `folder`."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, made when missing."""
        self._index = folder / "index.json"
        self._blobs = folder / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True)

    def save(self, repos: Iterable[Repo], lfs_objects: Iterable[bytes]) -> None:
        """Write everything; the index last and at once, so a kill leaves the state before or after."""
        for content in lfs_objects:
            self._keep(StoredFile.of(content, lfs=True))
        index = {
            repo.repo_id: {"private": repo.private, "commits": [self._dump(commit) for commit in repo.commits]}
            for repo in repos
        }
        fresh = self._index.with_suffix(".tmp")
        fresh.write_text(json.dumps(index), encoding="utf-8")
        os.replace(fresh, self._index)

    def load_repos(self) -> dict[str, Repo]:
        """The repos of the last save; none when there was none."""
        if not self._index.exists():
            return {}
        repos: dict[str, Repo] = {}
        for repo_id, entry in json.loads(self._index.read_text(encoding="utf-8")).items():
            repos[repo_id] = Repo(repo_id, private=entry["private"])
            repos[repo_id].restore([self._parse(commit) for commit in entry["commits"]])
        return repos

    def load_blobs(self) -> dict[str, bytes]:
        """All content by sha256."""
        return {path.name: path.read_bytes() for path in self._blobs.iterdir()}

    def _keep(self, file: StoredFile) -> None:
        path = self._blobs / file.sha256
        if not path.exists():
            path.write_bytes(file.content)

    def _dump(self, commit: Commit) -> dict[str, Any]:
        for file in commit.tree.values():
            self._keep(file)
        fields = {name: getattr(commit, name) for name in ("oid", "parent", "title", "message", "paths", "who", "at")}
        return {**fields, "tree": {path: [file.sha256, file.lfs] for path, file in commit.tree.items()}}

    def _parse(self, entry: dict[str, Any]) -> Commit:
        tree = {
            path: StoredFile.of((self._blobs / sha256).read_bytes(), lfs=lfs)
            for path, (sha256, lfs) in entry.pop("tree").items()
        }
        return Commit(**{**entry, "paths": tuple(entry["paths"])}, tree=tree)
