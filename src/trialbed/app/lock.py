"""Is what is going to be run what was locked? Read before anything is called or written."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trialbed.app.prepare import Prepared, Wanted
from trialbed.choose import is_batch
from trialbed.core.clock import SystemClock, iso_z
from trialbed.core.difference import deviations_so_far
from trialbed.core.errors import UserError
from trialbed.core.lock import LOCK_VERSION, Lock, UnderLock, hash_of, make_lock
from trialbed.core.lock_differences import lock_differences
from trialbed.core.redact import Redactor
from trialbed.core.text import repair
from trialbed.plugins.broken import place
from trialbed.plugins.sources import source_hashes
from trialbed.settings import known_secrets
from trialbed.sinks.journal.state import JournalState

_LONGEST_REASON = 500
_MEND = "restore it as it was written, or move it away: then there is no locked plan"


def lock_file(root: Path, experiment: str) -> Path:
    """Where the locked plan of an experiment is, if it has one."""
    return root / "plans" / f"{experiment}.lock.json"


def read_lock(path: Path, root: Path) -> Lock | None:
    """The locked plan in a file; None if there is no such file.

    Raises:
        UserError: it cannot be read, is damaged, or was changed by hand.
    """
    where = place(path, root)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: cannot be read ({type(error).__name__}); {_MEND}") from None
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError
        if document.get("lock_version") != LOCK_VERSION:
            raise UserError(
                f"{where}: lock_version {str(document.get('lock_version'))[:20]!r} is not one that this version of "
                f"trialbed knows; {_MEND}"
            )
        is_whole = document.get("lock_hash") == hash_of(document)
        lock = Lock.model_validate(document)
    except (ValueError, ValidationError, RecursionError):
        raise UserError(f"{where}: is not a whole locked plan; {_MEND}") from None
    if not is_whole:
        raise UserError(f"{where}: lock_hash is not that of its content: it was damaged or edited; {_MEND}")
    return lock


def current_lock(prepared: Prepared) -> Lock:
    """What would be locked if it were locked now."""
    return make_lock(
        prepared.plan,
        analysis=prepared.analysis,
        files=source_hashes(prepared.found.file, prepared.root),
        max_cost_usd=prepared.max_cost_usd,
        run_deadline_s=prepared.settings.run_deadline_s,
        locked_at=iso_z(SystemClock().now()),
    )


def compare_with_lock(prepared: Prepared, wanted: Wanted) -> UnderLock | None:
    """How the configuration stands to the locked plan of its experiment; None if there is none.

    Raises:
        UserError: the locked plan is not readable.
    """
    path = lock_file(prepared.root, prepared.plan.experiment)
    lock = read_lock(path, prepared.root)
    if lock is None:
        return None
    differences = lock_differences(
        lock,
        current_lock(prepared),
        there=[variant.id for variant in prepared.found.variants],
        is_single=not is_batch(prepared.settings, runs=wanted.runs, limit=wanted.limit),
    )
    return UnderLock(place(path, prepared.root), lock, differences)


def hold_to_lock(prepared: Prepared, wanted: Wanted, *, why: str | None = None) -> Prepared:
    """The same, knowing its locked plan. `why` is what the user says of every difference from it.

    Raises:
        UserError: it differs and no reason is given, or an empty one; or the locked plan is not readable.
    """
    reason = None if why is None else _reason(why)
    under = compare_with_lock(prepared, wanted)
    if under is None or under.matches:
        return replace(prepared, lock=under)
    if reason is None:
        lines = [difference.line() for difference in under.differences]
        raise UserError("\n".join([*lines, _what_to_do(under)]))
    return replace(prepared, lock=replace(under, why=reason))


def _reason(why: str) -> str:
    """What the user says, on one line and without secrets: it will stand in every record."""
    reason = Redactor(known_secrets(os.environ))(repair(" ".join(why.split()))[0])
    if not reason:
        raise UserError("--deviate: is empty; say why the run differs, e.g. --deviate 'the model was withdrawn'")
    if len(reason) > _LONGEST_REASON:
        raise UserError(
            f"--deviate: has {len(reason)} characters, and every record will carry it; say it in {_LONGEST_REASON}"
        )
    return reason


def _what_to_do(under: UnderLock) -> str:
    return (
        f"{under.file} (hash {under.lock.lock_hash}) was locked at {under.lock.locked_at}, and this is another plan: "
        "restore what differs, or go on with --deviate 'why', which every record then shows"
    )


def lock_hash(prepared: Prepared) -> str | None:
    return None if prepared.lock is None else prepared.lock.lock.lock_hash


def deviations_of(
    prepared: Prepared, state: JournalState, redact: Callable[[str], str], *, at: str
) -> list[dict[str, Any]]:
    """All deviations of the run so far: those in its journal, then those that are new in this sitting."""
    under = prepared.lock
    differences = () if under is None else under.differences
    why = "" if under is None or under.why is None else under.why
    return deviations_so_far(state.deviations, differences, why=why, at=at, redact=redact)
