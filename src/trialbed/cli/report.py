"""`report` and `audit`: what runs or a dataset say, as files, and whether it holds."""

import re
from collections.abc import Sequence
from pathlib import Path

from trialbed.analysis.findings import Findings
from trialbed.app.report import Asked, dataset_report_folder, findings_of, findings_of_runs, report_folder
from trialbed.core.clock import SystemClock, iso_z
from trialbed.core.errors import UserError
from trialbed.core.text import for_terminal
from trialbed.engine.folder import find_run
from trialbed.settings import Settings, load_settings

DISAGREES = 1
_DATASET = re.compile(r"[\w.-]+/[\w.-]+")


def report_command(root: Path, names: Sequence[str], asked: Asked, out: Path | None) -> int:
    """Write the report and print where it is; always 0 when it could be written.

    Raises:
        UserError: there is no such run, or nothing to report.
    """
    from trialbed.analysis.report.write import write_report

    settings = load_settings(root)
    found, folder = _found(root, settings, names, asked)
    path = write_report(found, out or folder, made_at=iso_z(SystemClock().now()))
    print(path)
    return 0


def audit_command(root: Path, names: Sequence[str]) -> int:
    """Check runs and their report; 0 when everything agrees, else 1 with the first disagreement.

    Raises:
        UserError: there is no such run.
    """
    from trialbed.app.audit import audit

    settings = load_settings(root)
    folders = [find_run(settings.local_backup_dir, name) for name in names]
    found = audit(root, settings.local_backup_dir, folders)
    which = ", ".join(folder.name for folder in folders)
    if found.problem is not None:
        print(for_terminal(f"{which}: AUDIT FAILED: {found.problem}"))
        return DISAGREES
    what = "its report" if found.report is not None else "what a report would say"
    print(f"{which}: audit passed: journal, plan and files agree, and so do {found.tables} tables of {what}")
    return 0


def _found(root: Path, settings: Settings, names: Sequence[str], asked: Asked) -> tuple[Findings, Path]:
    if len(names) == 1 and _is_dataset(names[0], settings.local_backup_dir):
        return _of_dataset(root, settings, names[0], asked)
    wanted = [find_run(settings.local_backup_dir, name) for name in (*names, *([] if names else [None]))]
    folders = list({folder.path: folder for folder in wanted}.values())
    return findings_of_runs(root, folders, asked), report_folder(settings.local_backup_dir, folders)


def _of_dataset(root: Path, settings: Settings, repo_id: str, asked: Asked) -> tuple[Findings, Path]:
    from trialbed.analysis.source import sources_of_rows
    from trialbed.sinks.hub.rows import published_rows

    token = None if settings.hf_token is None else settings.hf_token.get_secret_value()
    sources = sources_of_rows(published_rows(repo_id, token=token))
    if not sources:
        raise UserError(f"RUN: the dataset {repo_id} has no rows")
    found = findings_of(root, sources, asked, source=f"dataset {repo_id}")
    return found, dataset_report_folder(settings.local_backup_dir, repo_id)


def _is_dataset(name: str, backups: Path) -> bool:
    """Whether a name of the form owner/name is no run on disk."""
    if not _DATASET.fullmatch(name):
        return False
    try:
        find_run(backups, name)
    except UserError:
        return True
    return False
