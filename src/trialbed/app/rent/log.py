"""What does the run.log of a run's files say? What was announced, what was printed at the end, and every failed attempt
at a call, from the journal."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from trialbed.engine.folder import RunFolder
from trialbed.sinks.journal.file import whole_lines

_FAILED = b'"e":"attempt_failed"'


def log_of(run: RunFolder, printed: Sequence[str]) -> bytes:
    """The whole file; `printed` are the lines that the command printed at its end."""
    said = (run.path / "run.log").read_text(encoding="utf-8", errors="replace") if _has_log(run) else ""
    retries = [_retry(event) for event in _failed_attempts(run)]
    parts = [said.splitlines(), [f"{len(retries)} attempts at calls failed", *retries], list(printed)]
    return "".join(f"{line}\n" for part in parts for line in part).encode()


def _has_log(run: RunFolder) -> bool:
    return (run.path / "run.log").is_file()


def _failed_attempts(run: RunFolder) -> Iterator[dict[str, Any]]:
    for _, line in whole_lines(run.journal):
        if _FAILED in line[:160]:
            yield orjson.loads(line)


def _retry(event: dict[str, Any]) -> str:
    """`2026-11-26T19:07:26Z bedrock:model, subject, trial 47e3…, attempt 2 failed after 0.1 s: Throttled (…) …`."""
    status = "" if event["http_status"] is None else f", HTTP {event['http_status']}"
    after = "" if event.get("retry_after_s") is None else f", asks for {event['retry_after_s']:g} s"
    call = f"{event['model']}, {event['role']}, trial {event['trial']}, attempt {event['n']}"
    why = f"{event['error']} ({event['code']}{status}{after}) {event['detail']}"
    return f"{event['started_at']} {call} failed after {event['latency_s']:.3f} s: {why}".rstrip()
