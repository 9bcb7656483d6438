"""What happens on Ctrl+C? The first signal drains, the second ends the process at once."""

import os
import signal
from collections.abc import Callable

import anyio

from trialbed.engine.drain import Drain

_HANDLED = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Watches SIGINT and SIGTERM. `exit_code` is 128 + the first signal, or None."""

    def __init__(self, *, drain: Drain, announce: Callable[[str], None], last_words: Callable[[], None]) -> None:
        """`last_words` runs before the process ends on the second signal: flush what can be flushed."""
        self.exit_code: int | None = None
        self._drain = drain
        self._announce = announce
        self._last_words = last_words

    async def watch(self) -> None:
        """Runs until cancelled."""
        before = {number: signal.getsignal(number) for number in _HANDLED}
        try:
            with anyio.open_signal_receiver(*_HANDLED) as received:
                async for number in received:
                    self._heard(signal.Signals(number))
        finally:
            # The loop leaves the system's default behind: a late signal would end the process without a word.
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: signal.Signals) -> None:
        if self.exit_code is not None:
            self._end_now()
        self.exit_code = 128 + number
        self._drain.begin(number.name)
        self._announce(
            f"{number.name}: no new trials; calls in flight get up to {self._drain.left_s:.0f} s. "
            "Once more ends at once."
        )

    def _end_now(self) -> None:
        try:
            self._last_words()
        finally:
            # A sink may hang in a thread: nothing but this ends the process for certain.
            os._exit(self.exit_code or 1)
