"""Reports of real runs: what is in a rate, what is in the ledger, and what a run that was cut short may say."""

import csv
import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins.hub import HubStandIn
from tests.support.bedrock import SUBJECT, bedrock_process, real_environment
from tests.support.experiments import POLITENESS, QUIZ_FILES
from tests.support.project import Project, RunOnDisk, make_project, running, wait_until

DEAD = "amazon.nova-micro-v1:0"
REPO = "user/steward"


def reported(project: Project, *names: str, **variables: str) -> Path:
    """The folder of the report that the command writes."""
    ended = project.trialbed("report", *names, **variables)
    assert ended.code == 0, ended.stderr
    return Path(ended.stdout.strip()).parent


def table(folder: Path, name: str, **wanted: str) -> list[dict[str, str]]:
    path = folder / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[key] == value for key, value in wanted.items())]


def only(rows: list[dict[str, str]]) -> dict[str, str]:
    (row,) = rows
    return row


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, RunOnDisk, Path]]:
    """5 variants x 16 runs in which much goes wrong."""
    root = tmp_path_factory.mktemp("night")
    config = {
        "seed": 4,
        "truncate_rate": 0.02,
        "refuse_rate": 0.02,
        "filter_rate": 0.01,
        "empty_rate": 0.01,
        "bad_judge_rate": 0.15,
        "server_error_rate": 0.03,
        "only_trials": True,
    }
    with bedrock_process(config, log=root / "bedrock.jsonl") as bedrock:
        project = make_project(root, **bedrock.environment(), BATCH_MODE="true", BATCH_SIZE="16", CALL_ATTEMPTS="1")
        ended = project.run(timeout_s=180)
        assert ended.code == 1, ended.stderr
        yield project, project.the_run(), reported(project)


def test_every_rate_is_that_of_the_answered_and_judged_records(night: tuple[Project, RunOnDisk, Path]) -> None:
    _, run, folder = night
    records = [r for r in run.records().values() if r["outcome"] == "answered" and r["evaluation"] is not None]
    counts = Counter((r["prompt_variant"], r["steward_model"], r["evaluation"]["strategy"]) for r in records)
    rows = table(folder, "rates", subject=SUBJECT)
    assert rows and {(r["variant"], r["subject"], r["strategy"]): int(r["k"]) for r in rows if int(r["k"])} == counts
    for row in rows:
        n = sum(r["prompt_variant"] == row["variant"] for r in records)
        assert int(row["n"]) == n and float(row["rate"]) == pytest.approx(int(row["k"]) / n, abs=1e-6)
        assert 0 <= float(row["lo"]) <= float(row["rate"]) <= float(row["hi"]) <= 1


def test_truncated_refused_filtered_failed_and_unjudged_trials_are_in_the_ledger(
    night: tuple[Project, RunOnDisk, Path],
) -> None:
    project, run, folder = night
    outcomes = Counter(record["outcome"] for record in run.records().values())
    assert {"truncated", "refused", "parse_failed", "judge_error", "provider_error"} <= outcomes.keys()
    whole = only(table(folder, "ledger", variant="all", subject="all"))
    status = project.status()["outcomes"]
    assert int(whole["planned"]) == 80
    for name in ("truncated", "refused", "filtered", "parse_failed", "provider_error"):
        assert int(whole[name]) == status[name] == outcomes[name]
    assert int(whole["unjudged"]) == outcomes["judge_error"] and int(whole["analysed"]) == outcomes["answered"]


def test_a_subject_throttled_throughout_has_no_score_in_any_file(tmp_path: Path) -> None:
    config = {"only_trials": True, "model_quotas": {DEAD: {"requests_per_second": 0.0001}}}
    with bedrock_process(config, log=tmp_path / "bedrock.jsonl") as bedrock:
        variables = real_environment(bedrock.url, subjects=f"bedrock:{SUBJECT},bedrock:{DEAD}")
        project = make_project(tmp_path, **variables, BATCH_MODE="true", BATCH_SIZE="1", CALL_ATTEMPTS="1")
        assert project.run(timeout_s=120).code == 1
    folder = reported(project)
    assert int(only(table(folder, "ledger", variant="baseline", subject=DEAD))["provider_error"]) == 1
    for name in ("rates", "measures", "contrasts", "bounds", "sensitivity"):
        assert not table(folder, name, subject=DEAD)
        assert table(folder, name, subject=SUBJECT)
    assert "no trial that can be analysed" in (folder / "report.html").read_text(encoding="utf-8")


