"""`judge` after a night of 150 trials: no subject is asked, old verdicts stay, and the published rows are replaced."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.standins.hub import HubStandIn
from tests.standins.hub.repos import StoredFile
from tests.support.bedrock import JUDGE, SUBJECT, Bedrock, Request, bedrock_process, requests_in
from tests.support.project import Ended, Project, make_project, summary_block
from tests.support.rejudging import asked_of, not_kept, verdicts_in
from tests.test_main_job import REPO, hub_variables, load_rows

TRIALS = 150
OTHER = "amazon.nova-micro-v1:0"
SHARE = 0.2


@dataclass(frozen=True)
class Judged:
    """A run that was published, then judged by two judges, a fifth of it twice."""

    project: Project
    bedrock: Bedrock
    hub: HubStandIn
    reader: Path
    plan: bytes
    before: dict[str, dict[str, Any]]
    commits_before: int
    all_before: int
    ended: Ended

    @property
    def after(self) -> dict[str, dict[str, Any]]:
        return self.project.the_run().records()

    @property
    def requests(self) -> list[Request]:
        """Everything that was asked once the run was over, the small calls of the beginning included."""
        return requests_in(self.bedrock.log)[self.all_before :]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    root = tmp_path_factory.mktemp("judged")
    with HubStandIn(seed=3) as hub, bedrock_process({"seed": 5}, log=root / "bedrock.jsonl") as bedrock:
        variables = bedrock.environment() | hub_variables(hub, root / "hf")
        project = make_project(root, **variables, BATCH_MODE="true", BATCH_SIZE="30")
        assert project.run(timeout_s=120).code == 0
        run = project.the_run()
        before, plan = run.records(), (run.folder / "plan.json").read_bytes()
        commits, asked = len(hub.repo(REPO).commits), len(requests_in(bedrock.log))
        # Whatever the run was made with: judging needs its folder and a way to the judges.
        ended = project.trialbed(
            *("judge", run.folder.name, "--judges", f"{JUDGE},bedrock:{OTHER}", "--repeat-share", str(SHARE)),
            timeout_s=120,
            **{"SUBJECT_MODELS": "", "JUDGE_MODELS": "", "BATCH_SIZE": "1", "MODEL_SEED": "7", "EXPERIMENT": "other"},
        )
        yield Judged(project, bedrock, hub, root / "reader", plan, before, commits, asked, ended)


def test_no_subject_is_asked_and_every_judge_once_a_trial_and_twice_in_the_subsample(judged: Judged) -> None:
    assert judged.ended.code == 0, judged.ended.stderr
    assert len(judged.before) == TRIALS
    assert asked_of(judged.requests, SUBJECT) == 0 and all(request.is_judge for request in judged.requests)
    twice = [record for record in judged.after.values() if verdicts_in(record, 1, repeat=1)]
    assert TRIALS * SHARE / 2 < len(twice) < TRIALS * SHARE * 2
    for model in (JUDGE, OTHER):
        for_trials = [request for request in judged.requests if request.trial is not None and request.model == model]
        assert len(for_trials) == TRIALS + len(twice)


def test_old_verdicts_stand_beside_the_new_and_all_else_of_the_trial_is_as_it_was(judged: Judged) -> None:
    after = judged.after
    assert after.keys() == judged.before.keys()
    for trial, record in after.items():
        assert not_kept(judged.before[trial], record) == []
        assert [one["judge"] for one in verdicts_in(record, 0)] == [f"bedrock:{JUDGE}"]
        assert [one["judge"] for one in verdicts_in(record, 1)] == [f"bedrock:{JUDGE}", f"bedrock:{OTHER}"]
        assert record["outcome"] == "answered" and record["evaluation"] == verdicts_in(record, 1)[0]["values"]
        new_calls = record["calls"][len(judged.before[trial]["calls"]) :]
        assert {call["role"] for call in new_calls} == {"judge"} and len(new_calls) in (2, 4)
        assert record["cost_usd"] > judged.before[trial]["cost_usd"]
        assert record["judge_usage"]["input_tokens"] > judged.before[trial]["judge_usage"]["input_tokens"]


def test_each_asking_has_a_fence_and_a_hash_of_its_own(judged: Judged) -> None:
    for record in list(judged.after.values())[:20]:
        prompts = {
            (request.model, request.body["messages"][0]["content"][0]["text"])
            for request in judged.bedrock.requests()
            if request.trial == record["trial_id"] and request.is_judge
        }
        assert len(prompts) == len(record["verdicts"])


def test_the_plan_is_untouched_and_the_judging_is_in_the_journal(judged: Judged) -> None:
    run = judged.project.the_run()
    assert (run.folder / "plan.json").read_bytes() == judged.plan
    first = next(event for event in run.events() if event["e"] == "judging_start")
    assert first["n"] == 1 and first["judges"] == [f"bedrock:{JUDGE}", f"bedrock:{OTHER}"]
    assert first["repeat_share"] == SHARE and first["judge_sampling"]["max_tokens"] == 1024
    assert first["experiment_version"] == judged.before[next(iter(judged.before))]["experiment_version"]
    stop = next(event for event in run.events() if event["e"] == "judging_stop")
    assert (stop["n"], stop["complete"]) == (1, True)


def test_the_readable_files_and_the_published_rows_are_the_new_records(judged: Judged) -> None:
    after = judged.after
    assert {row["trial_id"]: row for row in judged.project.the_run().backups().values()} == after
    rows = load_rows(judged.hub, judged.reader)
    assert len(rows) == len({row["trial_id"] for row in rows}) == TRIALS
    # Nobody who loads the dataset at any moment finds a trial missing, or twice.
    for commit in judged.hub.repo(REPO).commits[judged.commits_before :]:
        lines = [line for path, file in commit.tree.items() if path.startswith("data/") for line in _lines(file)]
        assert len(lines) == len({json.loads(line)["trial_id"] for line in lines}) == TRIALS
    for row in rows:
        assert row["revision"] == 1 and row["evaluation"] == after[row["trial_id"]]["evaluation"]
        assert row["verdicts"] == after[row["trial_id"]]["verdicts"]
    verified = judged.project.trialbed("verify", judged.project.the_run().folder.name)
    assert verified.code == 0, verified.stdout


def test_the_end_is_summed_up_as_that_of_a_run_with_a_line_for_each_judge(judged: Judged) -> None:
    lines = summary_block(judged.ended.stdout)
    assert "JUDGING 1 COMPLETE - SUMMARY" in lines and f"Successful: {TRIALS}" in lines
    for model in (JUDGE, OTHER):
        assert f"Judge bedrock:{model}: {TRIALS} valid verdicts, 0 failed" in judged.ended.stdout


def test_the_finished_run_is_still_finished(judged: Judged) -> None:
    asked = len(requests_in(judged.bedrock.log))
    again = judged.project.run()
    assert again.code == 0 and "nothing to do" in again.stderr
    assert len(requests_in(judged.bedrock.log)) == asked


def _lines(file: StoredFile) -> list[bytes]:
    return file.content.splitlines()


def test_the_same_command_after_a_finished_judging_is_another_judging_by_the_judges_of_the_run(judged: Judged) -> None:
    run = judged.project.the_run().folder.name
    before = judged.after
    ended = judged.project.trialbed("judge", run, timeout_s=120, HF_TOKEN="", HF_REPO_ID="")
    assert ended.code == 0, ended.stderr
    for trial, record in judged.after.items():
        assert not_kept(before[trial], record) == []
        assert [one["judge"] for one in verdicts_in(record, 2)] == [f"bedrock:{JUDGE}"]
        assert record["evaluation"] == verdicts_in(record, 2)[0]["values"]


def test_push_brings_what_was_judged_without_the_hub(judged: Judged) -> None:
    run = judged.project.the_run().folder.name
    assert judged.project.status(run)["owed"] == {"hub": TRIALS}
    assert judged.project.trialbed("push", run, timeout_s=120).code == 0
    after = judged.after
    rows = load_rows(judged.hub, judged.reader)
    assert {row["trial_id"]: row["revision"] for row in rows} == {trial: 2 for trial in after}
    assert {row["trial_id"]: row["verdicts"] for row in rows} == {
        trial: one["verdicts"] for trial, one in after.items()
    }
    assert judged.project.status(run)["owed"] == {"hub": 0}
