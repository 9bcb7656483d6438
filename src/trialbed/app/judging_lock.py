"""Do other judges than the locked ones judge a run that was made under a locked plan? Then that is a deviation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trialbed.app.lock import lock_file, read_lock
from trialbed.core.clock import SystemClock, iso_z
from trialbed.core.lock import judging_deviation
from trialbed.core.model import ModelName
from trialbed.sinks.journal.state import JournalState

_WHY = "judged again by other judges (trialbed judge)"


def judges_deviation(
    root: Path, experiment: str, judges: Sequence[ModelName], state: JournalState
) -> dict[str, Any] | None:
    """The deviation as the journal and the records keep it; None if there is no lock, no difference, or it is there.

    Raises:
        UserError: the locked plan is not readable.
    """
    if not any(start.get("lock") for start in state.run_starts):
        return None
    lock = read_lock(lock_file(root, experiment), root)
    difference = None if lock is None else judging_deviation(lock, judges)
    if difference is None:
        return None
    body = {"what": difference.what, "locked": difference.locked, "actual": difference.actual}
    if any(all(one.get(key) == value for key, value in body.items()) for one in state.deviations):
        return None
    return {**body, "why": _WHY, "at": iso_z(SystemClock().now())}
