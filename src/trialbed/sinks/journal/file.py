"""How do bytes get into the journal's file and stay there? Synchronous; one writing process.

Knows lines and offsets, not what they mean.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import TracebackType

from trialbed.core.errors import UserError
from trialbed.sinks.journal.events import NO_LINE, is_whole, name_of

_CHUNK_BYTES = 8 << 20
_LOCK_TRIES = 10
_LOCK_PAUSE_S = 0.05


class JournalFile:
    """An open journal, locked for this process until it is closed."""

    def __init__(self, path: Path, take: Callable[[int, bytes], None] = lambda _offset, _line: None) -> None:
        """Open or create, lock, hand every whole line to `take`, and put a torn tail aside.

        Raises:
            UserError: another process is writing this run, or the disk refuses.
        """
        self.path = path
        self.torn_bytes = 0
        self.damaged_lines = 0
        self.lines = 0
        self._last_line_at = 0
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._take_over(take)
            except BaseException:  # whatever comes, the descriptor must not stay open
                os.close(self._fd)
                raise
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; the run needs a folder it may write, with room") from None
        self.size = os.lseek(self._fd, 0, os.SEEK_END)

    def _take_over(self, take: Callable[[int, bytes], None]) -> None:
        if not _lock(self._fd):
            raise UserError(
                f"{self.path.parent.name}: another process is writing this run; wait for it or stop it first"
            )
        end = self._read_through(take)
        self.torn_bytes = _set_torn_tail_aside(self._fd, self.path, end)
        sync_folder(self.path.parent)

    def _read_through(self, take: Callable[[int, bytes], None]) -> int:
        """Hand on every whole line; returns where the last one ends. Damaged lines before that count as lines."""
        end = since = 0
        for offset, line in _lines(self._fd):
            if line.endswith(b"\n") and is_whole(memoryview(line)[:-1]):
                end, self._last_line_at = offset + len(line), offset
                self.lines += since + 1
                self.damaged_lines, since = self.damaged_lines + since, 0
                take(offset, line[:-1])
            else:
                since += 1
        return end

    @property
    def head(self) -> str:
        """The name of the last line on disk, which stands for the whole journal (see `events.name_of`)."""
        if not self.lines:
            return NO_LINE
        return name_of(self.read(self._last_line_at, self.size - self._last_line_at - 1))

    def append(self, data: bytes) -> None:
        """Write all of `data`, whole lines, and wait until it is on disk; on failure the file is as it was before.

        Raises:
            OSError: the disk is full or failing.
        """
        try:
            write_all(self._fd, data, self.size)
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        if data:
            self._last_line_at = self.size + data.rfind(b"\n", 0, len(data) - 1) + 1
            self.lines += data.count(b"\n")
            self.size += len(data)

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`."""
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> "JournalFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _lock(fd: int) -> bool:
    """Take the lock. Tried for half a second: `status` holds it for an instant to see whether it is free."""
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        else:
            return True
    return False


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """`(offset, line)` of every whole line, newline left out; what is torn or changed is passed over."""
    with path.open("rb") as file:
        for offset, line in _lines(file.fileno()):
            if line.endswith(b"\n") and is_whole(memoryview(line)[:-1]):
                yield offset, line[:-1]


def _lines(fd: int) -> Iterator[tuple[int, bytes]]:
    """Lines with their newlines; the last one may lack it. Memory: one chunk and one line."""
    start, rest, at = 0, b"", 0
    while chunk := os.pread(fd, _CHUNK_BYTES, at):
        at += len(chunk)
        data = rest + chunk
        lines = data.splitlines(keepends=True) if b"\r" not in data else _split(data)
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            yield start, line
            start += len(line)
    if rest:
        yield start, rest


def _split(data: bytes) -> list[bytes]:
    """Split at line feeds only; `bytes.splitlines` also splits at carriage returns."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def write_all(fd: int, data: bytes, offset: int) -> None:
    """A write may be short: go on where it stopped."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def _set_torn_tail_aside(fd: int, path: Path, end: int) -> int:
    """Cut off what follows the last whole line, keep it in a file of its own; returns its length in bytes."""
    size = os.lseek(fd, 0, os.SEEK_END)
    if size > end:
        aside = os.open(_free_name(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(aside, os.pread(fd, size - end, end), 0)
            os.fdatasync(aside)
        finally:
            os.close(aside)
        os.ftruncate(fd, end)
    return size - end


def _free_name(path: Path) -> Path:
    """`journal.torn-<n>` with the least number not in use."""
    names = (path.with_name(f"journal.torn-{number}") for number in count())
    return next(name for name in names if not name.exists())


def sync_folder(folder: Path) -> None:
    """A new file is only there after a crash if its folder's entry is on disk too."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
