"""How long does something take, and how much memory does a process need? Linux only, like the figures made of it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.project import wait_until

_PROBE_CPU_S = 0.1


def seconds_until(is_so: Callable[[], Any], what: str, timeout_s: float) -> float:
    """Wait until it is so; how long that took."""
    began = time.monotonic()
    wait_until(is_so, what, timeout_s)
    return time.monotonic() - began


def slowdown() -> float:
    """How much longer than its CPU time some work takes just now: 1 on an idle machine, 2 if it gets half a core."""
    began, cpu = time.monotonic(), time.thread_time()
    while time.thread_time() - cpu < _PROBE_CPU_S:
        pass
    return max(1.0, (time.monotonic() - began) / _PROBE_CPU_S)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What happens inside takes less than `seconds` of a machine that has nothing else to do."""
    before = slowdown()
    began = time.monotonic()
    yield
    took_s = time.monotonic() - began
    allowed_s = seconds * max(before, slowdown())
    assert took_s < allowed_s, f"took {took_s:.2f} s, {allowed_s:.2f} s would have been at once"


def most_memory_mb(pid: int) -> float:
    """The most resident memory the process has had so far, in MB of 10^6 bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, "the kernel says nothing of VmHWM"
    return int(found[1]) * 1024 / 1e6
