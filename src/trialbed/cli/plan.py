"""`plan`: show what `run` would do, or lock it."""

import json
import sys
from pathlib import Path
from typing import Any

from trialbed.app.prepare import Prepared, Wanted, prepare
from trialbed.core.errors import UserError
from trialbed.core.text import for_terminal
from trialbed.engine.folder import plan_document


def plan_command(root: Path, wanted: Wanted, *, lock: bool = False, out: Path | None = None) -> int:
    """Print the plan as one JSON document, with an estimate of what it takes; or lock it.

    Raises:
        UserError: something the user can fix.
    """
    from trialbed.app.estimate import estimate
    from trialbed.app.lock import compare_with_lock
    from trialbed.app.power import planned_power

    if out is not None and not lock:
        raise UserError("--out: says where --lock writes; give both, or none")
    prepared = prepare(root, wanted)
    if lock:
        return _lock(prepared, out)
    under = compare_with_lock(prepared, wanted)
    stands: dict[str, Any] | None = None
    if under is not None:
        stands = under.as_dict() | {"differences": [difference.line() for difference in under.differences]}
    document = plan_document(prepared.plan, analysis=prepared.analysis)
    takes = estimate(prepared)
    power = planned_power(prepared, takes)
    found = None if power is None else power.as_dict()
    print(json.dumps(document | {"lock": stands, "estimate": takes.as_dict(), "power": found}, indent=2))
    return 0


def _lock(prepared: Prepared, out: Path | None) -> int:
    from trialbed.app.estimate import estimate
    from trialbed.app.locking import lock_plan
    from trialbed.app.power import planned_power

    locked = lock_plan(prepared, out)
    for note in locked.notes:
        print(for_terminal(note), file=sys.stderr)
    print(for_terminal(f"{locked.file}: locked, hash {locked.lock.lock_hash}"))
    takes = estimate(prepared)
    power = planned_power(prepared, takes)
    for line in (*takes.lines(), *(() if power is None else power.lines())):
        print(for_terminal(line))
    return 0
