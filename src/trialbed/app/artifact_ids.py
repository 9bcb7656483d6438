"""Under which id do a trial's files stand in a bucket? `run-` and a ULID, the same however often it is resumed."""

import hashlib
import secrets
from collections.abc import Callable

from ulid import ULID

from trialbed.engine.folder import RunFolder
from trialbed.sinks.journal.state import JournalState

_NONCE_BYTES = 10
_RANDOM_BYTES = 10
_TIME_BYTES = 6


def nonce_of(folder: RunFolder, state: JournalState) -> str:
    """What makes the ids of this run its own, even if another one of the same plan begins in the same second elsewhere.

    Drawn once and kept in the run's first event; a run of an earlier version has its name for it.
    """
    if not state.run_starts:
        return secrets.token_hex(_NONCE_BYTES)
    return str(next((start["nonce"] for start in state.run_starts if "nonce" in start), folder.name))


def artifact_ids(began_unix_s: int, nonce: str) -> Callable[[str], str]:
    """The id of each trial of a run, by its trial id."""
    time = (began_unix_s * 1000).to_bytes(_TIME_BYTES, "big")

    def id_of(trial_id: str) -> str:
        chance = hashlib.sha256(f"{nonce}:{trial_id}".encode()).digest()[:_RANDOM_BYTES]
        return f"run-{ULID.from_bytes(time + chance)}"

    return id_of
