"""Are the readable files beside a run what its journal has? Reads only.

A file may be missing, or be of an earlier revision: the journal is the truth. What is there must have been written
from it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trialbed.core.canonical import digest
from trialbed.sinks.journal.integrity import iter_events

_STAMP = "%Y%m%dT%H%M%SZ"


def check_backups(folder: Path) -> str | None:
    """The first file of the run in `folder` that differs from its record in the journal, or has none there.

    The files lie in the folder's parent; a run's folder that was copied alone has none.

    Raises:
        OSError: the journal or a file cannot be read.
    """
    began = _began(folder)
    if began is None:
        return None
    # Before the journal, which has a record before its file is written: so this is right while a run goes on, too.
    contents: dict[str, tuple[Any, str]] = {}
    for path in sorted(folder.parent.glob(f"run_*_{began}_*.json")):
        try:
            record: dict[str, Any] = json.loads(path.read_bytes())
            contents[path.stem] = record.get("revision"), digest(record)
        except (ValueError, AttributeError, RecursionError):
            return f"{path.name}: not readable as a record"
    if not contents:
        return None
    in_journal = _digests(folder, {stem: revision for stem, (revision, _) in contents.items()})
    for stem, (revision, content) in contents.items():
        if stem not in in_journal:
            return f"{stem}.json: the journal has no such record of revision {revision}"
        if in_journal[stem] != content:
            return f"{stem}.json: differs from its record in the journal (revision {revision})"
    return None


def _began(folder: Path) -> str | None:
    """When the run began, in seconds since 1970, as its records say; else as the folder's name does."""
    for record in _records(folder):
        return str(record["run_id"]).rsplit("_", 2)[1]
    try:
        moment = datetime.strptime(folder.name.rpartition("-")[2], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return str(int(moment.timestamp()))


def _digests(folder: Path, revisions: dict[str, Any]) -> dict[str, str]:
    """Of the records in the journal with these run ids and revisions."""
    return {
        record["run_id"]: digest(record)
        for record in _records(folder)
        if record["run_id"] in revisions and record["revision"] == revisions[record["run_id"]]
    }


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    return (event["record"] for event in iter_events(folder / "journal.jsonl") if event["e"] == "record")
