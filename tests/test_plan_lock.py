"""A plan locked before the first call holds what follows to it, or every record says what was changed and why."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import bedrock_process, requests_in
from tests.support.experiments import QUIZ_FILES
from tests.support.project import Project, make_project, running, wait_until

LOCKED = "plans/quiz.lock.json"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="3")


def locked(project: Project) -> dict[str, Any]:
    ended = project.trialbed("plan", "--lock")
    assert ended.code == 0, ended.stderr
    lock: dict[str, Any] = json.loads((project.root / LOCKED).read_text(encoding="utf-8"))
    return lock


def records(project: Project) -> list[dict[str, Any]]:
    return [record for run in project.runs() for record in run.records().values()]


def test_a_locked_plan_holds_design_words_judges_analysis_and_stopping_rule(project: Project) -> None:
    lock = locked(project)
    assert [variant["greeting"] for variant in lock["design"]["variants"]] == ["Tell me.", "Now.", "Kindly tell me."]
    assert lock["design"]["repeats"] == 3 and lock["stopping"]["trials"] == 9
    assert lock["judges"]["models"] == ["rehearsal:judge"] and lock["analysis"]["alpha"] == 0.05
    again = project.trialbed("plan", "--lock")
    assert again.code == 0 and json.loads((project.root / LOCKED).read_text(encoding="utf-8")) == lock


def test_a_run_under_the_very_plan_goes_through_and_its_records_name_the_lock(project: Project) -> None:
    lock = locked(project)
    ended = project.run()
    assert ended.code == 0 and "PLAN LOCK" in ended.stderr and lock["lock_hash"] in ended.stderr
    assert {record["provenance"]["lock_hash"] for record in records(project)} == {lock["lock_hash"]}
    assert all(record["deviations"] == [] for record in records(project))
    (start,) = [event for event in project.the_run().events() if event["e"] == "run_start"]
    assert start["lock"]["hash"] == lock["lock_hash"] and start["lock"]["matches"] is True


@pytest.mark.parametrize(
    ("variables", "arguments", "line"),
    [
        ({"BATCH_SIZE": "5"}, (), r"BATCH_SIZE: locked 3, is 5"),
        ({"MODEL_TEMPERATURE": "0.2"}, (), r"MODEL_TEMPERATURE: locked 0\.7, is 0\.2"),
        ({"MODEL_SEED": "1"}, (), r"MODEL_SEED: locked 42, is 1"),
        (
            {"SUBJECT_MODELS": "rehearsal:other"},
            (),
            r"SUBJECT_MODELS: locked \S*rehearsal:subject\S*, is \S*rehearsal:o",
        ),
        ({"MAX_COST_USD": "3"}, (), r"MAX_COST_USD: locked .*, is 3"),
        ({}, ("--variants", "baseline,curt"), r"--variants: locked .*polite.*, is .*"),
    ],
)
def test_another_configuration_is_refused_by_its_name_and_both_values(
    project: Project, variables: dict[str, str], arguments: tuple[str, ...], line: str
) -> None:
    locked(project)
    ended = project.run(*arguments, **variables)
    assert ended.code == 2 and project.runs() == []
    assert re.search(line, ended.stderr), ended.stderr
    assert "--deviate" in ended.stderr.splitlines()[-1]
    assert project.run(*arguments, "--dry-run", **variables).code == 2


def test_edited_words_an_added_file_and_an_edited_lock_are_each_named(project: Project) -> None:
    locked(project)
    words = project.root / "variants/quiz/curt.toml"
    before = words.read_text(encoding="utf-8")
    words.write_text('greeting = "At once."\n', encoding="utf-8")
    (project.root / "variants/quiz/bribe.toml").write_text('greeting = "For money:"\n', encoding="utf-8")
    refused = project.run()
    assert refused.code == 2
    assert "variants/quiz/curt.toml: greeting" in refused.stderr and "variants/quiz/bribe.toml added" in refused.stderr
    words.write_text(before, encoding="utf-8")
    (project.root / "variants/quiz/bribe.toml").unlink()
    assert project.run("--dry-run").code == 0
    lock = project.root / LOCKED
    lock.write_text(lock.read_text(encoding="utf-8").replace('"repeats": 3', '"repeats": 4'), encoding="utf-8")
    edited = project.run()
    assert edited.code == 2 and LOCKED in edited.stderr and "lock_hash" in edited.stderr


def test_nothing_is_called_when_a_plan_differs(tmp_path: Path) -> None:
    with bedrock_process({}, log=tmp_path / "log.jsonl") as bedrock:
        variables = {**bedrock.environment(), "BATCH_MODE": "true", "BATCH_SIZE": "2"}
        project = make_project(tmp_path, **variables)
        assert project.trialbed("plan", "--lock").code == 0
        assert project.run(MODEL_TOP_P="0.5").code == 2
        assert requests_in(tmp_path / "log.jsonl") == []


def test_a_deviation_stands_in_every_later_record_and_in_the_report(project: Project) -> None:
    locked(project)
    ended = project.run("--deviate", "the model was  withdrawn", MODEL_TEMPERATURE="0.2")
    assert ended.code == 0, ended.stderr
    for record in records(project):
        (deviation,) = record["deviations"]
        assert (deviation["what"], deviation["locked"], deviation["actual"]) == ("MODEL_TEMPERATURE", 0.7, 0.2)
        assert deviation["why"] == "the model was withdrawn" and deviation["at"].endswith("Z")
    (only,) = project.status()["deviations"]
    assert only["what"] == "MODEL_TEMPERATURE"
    page = Path(project.trialbed("report").stdout.strip()).read_text(encoding="utf-8")
    assert "the model was withdrawn" in page
    assert project.run("--deviate", " ", MODEL_TEMPERATURE="0.2").code == 2


def test_a_killed_run_goes_on_under_its_lock_and_keeps_the_deviations_it_declared(tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.05}, log=tmp_path / "log") as bedrock:
        variables = {**bedrock.environment(), "BATCH_MODE": "true", "BATCH_SIZE": "4", "MAX_CONCURRENCY": "3"}
        project = make_project(tmp_path, **variables)
        assert project.trialbed("plan", "--lock").code == 0
        with running(project.start("--deviate", "less time", RUN_DEADLINE_S="500")) as sitting:
            wait_until(lambda: project.journal_bytes().count(b'"e":"record"') >= 3, "some records")
            sitting.send(signal.SIGKILL)
            sitting.wait()
        ended = project.run()
        assert ended.code == 0, ended.stderr
    made = records(project)
    assert len(made) == 20 and {len(record["deviations"]) for record in made} == {1}
    assert {record["deviations"][0]["why"] for record in made} == {"less time"}


def test_a_plan_is_locked_before_its_first_call_and_never_over_another(project: Project) -> None:
    locked(project)
    taken = project.trialbed("plan", "--lock", BATCH_SIZE="9")
    assert taken.code == 2 and "BATCH_SIZE: locked 3, is 9" in taken.stderr
    (project.root / LOCKED).unlink()
    assert project.run().code == 0
    late = project.trialbed("plan", "--lock")
    assert late.code == 2 and project.the_run().folder.name in late.stderr and len(late.stderr.splitlines()) == 1


def test_judging_by_other_judges_than_the_locked_ones_is_a_deviation(project: Project) -> None:
    locked(project)
    assert project.run().code == 0
    judged = project.trialbed("judge", project.the_run().folder.name, "--judges", "rehearsal:second")
    assert judged.code == 0, judged.stderr
    for record in records(project):
        assert [deviation["what"] for deviation in record["deviations"]] == ["JUDGE_MODELS"]


def test_a_plan_says_before_the_run_what_it_could_find(tmp_path: Path) -> None:
    project = make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE="30")
    power = json.loads(project.trialbed("plan").stdout)["power"]
    assert power["measure"] == "deceived" and power["pairs"] == 30 and 0.3 < power["reached"] < 0.45
    needed = {one["difference"]: one["pairs"] for one in power["needed"]}
    assert needed[0.05] > needed[0.1] > needed[0.2] > needed[0.3] > 30
    assert all(one["trials"] == 5 * one["pairs"] for one in power["needed"])
    assert "find a difference of" in project.trialbed("run", "--dry-run").stdout
