"""Does the second path come to the same of what is measured over time, and see what was altered in it?"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.support.timed_runs import DECODE, FIRST_TEXT, SPEED, World, timed_run
from tests.test_recheck_audit import csv_cell, disagreement, first_path, html_cell, latex_cell, rewrite
from trialbed.analysis.recheck.audit import numbers_problem, study_of
from trialbed.analysis.recheck.files import files_problem
from trialbed.analysis.recheck.silences import outages
from trialbed.analysis.report.write import write_report

Change = Callable[[str], str]
TABLES = ("percentiles", "over_time", "availability", "outages")


def drawn(random: Random) -> World:
    """A world that `random` decides."""
    subjects = ["groq:a", "bedrock:maker.b", "bedrock:maker.c", "openai:d"][: random.choice([1, 3, 4])]
    cycles = random.choice([1, 2, 7, 39, 41, 100])
    return World(
        cycles=cycles,
        interval_s=random.choice([1, 10, 1_800, 7_200, 100_000]),
        variants=("short", "long_context", "long_output")[: random.choice([1, 2, 3])],
        medians={name: random.choice([5.0, 50.0, 400.0]) for name in subjects},
        out={
            random.choice(subjects): (cycles // 3, cycles // 2),
            f"{random.choice(subjects)} short": (cycles // 4, cycles),
        },
        phi=random.choice([0.0, 0.5, 0.9]),
        seed=random.randint(0, 999),
    )


@pytest.mark.parametrize("seed", range(16))
def test_both_paths_say_the_same(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    run = timed_run(tmp_path, drawn(random))
    alpha = random.choice([0.05, 0.1])
    measures = (SPEED, FIRST_TEXT, DECODE.model_copy(update={"over_time": True}))
    run.choices = run.choices.model_copy(update={"measures": measures, "alpha": alpha})
    assert disagreement([run.write()]) is None


def test_both_paths_say_the_same_of_two_runs_together(tmp_path: Path) -> None:
    names = ("probe-20260102T000000Z", "probe-20260103T000000Z")
    worlds = [World(cycles=50, seed=number, out={"groq:llama-fast": (3, 9)}) for number in (1, 2)]
    folders = [timed_run(tmp_path, world, name=name).write() for world, name in zip(worlds, names, strict=True)]
    assert disagreement(folders) is None


@pytest.mark.parametrize("keeps", [5, 101, 250])
def test_both_paths_say_the_same_of_a_run_that_goes_on(tmp_path: Path, keeps: int) -> None:
    run = timed_run(tmp_path, World(cycles=60))
    del run.lines[keeps:]
    assert disagreement([run.write()]) is None


def test_the_second_path_finds_the_outage_by_itself(tmp_path: Path) -> None:
    found = study_of([timed_run(tmp_path, World(cycles=60, out={"groq:llama-fast": (10, 19)})).write()])
    assert outages(found).spelt() == [
        [
            *("groq:llama-fast", "all", "2026-01-02T05:00:00Z", "2026-01-02T09:30:03Z", "2026-01-02T10:00:00Z"),
            *("20", "provider_error 20"),
        ]
    ]
    spans = found.spans
    assert spans is not None and (spans.step, spans.bin, spans.block) == (1_800_000, 3_600_000, 21_600_000)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("reported")
    folder = timed_run(root, World(cycles=48, out={"groq:llama-fast": (10, 19)})).write()
    write_report(first_path([folder]), root / "report", made_at="2026-01-10T00:00:00Z")
    return folder, root / "report"


@pytest.fixture
def report(reported: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of it to alter."""
    copy = tmp_path / "report"
    copy.mkdir()
    for path in reported[1].iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def test_a_report_passes_as_it_was_written(reported: tuple[Path, Path]) -> None:
    assert numbers_problem([reported[0]], reported[1]) is None


def columns(report: Path, table: str) -> list[str]:
    return (report / f"{table}.csv").read_text(encoding="utf-8").splitlines()[0].split(",")


NUMBERS = {
    "percentiles": "n missing blocks mean lo_mean hi_mean p5 p25 p50 lo_p50 hi_p50 p75 p95 lo_p95 hi_p95 p99 min max",
    "over_time": "n p5 p25 p50 p75 p95",
    "availability": "ended answered failed failures share",
    "outages": "last_at answered_at trials failures",
}
EVERY_NUMBER = [(table, column) for table, names in NUMBERS.items() for column in names.split()]


