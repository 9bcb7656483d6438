"""What do calls of a program give? Each program runs in a process of its own that can do nothing but compute.

It has limits (wall and processor time, memory, output), an empty environment and an empty folder, no network, no files
but the standard library's, no further processes and no input; `inside.py` holds it to them. Strings hash alike in every
process, so a set is written down in one order. That is a fence for programs of a data set that its owner has named. It
is none for a program written by somebody who has read `inside.py` to get past it: what a model wrote is never run.
"""

import ast
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, assert_never

_INSIDE = Path(__file__).with_name("inside.py")
_FROZEN = {"PYTHONHASHSEED": "0"}
"""All of the environment; the process forgets it before it reads a program. `-I` would ignore it, so its parts (`-s`,
`-P`) stand in the command, and there are no other variables that could be obeyed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process, so all calls of one program together, may use; `output_chars` is for one result."""

    wall_s: float = 10.0
    cpu_s: int = 2
    memory_bytes: int = 512 * 1024 * 1024
    open_files: int = 16
    output_chars: int = 20_000


USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Gave:
    """A result. `ast.literal_eval(text)` is equal to it, and all its types are the same."""

    text: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Wall or processor time was over."""


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """It asked for more memory than it may have."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The call raised an exception; `sys.exit` is one."""

    error: str
    message: str


@dataclass(frozen=True, slots=True)
class NotALiteral:
    """The result, or something in it, is of a type that has no literal, or of a subclass of one that has."""

    what: str


@dataclass(frozen=True, slots=True)
class TooLong:
    """The result has more characters than a result may have."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It tried something other than computing, and was ended for it. `what` is Python's name of the audit event."""

    what: str


@dataclass(frozen=True, slots=True)
class NotRunnable:
    """The program or the call is no Python, or the program's outermost lines raised."""

    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The process was gone before the call gave anything: `os._exit`, a crash of the interpreter, a signal."""

    how: str


Failure = TimedOut | OutOfMemory | Raised | NotALiteral | TooLong | Refused | NotRunnable | Ended
Outcome = Gave | Failure


def run(program: str, calls: Sequence[str], *, limits: Limits = USUAL) -> tuple[Outcome, ...]:
    """What each call gives. Every call meets the program as it is at the start.

    What ends the process (time, a refusal, a crash) is the outcome of the call under way and of all after it.

    Raises:
        OSError: the process cannot be started.
    """
    if not calls:
        return ()
    request = json.dumps({"program": program, "calls": list(calls)}).encode()
    most_bytes = sum(6 * limits.output_chars + 2_000 for _ in calls)
    with tempfile.TemporaryDirectory(prefix="program-") as empty, tempfile.TemporaryFile() as given:
        given.write(request)
        given.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-S", "-B", str(_INSIDE), json.dumps(asdict(limits))],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=empty,
            env=_FROZEN,
            start_new_session=True,
        )
        try:
            written, cut = _read(process, time.monotonic() + limits.wall_s, most_bytes)
        finally:
            _end(process)
    told = [_told(number, line) for number, line in zip(range(len(calls)), written.split(b"\n")[:-1], strict=False)]
    if len(told) < len(calls):
        last = told[-1] if told and isinstance(told[-1], Refused) else None
        told += [last or cut or _how(process.returncode)] * (len(calls) - len(told))
    return tuple(told)


def said(failure: Failure) -> str:
    """What happened, to go behind `the program`."""
    match failure:
        case TimedOut():
            return "did not end in time"
        case OutOfMemory():
            return "needs more memory than it may have"
        case Raised(error, message):
            return f"raised {error}: {message}" if message else f"raised {error}"
        case NotALiteral(what):
            return f"gave something that is no literal: {what}"
        case TooLong():
            return "gave more text than a result may have"
        case Refused(what):
            return f"tried what it may not: {what}"
        case NotRunnable(error, message):
            return f"cannot be run: {error}: {message}"
        case Ended(how):
            return f"ended its process: {how}"
    assert_never(failure)


def _read(process: subprocess.Popen[bytes], deadline: float, most_bytes: int) -> tuple[bytes, Failure | None]:
    """All that the process says until it is gone; and what cut it short, if something did."""
    assert process.stdout is not None
    written = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                break
            chunk = os.read(process.stdout.fileno(), 65_536)
            if not chunk:
                break
            written += chunk
            if len(written) > most_bytes:
                return written, TooLong()
    # A process that is gone but not yet waited for keeps its number, so that its group can still be ended.
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > deadline:
            return written, TimedOut()
        time.sleep(0.001)
    return written, None


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _how(returncode: int) -> Failure:
    if returncode == -signal.SIGXCPU:
        return TimedOut()
    return Ended(signal.Signals(-returncode).name if returncode < 0 else f"exit code {returncode}")


def _told(number: int, line: bytes) -> Outcome:
    """Read one answer. A program can write to where they stand, so only what is well formed counts."""
    try:
        told: Any = json.loads(line)
    except ValueError:
        told = None
    match told:
        case [int(found), *_] if found != number:
            return Ended("answers out of order")
        case [int(), "gave", str(text)] if _is_literal(text):
            return Gave(text)
        case [int(), "raised", str(error), str(message)]:
            return Raised(error, message)
        case [int(), "not_runnable", str(error), str(message)]:
            return NotRunnable(error, message)
        case [int(), "not_a_literal", str(what)]:
            return NotALiteral(what)
        case [int(), "refused", str(what)]:
            return Refused(what)
        case [int(), "out_of_memory"]:
            return OutOfMemory()
        case [int(), "too_long"]:
            return TooLong()
        case _:
            return Ended("answers that cannot be read")


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
