"""From when to when did a trial go, over all its sittings? Pure; told in whole seconds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Span(NamedTuple):
    started_at: datetime
    completed_at: datetime


def span_of(record: Mapping[str, Any]) -> Span:
    """From the first call, also if that was in an earlier sitting, to when the record of what was said was made."""
    starts = [call["started_at"] for call in record["calls"] if call.get("started_at") is not None]
    started = min(map(datetime.fromisoformat, starts), default=datetime.fromisoformat(record["started_at"]))
    return Span(started, datetime.fromisoformat(record["timestamp"]))


def whole_seconds(moment: datetime) -> str:
    """`2025-11-05T10:30:12Z`; cut, not rounded, and the end of the ISO form is "+00:00"."""
    return f"{moment.astimezone(UTC).isoformat(timespec='seconds')[:-6]}Z"
