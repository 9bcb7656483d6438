"""Does every run that tests leave behind pass its audit?"""

from collections.abc import Iterable
from pathlib import Path

from trialbed.app.integrity import integrity_problem
from trialbed.engine.folder import RunFolder


def audit_every_run(roots: Iterable[Path]) -> list[str]:
    """What is wrong with the runs anywhere under `roots`, one line a run."""
    folders = sorted({path.parent for root in roots for path in root.rglob("plan.json")})
    problems = ((folder, integrity_problem(RunFolder(folder))) for folder in folders)
    return [f"{folder}: {problem}" for folder, problem in problems if problem is not None]