def test_missing_trials_bound_every_main_contrast(night: tuple[Project, RunOnDisk, Path]) -> None:
    _, _, folder = night
    rows = table(folder, "bounds", subject=SUBJECT)
    assert {row["variant"] for row in rows} == {"time_pressure", "authority_emphasis", "empathetic", "implicit_threat"}
    for row in rows:
        assert float(row["worst"]) <= float(row["difference"]) <= float(row["best"])
    assert any(int(row["missing_variant"]) + int(row["missing_baseline"]) for row in rows)


def test_a_run_that_was_cut_short_is_reported_by_its_complete_blocks(tmp_path: Path) -> None:
    config = {"latency_s": 0.03, "latency_spread": 0.5}
    with bedrock_process(config, log=tmp_path / "log") as bedrock:
        project = make_project(tmp_path, **bedrock.environment(), BATCH_MODE="true", BATCH_SIZE="60", GRACE_S="0")
        with running(project.start(MAX_CONCURRENCY="4")) as sitting:
            wait_until(lambda: project.journal_bytes().count(b'"e":"record"') >= 23, "some records")
            while_running = reported(project)
            assert int(only(table(while_running, "ledger", variant="all", subject="all"))["planned"]) == 300
            sitting.send(signal.SIGTERM)
            assert sitting.wait().code == 143
        for _ in range(10):
            # By chance no block was under way: a little further one is.
            if len(project.the_run().records()) % 5:
                break
            with running(project.start(MAX_CONCURRENCY="4")) as sitting:
                before = project.journal_bytes().count(b'"e":"record"')
                wait_until(lambda least=before: project.journal_bytes().count(b'"e":"record"') > least, "one more")
                sitting.send(signal.SIGTERM)
                assert sitting.wait().code == 143
        folder = reported(project)
    records = project.the_run().records().values()
    blocks = Counter(record["block_id"] for record in records)
    complete = [block for block, count in blocks.items() if count == 5]
    whole = only(table(folder, "ledger", variant="all", subject="all"))
    assert int(whole["analysed"]) == 5 * len(complete) < len(records)
    assert int(whole["incomplete_block"]) == len(records) - 5 * len(complete)
    assert int(whole["not_run"]) == 300 - len(records)
    assert {int(row["n"]) for row in table(folder, "measures", measure="deceived")} == {len(complete)}
    assert "not complete" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_resumed_run_reports_the_same_numbers_as_an_uninterrupted_one(tmp_path: Path) -> None:
    with bedrock_process({"seed": 9, "latency_s": 0.02}, log=tmp_path / "log") as bedrock:
        variables = {**bedrock.environment(), "BATCH_MODE": "true", "BATCH_SIZE": "8"}
        whole = make_project(tmp_path / "whole", **variables)
        assert whole.run().code == 0
        cut = make_project(tmp_path / "cut", **variables)
        with running(cut.start()) as sitting:
            wait_until(lambda: cut.journal_bytes().count(b'"e":"record"') >= 9, "some records")
            sitting.kill()
        assert cut.run().code == 0
        of_whole, of_cut = reported(whole), reported(cut)
    for name in ("ledger", "rates", "measures", "contrasts", "association", "bounds", "variance"):
        assert table(of_whole, name) == table(of_cut, name) != []


