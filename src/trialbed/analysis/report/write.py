"""In which order is a report written? Tables, figures and the page first; the manifest of all of them last."""

import json
import platform
import re
from pathlib import Path
from typing import Any

from trialbed.analysis.findings import Findings
from trialbed.analysis.report.csv_text import csv_text
from trialbed.analysis.report.files import MANIFEST, ReportFolder
from trialbed.analysis.report.latex import latex_text
from trialbed.analysis.report.marks import kind_of
from trialbed.analysis.report.page import render
from trialbed.analysis.report.plots import plots
from trialbed.analysis.table import Table, spelt
from trialbed.core.provenance import package_versions

PAGE = "report.html"
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")


def write_report(findings: Findings, folder: Path, *, made_at: str) -> Path:
    """Write report.html, NAME.csv and NAME.tex of every table with rows, fig_* and manifest.json into `folder`.

    The folder is made (0700) if need be; each file (0600) is replaced at once. Files of an earlier report that this one
    does not have are removed. Without `made_at` every byte follows from the findings and the versions of the libraries.

    Returns:
        The path of report.html.

    Raises:
        UserError: the folder cannot be written.
        ValueError: a table's name cannot be a file's.
    """
    tables = {name: table for name, table in findings.tables.items() if table.rows}
    _check_names(tables)
    out = ReportFolder(folder)
    earlier = out.earlier()
    for name, table in tables.items():
        out.write(f"{name}.csv", csv_text(table).encode("utf-8"))
        out.write(f"{name}.tex", latex_text(table).encode("utf-8"))
    for name, data in plots(findings):
        out.write(name, data)
    page = out.write(PAGE, render(findings, made_at=made_at, beside=out.hashes).encode("utf-8"))
    out.remove_those_of(earlier)
    out.write(MANIFEST, _manifest(findings, dict(sorted(out.hashes.items())), made_at))
    return page


def _check_names(tables: dict[str, Table]) -> None:
    for name, table in tables.items():
        if name != table.name or not _TABLE_NAME.fullmatch(name):
            raise ValueError(f"a table cannot be named {name!r}")


def _manifest(findings: Findings, hashes: dict[str, str], made_at: str) -> bytes:
    content: dict[str, Any] = {
        "made_at": made_at,
        "source": findings.source,
        "runs": [
            {
                "run": run.name,
                "plan_hash": run.plan_hash,
                "journal_lines": run.journal_lines,
                "journal_head": run.journal_head,
            }
            for run in findings.runs
        ],
        "files": hashes,
        "facts": {name: spelt(value, kind_of(value)) for name, value in findings.facts.items()},
        "software": {"python": platform.python_version(), **package_versions()},
    }
    return json.dumps(content, indent=2, ensure_ascii=True).encode("ascii") + b"\n"