@pytest.mark.parametrize(("table", "column"), EVERY_NUMBER)
def test_every_number_that_was_altered_in_all_files_is_told_by_the_journal(
    reported: tuple[Path, Path], report: Path, table: str, column: str
) -> None:
    place = columns(report, table).index(column)
    rewrite(report, f"{table}.csv", lambda text: csv_cell(text, column, "77"))
    rewrite(report, "report.html", lambda text: html_cell(text, table, place, "77", "77"))
    rewrite(report, f"{table}.tex", lambda text: latex_cell(text, place, "77", "77"))
    rewrite_marks(report, table, column)
    assert files_problem(report) is None
    problem = numbers_problem([reported[0]], report)
    assert problem is not None and f"table {table}, row " in problem and f"column {column}: reported 77" in problem


def rewrite_marks(report: Path, table: str, column: str, value: str = "77") -> None:
    """Alter the same cell where sentences quote it, if any does."""
    quoted = re.compile(rf'(data-table="{table}" data-row="0" data-column="{column}" value=")[^"]*(">)[^<]*(</data>)')
    if quoted.search((report / "report.html").read_text(encoding="utf-8")):
        rewrite(report, "report.html", lambda text: quoted.sub(rf"\g<1>{value}\g<2>{value}\g<3>", text))


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_missing_or_that_nobody_measured_is_named(
    reported: tuple[Path, Path], report: Path, table: str
) -> None:
    place = columns(report, table).index("subject")
    rewrite(report, f"{table}.csv", lambda text: csv_cell(text, "subject", "other"))
    rewrite(report, "report.html", lambda text: html_cell(text, table, place, "other", "other"))
    rewrite(report, f"{table}.tex", lambda text: latex_cell(text, place, "other", "other"))
    rewrite_marks(report, table, "subject", "other")
    assert files_problem(report) is None
    problem = numbers_problem([reported[0]], report) or ""
    assert f"table {table}, row " in problem and "reported, but not recomputed" in problem


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r'(data-table="percentiles" data-row="\d+" data-column="p50" value=")[^"]*', "table percentiles, row "),
        (r'(data-table="outages" data-row="0" data-column="first_at" value=")[^"]*', "table outages, row 0"),
        (r'(data-fact="bin_width" value=")[^"]*', "fact bin_width"),
        (r'(data-table="outages" data-row="0" data-column="trials" value="20">)[^<]*', "shows 88"),
    ],
)
def test_a_number_in_a_sentence_or_a_figure_that_was_altered_is_named(report: Path, pattern: str, named: str) -> None:
    rewrite(report, "report.html", lambda text: re.sub(pattern, r"\g<1>88", text, count=1))
    assert named in (files_problem(report) or "")


@pytest.mark.parametrize(("name", "value"), [("bin_width", "3 h"), ("block_width", "1 d"), ("interval_s", "7.000000")])
def test_a_width_that_was_altered_everywhere_is_told_by_the_journal(
    reported: tuple[Path, Path], report: Path, name: str, value: str
) -> None:
    manifest = json.loads((report / "manifest.json").read_text())
    assert manifest["facts"][name] not in ("", value)
    manifest["facts"][name] = value
    page = (report / "report.html").read_text(encoding="utf-8")
    page = re.sub(rf'(<data data-fact="{name}" value=")[^"]*(">)[^<]*', rf"\g<1>{value}\g<2>{value}", page)
    (report / "report.html").write_text(page, encoding="utf-8")
    manifest["files"]["report.html"] = hashlib.sha256((report / "report.html").read_bytes()).hexdigest()
    (report / "manifest.json").write_text(json.dumps(manifest))
    assert f"fact {name}: reported {value}" in (numbers_problem([reported[0]], report) or "")


def test_a_figure_that_was_altered_is_named(report: Path) -> None:
    rewrite(report, "fig_over_time_tokens_per_second.svg", lambda text: text.replace("groq", "grok"), hidden=False)
    assert "fig_over_time_tokens_per_second.svg: not the file that was written" in (files_problem(report) or "")
