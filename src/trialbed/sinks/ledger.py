"""What does a sink need of the journal? The seam, so that no sink knows how the journal is kept."""

from collections.abc import Iterator
from typing import Any, Literal, Protocol


class Ledger(Protocol):
    def revisions(self) -> Iterator[tuple[str, int]]:
        """`(trial_id, revision)` of the newest record of every trial that has one, oldest first."""
        ...

    def record_line(self, trial_id: str) -> bytes:
        """The newest record of a trial as one line of ASCII JSON without its newline."""
        ...

    def record_size(self, trial_id: str) -> int:
        """About how long that line is, in bytes; nothing is read for it."""
        ...

    def sink_events(self, sink: str) -> list[dict[str, Any]]:
        """The seals and receipts of one sink so far, in order."""
        ...

    async def write_sink_event(self, kind: Literal["sealed", "receipt"], sink: str, body: dict[str, Any]) -> None:
        """Put a seal or a receipt on disk.

        Raises:
            UserError: the journal cannot be written any more.
        """
        ...
