"""What did a process cost, from its start to its end?"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class ProcessFailed(Exception):
    """A measured process did not end as it should; the text says how, with its last words."""


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds (user and system) and the most resident memory, of a process and those it waited for.

    `began_s` is in seconds since 1970; `memory_mb` counts 10^6 bytes.
    """

    code: int
    began_s: float
    wall_s: float
    cpu_s: float
    memory_mb: float
    stderr: str

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def finished(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    most_s: float = 300.0,
    codes: Sequence[int] = (0,),
) -> Spent:
    """Run a command in `folder` to its end, or kill it after `most_s`.

    Raises:
        ProcessFailed: its exit code is none of `codes`; -9 stands for being killed after `most_s`.
    """
    out, err = folder / ".bench.out", folder / ".bench.err"
    began_s, began = time.time(), time.perf_counter()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            list(command), cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        alarm = threading.Timer(most_s, os.kill, (process.pid, signal.SIGKILL))
        alarm.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    spent = Spent(
        code=process.returncode,
        began_s=began_s,
        wall_s=time.perf_counter() - began,
        cpu_s=usage.ru_utime + usage.ru_stime,
        memory_mb=usage.ru_maxrss * 1024 / 1e6,
        stderr=err.read_text(errors="replace"),
    )
    if spent.code not in codes:
        said = (spent.stderr.strip() or out.read_text(errors="replace").strip()).splitlines()
        raise ProcessFailed(f"{Path(command[0]).name} ended with {spent.code}: {' | '.join(said[-3:])[-400:]}")
    return spent
