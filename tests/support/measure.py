"""How long does something take, and how much memory does a process need? Linux only, like the figures made of it."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.project import wait_until


def seconds_until(is_so: Callable[[], Any], what: str, timeout_s: float) -> float:
    """Wait until it is so; how long that took."""
    began = time.monotonic()
    wait_until(is_so, what, timeout_s)
    return time.monotonic() - began


def most_memory_mb(pid: int) -> float:
    """The most resident memory the process has had so far, in MB of 10^6 bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, "the kernel says nothing of VmHWM"
    return int(found[1]) * 1024 / 1e6
