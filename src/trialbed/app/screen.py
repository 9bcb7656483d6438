"""What does the job tell whoever is watching? The seam between it and a terminal."""

from collections.abc import Callable

from trialbed.app.prepare import Prepared
from trialbed.engine.folder import RunFolder
from trialbed.engine.progress import Progress


class Screen:
    """What the job tells whoever is watching. The command line puts its own in the place of these."""

    def announce(self, line: str) -> None:
        """One line that matters."""

    def began(self, folder: RunFolder, prepared: Prepared, *, resumed: bool) -> None:
        """The run is about to start or to go on."""

    async def display(self, progress: Progress, in_flight: Callable[[], int]) -> None:
        """Show progress until cancelled."""
