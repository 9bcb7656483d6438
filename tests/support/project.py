"""A project folder of its own, and the program run in it as a process, the way a user does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.journal import journal_events

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
_sittings = count(1)

MADE_ROOTS: list[Path] = []
"""Of all projects made so far whose runs have not been audited yet."""


@dataclass(frozen=True)
class Ended:
    """How a process ended; `code` is negative when a signal killed it."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Sitting:
    """One process of the program. Its output goes to files, so that it never waits for a reader."""

    process: subprocess.Popen[bytes]
    stdout_path: Path
    stderr_path: Path

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text(encoding="utf-8", errors="replace")

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and wait until the process is gone."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def wait(self, timeout_s: float = PATIENCE_S) -> Ended:
        """The end of the process; one that does not end in time is killed and fails the test."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the process did not end within {timeout_s} s; it said:\n{self.stderr}") from None
        return Ended(code, self.stdout_path.read_text(encoding="utf-8"), self.stderr)


@dataclass
class RunOnDisk:
    """The folder of one run, as it lies there."""

    folder: Path

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    @property
    def began_unix_s(self) -> int:
        """When the run began, as its run ids and backup files carry it."""
        stamp = datetime.strptime(self.folder.name.rpartition("-")[2], "%Y%m%dT%H%M%SZ")
        return int(stamp.replace(tzinfo=UTC).timestamp())

    def events(self) -> list[dict[str, Any]]:
        return journal_events(self.journal)

    def plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = json.loads((self.folder / "plan.json").read_text(encoding="utf-8"))
        return plan

    def records(self) -> dict[str, dict[str, Any]]:
        """The newest record of each trial, by trial id."""
        return {event["trial"]: event["record"] for event in self.events() if event["e"] == "record"}

    def backups(self) -> dict[str, dict[str, Any]]:
        """The readable files of this run's records, by file name."""
        paths = sorted(self.folder.parent.glob(f"run_*_{self.began_unix_s}_*.json"))
        return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


@dataclass
class Project:
    """A folder with experiments/, variants/ and run_and_evaluate.py, and a clean environment."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, **variables: str) -> Sitting:
        """`python run_and_evaluate.py ARGUMENTS` in the background."""
        return self._popen([sys.executable, "run_and_evaluate.py", *arguments], variables)

    def run(self, *arguments: str, timeout_s: float = PATIENCE_S, **variables: str) -> Ended:
        """`python run_and_evaluate.py ARGUMENTS`, to its end."""
        return self.start(*arguments, **variables).wait(timeout_s)

    def start_trialbed(self, *arguments: str, **variables: str) -> Sitting:
        """`python -m trialbed ARGUMENTS` in the background."""
        return self._popen([sys.executable, "-m", "trialbed", *arguments], variables)

    def trialbed(self, *arguments: str, timeout_s: float = PATIENCE_S, **variables: str) -> Ended:
        """`python -m trialbed ARGUMENTS`, to its end."""
        return self.start_trialbed(*arguments, **variables).wait(timeout_s)

    def status(self, run: str | None = None) -> dict[str, Any]:
        """What `status --json` says of a run, the newest one by default."""
        ended = self.trialbed("status", *([run] if run else []), "--json")
        assert ended.code == 0, ended.stderr
        status: dict[str, Any] = json.loads(ended.stdout)
        return status

    def runs(self) -> list[RunOnDisk]:
        """All runs there are, oldest first."""
        folders = (path.parent for path in self.root.glob("local_backups/*/*/plan.json"))
        return [RunOnDisk(folder) for folder in sorted(folders)]

    def the_run(self) -> RunOnDisk:
        """The only run there is."""
        (run,) = self.runs()
        return run

    def journal_bytes(self) -> bytes:
        """The only run's journal as it is now; empty before there is one."""
        runs = self.runs()
        return runs[-1].journal.read_bytes() if runs and runs[-1].journal.exists() else b""

    def _popen(self, command: list[str], variables: Mapping[str, str]) -> Sitting:
        number = next(_sittings)
        out, err = (self.root / ".output" / f"{number}.{name}" for name in ("out", "err"))
        out.parent.mkdir(exist_ok=True)
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        return Sitting(process, out, err)


def make_project(root: Path, *, experiments: Mapping[str, str] | None = None, **variables: str) -> Project:
    """A new project under `root` with the checkout's experiments, or with only those given as file → text.

    Nothing of the caller's environment reaches the program but where to find Python; `variables` are added.
    """
    folder = root / "project"
    folder.mkdir(parents=True)
    MADE_ROOTS.append(folder)
    shutil.copy(CHECKOUT / "run_and_evaluate.py", folder)
    if experiments is None:
        no_caches = shutil.ignore_patterns("__pycache__")
        for name in ("experiments", "variants"):
            shutil.copytree(CHECKOUT / name, folder / name, ignore=no_caches)
    for path, text in (experiments or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    home = root / "home"
    home.mkdir()
    return Project(folder, clean_environment(home) | variables)


def clean_environment(home: Path) -> dict[str, str]:
    """No credentials, proxies or caches of whoever runs the tests; all folders for such things are `home`'s."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {
        "HOME": str(home),
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "120",
    }


def summary_block(stdout: str) -> list[str]:
    """The final summary's lines, from its first rule to its last; without where things lie."""
    lines = stdout.splitlines()
    rules = [number for number, line in enumerate(lines) if line and set(line) == {"="}]
    assert len(rules) >= 2, f"there is no summary in:\n{stdout}"
    return lines[rules[0] : rules[-1] + 1]


def wait_until(is_so: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """Look every 10 ms until `is_so()` is truthy, and return it; fail naming `what` otherwise."""
    deadline = time.monotonic() + timeout_s
    while not (seen := is_so()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s for: {what}"
        time.sleep(0.01)
    return seen


@contextmanager
def running(sitting: Sitting) -> Iterator[Sitting]:
    """Leave no process behind, whatever the test does."""
    try:
        yield sitting
    finally:
        if not sitting.is_over:
            sitting.kill()
