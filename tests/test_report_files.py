"""Is what a report writes beside its page whole, exact and harmless?"""

import csv
import hashlib
import io
import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.findings import World, findings
from tests.support.hostile import hostile_findings
from trialbed.analysis.findings import Findings
from trialbed.analysis.report import write_report
from trialbed.analysis.report.csv_text import csv_text, field_of
from trialbed.analysis.report.latex import escaped, latex_text
from trialbed.analysis.report.scale import around, shares
from trialbed.analysis.report.visible import visible
from trialbed.analysis.table import Table, columns, spelt_rows
from trialbed.core.errors import UserError

MADE_AT = "2025-03-15T08:00:00Z"
quickly = settings(deadline=None, max_examples=200)
any_text = st.text(max_size=40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(findings(transcripts=3), tmp_path_factory.mktemp("runs") / "report", made_at=MADE_AT).parent


def without_figures() -> Findings:
    """Few tables, so that a test of folders does not wait for figures."""
    found = findings(transcripts=0)
    kept = ("rates", "power", "deviations", "judges")
    return replace(found, tables={name: replace(found.tables[name], rows=found.tables[name].rows[:3]) for name in kept})


def table_of(*cells: str) -> Table:
    return Table("words", "Words", columns(word="text", n="number"), tuple((cell, -1.5) for cell in cells))


def test_every_table_with_rows_has_a_csv_a_tex_and_no_other_has(tmp_path: Path) -> None:
    found = without_figures()
    emptied = replace(found, tables={**found.tables, "power": replace(found.tables["power"], rows=())})
    names = {path.name for path in write_report(emptied, tmp_path, made_at=MADE_AT).parent.iterdir()}
    for name in found.tables.keys() - {"power"}:
        assert {f"{name}.csv", f"{name}.tex"} <= names
    assert not {"power.csv", "power.tex"} & names


def test_a_csv_reads_back_as_the_spelt_cells(folder: Path) -> None:
    for name, table in findings(transcripts=0).tables.items():
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        assert head == [column.name for column in table.columns]
        assert rows == spelt_rows(table)


@quickly
@given(st.lists(any_text, min_size=1, max_size=5))
def test_any_text_stays_in_its_cell_of_a_csv(texts: list[str]) -> None:
    rows = list(csv.reader(io.StringIO(csv_text(table_of(*texts)), newline="")))[1:]
    assert rows == [[field_of(text, "text"), "-1.500000"] for text in texts]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1|cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-2*3", '-"x"'])
def test_a_cell_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert field_of(text, "text").startswith("'")


@pytest.mark.parametrize(
    "text", ["amazon.nova-pro-v1:0", "-0.5", "-x_1", "a=1", "1+1", "bedrock:a/b c", "", "'quoted'"]
)
def test_an_id_and_a_number_stay_as_they_are(text: str) -> None:
    assert field_of(text, "text") == text


def test_a_negative_number_is_no_formula() -> None:
    assert field_of("-0.284000", "share") == "-0.284000"


def test_a_csv_shown_on_a_terminal_steers_nothing() -> None:
    assert "\x1b" not in csv_text(table_of("\x1b[31mred", "\x9b31m", "a\x00b"))


@quickly
@given(any_text)
def test_any_text_stays_text_in_latex(text: str) -> None:
    shown = escaped(text)
    assert "\n" not in shown
    left = re.sub(r"\\[a-zA-Z]+(?:\{\}|\d+\{\})|\\[{}$&#%_]|\{[\[\]]\}", "", shown)
    assert not set(left) & set("\\{}$&#%_^~<>|\"'`")


def test_latex_has_the_spelt_cells_beside_the_shown_ones() -> None:
    table = findings(transcripts=0).tables["power"]
    lines = latex_text(table).splitlines()
    told = [json.loads(line.removeprefix("% spelt: ")) for line in lines if line.startswith("% spelt: ")]
    assert told == spelt_rows(table)
    assert r"deceived & 0.153 & 112 & 560 & 4.120 & 0.610 & reached \\" in lines
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{", r"\label{tab:power}"):
        assert any(part in line for line in lines)


def test_a_comment_in_latex_ends_where_it_should() -> None:
    told, shown = (
        line for line in latex_text(table_of("a\nb\u2028c\x85d % e")).split("\n") if "d %" in line or "d \\%" in line
    )
    assert json.loads(told.removeprefix("% spelt: ")) == ["a\nb\u2028c\x85d % e", "-1.500000"]
    assert shown.endswith(r"d \% e & $-$1.500 \\")


def test_a_table_longer_than_a_page_goes_on_on_the_next() -> None:
    assert r"\begin{longtable}" in latex_text(table_of(*("x" for _ in range(60))))
    assert r"\begin{tabular}" in latex_text(table_of("x"))


def test_the_manifest_has_the_hash_of_every_file_and_the_facts_as_they_are_spelt(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    del there["manifest.json"]
    assert manifest["files"] == there
    assert manifest["facts"]["planned"] == "600"
    assert manifest["facts"]["cost_usd"] == "4.123400"
    assert manifest["runs"] == [
        {
            "run": "dilemma-20250314T220501Z",
            "plan_hash": "5d41a7c20fb96ce0e14b",
            "journal_lines": 4321,
            "journal_head": "0f" * 32,
        }
    ]
    assert manifest["made_at"] == MADE_AT
    assert manifest["software"].keys() >= {"python", "trialbed", "matplotlib"}


def test_a_report_is_for_its_owner_only(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_same_findings_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_report(findings(transcripts=3), tmp_path, made_at=MADE_AT)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


def test_figures_come_as_svg_without_a_date_and_as_png_for_print(folder: Path) -> None:
    for name in ("estimates", "contrasts", "strategies", "ledger", "probes", "survival"):
        root = ElementTree.fromstring((folder / f"fig_{name}.svg").read_text())
        assert root.tag.endswith("svg")
        assert "date>" not in (folder / f"fig_{name}.svg").read_text()
        png = (folder / f"fig_{name}.png").read_bytes()
        assert png.startswith(b"\x89PNG")
        assert b"pHYs\x00\x00\x2e\x23\x00\x00\x2e\x23" in png  # 11811 per metre: 300 dpi
        assert b"matplotlib" not in png


def test_a_new_report_takes_away_what_only_the_old_one_had(tmp_path: Path) -> None:
    larger = without_figures()
    write_report(larger, tmp_path, made_at=MADE_AT)
    (tmp_path / "notes.txt").write_text("mine")
    smaller = replace(larger, tables={name: t for name, t in larger.tables.items() if name != "rates"})
    write_report(smaller, tmp_path, made_at=MADE_AT)
    names = {path.name for path in tmp_path.iterdir()}
    assert not {"rates.csv", "rates.tex", "fig_strategies.svg", "fig_strategies.png"} & names
    assert {"notes.txt", "power.csv"} <= names


def test_an_old_manifest_cannot_have_other_files_removed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "precious.csv", tmp_path / "report"
    outside.write_text("x")
    folder.mkdir()
    (folder / "Notes.md").write_text("x")
    named = {"../precious.csv": "", str(outside): "", "Notes.md": "", "gone.csv": "", "": ""}
    (folder / "manifest.json").write_text(json.dumps({"files": named}))
    write_report(without_figures(), folder, made_at=MADE_AT)
    assert outside.exists()
    assert (folder / "Notes.md").exists()


def test_a_link_left_in_the_folder_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "report"
    outside.write_text("mine")
    folder.mkdir()
    for name in ("rates.csv", ".report.html.new"):
        (folder / name).symlink_to(outside)
    write_report(without_figures(), folder, made_at=MADE_AT)
    assert outside.read_text() == "mine"
    assert not (folder / "rates.csv").is_symlink()


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="report needs a folder"):
        write_report(without_figures(), tmp_path / "file" / "report", made_at=MADE_AT)


def test_a_table_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    found = without_figures()
    bad = replace(found.tables["power"], name="../power")
    with pytest.raises(ValueError, match="cannot be named"):
        write_report(replace(found, tables={"../power": bad}), tmp_path / "report", made_at=MADE_AT)
    assert os.listdir(tmp_path) == []


def test_hostile_names_do_no_harm_in_any_file(tmp_path: Path) -> None:
    folder = write_report(hostile_findings(), tmp_path, made_at=MADE_AT).parent
    with (folder / "deviations.csv").open(encoding="utf-8", newline="") as file:
        row = list(csv.reader(file))[1]
    assert row[1].startswith("'=HYPERLINK")
    assert row[4] == 'two\nlines, "quoted"'
    for path in folder.glob("*.csv"):
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", path.read_text(encoding="utf-8"))
    for path in folder.glob("*.svg"):
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
        assert not [e for e in root.iter() if e.tag.endswith(("script", "image", "foreignObject"))]


def test_a_design_of_many_cells_stays_a_page_that_opens(tmp_path: Path) -> None:
    world = World(
        variants=("baseline", *(f"variant_{number}" for number in range(29))),
        subjects=tuple(f"bedrock:maker.model-{number}-v1:0" for number in range(20)),
        per_cell=33,
        transcripts=100,
    )
    found = findings(world)
    told = tuple(replace(t, log=({"role": "user", "content": '<"&>' * 20_000},)) for t in found.transcripts)
    page = write_report(replace(found, transcripts=told), tmp_path, made_at=MADE_AT)
    assert page.stat().st_size < 15_000_000
    assert page.read_text().count('class="told"') == 100


@quickly
@given(any_text)
def test_nothing_that_acts_or_hides_is_left_in_visible_text(text: str) -> None:
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]", visible(text)
    )


@quickly
@given(st.lists(st.floats(-1e6, 1e6), max_size=6))
@example([25001.0, -1e-05])
def test_a_scale_holds_every_value_and_ends_at_its_ticks(values: list[float]) -> None:
    scale = around(values, always=[0.0])
    unseen = (scale.high - scale.low) * 1e-8
    assert all(scale.low - unseen <= value <= scale.high + unseen for value in [*values, 0.0])
    assert (scale.ticks[0], scale.ticks[-1]) == (scale.low, scale.high)
    assert 2 <= len(scale.ticks) <= 8
    places = [float(scale.at(value).rstrip("%")) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


def test_small_shares_get_a_scale_on_which_they_can_be_told_apart() -> None:
    assert (shares(0.07).high, shares(0.3).high, shares(1.0).high, shares(0.0).high) == (0.1, 0.5, 1.0, 0.1)
