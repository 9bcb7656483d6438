"""A run and its bucket, end to end: any experiment's files, an outage over the whole run, what is said and owed."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.s3 import Faults, S3StandIn
from tests.support.bedrock import bedrock_process
from tests.support.project import Project, make_project, running, wait_until
from tests.support.socratic import TUTOR, have_a_dialogue, runner_environment, summary_of

DILEMMA_TURNS = 5


@pytest.fixture
def s3() -> Iterator[S3StandIn]:
    with S3StandIn(seed=4) as standing:
        yield standing


@pytest.fixture
def runner(tmp_path: Path, s3: S3StandIn) -> Iterator[Project]:
    with bedrock_process({"seed": 2}, log=tmp_path / "requests.jsonl") as bedrock:
        bucket = {"RUNNER_S3_BUCKET": s3.bucket, "AWS_ENDPOINT_URL_S3": s3.endpoint}
        yield make_project(tmp_path, **runner_environment(bedrock.url, **bucket))


def test_any_experiment_has_its_turns_and_summaries_in_the_bucket(tmp_path: Path, s3: S3StandIn) -> None:
    with bedrock_process({"seed": 2}, log=tmp_path / "requests.jsonl") as bedrock:
        bucket = {"RUNNER_S3_BUCKET": s3.bucket, "AWS_ENDPOINT_URL_S3": s3.endpoint}
        project = make_project(tmp_path, **bedrock.environment(), **bucket, BATCH_MODE="true", BATCH_SIZE="2")
        assert project.run().code == 0
    names = [key.rpartition("/")[2].partition("_")[0] for key in s3.objects]
    records = project.the_run().records()
    assert len(records) == 10
    assert names.count("turn") == 10 * DILEMMA_TURNS
    assert names.count("judge") == 0
    assert sum(key.startswith("curated/") for key in s3.objects) == 10
    assert project.status()["owed"] == {"s3": 0}


def test_a_dialogue_whose_bucket_is_down_is_had_all_the_same_and_delivered_later(
    runner: Project, s3: S3StandIn
) -> None:
    s3.faults = Faults(slow_down=1.0)
    command = ("socratic", "--model", TUTOR, "--prompt", "work-ethics", "--turns", "3")
    with running(runner.start_trialbed(*command, GRACE_S="1")) as sitting:
        wait_until(lambda: "still delivering 1 records to s3" in sitting.stderr, "a word on what is owed")
        sitting.send(signal.SIGTERM)
        ended = sitting.wait()
    assert ended.code == 143, ended.stderr
    summary = summary_of(ended)
    assert summary["outcome"] == "answered"
    assert "Not delivered yet to s3: 1" in ended.stderr
    assert runner.status()["owed"] == {"s3": 1}
    assert s3.objects == {}
    s3.faults = Faults()
    pushed = runner.trialbed("push", runner.the_run().folder.name)
    assert pushed.code == 0, pushed.stderr
    assert len([key for key in s3.objects if summary["run_id"] in key]) == 7
    assert runner.status()["owed"] == {"s3": 0}


def test_the_same_command_delivers_what_is_owed_before_anything_new_is_begun(runner: Project, s3: S3StandIn) -> None:
    s3.faults = Faults(refusal=(403, "AccessDenied"))
    first = have_a_dialogue(runner, turns=2)
    assert first.code == 1
    assert "s3:PutObject" in first.stderr
    s3.faults = Faults()
    second = have_a_dialogue(runner, turns=2)
    assert second.code == 0, second.stderr
    assert summary_of(second)["run_id"] == summary_of(first)["run_id"]
    assert len(runner.runs()) == 1
    assert len(s3.objects) == 5


def test_the_doctor_looks_at_the_bucket(runner: Project, s3: S3StandIn) -> None:
    models = {"SUBJECT_MODELS": "amazon.nova-pro-v1:0", "JUDGE_MODELS": "amazon.nova-lite-v1:0"}
    fine = runner.trialbed("doctor", **models)
    assert f"s3://{s3.bucket}/ is there" in fine.stdout + fine.stderr
    missing = runner.trialbed("doctor", **models, RUNNER_S3_BUCKET="not-there-at-all")
    assert missing.code != 0
    assert "No such bucket: not-there-at-all" in missing.stdout + missing.stderr


def test_a_key_without_its_encryption_is_refused_before_any_call(runner: Project) -> None:
    ended = have_a_dialogue(runner, RUNNER_S3_KMS_KEY_ID="alias/ours")
    assert ended.code == 2
    assert "RUNNER_S3_KMS_KEY_ID" in ended.stderr and "aws:kms" in ended.stderr
    assert ended.stdout == ""
