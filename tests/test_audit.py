"""Does an audit pass whatever was done by the program, and fail at whatever was done to its files?"""

import hashlib
import json
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.bedrock import bedrock_process
from tests.support.project import Ended, Project, make_project, running, wait_until

SEED = 20261126


def audited(project: Project, run: str, **variables: str) -> Ended:
    return project.trialbed("audit", run, **variables)


def passes(project: Project, run: str, **variables: str) -> bool:
    ended = audited(project, run, **variables)
    return ended.code == 0 and "audit passed" in ended.stdout


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A finished run under a locked plan, with two judges and a report."""
    root = tmp_path_factory.mktemp("whole")
    judges = "rehearsal:judge,rehearsal:second"
    variables = {"SUBJECT_MODELS": "rehearsal:subject", "JUDGE_MODELS": judges, "JUDGE_REPEAT_SHARE": "0.4"}
    project = make_project(root, **variables, BATCH_MODE="true", BATCH_SIZE="8")
    assert project.trialbed("plan", "--lock").code == 0
    assert project.run().code == 0
    assert passes(project, project.the_run().folder.name), "before there is a report"
    assert project.trialbed("report").code == 0
    yield project


@pytest.fixture
def copy(whole: Project, tmp_path: Path) -> Path:
    """The run's folder on another disk: its journal, plan and report, and nothing else of the project."""
    run = whole.the_run().folder
    return Path(shutil.copytree(run, tmp_path / "moved" / run.parent.name / run.name))


def elsewhere(whole: Project, copy: Path) -> dict[str, str]:
    return {"LOCAL_BACKUP_DIR": str(copy.parent.parent)}


def problem_of(whole: Project, copy: Path) -> str:
    ended = audited(whole, copy.name, **elsewhere(whole, copy))
    assert ended.code == 1, ended.stdout + ended.stderr
    (line,) = ended.stdout.splitlines()
    assert "AUDIT FAILED" in line
    return line


def test_a_moved_copy_passes_with_and_without_its_report(whole: Project, copy: Path) -> None:
    assert passes(whole, copy.name, **elsewhere(whole, copy))
    shutil.rmtree(copy / "report")
    assert passes(whole, copy.name, **elsewhere(whole, copy))


def test_a_run_that_was_cut_and_went_on_passes_and_so_does_an_older_report_of_it(tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.03}, log=tmp_path / "log") as bedrock:
        project = make_project(tmp_path, **bedrock.environment(), BATCH_MODE="true", BATCH_SIZE="6")
        with running(project.start(MAX_CONCURRENCY="3")) as sitting:
            wait_until(lambda: project.journal_bytes().count(b'"e":"record"') >= 8, "some records")
            sitting.send(signal.SIGKILL)
            sitting.wait()
        run = project.the_run().folder.name
        assert passes(project, run)
        assert project.trialbed("report").code == 0 and passes(project, run)
        assert project.run(BATCH_SIZE="7").code == 0
    ended = audited(project, run)
    # The plan has grown since, so the report is of another one: that is said, not passed over.
    assert ended.code == 1 and "plan" in ended.stdout
    assert project.trialbed("report").code == 0 and passes(project, run)


def test_a_run_that_is_not_there_is_one_clear_line(whole: Project) -> None:
    ended = audited(whole, "nowhere")
    assert ended.code == 2 and len(ended.stderr.splitlines()) == 1


@pytest.mark.damages_runs
def test_one_altered_byte_of_the_journal_is_found_wherever_it_is(whole: Project, copy: Path) -> None:
    journal = copy / "journal.jsonl"
    before, random = journal.read_bytes(), Random(SEED)
    for place in [0, len(before) - 1, *(random.randrange(len(before)) for _ in range(10))]:
        other = random.choice([byte for byte in b'0a"}\n' if byte != before[place]])
        journal.write_bytes(before[:place] + bytes([other]) + before[place + 1 :])
        assert "journal" in problem_of(whole, copy), f"seed {SEED}, byte {place}"


@pytest.mark.damages_runs
def test_a_record_taken_out_of_the_journal_is_found(whole: Project, copy: Path) -> None:
    journal = copy / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if b'"e":"record"' in line)
    journal.write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
    assert "journal.jsonl" in problem_of(whole, copy)


