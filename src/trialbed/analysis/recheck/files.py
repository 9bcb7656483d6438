"""Do the files of a report say the same thing, and are they those that were written?

Manifest: `{made_at, source, runs: [{run, plan_hash, journal_lines, journal_head}], files: {name: sha256}, facts,
choices}`; reports of before there were `choices` in it have been made of those of plan.json.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trialbed.analysis.recheck.compare import Reported, plain
from trialbed.analysis.recheck.latex import latex_rows
from trialbed.analysis.recheck.page import Page, PageTable, read_page
from trialbed.analysis.recheck.seen import is_shown
from trialbed.core.choices import Choices

MANIFEST, PAGE = "manifest.json", "report.html"


class Unreadable(Exception):
    """A file of a report is missing or no such file; the text names it."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises:
    Unreadable: it is missing or damaged.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        runs, files, facts = manifest["runs"], manifest["files"], manifest["facts"]
        named = all({"run", "plan_hash", "journal_lines", "journal_head"} <= run.keys() for run in runs)
        if not named or not isinstance(files, dict) or not isinstance(facts, dict):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{MANIFEST}: not readable ({type(error).__name__}); is this a report?") from None
    return manifest


def choices_of_report(manifest: Mapping[str, Any]) -> Choices | None:
    """The choices that a report was made with; None if its manifest has none.

    Raises:
        Unreadable: they are none.
    """
    if manifest.get("choices") is None:
        return None
    try:
        return Choices.model_validate(manifest["choices"])
    except ValueError:
        raise Unreadable(f"{MANIFEST}, choices: not readable; is this a report?") from None


def read_tables(folder: Path) -> dict[str, Reported]:
    """Every CSV of a report, the guard against formulas taken off.

    Raises:
        Unreadable: one of them is no table.
    """
    return {path.stem: _read_csv(path) for path in sorted(folder.glob("*.csv"))}


def read_report_page(folder: Path) -> Page:
    """Raises:
    Unreadable: it is missing or no text.
    """
    return read_page(_read_text(folder / PAGE))


def files_problem(folder: Path) -> str | None:
    """The first disagreement among the files of a report, or None."""
    try:
        manifest = read_manifest(folder)
        problem = _hash_problem(folder, manifest["files"])
        if problem is not None:
            return problem
        tables, page = read_tables(folder), read_report_page(folder)
        for name, table in tables.items():
            problem = _page_table_problem(name, table, page) or _latex_problem(folder, name, table)
            if problem is not None:
                return problem
        unknown = next((name for name in page.tables if name not in tables), None)
        if unknown is not None:
            return f"{PAGE}, table {plain(unknown)}: there is no {plain(unknown)}.csv"
        return _marks_problem(page, tables, manifest["facts"])
    except Unreadable as unreadable:
        return str(unreadable)


def _hash_problem(folder: Path, files: Mapping[str, str]) -> str | None:
    there = {path.name for path in folder.iterdir() if path.name != MANIFEST}
    for name in sorted(there | files.keys()):
        if name not in there:
            return f"{plain(name)}: missing; {MANIFEST} lists it"
        if name not in files:
            return f"{plain(name)}: {MANIFEST} does not list it"
        if not (folder / name).is_file() or _sha256(folder / name) != files[name]:
            return f"{plain(name)}: not the file that was written; its hash is another than in {MANIFEST}"
    return None


def _page_table_problem(name: str, table: Reported, page: Page) -> str | None:
    shown = page.tables.get(name)
    if shown is None:
        return f"{PAGE}: table {name} is missing"
    if shown.columns != table.heading:
        return f"{PAGE}, table {name}: the columns are not those of {name}.csv"
    if len(shown.rows) != len(table.rows):
        return f"{PAGE}, table {name}: {len(shown.rows)} rows, and {name}.csv has {len(table.rows)}"
    for number, row in enumerate(table.rows):
        problem = _page_row_problem(name, number, row, shown)
        if problem is not None:
            return problem
    return None


def _page_row_problem(name: str, number: int, row: list[str], shown: PageTable) -> str | None:
    cells = shown.rows[number]
    if len(cells) != len(row):
        return f"{PAGE}, table {name}, row {number + 1}: {len(cells)} cells instead of {len(row)}"
    for column, spelt, cell in zip(shown.columns, row, cells, strict=True):
        where = f"{PAGE}, table {name}, row {number + 1}, column {column}"
        if plain(cell.spelt) != plain(spelt):
            return f"{where}: {_said(cell.spelt)}, and {name}.csv says {_said(spelt)}"
        if not is_shown(cell.spelt, cell.shown):
            return f"{where}: shows {_said(cell.shown)} for {_said(cell.spelt)}"
    return None


def _latex_problem(folder: Path, name: str, table: Reported) -> str | None:
    file = f"{name}.tex"
    try:
        rows = latex_rows(_read_text(folder / file))
    except (ValueError, TypeError):
        return f"{file}: a row is not as it was written"
    if len(rows) != len(table.rows):
        return f"{file}: {len(rows)} rows, and {name}.csv has {len(table.rows)}"
    for number, (row, wanted) in enumerate(zip(rows, table.rows, strict=True), start=1):
        if len(row.spelt) != len(wanted) or len(row.shown) != len(wanted):
            return f"{file}, row {number}: {len(row.shown)} cells instead of {len(wanted)}"
        for column, spelt, shown, said in zip(table.heading, row.spelt, row.shown, wanted, strict=True):
            where = f"{file}, row {number}, column {column}"
            if plain(spelt) != plain(said):
                return f"{where}: {_said(spelt)}, and {name}.csv says {_said(said)}"
            if not is_shown(spelt, shown):
                return f"{where}: shows {_said(shown)} for {_said(spelt)}"
    return None


def _marks_problem(page: Page, tables: Mapping[str, Reported], facts: Mapping[str, str]) -> str | None:
    """Numbers in sentences: facts are the manifest's, cells those of their table, and all are shown as spelt."""
    for mark in page.marks:
        what = ", ".join(f"{name} {plain(value)}" for name, value in mark.source.items())
        if not is_shown(mark.cell.spelt, mark.cell.shown):
            return f"{PAGE}, {what}: shows {_said(mark.cell.shown)} for {_said(mark.cell.spelt)}"
        wanted: str | None = mark.cell.spelt
        if "fact" in mark.source:
            wanted = facts.get(mark.source["fact"])
        elif "table" in mark.source:
            wanted = _cell_at(tables, mark.source)
        if wanted is None or plain(mark.cell.spelt) != plain(wanted):
            return f"{PAGE}, {what}: {_said(mark.cell.spelt)}, and its source says {_said(wanted or '')}"
    return None


def _cell_at(tables: Mapping[str, Reported], source: Mapping[str, str]) -> str | None:
    table = tables.get(source["table"])
    try:
        if table is None:
            return None
        return table.rows[int(source["row"])][table.heading.index(source["column"])]
    except (KeyError, ValueError, IndexError):
        return None


def _read_csv(path: Path) -> Reported:
    heading, *rows = list(csv.reader(io.StringIO(_read_text(path), newline=""))) or [[]]
    if not heading or any(len(row) != len(heading) for row in rows):
        raise Unreadable(f"{path.name}: not a table: its rows are not all as long as its heading")
    return Reported(heading, rows)


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise Unreadable(f"{path.name}: missing") from None
    except (OSError, UnicodeDecodeError):
        raise Unreadable(f"{path.name}: not readable as text") from None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _said(text: str) -> str:
    flat = " ".join(plain(text).split())
    return (flat if len(flat) <= 80 else f"{flat[:80]}…") or "nothing"
