"""What is the next step of getting rows to the Hub? The seam between the sink and its two layouts."""

from typing import Protocol


class Pushing(Protocol):
    async def step(self, *, last: bool) -> bool:
        """Do what one commit can do. False: there was nothing to do.

        After a fault the same call finishes what was begun. `last` also takes up what is not worth a
        commit of its own yet.

        Raises:
            HubFault: the step is not finished.
            UserError: the journal cannot be written any more.
        """
        ...