@pytest.mark.damages_runs
@pytest.mark.parametrize("pattern", [r'"planned": \d', r'"baseline": \d', r'"repeats": \d', r'"alpha": 0\.0\d'])
def test_one_altered_count_of_the_plan_is_found(whole: Project, copy: Path, pattern: str) -> None:
    altered(copy / "plan.json", pattern)
    assert "plan" in problem_of(whole, copy)


CELL = r"\d\.\d\d\d\d\d\d"
TEXTS = [
    ("rates.csv", CELL),
    ("rates.csv", r"(?<=,)\d,\d"),
    ("ledger.csv", r",\d,"),
    ("contrasts.csv", CELL),
    ("agreement.csv", CELL),
    ("association.csv", CELL),
    ("contrasts.tex", CELL),
    ("rates.tex", r"0\.\d\d\d(?=\D)"),
    ("report.html", rf'<td[^>]*data-v="{CELL}'),
    ("report.html", r"<td[^>]*>0\.\d\d\d"),
    ("report.html", r'<data data-fact="planned" value="\d\d'),
    ("report.html", r"<data data-table[^>]*>0\.\d\d\d"),
    ("manifest.json", r'"analysed": "\d\d'),
]


@pytest.mark.damages_runs
@pytest.mark.parametrize("is_hidden", [False, True], ids=["as it is", "with its hash made to fit"])
@pytest.mark.parametrize(("name", "pattern"), TEXTS)
def test_one_altered_number_of_a_report_is_found(
    whole: Project, copy: Path, name: str, pattern: str, is_hidden: bool
) -> None:
    altered(copy / "report" / name, pattern)
    if is_hidden and name != "manifest.json":
        made_to_fit(copy / "report", name)
    assert problem_of(whole, copy)


@pytest.mark.damages_runs
def test_a_row_taken_out_of_a_table_is_found_even_from_all_its_files(whole: Project, copy: Path) -> None:
    report = copy / "report"
    table = report / "rates.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[:-1]), encoding="utf-8", newline="")
    made_to_fit(report, "rates.csv")
    assert "rates" in problem_of(whole, copy)


@pytest.mark.damages_runs
def test_a_number_altered_alike_in_every_file_is_still_not_what_the_journal_says(whole: Project, copy: Path) -> None:
    report = copy / "report"
    cell = next(
        line.split(",")[5]
        for line in (report / "rates.csv").read_text(encoding="utf-8").splitlines()[1:]
        if re.fullmatch(CELL, line.split(",")[5]) and line.split(",")[5] not in ("0.000000", "1.000000", "0.500000")
    )
    other = f"{float(cell) + 0.1:.6f}"
    for name in ("rates.csv", "rates.tex", "report.html"):
        path = report / name
        text = path.read_text(encoding="utf-8").replace(cell, other)
        text = text.replace(f">{float(cell):.3f}<", f">{float(other):.3f}<")
        path.write_text(text.replace(f" {float(cell):.3f} ", f" {float(other):.3f} "), encoding="utf-8", newline="")
        made_to_fit(report, name)
    assert problem_of(whole, copy)


@pytest.mark.damages_runs
def test_an_altered_backup_file_is_found(tmp_path: Path) -> None:
    project = make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE="1")
    assert project.run().code == 0
    run = project.the_run()
    path = next(run.folder.parent.glob("run_*.json"))
    altered(path, "Steward", lambda found: found[0].replace("Steward", "Stewart"))
    ended = audited(project, run.folder.name)
    assert ended.code == 1 and path.name in ended.stdout


def altered(path: Path, pattern: str, change: Callable[[re.Match[str]], str] | None = None) -> None:
    """The last digit of the first match made another one."""
    text = path.read_text(encoding="utf-8")
    found = re.search(pattern, text)
    assert found is not None, f"{path.name} has no {pattern}"

    def other(match: re.Match[str]) -> str:
        place = max(number for number, sign in enumerate(match[0]) if sign.isdigit())
        return match[0][:place] + str((int(match[0][place]) + 5) % 10) + match[0][place + 1 :]

    new = (change or other)(found)
    path.write_text(text[: found.start()] + new + text[found.end() :], encoding="utf-8", newline="")


def made_to_fit(report: Path, name: str) -> None:
    """The manifest's hash of a file is that of what is there now."""
    manifest = json.loads((report / "manifest.json").read_bytes())
    manifest["files"][name] = hashlib.sha256((report / name).read_bytes()).hexdigest()
    (report / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
