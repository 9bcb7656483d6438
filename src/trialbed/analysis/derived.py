"""What is measured, if nobody has said so? Read off the evaluations themselves. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from trialbed.analysis.rows import Row
from trialbed.core.choices import Choices
from trialbed.core.measure import Kind, Measure

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_]+")
_MOST_CATEGORIES = 12
_LOOKED_AT = 2_000


def derived_choices(rows: Iterable[Row], *, baseline: str, seed: int) -> Choices:
    """Yes/no fields, numbers and short names of the evaluations, in their order; all of it exploratory."""
    values: dict[str, list[Any]] = {}
    for number, row in enumerate(rows):
        if number >= _LOOKED_AT:
            break
        for field, value in _fields(row.evaluation or {}, ""):
            values.setdefault(field, []).append(value)
    measures: dict[str, Measure] = {}
    for field, seen in values.items():
        kind = _kind(seen)
        name = _NOT_IN_A_NAME.sub("_", field.lower()).strip("_")[:60]
        if kind is not None and re.match("[a-z]", name) and name not in measures:
            measures[name] = Measure(name=name, kind=kind, field=field)
    found = tuple(measures.values())
    first = next((one.name for one in found if one.kind in ("binary", "score")), None)
    category = next((one.name for one in found if one.kind == "category"), None)
    return Choices(measures=found, primary=first or category, category=category, baseline=baseline, seed=seed)


def _fields(values: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value


def _kind(seen: list[Any]) -> Kind | None:
    if all(isinstance(value, bool) for value in seen):
        return "binary"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in seen):
        return "score"
    if all(isinstance(value, str) for value in seen) and len(set(seen)) <= _MOST_CATEGORIES:
        return "category"
    return None
