"""Does every run that tests leave behind pass its audit?"""

from collections.abc import Iterable
from pathlib import Path

from trialbed.app.audit import audit
from trialbed.engine.folder import RunFolder


def audit_every_run(roots: Iterable[Path]) -> list[str]:
    """What is wrong with the runs anywhere under `roots`, one line a run: journal, plan, files and every number.

    The numbers are those of the run's report; without one, those that a report would have. No experiment's code is
    looked for: what is analysed, plan.json says.
    """
    folders = sorted({path.parent for root in roots for path in root.rglob("plan.json")})
    problems = ((folder, audit(folder, folder.parent, [RunFolder(folder)]).problem) for folder in folders)
    return [f"{folder}: {problem}" for folder, problem in problems if problem is not None]
