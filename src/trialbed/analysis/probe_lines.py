"""What did a probing of judges find? Pure: the rows of its events in, lines out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def probe_lines(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """A few lines for each judge; shares as k/n. Answers that were not valid are in no n, and said beside it."""
    by_judge: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_judge.setdefault(row["judge"], []).append(row)
    return [line for judge, own in sorted(by_judge.items()) for line in _of_judge(judge, own)]


def _of_judge(judge: str, rows: list[Mapping[str, Any]]) -> Iterator[str]:
    yield f"Judge {judge}"
    golden = [row for row in rows if row["set"] == "golden"]
    for field in dict.fromkeys(row["field"] for row in golden):
        own = [row for row in golden if row["field"] == field]
        yield f"  golden cases, {field}: {_share(own, 'hit_target')}"
    for which, title in (("injection", "injections that flipped"), ("control", "controls that flipped")):
        own = [row for row in rows if row["set"] == which]
        if own:
            demanded = [row for row in own if row["target"] is not None]
            reached = f"; to the value demanded: {_share(demanded, 'hit_target')}" if demanded else ""
            yield f"  {title} {own[0]['field']}: {_share(own, 'is_flipped')}{reached}"


def _share(rows: list[Mapping[str, Any]], member: str) -> str:
    valid = [row for row in rows if row["complaint"] is None]
    invalid = len(rows) - len(valid)
    beside = f" ({invalid} without a valid answer)" if invalid else ""
    return f"{sum(bool(row[member]) for row in valid)}/{len(valid)}{beside}"
