"""Which files is an experiment made of, and what is in them? Its code, its rubrics and whatever else lies with them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from trialbed.core.errors import UserError
from trialbed.plugins.broken import place

_CACHES = ("__pycache__",)


def source_hashes(file: Path, root: Path) -> dict[str, str]:
    """SHA-256 in hex of every file of the experiment that `file` ends with, by its path in the project.

    Of a package all files are meant, and of any experiment what several share: names under `experiments/` that begin
    with an underscore. Hidden files, an editor's copies and caches are not.

    Raises:
        UserError: a file cannot be read.
    """
    own = file.parent if file.name == "__init__.py" else file
    shared = [path for path in (root / "experiments").glob("_*") if path.name not in _CACHES]
    return {place(path, root): _sha256(path, root) for path in sorted({*_files(own), *_files(*shared)})}


def _files(*places: Path) -> Iterator[Path]:
    for top in places:
        for path in [top] if top.is_file() else top.rglob("*"):
            inside = path.relative_to(top.parent).parts
            is_left_out = any(part.startswith(".") or part in _CACHES for part in inside) or path.name.endswith("~")
            if path.is_file() and not is_left_out:
                yield path


def _sha256(path: Path, root: Path) -> str:
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{place(path, root)}: cannot be read ({error.strerror}); make it readable for you") from None
