"""What does a run's journal say, read without any code of the program under test?"""

import json
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

HEAD_BYTES = len('{"crc":"89abcdef",')


def whole_prefix(data: bytes) -> bytes:
    """The bytes up to the end of the last line whose checksum holds."""
    end = at = 0
    for line in data.splitlines(keepends=True):
        at += len(line)
        if line.endswith(b"\n") and is_whole(line[:-1]):
            end = at
    return data[:end]


def is_whole(line: bytes) -> bool:
    """Whether a line carries its own checksum."""
    try:
        written = json.loads(line)["crc"]
    except (ValueError, TypeError, KeyError):
        return False
    return bool(written == f"{zlib.crc32(line[HEAD_BYTES:]):08x}")


def events_in(data: bytes) -> list[dict[str, Any]]:
    """Every whole line's event, in order."""
    return [json.loads(line) for line in data.split(b"\n")[:-1] if is_whole(line)]


def records_by_trial(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """All records of each trial, oldest first."""
    records: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event["e"] == "record":
            records[event["trial"]].append(event["record"])
    return dict(records)


def subject_answers(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What the subject said in each trial, in order."""
    answers: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if event["e"] == "answer" and event["call"]["role"] == "subject":
            answers[event["trial"]].append(event["text"])
    return dict(answers)


def journal_events(path: Path) -> list[dict[str, Any]]:
    """The events of a journal file."""
    return events_in(path.read_bytes())
