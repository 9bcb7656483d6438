"""Which rows does a data set of the user's hold? A JSON or JSON Lines file, or a data set on the Hub."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trialbed.core.errors import UserError
from trialbed.core.redact import Redactor

_SUFFIXES = (".json", ".jsonl", ".ndjson")
_OF_LINES = (".jsonl", ".ndjson")
_WRAPPERS = ("data", "rows", "problems", "examples")


def rows_of(dataset: str, *, split: str | None, token: str | None) -> list[Mapping[str, Any]]:
    """Every row of `dataset`, in its order.

    A name that is a file, or ends like one, is read here: a list of objects, one object with such a list under a single
    usual name, or one object a line. Anything else is a data set on the Hub, read through `datasets`; `split` and
    `token` are of those.

    Raises:
        UserError: it cannot be read, or holds anything but objects.
    """
    if is_on_hub(dataset):
        return _rows_of_hub(dataset, split or "train", token)
    try:
        return rows_of_file(Path(dataset).expanduser())
    except UserError as error:
        raise UserError(f"--dataset: {error}") from None


def rows_of_file(path: Path) -> list[Mapping[str, Any]]:
    """Every row of a JSON or JSON Lines file, in its order.

    Raises:
        UserError: it cannot be read, or holds anything but objects; the line begins with the path.
    """
    rows = _read(path)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise UserError(f"{path}: row {number} is no object but {type(row).__name__}; correct it")
    return rows


def is_on_hub(dataset: str) -> bool:
    """Whether the name is no file's."""
    path = Path(dataset).expanduser()
    return not path.is_file() and path.suffix not in _SUFFIXES


def _read(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a file that is there") from None
    if not text.lstrip().startswith(("[", "{")):
        raise UserError(f"{path}: is neither JSON nor JSON Lines; give one object a line, or a list of them")
    try:
        whole = json.loads(text)
    except ValueError as error:
        if not _is_lines(text, path):
            raise _not_json(path, getattr(error, "lineno", 1), error) from None
        return list(_lines(text, path))
    except RecursionError:
        raise UserError(f"{path}: is nested too deeply to be read; give one object a line") from None
    if isinstance(whole, list):
        return whole
    lists = [whole[name] for name in _WRAPPERS if isinstance(whole.get(name), list)]
    return lists[0] if len(lists) == 1 else [whole]


def _is_lines(text: str, path: Path) -> bool:
    """Whether what is not JSON as a whole is meant to be one object a line: its name says so, or its first line."""
    if path.suffix in _OF_LINES:
        return True
    try:
        json.loads(text.lstrip().split("\n", 1)[0])
    except ValueError:
        return False
    return True


def _lines(text: str, path: Path) -> Iterator[Any]:
    # Not splitlines, which breaks at characters that may stand in a string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise _not_json(path, number, error) from None
            except RecursionError:
                raise UserError(f"{path}:{number}: is nested too deeply to be read; correct it") from None


def _not_json(path: Path, line: int, error: ValueError) -> UserError:
    # The decoder's own text counts lines as well, from wherever it began.
    why = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
    return UserError(f"{path}:{line}: not JSON ({why}); correct the line")


def _rows_of_hub(dataset: str, split: str, token: str | None) -> list[Mapping[str, Any]]:
    import datasets

    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(dataset, split=split, token=token)
        return [dict(row) for row in found]
    except Exception as error:  # the library raises many kinds, and each means that there is nothing to ask about
        # A client that refuses a malformed token quotes it, escaped; so its parts are cut out too.
        redacted = Redactor([token, *token.split()] if token else [])(str(error))
        line = " ".join(redacted.split())[:200]
        raise UserError(
            f"--dataset: {dataset} (split {split}): cannot be read ({type(error).__name__}: {line}); check its name, "
            "--split and HF_TOKEN, or name a .json or .jsonl file"
        ) from None
