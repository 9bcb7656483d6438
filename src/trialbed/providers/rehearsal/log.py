"""What was asked and what was answered? An independent JSONL account, for tests and for the curious.

One line per HTTP request, written when the request is over, however it ended. It holds whole prompts and
answers, so the file is the owner's only.
"""

import os
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from trialbed.core.errors import UserError
from trialbed.providers.rehearsal import jsontext


@dataclass(frozen=True, slots=True)
class LogLine:
    """Times are ISO-8601 UTC. `body` is the request as parsed, None if it was no JSON.

    `status` None = nothing was answered. `delivered` = the whole answer was handed to the connection.
    `answer_text` is what was, or would have been, said; a structured answer stands as JSON text.
    `seen` counts how often the same request had arrived before.
    """

    received_at: str
    answered_at: str
    path: str
    model_id: str | None
    body: Any
    status: int | None
    delivered: bool
    fault: str | None
    mishap: str | None
    answer_text: str | None
    stop_reason: str | None
    request_id: str
    seen: int


class RequestLog:
    """Appends to one file while open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def open(self) -> None:
        """Make the file if there is none, and keep it open.

        Raises:
            UserError: it cannot be written.
        """
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise UserError(f"{self._path}: the request log cannot be written: {error.strerror}") from error
        self._file = FileIO(descriptor, "ab")

    def write(self, line: LogLine) -> None:
        """Add one line; it is with the operating system on return. Nothing happens while closed."""
        if self._file is None:
            return
        # unbuffered, in one piece: lines of two servers that append to one file stay whole
        self._file.write(jsontext.encode(asdict(line)) + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
