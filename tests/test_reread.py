"""An answer that cannot be read is no score, and a better reader reads it later without a call."""

from pathlib import Path

import pytest

from tests.support.bedrock import bedrock_process, requests_in
from tests.support.project import Project, make_project

SUMS = '''"""Can it add?"""

import re

from trialbed import AnswerUnreadable, Experiment, Measure, Scenario, Verdict

PATTERN = r"^(\\d+)!$"


class Sums(Experiment):
    name, version = "sums", "1.0.0"
    headline = "right"
    measures = (Measure(name="right", kind="binary", field="right"),)

    def scenarios(self):
        return [Scenario(id=f"{left}/{right}") for left in (11, 12, 13) for right in (4, 5)]

    async def converse(self, trial, chat):
        left, right = trial.scenario.id.split("/")
        await chat.ask(f"What is {left} plus {right}?")

    async def judge(self, trial, transcript, judges):
        found = re.search(PATTERN, transcript.last)
        if found is None:
            raise AnswerUnreadable("no number with an exclamation mark")
        is_right = int(found[1]) == sum(map(int, trial.scenario.id.split("/")))
        return [Verdict("sum", {"right": is_right}, rubric_version=PATTERN)]


experiment = Sums()
'''
TRIALS = 6


def reading(project: Project, pattern: str) -> None:
    (project.root / "experiments" / "sums.py").write_text(SUMS.replace(r"^(\d+)!$", pattern), encoding="utf-8")


@pytest.fixture
def read_badly(tmp_path: Path) -> Project:
    """A run whose answers are all there and whose reader expects something else."""
    project = make_project(tmp_path, experiments={"experiments/sums.py": SUMS})
    ended = project.run("sums", "--runs", "1")
    assert ended.code == 1, ended.stderr
    return project


def outcomes(project: Project) -> list[tuple[str, object]]:
    return [(record["outcome"], record["evaluation"]) for record in project.the_run().records().values()]


def test_an_answer_that_cannot_be_read_is_parse_failed_and_not_scored(read_badly: Project) -> None:
    assert outcomes(read_badly) == [("parse_failed", None)] * TRIALS
    reasons = {record["outcome_reason"] for record in read_badly.the_run().records().values()}
    assert reasons == {"the answer cannot be read: no number with an exclamation mark"}


def test_another_reader_reads_stored_answers_without_a_call(tmp_path: Path) -> None:
    with bedrock_process({"seed": 2}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, experiments={"experiments/sums.py": SUMS}, **bedrock.environment())
        assert project.run("sums", "--runs", "1").code == 1
        asked = len(requests_in(bedrock.log))
        reading(project, r"(\d+)\.")
        ended = project.trialbed("judge", project.the_run().folder.name)
        assert ended.code == 0, ended.stderr
        assert len(requests_in(bedrock.log)) == asked
    records = list(project.the_run().records().values())
    assert [record["outcome"] for record in records] == ["answered"] * TRIALS
    assert all(isinstance(record["evaluation"]["right"], bool) for record in records)
    assert {record["verdicts"][-1]["rubric_version"] for record in records} == {r"(\d+)\."}
    assert {record["revision"] for record in records} == {1}


def test_a_stricter_reader_takes_a_score_back(read_badly: Project) -> None:
    run = read_badly.the_run().folder.name
    reading(read_badly, r"(\d+)\.")
    assert read_badly.trialbed("judge", run).code == 0
    reading(read_badly, r"^(\d+)\?$")
    assert read_badly.trialbed("judge", run, "--fresh").code == 0
    records = list(read_badly.the_run().records().values())
    assert [(record["outcome"], record["evaluation"]) for record in records] == [("parse_failed", None)] * TRIALS
    assert all(len(record["verdicts"]) == 1 for record in records), "what was found before stays on record"
    assert read_badly.trialbed("audit", run).code == 0


def test_the_same_reader_again_leaves_records_as_they_are(read_badly: Project) -> None:
    before = read_badly.the_run().records()
    ended = read_badly.trialbed("judge", read_badly.the_run().folder.name)
    assert ended.code == 0, ended.stderr
    assert read_badly.the_run().records() == before


def test_scenarios_of_one_beginning_are_one_cluster_in_report_and_audit(read_badly: Project) -> None:
    run = read_badly.the_run().folder.name
    reading(read_badly, r"(\d+)\.")
    assert read_badly.trialbed("judge", run).code == 0
    assert read_badly.trialbed("report", run).code == 0
    (table,) = read_badly.root.glob("local_backups/*/*/report/measures.csv")
    names, row, *_ = [line.split(",") for line in table.read_text(encoding="utf-8").splitlines()]
    cell = dict(zip(names, row, strict=True))
    assert (cell["n"], cell["clusters"]) == ("6", "3")
    audited = read_badly.trialbed("audit", run)
    assert audited.code == 0, audited.stdout + audited.stderr
