"""Is every number of a report, or of tables handed in, what the journals say? The one entry to the second path."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trialbed.analysis.recheck.agreement import judges_of
from trialbed.analysis.recheck.compare import Reported, compare_facts, compare_tables, plain
from trialbed.analysis.recheck.facts import facts
from trialbed.analysis.recheck.files import (
    Unreadable,
    choices_of_report,
    files_problem,
    read_manifest,
    read_report_page,
    read_tables,
)
from trialbed.analysis.recheck.journal import head_at
from trialbed.analysis.recheck.page import Page
from trialbed.analysis.recheck.rows import DifferentChoices, choices_in, read_document, read_run
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.recheck.tables import recomputed
from trialbed.analysis.table import Table, heading, spelt_rows
from trialbed.core.choices import Choices

_CODED = "agreement"


def numbers_problem(
    run_folders: Sequence[Path],
    report: Path | None,
    tables: Mapping[str, Table] | None = None,
    *,
    choices: Choices | None = None,
) -> str | None:
    """The first number that comes out otherwise, as one line; None if there is none.

    Args:
        run_folders: of every run in the report, in its order; each with plan.json and journal.jsonl.
        report: a report's folder, whose files are compared, as of the journal lines its manifest names.
        tables: the main path's tables, compared where there is no report.
        choices: of the analysis, where there is no report; those of a report are in its manifest. They must be
            those of plan.json, apart from the margin of equivalence.
    """
    try:
        if report is not None:
            return _report_problem(run_folders, report, choices)
        again = recomputed(study_of(run_folders, choices=choices))
        return compare_tables({name: as_reported(table) for name, table in (tables or {}).items()}, again)
    except Unreadable as unreadable:
        return str(unreadable)
    except (OSError, ValueError, KeyError, TypeError) as error:
        # Whatever a damaged plan.json or record leads to: it is not what a run has written.
        return f"{', '.join(folder.name for folder in run_folders)}: cannot be read again ({_one_line(error)})"


def study_of(
    run_folders: Sequence[Path], *, lines: Sequence[int | None] | None = None, choices: Choices | None = None
) -> Study:
    """What the journals (up to these lines each) hold for the tables.

    Raises:
        OSError, ValueError, KeyError: a plan.json or a record is not readable.
    """
    documents = [read_document(folder) for folder in run_folders]
    chosen = choices_in(documents, otherwise=choices)
    most = lines if lines is not None else [None] * len(run_folders)
    runs = [
        read_run(folder, chosen.measures, chosen.factors, lines=upto)
        for folder, upto in zip(run_folders, most, strict=True)
    ]
    return Study(chosen, tuple(runs))


def as_reported(table: Table) -> Reported:
    return Reported(heading(table), spelt_rows(table))


def _report_problem(run_folders: Sequence[Path], report: Path, choices: Choices | None) -> str | None:
    problem = files_problem(report)
    if problem is not None:
        return problem
    manifest = read_manifest(report)
    problem = _runs_problem(run_folders, manifest["runs"])
    if problem is not None:
        return problem
    lines = [run["journal_lines"] for run in manifest["runs"]]
    try:
        study = study_of(run_folders, lines=lines, choices=choices_of_report(manifest) or choices)
    except DifferentChoices as different:
        return f"manifest.json, choices: {different}"
    return (
        compare_tables(_by_judges_only(read_tables(report), study), recomputed(study))
        or compare_facts(manifest["facts"], facts(study))
        or _sources_problem(read_report_page(report), study)
    )


def _runs_problem(run_folders: Sequence[Path], runs: Sequence[Mapping[str, Any]]) -> str | None:
    """Whether the report is of these runs, as they are now up to the lines it was made of."""
    if [folder.name for folder in run_folders] != [run["run"] for run in runs]:
        of, asked = (_names(run["run"] for run in runs), _names(folder.name for folder in run_folders))
        return f"manifest.json: the report is of {of}, not of {asked}"
    for folder, run in zip(run_folders, runs, strict=True):
        planned = read_document(folder).get("plan_hash")
        if planned != run["plan_hash"]:
            return f"manifest.json: run {folder.name} has plan {planned}; the report was made of {run['plan_hash']}"
        head = head_at(folder / "journal.jsonl", run["journal_lines"])
        if head is None:
            return f"{folder.name}/journal.jsonl: ends before line {run['journal_lines']}, of which the report was made"
        if head != run["journal_head"]:
            return f"{folder.name}/journal.jsonl line {run['journal_lines']}: not the line of which the report was made"
    return None


def _by_judges_only(tables: dict[str, Reported], study: Study) -> dict[str, Reported]:
    """Without the rows of people who coded trials: their labels are in no journal."""
    if _CODED not in tables or "raters" not in tables[_CODED].heading:
        return tables
    judges = set(judges_of(study))
    place = tables[_CODED].heading.index("raters")
    rows = [row for row in tables[_CODED].rows if _are_judges(row[place], judges)]
    return {**tables, _CODED: Reported(tables[_CODED].heading, rows)}


def _are_judges(raters: str, judges: set[str]) -> bool:
    return raters == "all judges" or all(rater.removesuffix(" again") in judges for rater in raters.split(" / "))


def _sources_problem(page: Page, study: Study) -> str | None:
    """Numbers in sentences that come from a plan or from the choices."""
    chosen = study.choices.model_dump(mode="json")
    for mark in page.marks:
        wanted: Any = None
        if "choice" in mark.source:
            what, wanted = f"choice {mark.source['choice']}", chosen.get(mark.source["choice"])
        elif mark.source.get("field", "").startswith("plan."):
            what = f"run {mark.source['run']}, {mark.source['field']}"
            wanted = _member(study.runs[int(mark.source["run"])].document, mark.source["field"])
        else:
            continue
        if not isinstance(wanted, list | dict) and mark.cell.spelt != ("" if wanted is None else str(wanted)):
            return f"report.html, {plain(what)}: {plain(mark.cell.spelt)}, and the plan says {wanted}"
    return None


def _member(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _names(found: Any) -> str:
    return ", ".join(plain(str(name)) for name in found)


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
