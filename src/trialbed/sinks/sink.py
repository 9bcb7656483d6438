"""What is a sink? A place records go, with a durable cursor of its own."""

from typing import Protocol


class Sink(Protocol):
    name: str

    @property
    def owed(self) -> int:
        """Records not yet known to be there."""
        ...

    def offer(self, trial_id: str) -> None:
        """A newer record of this trial is on disk. Cheap; never blocks."""
        ...

    async def run(self) -> None:
        """Deliver what is offered until cancelled; faults of the far side never raise."""
        ...

    async def flush(self, deadline_s: float) -> None:
        """Return when nothing is owed, or at the deadline."""
        ...
