"""Does a big plan start at once, and in little memory? The figures themselves: `python -m tests.bench`."""

import signal
from pathlib import Path

import pytest

from tests.support.bedrock import bedrock_process, requests_in
from tests.support.measure import most_memory_mb, seconds_until
from tests.support.project import Project, make_project, running

TRIALS = 20_000
MOST_MB = 200
FIRST_CALL_S = 6.0
"""Twice or three times what it takes, so that a machine busy with other tests does not fail it."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE=str(TRIALS // 5), GRACE_S="2")


def test_a_plan_of_20_000_trials_starts_soon_and_stays_small(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.01}, log=tmp_path / "log.jsonl") as bedrock:
        project.environment.update(bedrock.environment())
        with running(project.start()) as sitting:
            took_s = seconds_until(lambda: any(r.trial for r in requests_in(bedrock.log)), "the first call", 30.0)
            seconds_until(lambda: len(bedrock.requests()) > 400, "400 calls", 30.0)
            memory_mb = most_memory_mb(sitting.process.pid)
            sitting.send(signal.SIGINT)
            ended = sitting.wait()
    assert took_s < FIRST_CALL_S
    assert memory_mb < MOST_MB
    assert ended.code == 130
    assert project.status()["planned"] == TRIALS and sum(project.status()["outcomes"].values()) == TRIALS


def test_a_rehearsal_of_20_000_trials_stays_small_with_its_own_server(project: Project) -> None:
    with running(project.start()) as sitting:
        seconds_until(lambda: project.journal_bytes().count(b'"e":"record"') > 100, "100 records", 30.0)
        memory_mb = most_memory_mb(sitting.process.pid)
        sitting.send(signal.SIGINT)
        assert sitting.wait().code == 130
    assert memory_mb < MOST_MB
