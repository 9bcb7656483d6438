"""When a model fails and the run outlives it: what was said is kept, and the same command makes up for the rest."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bedrock import (
    JUDGE,
    SUBJECT,
    Request,
    bedrock_thread,
    real_environment,
    repeated,
    requests_in,
)
from tests.support.experiments import QUIZ_FILES
from tests.support.project import Project, make_project, running, wait_until
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.server import RehearsalServer

PLANNED = 24
OTHER_SUBJECT = "amazon.nova-micro-v1:0"
HEALTHY = RehearsalConfig(latency_s=0.01)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(
        tmp_path,
        experiments=QUIZ_FILES,
        EXPERIMENT="quiz",
        BATCH_MODE="true",
        BATCH_SIZE=str(PLANNED // 3),
        MAX_CONCURRENCY="6",
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def server(project: Project, log: Path) -> Iterator[RehearsalServer]:
    """Bedrock in good health; a test makes it sick."""
    with bedrock_thread(HEALTHY.model_copy(update={"log_path": log}), root=project.root) as server:
        yield server


def trial_requests(log: Path) -> list[Request]:
    return [request for request in requests_in(log) if request.trial is not None]


def outcomes(project: Project) -> Counter[str]:
    return Counter(record["outcome"] for record in project.the_run().records().values())


def test_when_every_verdict_is_invalid_all_transcripts_are_kept_and_only_the_judge_is_asked_again(
    project: Project, server: RehearsalServer, log: Path
) -> None:
    variables = real_environment(server.url)
    server.change(bad_judge_rate=1.0)
    ended = project.run(**variables)
    assert ended.code == 1, ended.stderr
    unjudged = project.the_run().records()
    assert outcomes(project) == {"judge_error": PLANNED}
    assert all(record["evaluation"] is None for record in unjudged.values())
    assert {len(record["conversation_log"]) for record in unjudged.values()} == {5}

    server.change(bad_judge_rate=0.0)
    already = len(trial_requests(log))
    ended = project.run(**variables)
    assert ended.code == 0, ended.stderr
    judged = project.the_run().records()
    assert outcomes(project) == {"answered": PLANNED}
    assert all(request.is_judge for request in trial_requests(log)[already:]), "a subject was asked again"
    assert len(trial_requests(log)) - already == PLANNED
    assert {record["revision"] for record in judged.values()} == {1}
    for trial, record in judged.items():
        assert record["conversation_log"] == unjudged[trial]["conversation_log"]
        assert record["run_id"] == unjudged[trial]["run_id"]
    assert project.the_run().backups() == {f"{record['run_id']}.json": record for record in judged.values()}


def test_judging_that_was_interrupted_does_not_ask_again_for_what_it_was_told(
    project: Project, server: RehearsalServer, log: Path
) -> None:
    variables = real_environment(server.url) | {"MAX_CONCURRENCY": "2"}
    server.change(bad_judge_rate=1.0)
    assert project.run(**variables).code == 1
    already = len(trial_requests(log))
    server.change(bad_judge_rate=0.0, latency_s=0.1)
    with running(project.start(**variables)) as sitting:
        wait_until(lambda: len(trial_requests(log)) >= already + 4 or sitting.is_over, "some verdicts")
        sitting.kill()
    assert project.run(**variables).code == 0
    again = trial_requests(log)[already:]
    assert len(repeated(again)) <= 2
    assert outcomes(project) == {"answered": PLANNED}


def test_a_model_that_refuses_at_the_start_ends_the_run_with_its_name(
    project: Project, server: RehearsalServer, log: Path
) -> None:
    server.change(denied_models=frozenset({JUDGE}))
    ended = project.run(**real_environment(server.url))
    assert ended.code == 2
    assert JUDGE in ended.stderr
    assert trial_requests(log) == []
    assert project.runs() == []


def test_a_judge_that_is_denied_later_leaves_transcripts_that_are_judged_by_the_same_command(
    project: Project, server: RehearsalServer, log: Path
) -> None:
    variables = real_environment(server.url)
    with running(project.start(**variables)) as sitting:
        wait_until(lambda: sitting.is_over or len(trial_requests(log)) >= 20, "some calls")
        server.change(denied_models=frozenset({JUDGE}))
        ended = sitting.wait()
    assert ended.code == 1, ended.stderr
    assert ended.stderr.count(f"{JUDGE} is stopped") == 1
    assert outcomes(project).keys() == {"answered", "judge_error"}
    assert outcomes(project).total() == PLANNED

    server.change(denied_models=frozenset())
    assert project.run(**variables).code == 0
    assert outcomes(project) == {"answered": PLANNED}
    assert repeated(trial_requests(log)) == []


def test_a_subject_that_is_denied_later_is_stopped_and_the_other_completes(
    project: Project, server: RehearsalServer, log: Path
) -> None:
    variables = real_environment(server.url, subjects=f"bedrock:{SUBJECT},bedrock:{OTHER_SUBJECT}")
    with running(project.start(**variables)) as sitting:
        wait_until(lambda: sitting.is_over or len(trial_requests(log)) >= 30, "some calls")
        server.change(denied_models=frozenset({SUBJECT}))
        ended = sitting.wait()
    assert ended.code == 1, ended.stderr
    assert ended.stderr.count(f"{SUBJECT} is stopped") == 1
    by_subject: dict[str, Counter[str]] = {SUBJECT: Counter(), OTHER_SUBJECT: Counter()}
    for record in project.the_run().records().values():
        by_subject[record["steward_model"]][record["outcome"]] += 1
    assert by_subject[OTHER_SUBJECT] == {"answered": PLANNED}
    assert by_subject[SUBJECT].keys() == {"answered", "provider_error"}
    assert by_subject[SUBJECT].total() == PLANNED
    denied = [request for request in trial_requests(log) if request.line["status"] == 403]
    assert len(denied) <= 6, "calls went on to a model that had been denied"

    server.change(denied_models=frozenset())
    assert project.run(**variables).code == 0
    assert outcomes(project) == {"answered": 2 * PLANNED}
    assert repeated(trial_requests(log)) == []


def test_credentials_that_expire_and_are_renewed_fail_no_trial(
    project: Project, server: RehearsalServer, log: Path, tmp_path: Path
) -> None:
    """The usual night: keys of a file that some other program renews."""
    file = tmp_path / "credentials"
    old, new = "AKIAOLDOLDOLDOLDOLD0", "AKIANEWNEWNEWNEWNEW0"
    file.write_text(f"[default]\naws_access_key_id={old}\naws_secret_access_key=secret-that-opens-nothing-0000\n")
    variables = real_environment(server.url) | {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del variables[name]
    with running(project.start(**variables)) as sitting:
        wait_until(lambda: sitting.is_over or len(trial_requests(log)) >= 20, "some calls")
        file.write_text(file.read_text().replace(old, new))
        server.change(expired_keys=frozenset({old}))
        ended = sitting.wait()
    assert ended.code == 0, ended.stderr
    assert outcomes(project) == {"answered": PLANNED}
    assert repeated(trial_requests(log)) == []
    turned_away = [request for request in trial_requests(log) if request.line["status"] in (400, 403)]
    # Those in flight, and whoever was signed already when the first of them was turned away; nobody a second time.
    assert 1 <= len(turned_away) <= 2 * 6
    assert len({request.key for request in turned_away}) == len(turned_away)
    assert old not in project.the_run().journal.read_text() and new not in project.the_run().journal.read_text()
