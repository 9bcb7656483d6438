"""Does the second path agree with the first on runs of every kind, and see every altered number of a report?"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.made_runs import JUDGES, MadeRun, anything, choices_for, plan_of
from trialbed.analysis.assemble import findings
from trialbed.analysis.findings import Findings
from trialbed.analysis.recheck.audit import as_reported, numbers_problem, study_of
from trialbed.analysis.recheck.compare import Reported, compare_facts, compare_tables, plain
from trialbed.analysis.recheck.facts import facts
from trialbed.analysis.recheck.files import files_problem
from trialbed.analysis.recheck.seen import is_shown
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.tables import recomputed
from trialbed.analysis.report.marks import kind_of
from trialbed.analysis.report.write import write_report
from trialbed.analysis.source import source_of_run
from trialbed.analysis.table import columns, shown, spelt
from trialbed.core.choices import Choices


def drawn_run(root: Path, random: Random, *, number: int = 1, choices: Choices | None = None) -> MadeRun:
    """A run whose design, analysis and happenings `random` decides."""
    seed = random.randint(0, 999)
    plan = plan_of(
        scenarios=random.choice([1, 2, 12]),
        variants=["plain", "kind", "curt", "odd"][: random.choice([2, 3, 4])],
        subjects=["maker.one", "maker.two"][: random.choice([1, 2])],
        repeats=random.choice([1, 4, 12]),
        limit=random.choice([None, None, 25]),
        judges=JUDGES[: random.choice([1, 2, 3])],
        seed=seed,
    )
    drawn = choices_for(
        plan,
        primary=random.choice(["lied", "harm", "admitted", None]),
        category=random.choice(["strategy", None]),
        least_words=random.choice([0, 8]),
        equivalence_margin=random.choice([None, 0.2]),
        alpha=random.choice([0.05, 0.1]),
    )
    run = MadeRun(root, plan, choices or drawn, name=f"probe-2026010{number}T000000Z")
    run.begin(lock=random.choice([None, {"hash": "h", "matches": True}]))
    if random.random() < 0.5:
        run.add("deviation", what="MODEL_SEED", locked=1, actual=True, why="=why", at="2026-01-02T00:00:00.000Z")
    mishaps = random.choice([0, 0.15, 0.5])
    run.tell(anything(random, judges=len(plan.judges), judgings=random.choice([1, 2]), mishaps=mishaps))
    return run


def first_path(folders: list[Path]) -> Findings:
    documents = [json.loads((folder / "plan.json").read_text()) for folder in folders]
    choices = Choices.model_validate(documents[0]["analysis"])
    sources = [source_of_run(folder, document) for folder, document in zip(folders, documents, strict=True)]
    return findings(sources, choices, choices_from="plan", source="made")


def disagreement(folders: list[Path]) -> str | None:
    """The first one between both paths, in tables or facts."""
    first, second = first_path(folders), study_of(folders)
    tables = {name: as_reported(table) for name, table in first.tables.items()}
    told = {name: spelt(value, kind_of(value)) for name, value in first.facts.items()}
    again = facts(second)
    assert told.keys() <= again.keys(), told.keys() - again.keys()
    return compare_tables(tables, recomputed(second)) or compare_facts(told, again)


@pytest.mark.parametrize("seed", range(12))
def test_both_paths_say_the_same_of_a_run(tmp_path: Path, seed: int) -> None:
    assert disagreement([drawn_run(tmp_path, Random(seed)).write()]) is None


@pytest.mark.parametrize("seed", range(3))
def test_both_paths_say_the_same_of_two_runs_together(tmp_path: Path, seed: int) -> None:
    random = Random(100 + seed)
    one = drawn_run(tmp_path, random)
    other = drawn_run(tmp_path, random, number=2, choices=one.choices)
    assert disagreement([one.write(), other.write()]) is None


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run's folder and that of its report, with words in it that files must guard against."""
    root = tmp_path_factory.mktemp("reported")
    plan = plan_of(scenarios=2, variants=["plain", "=cmd|x", "curt_&%"], repeats=5, judges=JUDGES)
    run = MadeRun(root, plan, choices_for(plan, least_words=6, equivalence_margin=0.2))
    run.tell(anything(Random(5), judges=3, mishaps=0.1))
    folder = run.write()
    write_report(first_path([folder]), root / "report", made_at="2026-01-03T00:00:00Z")
    return folder, root / "report"


