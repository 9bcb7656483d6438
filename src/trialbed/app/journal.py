"""How is a run's journal opened for writing? In one way, whoever writes: damage is said, a full disk too, and at the
end what was written is sealed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from trialbed.core.clock import SystemClock, iso_z
from trialbed.engine.folder import RunFolder, write_whole
from trialbed.sinks.journal.file import JournalFile
from trialbed.sinks.journal.seal import Sealing
from trialbed.sinks.journal.state import JournalState
from trialbed.sinks.journal.writer import Journal


@contextmanager
def open_journal(
    folder: RunFolder,
    *,
    patience_s: float,
    announce: Callable[[str], None],
    on_trouble: Callable[[], None] = lambda: None,
) -> Iterator[Journal]:
    """The journal, locked for this process, with the state its lines tell.

    Args:
        patience_s: how long a write is tried again when the disk refuses.
        on_trouble: told once when it does, after the user was.

    Raises:
        UserError: another process is writing this run, or the file cannot be opened.
    """
    state, clock = JournalState(), SystemClock()
    sealing = Sealing(folder.journal)

    def take(offset: int, line: bytes) -> None:
        sealing.take(offset, line)
        state.take(offset, line)

    def say_trouble(error: OSError) -> None:
        announce(f"{folder.journal}: {error.strerror}; no new trials are started: make room")
        on_trouble()

    with JournalFile(folder.journal, take) as file:
        if file.torn_bytes:
            announce(f"{folder.name}: {file.torn_bytes} bytes of a torn line were put aside (journal.torn-*)")
        if file.damaged_lines:
            announce(
                f"{folder.name}: {file.damaged_lines} lines inside the journal are damaged and passed over; a run asks "
                "again for what they held. Check the disk"
            )
        if sealing.is_broken:
            announce(
                f"{folder.name}: the journal is not what it was when it was sealed (journal.seal); what it lost is "
                "asked again, and an audit will go on saying so"
            )
        try:
            yield Journal(file, state, clock=clock, patience_s=patience_s, on_trouble=say_trouble)
        finally:
            # Nobody writes any more. However the sitting ended: what is on disk is worth sealing.
            sealing.renew(file, partial(write_whole, durable=True), iso_z(clock.now()))
