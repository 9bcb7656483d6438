"""How does a file of a report come into its folder, and how does one of an earlier report leave it?"""

import hashlib
import json
import os
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from trialbed.core.errors import UserError

MANIFEST = "manifest.json"
_OURS = re.compile(r"[a-z][a-z0-9_]*\.(?:html|csv|tex|svg|png)")


class ReportFolder:
    """A folder (0700) whose files (0600) are each there whole or not at all. Knows the SHA-256 of what it wrote.

    Raises:
        UserError: the folder or a file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hashes: dict[str, str] = {}
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; the report needs a folder it can write") from None

    def write(self, name: str, data: bytes) -> Path:
        path = self.path / name
        aside = self.path / f".{name}.new"
        try:
            # Whatever an interrupted writing left, a link included, is not written through.
            aside.unlink(missing_ok=True)
            fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            aside.replace(path)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; the report needs room to be written") from None
        self.hashes[name] = hashlib.sha256(data).hexdigest()
        return path

    def remove_those_of(self, earlier: Collection[str]) -> None:
        """Remove files of an earlier report that this one has not written."""
        for name in set(earlier) - self.hashes.keys():
            with suppress(OSError):  # it is gone already, or somebody has put a folder there
                (self.path / name).unlink()

    def earlier(self) -> list[str]:
        """The files that the manifest in this folder names. Names that no report can have made are passed over."""
        try:
            named = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))["files"]
            return [name for name in named if isinstance(name, str) and _OURS.fullmatch(name)]
        except (OSError, ValueError, KeyError, TypeError):
            return []
