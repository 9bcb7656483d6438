"""Under what was a run made? Code, packages and platform; never a host's name or a path."""

import hashlib
import platform
import re
import subprocess
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

_SDK = ("aioboto3", "aiobotocore", "botocore")


def provenance(root: Path) -> dict[str, Any]:
    """What a reader needs to make the same run again. Asks git once; takes about 50 ms."""
    versions = package_versions()
    return {
        **code_state(root),
        "python_version": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "packages": versions,
        "sdk": {name: versions.get(name) for name in _SDK},
        "host": {"system": platform.system(), "release": platform.release(), "machine": platform.machine()},
    }


def code_state(root: Path) -> dict[str, Any]:
    """`code_commit` (null outside git), whether the tree is dirty, and the hash of what differs.

    The hash covers the diff against the commit and every untracked, unignored file.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {"code_commit": None, "code_dirty": None, "code_diff_sha256": None}
    diff = _git(root, "diff", "HEAD", "--binary") or b""
    untracked = (_git(root, "ls-files", "--others", "--exclude-standard", "-z") or b"").split(b"\0")
    names = sorted(name for name in untracked if name)
    dirty = bool(diff or names)
    return {
        "code_commit": commit.decode().strip(),
        "code_dirty": dirty,
        "code_diff_sha256": _hash_of(root, diff, names) if dirty else None,
    }


def _hash_of(root: Path, diff: bytes, names: list[bytes]) -> str:
    whole = hashlib.sha256(diff)
    for name in names:
        path = root / name.decode(errors="surrogateescape")
        whole.update(b"\0" + name + b"\0")
        if path.is_file():
            whole.update(path.read_bytes())
    return whole.hexdigest()


def _git(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, timeout=10, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


@cache
def package_versions() -> dict[str, str]:
    """Versions of trialbed and of what it asks for directly; the lock file of the commit pins the rest."""
    names = {"trialbed", *_SDK}
    with suppress(PackageNotFoundError):  # run from its source, without being installed
        names |= {match[0] for line in requires("trialbed") or [] if (match := re.match(r"[\w.-]+", line))}
    found = {}
    for name in sorted(names):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
