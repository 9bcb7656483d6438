"""Is a peer there in the pinned version, and if not, can it be had?

Each has its own folder in the git-ignored `.bench/`; nothing of it comes near the program's own environment. An
environment whose pins have changed is built anew.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.project import CHECKOUT

CACHE = CHECKOUT / ".bench" / "peers"
PINS = Path(__file__).with_name("peers")
_MOST_S = 900


@dataclass(frozen=True)
class Installed:
    """`home` is the folder of the environment; `version` the peer's own."""

    name: str
    home: Path
    version: str


@dataclass(frozen=True)
class NotInstalled:
    """`why` in one line."""

    name: str
    why: str


def python_peer(name: str, package: str) -> Installed | NotInstalled:
    """A virtual environment with what `peers/<name>.txt` pins."""
    home, pins = CACHE / name, PINS / f"{name}.txt"
    python = home / "bin" / "python"
    if not _is_current(home, pins):
        print(f"  installing {name} (once)", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(pins)]
        for command in ([sys.executable, "-m", "venv", str(home)], pip):
            if why := _problem(command, CACHE):
                return NotInstalled(name, why)
        _stamp(home, pins)
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    said = subprocess.run([str(python), "-c", ask], capture_output=True, text=True, check=False)
    return Installed(name, home, said.stdout.strip() or "?")


def node_peer(name: str) -> Installed | NotInstalled:
    """A node folder with what `peers/<name>.json` pins; needs npm, and runs no install scripts."""
    npm = shutil.which("npm")
    if npm is None:
        return NotInstalled(name, "there is no npm on this machine")
    home, pins = CACHE / name, PINS / f"{name}.json"
    if not _is_current(home, pins):
        print(f"  installing {name} (once)", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copy(pins, home / "package.json")
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if why := _problem([npm, "install", *quiet], home):
            return NotInstalled(name, why)
        _stamp(home, pins)
    about = json.loads((home / "node_modules" / name / "package.json").read_text())
    return Installed(name, home, str(about["version"]))


def _is_current(home: Path, pins: Path) -> bool:
    stamp = home / "pins"
    return stamp.exists() and stamp.read_text() == pins.read_text()


def _stamp(home: Path, pins: Path) -> None:
    (home / "pins").write_text(pins.read_text())


def _problem(command: list[str], folder: Path) -> str | None:
    """Why a command failed, in its own last words."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_MOST_S, check=False)
    except subprocess.TimeoutExpired:
        return f"not done within {_MOST_S} s"
    except OSError as error:
        return str(error.strerror)
    if done.returncode == 0:
        return None
    said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    errors = [line for line in said if line.lower().startswith(("error", "npm err"))]
    return ((errors or said)[-1:] or [f"exit code {done.returncode}"])[0][:200]
