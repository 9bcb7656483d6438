"""How is a plan locked? Written once, before the first call, and never over another one."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from trialbed.app.lock import current_lock, lock_file, read_lock
from trialbed.app.prepare import Prepared
from trialbed.core.errors import UserError
from trialbed.core.lock import Lock
from trialbed.core.lock_differences import lock_differences
from trialbed.engine.folder import find_resumable, runs_newest_first, write_whole
from trialbed.plugins.broken import place
from trialbed.sinks.journal.file import sync_folder
from trialbed.sinks.journal.state import read_state


@dataclass(frozen=True)
class Locked:
    """A plan that is locked now. `file` is its path in the project; `notes` are worth telling the user once."""

    file: str
    lock: Lock
    notes: tuple[str, ...]


def lock_plan(prepared: Prepared, out: Path | None) -> Locked:
    """Write the locked plan to `out`, else to where `run` looks for it.

    Raises:
        UserError: another plan is locked there, a run of this one has begun, or the file cannot be written.
    """
    usual = lock_file(prepared.root, prepared.plan.experiment)
    path = usual if out is None else out.absolute()
    where = place(path, prepared.root)
    lock, there = current_lock(prepared), read_lock(path, prepared.root)
    if there is not None and there.lock_hash == lock.lock_hash:
        return Locked(where, there, (f"{where}: this very plan is locked there since {there.locked_at}",))
    if there is not None:
        differences = lock_differences(there, lock, there=[variant.id for variant in prepared.found.variants])
        raise UserError("\n".join([*(one.line() for one in differences), _taken(where, there)]))
    _refuse_begun(prepared)
    _write(path, lock, where)
    notes = [] if path == usual else [f"{where}: a copy; 'run' is held to {place(usual, prepared.root)} only"]
    return Locked(where, lock, (*notes, *_earlier_trials(prepared)))


def _taken(where: str, there: Lock) -> str:
    return (
        f"{where} (hash {there.lock_hash}): another plan is locked there since {there.locked_at}; move that file away, "
        "or write this one elsewhere with --out FILE"
    )


def _refuse_begun(prepared: Prepared) -> None:
    """Raises:
    UserError: a run of exactly this plan has made calls.
    """
    for folder in runs_newest_first(prepared.settings.local_backup_dir):
        try:
            is_same = folder.read_plan()["plan_hash"] == prepared.plan.plan_hash
        except UserError:
            continue
        if is_same and folder.journal.exists():
            state = read_state(folder.journal)
            if state.recorded or state.started:
                raise UserError(
                    f"--lock: run {folder.name} of this very plan has begun ({len(state.recorded)} trials recorded), "
                    "and a plan is locked before its first call; for new trials set another MODEL_SEED or raise the "
                    "experiment's version"
                )


def _earlier_trials(prepared: Prepared) -> list[str]:
    """A word on a run that this plan would go on with: its trials were made before the plan was locked."""
    chosen = find_resumable(prepared.settings.local_backup_dir, prepared.plan)
    if chosen is None or not chosen.folder.journal.exists():
        return []
    count = len(read_state(chosen.folder.journal).recorded)
    if not count:
        return []
    return [
        f"run {chosen.folder.name} has {count} trials of this plan that were made before it was locked; 'run' goes on "
        "with it, 'run --fresh' begins anew"
    ]


def _write(path: Path, lock: Lock, where: str) -> None:
    text = json.dumps(lock.as_dict(), indent=2, ensure_ascii=True).encode("ascii") + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text, durable=True)
        sync_folder(path.parent)
    except OSError as error:
        said = error.strerror or os.strerror(error.errno or 0)
        raise UserError(f"{where}: cannot be written ({said}); make it writable, or give --out FILE") from None
