"""How is something that is not as it was locked named? Pure: by the variable, option or file its user would change."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialbed.core.canonical import canonical_json, digest

Told = str | int | float | bool | None
DEVIATION = ("what", "locked", "actual", "why", "at")
"""The members of a deviation in a journal and in a record."""
_IDENTITY = ("what", "locked", "actual")
ABSENT = "absent"
_HASH = "hash:"
_SHOWN_OF_HASH = len(_HASH) + 12
_MOST_TEXT = 60
_MOST_NAMES = 300


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was locked. `what` is what the user would change.

    A value too long to be shown is there as `hash:…`, a file that came or went as its hash and `ABSENT`.
    """

    what: str
    locked: Told
    actual: Told

    def line(self) -> str:
        """The same for people, on one line."""
        if self.locked == ABSENT:
            return f"{self.what} added: it is not in the locked plan"
        if self.actual == ABSENT:
            return f"{self.what} removed: it is in the locked plan"
        if any(isinstance(value, str) and value.startswith(_HASH) for value in (self.locked, self.actual)):
            locked, actual = (_shown(value)[:_SHOWN_OF_HASH] for value in (self.locked, self.actual))
            return f"{self.what} changed ({locked} → {actual})"
        return f"{self.what}: locked {_shown(self.locked)}, is {_shown(self.actual)}"


def value_difference(what: str, locked: Any, actual: Any) -> Difference | None:
    """Of two values of plain JSON data; None if they are equal. Lists of names count as one text."""
    if locked == actual:
        return None
    told = [_told(value) for value in (locked, actual)]
    if all(short for _, short in told):
        return Difference(what, told[0][0], told[1][0])
    # Both as hashes: the beginnings of two long texts may well be the same.
    before, after = (None if value is None else hash_shown(digest(value)) for value in (locked, actual))
    return Difference(what, before, after)


def name_difference(what: str, locked: Sequence[str], actual: Sequence[str]) -> Difference | None:
    """Of two lists of names, their order included."""
    return value_difference(what, list(locked), list(actual))


def file_differences(locked: Mapping[str, str], actual: Mapping[str, str]) -> Iterator[Difference]:
    """Of files, by path; the values are hashes of their content."""
    for path in sorted(locked.keys() | actual.keys()):
        before, after = (hash_shown(files[path]) if path in files else ABSENT for files in (locked, actual))
        if before != after:
            yield Difference(path, before, after)


def hash_shown(hexadecimal: str) -> str:
    """A hash as it stands where a value would."""
    return _HASH + hexadecimal


def _told(value: Any) -> tuple[Told, bool]:
    """A value as it may stand in a line and a record, and whether it is short enough for that."""
    if value is None or isinstance(value, bool | int | float):
        return value, True
    if isinstance(value, str):
        return value, len(value) <= _MOST_TEXT
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        names = ",".join(value)
        return names, len(names) <= _MOST_NAMES
    return None, False


def deviations_so_far(
    journalled: Sequence[Mapping[str, Any]],
    differences: Sequence[Difference],
    *,
    why: str,
    at: str,
    redact: Callable[[str], str],
) -> list[dict[str, Any]]:
    """All deviations of a run: those its journal has, then the differences that are new, in a record's form.

    One that was journalled before keeps its time and its reason. `at` is ISO-8601 with Z.
    """
    known = [dict(one) for one in journalled]
    there = {_identity(one) for one in known}
    for difference in differences:
        told = {name: getattr(difference, name) for name in _IDENTITY} | {"why": why}
        deviation = {name: redact(value) if isinstance(value, str) else value for name, value in told.items()}
        if _identity(deviation) not in there:
            there.add(_identity(deviation))
            known.append(deviation | {"at": at})
    return known


def _identity(deviation: Mapping[str, Any]) -> str:
    return canonical_json([deviation[name] for name in _IDENTITY])


def _shown(value: Told) -> str:
    """A value as it stands in a line for people."""
    if value is None:
        return "not set"
    if isinstance(value, str):
        one_line = " ".join(value.split())
        return repr(one_line) if " " in one_line or not one_line else one_line
    return json.dumps(value)
