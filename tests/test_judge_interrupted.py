"""A judging that is killed, stopped or disappointed: the same command goes on with it and pays for nothing twice."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import (
    JUDGE,
    Bedrock,
    Request,
    bedrock_process,
    bedrock_thread,
    real_environment,
    requests_in,
)
from tests.support.experiments import QUIZ_FILES
from tests.support.journal import events_in
from tests.support.project import Project, make_project, running, wait_until
from tests.support.rejudging import not_kept, verdicts_in
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import DENIED

TRIALS = 60
AT_ONCE = 4
SLOW = {"latency_s": 0.2}


@pytest.fixture
def bedrock(tmp_path: Path) -> Iterator[Bedrock]:
    with bedrock_process(SLOW, log=tmp_path / "bedrock.jsonl") as bedrock:
        yield bedrock


def quiz(root: Path, url: str) -> Project:
    """A project with a finished run of sixty trials."""
    variables = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": str(TRIALS // 3)}
    project = make_project(root, experiments=QUIZ_FILES, **variables, **real_environment(url))
    assert project.run(MAX_CONCURRENCY="40").code == 0
    return project


def judged_so_far(project: Project, number: int = 1) -> dict[str, dict[str, Any]]:
    records = events_in(project.journal_bytes())
    found = {one["trial"]: one["record"] for one in records if one["e"] == "record"}
    return {trial: record for trial, record in found.items() if verdicts_in(record, number)}


def answered_again(before: list[Request], after: list[Request]) -> int:
    """How many requests that had been answered were made once more."""
    answered = {request.key for request in before if request.was_answered}
    return sum(request.key in answered for request in after)


def check_whole(project: Project, before: dict[str, dict[str, Any]]) -> None:
    """Every trial has one verdict of judging 1 beside its old ones, in one new record."""
    after = project.the_run().records()
    assert after.keys() == before.keys()
    for trial, record in after.items():
        assert not_kept(before[trial], record) == []
        assert len(verdicts_in(record, 0)) == len(verdicts_in(record, 1)) == 1
    events = [event for event in project.the_run().events() if event["e"] == "record"]
    assert len(events) == 2 * TRIALS
    starts = [event for event in project.the_run().events() if event["e"] == "judging_start"]
    assert {event["n"] for event in starts} == {1} and len(starts) > 1


def test_a_judging_killed_three_times_is_gone_on_with_and_pays_no_answer_twice(
    tmp_path: Path, bedrock: Bedrock
) -> None:
    project = quiz(tmp_path, bedrock.url)
    run, before = project.the_run().folder.name, project.the_run().records()
    for wanted in (8, 20, 35):
        with running(project.start_trialbed("judge", run, MAX_CONCURRENCY=str(AT_ONCE))) as sitting:
            wait_until(lambda: sitting.is_over or len(judged_so_far(project)) >= wanted, f"{wanted} judged trials")  # noqa: B023 — asked before the loop goes on
            sitting.kill()
        assert wanted <= len(judged_so_far(project)) < TRIALS
        kept, asked = judged_so_far(project), requests_in(bedrock.log)
        assert project.status()["outcomes"]["answered"] == TRIALS
    ended = project.trialbed("judge", run, MAX_CONCURRENCY=str(AT_ONCE))
    assert ended.code == 0, ended.stderr
    assert f"Judging 1: {TRIALS} transcripts judged, 0 failed" in ended.stdout
    check_whole(project, before)
    assert {trial: project.the_run().records()[trial] for trial in kept} == kept
    everything = [request for request in requests_in(bedrock.log) if request.trial is not None]
    later = everything[len([request for request in asked if request.trial is not None]) :]
    assert answered_again(asked, later) <= AT_ONCE
    judge_calls = [request for request in everything if request.is_judge]
    assert len(judge_calls) <= 2 * TRIALS + 3 * AT_ONCE


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_drains_a_judging_and_the_same_command_goes_on(
    tmp_path: Path, bedrock: Bedrock, number: signal.Signals, code: int
) -> None:
    project = quiz(tmp_path, bedrock.url)
    run, before = project.the_run().folder.name, project.the_run().records()
    with running(project.start_trialbed("judge", run, MAX_CONCURRENCY=str(AT_ONCE))) as sitting:
        wait_until(lambda: sitting.is_over or len(judged_so_far(project)) >= 5, "five judged trials")
        sitting.send(number)
        ended = sitting.wait()
    assert ended.code == code and "JUDGING 1 STOPPED" in ended.stdout and "trialbed judge" in ended.stdout
    so_far, asked = judged_so_far(project), requests_in(bedrock.log)
    assert 5 <= len(so_far) < TRIALS
    stop = [event for event in project.the_run().events() if event["e"] == "judging_stop"][-1]
    assert (stop["n"], stop["complete"], stop["why"]) == (1, False, number.name)
    assert project.trialbed("judge", run).code == 0
    check_whole(project, before)
    # In flight at the signal was finished in time: nothing at all is asked again.
    assert answered_again(asked, [one for one in requests_in(bedrock.log)[len(asked) :] if one.trial]) == 0


def test_a_judging_stops_at_the_spending_limit_and_goes_on_when_it_is_raised(tmp_path: Path, bedrock: Bedrock) -> None:
    project = quiz(tmp_path, bedrock.url)
    run, before = project.the_run().folder.name, project.the_run().records()
    spent = project.status()["cost"]["spent_usd"]
    of_judges = sum(call["cost_usd"] for row in before.values() for call in row["calls"] if call["role"] == "judge")
    limit = spent + of_judges / 2
    short = project.trialbed("judge", run, "--max-cost", f"{limit:.9f}")
    assert short.code == 2 and "MAX_COST_USD" in short.stderr
    assert 0 < len(judged_so_far(project)) < TRIALS
    assert project.status()["cost"]["spent_usd"] <= limit
    assert project.trialbed("judge", run, "--max-cost", f"{spent + 2 * of_judges:.9f}").code == 0
    check_whole(project, before)
    refused = project.trialbed("judge", run, "--max-cost", f"{limit:.9f}")
    assert refused.code == 2 and len(judged_so_far(project, 2)) == 0


def test_a_trial_whose_judge_failed_is_judged_later_and_one_whose_judging_fails_keeps_its_record(
    tmp_path: Path,
) -> None:
    variables = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": "4"}
    with bedrock_thread(RehearsalConfig(bad_judge_rate=1.0, bad_judge_kinds=("plain_text",))) as server:
        project = make_project(tmp_path, experiments=QUIZ_FILES, **variables, **real_environment(server.url))
        assert project.run().code == 1
        run, first = project.the_run().folder.name, project.the_run().records()
        assert {record["outcome"] for record in first.values()} == {"judge_error"}
        failed = project.trialbed("judge", run)
        assert failed.code == 1 and "Judging 1: 0 transcripts judged, 12 failed" in failed.stdout
        assert project.the_run().records() == first
        events = [event for event in project.the_run().events() if event["e"] == "judging_failed"]
        assert len(events) == 12 and {event["n"] for event in events} == {1}
        server.config = RehearsalConfig(bad_judge_rate=0.4, bad_judge_kinds=("plain_text",), seed=2)
        partly = project.trialbed("judge", run)
        judged = judged_so_far(project)
        assert partly.code == 1 and 0 < len(judged) < 12
        assert all(record["outcome"] == "answered" and record["evaluation"] for record in judged.values())
        assert f"{12 - len(judged)} failed" in partly.stdout
        server.config = RehearsalConfig()
        asked = server.received
        assert project.trialbed("judge", run).code == 0
        # One call for each that was left, and the small one of the beginning: answers that could not be used do not
        # come back from the journal.
        assert server.received - asked == 12 - len(judged) + 1
        after = project.the_run().records()
        assert {trial: after[trial] for trial in judged} == judged
        for trial, record in after.items():
            assert record["outcome"] == "answered" and record["outcome_reason"] is None
            assert not_kept(first[trial], record) == [] and len(verdicts_in(record, 1)) == 1
        assert project.status()["is_complete"]
        assert "nothing to do" in project.run().stderr


def test_fresh_leaves_an_unfinished_judging_behind(tmp_path: Path) -> None:
    variables = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": "1"}
    with bedrock_thread(RehearsalConfig()) as server:
        project = make_project(tmp_path, experiments=QUIZ_FILES, **variables, **real_environment(server.url))
        assert project.run().code == 0
        run = project.the_run().folder.name
        server.config = RehearsalConfig(bad_judge_rate=1.0, bad_judge_kinds=("plain_text",))
        assert project.trialbed("judge", run).code == 1
        server.config = RehearsalConfig()
        assert project.trialbed("judge", run, "--fresh").code == 0
        assert len(judged_so_far(project, 1)) == 0 and len(judged_so_far(project, 2)) == 3


def test_a_judge_that_is_denied_ends_the_command_before_anything_is_judged(tmp_path: Path) -> None:
    variables = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": "1"}
    with bedrock_thread(RehearsalConfig()) as server:
        project = make_project(tmp_path, experiments=QUIZ_FILES, **variables, **real_environment(server.url))
        assert project.run().code == 0
        server.config = RehearsalConfig(scripted=lambda call: DENIED if call.model_id == JUDGE else None)
        denied = project.trialbed("judge", project.the_run().folder.name)
        assert denied.code == 2 and JUDGE in denied.stderr
        assert not [event for event in project.the_run().events() if event["e"] == "judging_start"]
