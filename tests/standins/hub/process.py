"""How does a test run the stand-in as a process of its own?"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .faults import Faults

REPO_ROOT = Path(__file__).resolve().parents[3]
STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class HubProcess:
    """A running stand-in process."""

    endpoint: str
    process: subprocess.Popen[str]

    def set_faults(self, faults: Faults) -> None:
        """Change the mix; returns when it is in force."""
        _pipe(self.process.stdin).write(faults.to_json() + "\n")
        _pipe(self.process.stdin).flush()
        if _pipe(self.process.stdout).readline() != "ok\n":
            raise RuntimeError("hub stand-in: the process did not take the faults")


@contextmanager
def hub_process(
    faults: Faults | None = None,
    *,
    seed: int = 0,
    port: int = 0,
    state_dir: Path | None = None,
    log_file: Path | None = None,
    force_lfs: bool = False,
) -> Iterator[HubProcess]:
    """Run `python -m tests.standins.hub` until the block ends. Raises RuntimeError when it does not start."""
    command = [sys.executable, "-m", "tests.standins.hub", "--port", str(port), "--seed", str(seed)]
    command += ["--faults", (faults or Faults()).to_json()]
    command += ["--state-dir", str(state_dir)] if state_dir else []
    command += ["--log", str(log_file)] if log_file else []
    command += ["--force-lfs"] if force_lfs else []
    process = subprocess.Popen(command, cwd=REPO_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        endpoint = _pipe(process.stdout).readline().strip()
        if not endpoint:
            raise RuntimeError(f"hub stand-in: exited with {process.wait()} before it listened")
        yield HubProcess(endpoint, process)
    finally:
        _pipe(process.stdin).close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _pipe(process.stdout).close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("hub stand-in: the process has no pipes")
    return stream
