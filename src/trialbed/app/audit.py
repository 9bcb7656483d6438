"""Does everything that a run and its report say hold? The journal's chain, the plan, the files, every number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trialbed.analysis.recheck.audit import numbers_problem
from trialbed.app.integrity import integrity_problem
from trialbed.app.report import Asked, NothingToReport, findings_of_runs, report_folder
from trialbed.engine.folder import RunFolder


@dataclass(frozen=True)
class Audited:
    """What an audit found. `problem` is the first disagreement; None = everything agrees."""

    problem: str | None
    tables: int
    report: Path | None


def audit(root: Path, backups: Path, folders: Sequence[RunFolder]) -> Audited:
    """Check the runs, then every number of their report, or of what a report would say now.

    Raises:
        UserError: a folder is no run.
    """
    for folder in folders:
        if problem := integrity_problem(folder):
            return Audited(f"{folder.name}: {problem}", 0, None)
    paths = [folder.path for folder in folders]
    report = report_folder(backups, folders)
    if (report / "manifest.json").exists():
        return Audited(numbers_problem(paths, report, None), len(list(report.glob("*.csv"))), report)
    try:
        found = findings_of_runs(root, folders, Asked())
    except NothingToReport:
        return Audited(None, 0, None)
    return Audited(numbers_problem(paths, None, found.tables, choices=found.choices), len(found.tables), None)
