"""Does every run that tests leave behind pass its audit?"""

from collections.abc import Iterable
from pathlib import Path

from trialbed.app.audit import audit
from trialbed.core.errors import UserError
from trialbed.engine.folder import RunFolder


def audit_every_run(roots: Iterable[Path]) -> list[str]:
    """What is wrong with the runs anywhere under `roots`, one line a run: journal, plan, files and every number."""
    folders = sorted({path.parent for root in roots for path in root.rglob("plan.json")})
    problems = ((folder, _problem(folder)) for folder in folders)
    return [f"{folder}: {problem}" for folder, problem in problems if problem is not None]


def _problem(folder: Path) -> str | None:
    root = next((one for one in folder.parents if (one / "experiments").is_dir()), folder)
    try:
        return audit(root, folder.parent.parent, [RunFolder(folder)]).problem
    except UserError as error:
        return str(error)
