"""Where does a run live on disk, and which run does a plan belong to?

<backups>/YYYYMMDD/<run>/{plan.json,journal.jsonl,run.log}
<backups>/YYYYMMDD/run_<variant>_<unix>_<index>.json
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trialbed.core.choices import Choices
from trialbed.core.errors import UserError
from trialbed.core.plan import Plan, grows_from
from trialbed.sinks.journal.file import sync_folder, write_all

_STAMP = "%Y%m%dT%H%M%SZ"
_TAIL_BYTES = 1 << 16
_SAYS_IF_COMPLETE = {"run_stop": "complete", "judging_stop": "run_complete"}
"""Which member of a sitting's last event says that nothing is left to do of the run itself."""


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def backups(self) -> Path:
        """Where the readable files of this run's records go."""
        return self.path.parent

    @property
    def began_unix_s(self) -> int:
        stamp = self.name.rpartition("-")[2]
        return int(datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC).timestamp())

    def read_plan(self) -> dict[str, Any]:
        """The `plan_document` written when the run began or last grew.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            data: dict[str, Any] = json.loads((self.path / "plan.json").read_text(encoding="utf-8"))
            _ = data["plan"], data["plan_hash"], data["planned"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{self.path.name}/plan.json: not readable ({type(error).__name__}); is this a run?"
            ) from None
        return data

    def write_plan(self, plan: Plan, *, analysis: Choices) -> None:
        """Write the plan and the choices of its analysis so that a crash leaves either the old or the new one.

        Raises:
            UserError: the disk refuses.
        """
        text = json.dumps(plan_document(plan, analysis=analysis), indent=2, ensure_ascii=True).encode("ascii") + b"\n"
        try:
            write_whole(self.path / "plan.json", text, durable=True)
        except OSError as error:
            raise UserError(f"{self.path}/plan.json: {error.strerror}; the run needs room to write it") from None


def plan_document(plan: Plan, *, analysis: Choices) -> dict[str, Any]:
    """What plan.json holds and `trialbed plan` prints. Those of earlier versions have no `analysis`.

    The choices decide numbers of a report and no trial, so they are no part of `plan_hash`.
    """
    return {
        "plan_hash": plan.plan_hash,
        "planned": plan.size,
        "per_variant": plan.per_variant(),
        "plan": plan.as_dict(),
        "analysis": analysis.model_dump(mode="json"),
    }


def write_whole(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace a file at once; readers see the old or the new content. Mode 0600."""
    aside = path.with_name(f".{path.name}.new")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, data, 0)
        if durable:
            os.fdatasync(fd)
    finally:
        os.close(fd)
    aside.replace(path)


def create(backups: Path, plan: Plan, now: datetime, *, analysis: Choices, unless_there: bool) -> RunFolder:
    """A new run's folder with its plan in it, and the choices of its analysis.

    No two runs under one backup folder begin in the same second, because run ids carry it. `unless_there`:
    the same command may have been started twice at once; then both get the one folder, and one is refused.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        backups.mkdir(parents=True, exist_ok=True)
        with _only_one(backups / ".creating"):
            there = find_resumable(backups, plan) if unless_there else None
            if there is not None and not there.is_complete and not there.grows:
                return there.folder
            taken = {folder.name.rpartition("-")[2] for folder in backups.glob("*/*-*Z") if folder.is_dir()}
            while now.strftime(_STAMP) in taken:
                now += timedelta(seconds=1)
            path = backups / now.strftime("%Y%m%d") / f"{plan.experiment}-{now.strftime(_STAMP)}"
            path.mkdir(parents=True, mode=0o700)
            folder = RunFolder(path)
            folder.write_plan(plan, analysis=analysis)
            # What the journal syncs later is only there after a power cut if the way to it is.
            for above in (path.parent, backups):
                sync_folder(above)
            return folder
    except OSError as error:
        raise UserError(
            f"LOCAL_BACKUP_DIR: cannot write under {backups}: {error.strerror}; name a folder you may write"
        ) from None


@dataclass(frozen=True)
class Chosen:
    """An earlier run to go on with; `is_complete` says that nothing is left to do."""

    folder: RunFolder
    is_complete: bool
    grows: bool


def find_resumable(backups: Path, plan: Plan, sinks: Collection[str] = ()) -> Chosen | None:
    """The newest unfinished run of this plan, else its newest finished one, else one it grows from.

    A run that has never heard of one of `sinks` is not finished: its records are to go there too.
    """
    grown: Chosen | None = None
    finished: Chosen | None = None
    wanted = plan.as_dict()
    for folder, known in planned_runs(backups, plan.experiment):
        if known.get("plan_hash") == plan.plan_hash:
            if not is_complete(folder, plan.plan_hash, sinks):
                return Chosen(folder, is_complete=False, grows=False)
            finished = finished or Chosen(folder, is_complete=True, grows=False)
        elif grown is None and finished is None and grows_from(wanted, known["plan"]):
            grown = Chosen(folder, is_complete=False, grows=True)
    return finished or grown


def planned_runs(backups: Path, experiment: str) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    """The runs of an experiment with what their plan.json holds, newest first; without those whose is not readable."""
    for folder in runs_newest_first(backups):
        if folder.name.startswith(f"{experiment}-"):
            try:
                yield folder, folder.read_plan()
            except UserError:
                continue


def runs_newest_first(backups: Path) -> list[RunFolder]:
    folders = [RunFolder(path.parent) for path in backups.glob("*/*/plan.json")]
    return sorted(folders, key=lambda folder: folder.name.rpartition("-")[2], reverse=True)


def find_run(backups: Path, name: str | None) -> RunFolder:
    """The run of that name or path; the newest one for None.

    Raises:
        UserError: there is no such run.
    """
    if name is None:
        newest = runs_newest_first(backups)
        if not newest:
            raise UserError(f"RUN: there is no run under {backups}; start one with 'trialbed run'")
        return newest[0]
    candidates = [Path(name), *(folder.path for folder in runs_newest_first(backups) if folder.name == Path(name).name)]
    for path in candidates:
        if (path / "plan.json").is_file() or (path / "journal.jsonl").is_file():
            return RunFolder(path.absolute())
    raise UserError(f"RUN: no run {name!r} under {backups}; 'trialbed list' shows the runs there are")


def is_complete(folder: RunFolder, plan_hash: str, sinks: Collection[str] = ()) -> bool:
    """Whether the newest sitting left nothing to do of that plan, and delivered to all of `sinks`."""
    last = last_event(folder.journal)
    if last is None or last.get("e") not in _SAYS_IF_COMPLETE or last.get("plan_hash") != plan_hash:
        return False
    return bool(last.get(_SAYS_IF_COMPLETE[last["e"]])) and set(sinks) <= set(last.get("owed", ()))


def last_event(path: Path) -> dict[str, Any] | None:
    """The newest event of a journal, without reading the others; None if there is none that is whole."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
        return None if lines[-1] or len(lines) < 2 else json.loads(lines[-2])
    except (OSError, ValueError):
        return None


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