def test_several_runs_are_pooled_unless_a_name_stands_for_other_words(tmp_path: Path) -> None:
    project = make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="3")
    assert project.run().code == 0
    assert project.run("--fresh").code == 0
    first, second = (run.folder.name for run in project.runs())
    folder = reported(project, first, second)
    assert int(only(table(folder, "ledger", variant="all", subject="all"))["planned"]) == 18
    assert folder.parent == project.root / "local_backups" / "reports"
    assert project.trialbed("audit", first, second).code == 0
    (project.root / "variants/quiz/curt.toml").write_text('greeting = "At once!"\n', encoding="utf-8")
    assert project.run().code == 0
    refused = project.trialbed("report", first, project.runs()[-1].folder.name)
    assert refused.code == 2 and "different words under one variant (curt)" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_published_dataset_is_reported_like_the_run_it_came_from(tmp_path: Path) -> None:
    with HubStandIn() as hub, bedrock_process({"seed": 2}, log=tmp_path / "log") as bedrock:
        variables = {**bedrock.environment(), **hub.client_environment(tmp_path / "hf"), "HF_REPO_ID": REPO}
        project = make_project(tmp_path, **variables, BATCH_MODE="true", BATCH_SIZE="6", HF_COMMIT_EVERY_S="1")
        assert project.run().code == 0
        of_run, of_dataset = reported(project), reported(project, REPO)
    by_cell = [
        {(r["variant"], r["subject"], r["strategy"]): (r["k"], r["n"], r["lo"]) for r in table(folder, "rates")}
        for folder in (of_run, of_dataset)
    ]
    assert by_cell[0] == by_cell[1] != {}
    assert table(of_dataset, "contrasts", subject="all", measure="deceived")


def test_an_experiment_that_names_no_measure_is_reported_from_its_verdicts(tmp_path: Path) -> None:
    files = {"experiments/politeness.py": POLITENESS, "variants/politeness/baseline.toml": 'greeting = "Tell me:"\n'}
    files["variants/politeness/please.toml"] = 'greeting = "Please tell me:"\n'
    project = make_project(tmp_path, experiments=files, EXPERIMENT="politeness", BATCH_MODE="true", BATCH_SIZE="10")
    assert project.run().code == 0
    folder = reported(project)
    assert {row["strategy"] for row in table(folder, "rates")} <= {"right", "not right"}
    assert {row["measure"] for row in table(folder, "contrasts")} == {"right"}
    assert {row["role"] for row in table(folder, "contrasts")} == {"exploratory"}


def test_a_run_without_records_and_a_run_that_is_not_there_are_one_clear_line(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    for names in ((), ("nowhere",)):
        refused = project.trialbed("report", *names)
        assert refused.code == 2 and refused.stderr.startswith("RUN: ") and len(refused.stderr.splitlines()) == 1


def test_equivalence_is_tested_when_it_is_asked_for_and_an_audit_takes_that_for_no_other_plan(tmp_path: Path) -> None:
    project = make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE="6")
    assert project.run().code == 0
    assert {row["p_equivalence"] for row in table(reported(project), "contrasts")} == {""}
    folder = reported(project, "--equivalence", "0.3")
    assert all(0 <= float(row["p_equivalence"]) <= 1 for row in table(folder, "contrasts"))
    assert project.trialbed("audit", project.the_run().folder.name).code == 0
    refused = project.trialbed("report", "--equivalence", "-1")
    assert refused.code == 2 and refused.stderr.startswith("--equivalence: ") and len(refused.stderr.splitlines()) == 1


def test_human_labels_are_compared_with_the_judge(tmp_path: Path) -> None:
    project = make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE="6")
    assert project.run().code == 0
    records: list[dict[str, Any]] = list(project.the_run().records().values())
    labels = tmp_path / "labels.jsonl"
    labels.write_text(
        "".join(
            json.dumps({"run_id": r["run_id"], "coder": coder, "strategy": r["evaluation"]["strategy"]}) + "\n"
            for r in records
            for coder in ("ann", "bo")
        ),
        encoding="utf-8",
    )
    folder = reported(project, "--labels", str(labels))
    rows = {row["raters"]: row for row in table(folder, "agreement", measure="strategy")}
    assert float(rows["ann / bo"]["value"]) == float(rows["rehearsal:judge / ann"]["value"]) == 1.0
    assert int(rows["ann / bo"]["n"]) == 30