@pytest.fixture
def report(reported: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of it to alter."""
    copy = tmp_path / "report"
    copy.mkdir()
    for path in reported[1].iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def rewrite(report: Path, name: str, change: Callable[[str], str], *, hidden: bool = True) -> None:
    """Alter a file; `hidden`: the manifest is made to fit, so that only the numbers can give it away."""
    path = report / name
    before = path.read_bytes().decode()
    after = change(before)
    assert after != before
    path.write_bytes(after.encode())
    if hidden and name != "manifest.json":
        manifest = json.loads((report / "manifest.json").read_text())
        manifest["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
        (report / "manifest.json").write_text(json.dumps(manifest))


def test_a_report_passes_as_it_was_written(reported: tuple[Path, Path]) -> None:
    folder, report = reported
    assert files_problem(report) is None
    assert numbers_problem([folder], report) is None


def test_a_report_still_passes_when_the_run_has_gone_on(tmp_path: Path) -> None:
    plan = plan_of(repeats=4)
    run = MadeRun(tmp_path, plan, choices_for(plan))
    happens = anything(Random(1), mishaps=0)
    early, *late = [(trial, happens(trial)) for trial in plan.trials()]
    for trial, happened in (early, *late[:4]):
        assert happened is not None
        run.record(trial, happened)
    write_report(first_path([run.write()]), tmp_path / "report", made_at="2026-01-03T00:00:00Z")
    for trial, happened in late[4:]:
        assert happened is not None
        run.record(trial, happened)
    assert numbers_problem([run.write()], tmp_path / "report") is None


@pytest.mark.parametrize("name", ["measures.csv", "measures.tex", "report.html", "fig_contrasts.svg"])
def test_a_file_that_was_altered_is_named(report: Path, name: str) -> None:
    rewrite(report, name, lambda text: text + " ", hidden=False)
    assert (files_problem(report) or "").startswith(f"{name}: not the file that was written")


def test_a_file_that_is_missing_or_that_nobody_lists_is_named(report: Path) -> None:
    (report / "extra.csv").write_text("a\n1\n")
    assert (files_problem(report) or "").startswith("extra.csv: manifest.json does not list it")
    (report / "extra.csv").unlink()
    (report / "rates.csv").unlink()
    assert (files_problem(report) or "").startswith("rates.csv: missing")


def csv_cell(text: str, column: str, value: str) -> str:
    """With another cell in the first row."""
    heading, first, *rest = list(csv.reader(io.StringIO(text, newline="")))
    first[heading.index(column)] = value
    out = io.StringIO(newline="")
    csv.writer(out).writerows([heading, first, *rest])
    return out.getvalue()


def html_cell(text: str, table: str, column: int, spelling: str | None, seen: str | None) -> str:
    """With another spelling, or another text to read, in a cell of the first row of a table."""
    start = text.index(f'<table data-table="{table}"')
    cells = list(re.finditer(r'<td([^>]*) data-v="([^"]*)"([^>]*)>([^<]*)</td>|<td data-v="([^"]*)"', text[start:]))
    found = re.compile(r'data-v="([^"]*)"([^>]*)>(.*?)</td>').search(text, start + cells[column].start())
    assert found is not None
    after = f'data-v="{found[1] if spelling is None else spelling}"{found[2]}>{found[3] if seen is None else seen}</td>'
    return text[: found.start()] + after + text[found.end() :]


def latex_cell(text: str, column: int, spelling: str | None, seen: str | None) -> str:
    """The same in the first row of a LaTeX table."""
    lines = text.split("\n")
    place = next(number for number, line in enumerate(lines) if line.startswith("% spelt: "))
    cells, printed = json.loads(lines[place].removeprefix("% spelt: ")), lines[place + 1][: -len(r" \\")].split(" & ")
    cells[column] = cells[column] if spelling is None else spelling
    printed[column] = printed[column] if seen is None else seen
    lines[place : place + 2] = ["% spelt: " + json.dumps(cells), " & ".join(printed) + r" \\"]
    return "\n".join(lines)


Change = Callable[[str], str]
PLANNED = re.compile(r'(<data data-fact="planned" value=")([0-9]+)(">)([0-9]+)(</data>)')
CELL = re.compile(r'(<data data-table="measures" data-row="[0-9]+" data-column="rate" value=")([^"]*)')
CHOICE = re.compile(r'(<data data-choice="[a-z_]+" value=")([^"]*)(">)([^<]*)')


@pytest.mark.parametrize(
    ("file", "change", "named"),
    [
        ("measures.csv", lambda text: csv_cell(text, "n", "999"), "report.html, table measures, row 1, column n"),
        ("measures.csv", lambda text: csv_cell(text, "variant", "other"), "table measures, row 1, column variant"),
        ("measures.csv", lambda text: text + text.split("\r\n")[1] + "\r\n", "report.html, table measures: "),
        ("measures.csv", lambda text: text + "1,2\r\n", "measures.csv: not a table"),
        ("report.html", lambda text: html_cell(text, "rates", 3, "77", None), "table rates, row 1, column k: 77"),
        ("report.html", lambda text: html_cell(text, "rates", 3, None, "77"), "table rates, row 1, column k: shows 77"),
        ("report.html", lambda text: html_cell(text, "rates", 5, None, "0.999"), "row 1, column rate: shows 0.999"),
        ("report.html", lambda text: html_cell(text, "rates", 0, None, "odd"), "row 1, column variant: shows odd"),
        ("report.html", lambda text: text.replace('<table data-table="rates"', "<table", 1), "table rates is missing"),
        ("rates.tex", lambda text: latex_cell(text, 3, "77", None), "rates.tex, row 1, column k: 77"),
        ("rates.tex", lambda text: latex_cell(text, 5, None, "0.999"), "rates.tex, row 1, column rate: shows 0.999"),
        ("rates.tex", lambda text: text.replace("% spelt: ", "% said: ", 1), "rates.tex: "),
        ("report.html", lambda text: PLANNED.sub(r"\g<1>77\3\4\5", text, count=1), "fact planned: "),
        ("report.html", lambda text: PLANNED.sub(r"\1\2\g<3>77\5", text, count=1), "fact planned: shows 77"),
        ("report.html", lambda text: CELL.sub(r"\g<1>0.987654", text, count=1), "table measures, row "),
        ("manifest.json", lambda text: text.replace('"planned": "', '"planned": "1', 1), "fact planned: "),
    ],
)
def test_a_cell_that_says_something_else_than_the_other_files_is_named(
    report: Path, file: str, change: Change, named: str
) -> None:
    rewrite(report, file, change)
    problem = files_problem(report)
    assert problem is not None and named in problem and "\n" not in problem


def test_a_number_that_was_altered_everywhere_is_told_by_the_journal(reported: tuple[Path, Path], report: Path) -> None:
    rewrite(report, "calls.csv", lambda text: csv_cell(text, "calls", "77"))
    rewrite(report, "report.html", lambda text: html_cell(text, "calls", 4, "77", "77"))
    rewrite(report, "calls.tex", lambda text: latex_cell(text, 4, "77", "77"))
    assert files_problem(report) is None
    problem = numbers_problem([reported[0]], report)
    assert problem is not None and re.fullmatch(
        r"table calls, row .*, column calls: reported 77, recomputed [0-9]+", problem
    )


@pytest.mark.parametrize(
    ("member", "value", "named"),
    [
        ("journal_lines", 3, "line 3: not the line of which the report was made"),
        ("journal_lines", 9_999, "ends before line 9999"),
        ("journal_head", "0" * 32, "not the line of which the report was made"),
        ("plan_hash", "other", "the report was made of other"),
        ("run", "another-run", "the report is of another-run"),
    ],
)
def test_a_report_of_another_state_of_the_run_is_told(
    reported: tuple[Path, Path], report: Path, member: str, value: object, named: str
) -> None:
    manifest = json.loads((report / "manifest.json").read_text())
    manifest["runs"][0][member] = value
    (report / "manifest.json").write_text(json.dumps(manifest))
    assert named in (numbers_problem([reported[0]], report) or "")


def test_a_fact_that_was_altered_everywhere_is_told_by_the_journal(reported: tuple[Path, Path], report: Path) -> None:
    rewrite(report, "report.html", lambda text: PLANNED.sub(r"\g<1>77\g<3>77\5", text))
    manifest = json.loads((report / "manifest.json").read_text())
    manifest["facts"]["planned"] = "77"
    (report / "manifest.json").write_text(json.dumps(manifest))
    assert (numbers_problem([reported[0]], report) or "").startswith("fact planned: reported 77, recomputed")


def test_a_choice_in_a_sentence_is_the_plans(reported: tuple[Path, Path], report: Path) -> None:
    rewrite(report, "report.html", lambda text: CHOICE.sub(r"\g<1>77\g<3>77", text, count=1))
    assert re.match(
        r"report.html, choice [a-z_]+: 77, and the plan says ", numbers_problem([reported[0]], report) or ""
    )


@pytest.mark.parametrize("text", ["", "{}", '{"runs": [1], "files": {}, "facts": {}}', "[]"])
def test_a_manifest_that_is_none_is_told(reported: tuple[Path, Path], report: Path, text: str) -> None:
    (report / "manifest.json").write_text(text)
    assert (numbers_problem([reported[0]], report) or "").startswith("manifest.json: not readable")


@pytest.mark.damages_runs
def test_tables_of_one_run_are_not_those_of_another(tmp_path: Path) -> None:
    plan = plan_of(repeats=4)
    run = MadeRun(tmp_path, plan, choices_for(plan))
    run.tell(anything(Random(1), mishaps=0))
    tables = first_path([run.write()]).tables
    assert numbers_problem([run.folder], None, tables) is None
    other = MadeRun(tmp_path, plan, choices_for(plan))
    other.tell(anything(Random(2), mishaps=0))
    assert (numbers_problem([other.write()], None, tables) or "").startswith("table ")
    (run.folder / "plan.json").write_text("{}")
    assert "cannot be read again (KeyError" in (numbers_problem([run.folder], None, tables) or "")


SHEET = Sheet("t", columns(name="text", k="count", rate="share", p="p"), [("=a", 3, 0.25, 0.0125)], key=("name",))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (["'=a", "3", "0.250000", "0.0125"], None),
        (["=a", "3", "0.250001", "0.01250001"], None),
        (["=a", "4", "0.250000", "0.0125"], "table t, row =a, column k: reported 4, recomputed 3"),
        (["=a", "3", "0.250010", "0.0125"], "table t, row =a, column rate: reported 0.250010, recomputed 0.250000"),
        (["=a", "3", "", "0.0125"], "table t, row =a, column rate: reported nothing, recomputed 0.250000"),
        (["=a", "3", "0.250000", "0.0126"], "table t, row =a, column p: reported 0.0126, recomputed 0.0125"),
        (["b", "3", "0.250000", "0.0125"], "table t, row b: reported, but not recomputed"),
    ],
)
def test_cells_agree_but_for_rounding(row: list[str], told: str | None) -> None:
    assert compare_tables({"t": Reported(["name", "k", "rate", "p"], [row])}, {"t": SHEET}) == told


def test_tables_that_are_too_many_or_too_few_are_told() -> None:
    whole = Reported(["name", "k", "rate", "p"], SHEET.spelt())
    assert compare_tables({"t": whole}, {"t": SHEET}) is None
    assert (compare_tables({}, {"t": SHEET}) or "").startswith("table t: is not in the report")
    assert (compare_tables({"t": whole, "u": whole}, {"t": SHEET}) or "").startswith("table u: nobody knows")
    assert "recomputed, but not reported" in (compare_tables({"t": Reported(whole.heading, [])}, {"t": SHEET}) or "")
    assert "the columns are" in (compare_tables({"t": Reported(["a"], [])}, {"t": SHEET}) or "")
    assert compare_tables({}, {"t": Sheet("t", SHEET.columns, [], key=("name",))}) is None


@given(st.floats(-2000, 2000) | st.integers(-9999, 9999), st.sampled_from(["share", "count", "number"]))
def test_every_number_may_be_shown_as_the_report_shows_it(value: float, kind: str) -> None:
    spelling, seen = spelt(value, kind), shown(value, kind)  # type: ignore[arg-type]
    assert is_shown(spelling, seen) and not is_shown(spelling, f"{seen}1")
    assert not is_shown(spelling, "–")


@given(st.floats(1e-9, 1))
def test_every_p_value_may_be_shown_as_the_report_shows_it(p: float) -> None:
    assert is_shown(spelt(p, "p"), shown(p, "p"))
    assert is_shown(spelt(p, "p"), "< 0.001") == (p < 0.001 + 1e-8)


@given(st.text(max_size=8))
def test_the_guard_against_formulas_comes_off_once(text: str) -> None:
    assert plain(f"'={text}") == plain(f"={text}") and not set(plain(text)) & {"\x1b", "\x00"}
