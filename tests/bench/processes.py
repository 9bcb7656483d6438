"""What did a process cost, from its start to its end?"""

import os
import subprocess
import time
from dataclasses import dataclass

from tests.support.project import Project


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds (user and system) and the most resident memory, of a process and those it waited for."""

    code: int
    wall_s: float
    cpu_s: float
    memory_mb: float
    stderr: str


def finished(command: list[str], project: Project) -> Spent:
    """Run a command in the project to its end."""
    out, err = project.root / ".bench.out", project.root / ".bench.err"
    began = time.perf_counter()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command, cwd=project.root, env=project.environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Spent(
        code=process.returncode,
        wall_s=time.perf_counter() - began,
        cpu_s=usage.ru_utime + usage.ru_stime,
        memory_mb=usage.ru_maxrss * 1024 / 1e6,
        stderr=err.read_text(errors="replace"),
    )
