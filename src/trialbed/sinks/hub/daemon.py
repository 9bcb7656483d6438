"""How is a call that may hang kept from holding anything up? In a daemon thread that can be left behind.

A pool would not do: the interpreter waits for the threads of a pool when it exits.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

from trialbed.sinks.hub.faults import Unreached

T = TypeVar("T")


class _Call(Generic[T]):
    """One call in its thread. `tell` is called in that thread when it has ended."""

    def __init__(self, work: Callable[[], T], tell: Callable[[], object]) -> None:
        self._work = work
        self._tell = tell
        self._results: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="hub call", daemon=True).start()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # whatever it was belongs to the one that waits, not to this thread
            self._error = error
        self._tell()


async def in_daemon(work: Callable[[], T], *, limit_s: float) -> T:
    """The result of `work()`; cancelling or running out of time leaves its thread behind.

    Raises:
        Unreached: it took longer than `limit_s`.
    """
    done = anyio.Event()
    loop = anyio.lowlevel.current_token()

    def tell() -> None:
        try:
            anyio.from_thread.run_sync(done.set, token=loop)
        except RuntimeError:
            return  # the loop has ended: nobody waits any more

    call = _Call(work, tell)
    with anyio.move_on_after(limit_s):
        await done.wait()
        return call.result()
    raise Unreached(f"no answer after {limit_s:.0f} s")


def bounded(work: Callable[[], T], *, limit_s: float) -> T:
    """The same for callers without an event loop.

    Raises:
        Unreached: it took longer than `limit_s`.
    """
    done = threading.Event()
    call = _Call(work, done.set)
    if not done.wait(limit_s):
        raise Unreached(f"no answer after {limit_s:.0f} s")
    return call.result()
