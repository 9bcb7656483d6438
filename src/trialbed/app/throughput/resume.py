"""Which run do these measurements go on in? The newest one that measures the same models in the same way."""

from dataclasses import dataclass
from pathlib import Path

from trialbed.core.errors import UserError
from trialbed.core.plan import Plan
from trialbed.engine.folder import RunFolder, runs_newest_first


@dataclass(frozen=True)
class Earlier:
    """A run to go on with, and how many cycles its plan has."""

    folder: RunFolder
    repeats: int


def find_earlier(backups: Path, plan: Plan) -> Earlier | None:
    """The newest run that differs from `plan` in nothing but how often it has measured."""
    ours = {name: value for name, value in plan.as_dict().items() if name != "repeats"}
    for folder in runs_newest_first(backups):
        if not folder.name.startswith(f"{plan.experiment}-"):
            continue
        try:
            theirs = folder.read_plan()["plan"]
        except UserError:
            continue
        if {name: value for name, value in theirs.items() if name != "repeats"} == ours:
            return Earlier(folder, int(theirs["repeats"]))
    return None
