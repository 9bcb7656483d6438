"""What is a sink? A place records go, with a durable cursor of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from trialbed.core.turn import JudgedTurn, TurnTaken


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


@runtime_checkable
class Persistent(Protocol):
    """A sink that leaves a record alone after a number of tries, still owed, until it is told to begin anew."""

    def try_again(self) -> None: ...


@runtime_checkable
class Witness(Protocol):
    """A sink that also wants what is known of a trial before its record is there. Cheap; never blocks.

    A resumed trial tells all its turns again, in the same words; the record at its end holds them all.
    """

    def turn_taken(self, trial_id: str, taken: TurnTaken) -> None:
        """A reply of the subject is on disk."""
        ...

    def turn_judged(self, trial_id: str, judged: JudgedTurn, calls: Sequence[Mapping[str, Any]]) -> None:
        """A turn was judged; `calls` are the answered calls to judges about it, as the record's `calls` hold them."""
        ...
