"""Which rows does a data set of the user's hold? A JSON or JSON Lines file, or a data set on the Hub."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trialbed.core.errors import UserError

_SUFFIXES = (".json", ".jsonl", ".ndjson")
_WRAPPERS = ("data", "rows", "problems", "examples")


def rows_of(dataset: str, *, split: str | None, token: str | None) -> list[Mapping[str, Any]]:
    """Every row of `dataset`, in its order.

    A name that is a file, or ends like one, is read here: a list of objects, one object with such a list under a single
    usual name, or one object a line. Anything else is a data set on the Hub, read through `datasets`; `split` and
    `token` are of those.

    Raises:
        UserError: it cannot be read, or holds anything but objects.
    """
    path = Path(dataset).expanduser()
    if path.is_file() or path.suffix in _SUFFIXES:
        return _checked(_rows_of_file(path), dataset)
    return _rows_of_hub(dataset, split or "train", token)


def _rows_of_file(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"--dataset: {path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"--dataset: {path}: cannot be read ({error.strerror}); name a file or a data set") from None
    if not text.lstrip().startswith(("[", "{")):
        raise UserError(f"--dataset: {path}: is neither JSON nor JSON Lines; give one object a line, or a list of them")
    try:
        whole = json.loads(text)
    except ValueError:
        return list(_lines(text, path))
    if isinstance(whole, list):
        return whole
    lists = [whole[name] for name in _WRAPPERS if isinstance(whole.get(name), list)]
    return lists[0] if len(lists) == 1 else [whole]


def _lines(text: str, path: Path) -> Iterator[Any]:
    # Not splitlines, which breaks at characters that may stand in a string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UserError(f"--dataset: {path}:{number}: not JSON ({error}); correct the line") from None


def _checked(rows: list[Any], dataset: str) -> list[Mapping[str, Any]]:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise UserError(f"--dataset: {dataset}: row {number} is no object but {type(row).__name__}; correct it")
    return rows


def _rows_of_hub(dataset: str, split: str, token: str | None) -> list[Mapping[str, Any]]:
    import datasets

    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(dataset, split=split, token=token)
        return [dict(row) for row in found]
    except Exception as error:  # the library raises many kinds, and each means that there is nothing to ask about
        line = " ".join(str(error).split())[:200]
        raise UserError(
            f"--dataset: {dataset} (split {split}): cannot be read ({type(error).__name__}: {line}); check its name, "
            "--split and HF_TOKEN, or name a .json or .jsonl file"
        ) from None
