"""A measuring run and its results server, end to end: what is sent and owed, kills, `push`, refusals, secrets."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.standins.ingest import Faults, IngestStandIn
from tests.support.bedrock import Bedrock, bedrock_process
from tests.support.experiments import QUIZ_FILES
from tests.support.project import Ended, Project, make_project, running, wait_until

FAST = "amazon.nova-pro-v1:0"
OTHER = "amazon.nova-lite-v1:0"
GONE = "amazon.nova-micro-v1:0"
STAND_IN = {"seed": 3, "latency_s": 0.1, "unknown_models": [GONE]}
BODY = {
    *("provider", "model_name", "run_ts", "temperature", "misc", "gen_ts", "requested_tokens", "output_tokens"),
    *("generate_time", "tokens_per_second", "time_to_first_token", "times_between_tokens", "idempotency_key"),
}
KILLS = 10
TRIALS = 80


@pytest.fixture
def server() -> Iterator[IngestStandIn]:
    with IngestStandIn(seed=5) as standing:
        yield standing
    assert standing.problems == []


@pytest.fixture
def bedrock(tmp_path: Path) -> Iterator[Bedrock]:
    with bedrock_process(STAND_IN, log=tmp_path / "requests.jsonl") as standing:
        yield standing


@pytest.fixture
def project(tmp_path: Path, bedrock: Bedrock, server: IngestStandIn) -> Project:
    return make_project(tmp_path, **bedrock.environment(), **server.environment())


def measure(project: Project, models: str = FAST, **variables: str) -> Ended:
    return project.trialbed("throughput", "--provider", "bedrock", "--models", models, **variables)


def owed(project: Project) -> int:
    count: int = project.status()["owed"]["ingest"]
    return count


def test_a_measurement_and_a_failure_are_sent_each_in_its_form(project: Project, server: IngestStandIn) -> None:
    ended = measure(project, f"{FAST},{GONE}")
    assert ended.code == 1, ended.stderr
    (result,) = server.results()
    (error,) = server.errors()
    assert result.keys() >= BODY
    assert (result["provider"], result["model_name"], result["requested_tokens"]) == ("bedrock", FAST, 64)
    assert result["tokens_per_second"] > 0 and result["misc"]["cycle"] == 0
    assert error.keys() == {
        *("provider", "model_name", "run_ts", "ts", "stage", "message", "exc_type", "error_kind", "idempotency_key")
    }
    assert (error["model_name"], error["stage"], error["error_kind"]) == (GONE, "generate", "unavailable")
    assert error["exc_type"] == "ResourceNotFoundException"
    assert owed(project) == 0


def test_a_provider_that_is_not_known_is_reported_as_an_error_before_anything_was_asked(
    project: Project, server: IngestStandIn
) -> None:
    ended = project.trialbed("throughput", "--provider", "nosuch", "--models", "a")
    assert ended.code == 1, ended.stderr
    (error,) = server.errors()
    assert (error["provider"], error["stage"], error["error_kind"]) == ("nosuch", "preflight", "not_set_up")


def test_what_a_server_that_is_away_did_not_get_is_owed_and_pushed_later(
    project: Project, server: IngestStandIn
) -> None:
    server.stop()
    with running(
        project.start_trialbed("throughput", "--provider", "bedrock", "--models", FAST, GRACE_S="1")
    ) as sitting:
        wait_until(lambda: "still delivering 1 records to ingest" in sitting.stderr, "a word on what is owed")
        sitting.send(signal.SIGTERM)
        ended = sitting.wait()
    assert ended.code == 143, ended.stderr
    run = project.the_run().folder.name
    assert f"trialbed push {run}" in ended.stdout
    assert owed(project) == 1 and "owed to ingest: 1 records" in project.trialbed("status").stdout
    server.start()
    pushed = project.trialbed("push", run)
    assert (pushed.code, pushed.stdout) == (0, f"{run}: everything is at the results server\n"), pushed.stderr
    assert len(server.results()) == 1 and owed(project) == 0
    assert project.trialbed("push", run).code == 0
    assert server.attempts.total() == 1


def test_a_rejected_result_is_owed_after_its_tries_and_the_command_says_so(
    project: Project, server: IngestStandIn
) -> None:
    server.faults = Faults(refusal=(422, {"detail": "tokens_per_second: too fast"}))
    with running(project.start_trialbed("throughput", "--provider", "bedrock", "--models", FAST)) as sitting:
        ended = sitting.wait(90.0)
    assert ended.code == 1
    assert "HTTP 422: tokens_per_second: too fast" in ended.stderr
    assert "Not delivered yet to ingest: 1" in ended.stdout
    assert (server.attempts.total(), owed(project)) == (6, 1)


def test_a_key_that_is_not_taken_is_said_at_once_and_everything_stays_owed(
    project: Project, server: IngestStandIn
) -> None:
    server.faults = Faults(refusal=(401, {}))
    ended = measure(project, f"{FAST},{OTHER}")
    assert ended.code == 1
    assert ended.stderr.count("INGEST_API_KEY: is not taken (HTTP 401)") == 1
    run = project.the_run().folder.name
    pushed = project.trialbed("push", run)
    assert pushed.code == 2 and "INGEST_API_KEY: is not taken" in pushed.stderr
    assert owed(project) == 2
    server.faults = Faults()
    assert project.trialbed("push", run).code == 0 and owed(project) == 0


def kill_at_a_moment_of_chance(project: Project, server: IngestStandIn, random: Random) -> None:
    """Start the run and kill -9 it a little after something new is in the journal, or has reached the server."""
    size, attempts = len(project.journal_bytes()), server.attempts.total()
    is_posting = random.random() < 0.5
    with running(project.start_trialbed(*COMMAND, **BATCH)) as sitting:
        if is_posting:
            wait_until(lambda: sitting.is_over or server.attempts.total() > attempts, "a result on its way")
        else:
            wait_until(lambda: sitting.is_over or len(project.journal_bytes()) > size, "the journal to grow")
        until = time.monotonic() + random.uniform(0.0, 0.25)
        while time.monotonic() < until:
            time.sleep(0.002)
        assert not sitting.is_over, sitting.stderr
        sitting.kill()


COMMAND = ("run", "throughput", "--variants", "short")
BATCH = {"BATCH_MODE": "true", "BATCH_SIZE": str(TRIALS), "MAX_CONCURRENCY": "2", "MODEL_MAX_TOKENS": "40"}
MIX = Faults(unavailable=0.15, error_after=0.2, cut_before=0.2, cut_after=0.2, rejected=0.1)


@pytest.mark.parametrize(("seed", "batch_size"), [(1, "1"), (2, "5")])
def test_killed_ten_times_every_result_is_there_once_and_status_knows_at_every_moment_what_is_owed(
    project: Project, server: IngestStandIn, seed: int, batch_size: int
) -> None:
    print(f"seed {seed}")
    random = Random(seed)
    server.faults = MIX
    project.environment |= {"SUBJECT_MODELS": FAST, "JUDGE_MODELS": "", "INGEST_BATCH_SIZE": str(batch_size)}
    for kill in range(KILLS):
        kill_at_a_moment_of_chance(project, server, random)
        recorded = project.the_run().records()
        missing = len(recorded) - len(server.applied)
        assert missing <= owed(project) <= len(recorded), "owed is at least what the server does not have"
        if kill == KILLS // 2:
            server.stop()
            server.start()
    server.faults = Faults()
    ended = project.trialbed(*COMMAND, **BATCH)
    assert ended.code == 0, ended.stderr
    records = project.the_run().records()
    assert len(records) == TRIALS
    assert {body["misc"]["trial_id"] for body in server.results()} == records.keys()
    assert len(server.results()) == TRIALS == len(server.attempts), "one key for one result"
    assert server.attempts.total() > TRIALS, "nothing ever had to be sent again"
    assert server.errors() == [] and owed(project) == 0


def test_other_experiments_and_rehearsals_send_nothing_and_owe_nothing(
    tmp_path: Path, bedrock: Bedrock, server: IngestStandIn
) -> None:
    quiz = make_project(tmp_path / "quiz", experiments=QUIZ_FILES, EXPERIMENT="quiz", **server.environment())
    assert quiz.run(**bedrock.environment()).code == 0
    assert quiz.status()["owed"] == {}
    pushed = quiz.trialbed("push", quiz.the_run().folder.name)
    assert pushed.code == 2 and "experiment quiz sends no results there" in pushed.stderr
    rehearsed = make_project(tmp_path / "rehearsed", **server.environment())
    ended = rehearsed.trialbed("throughput", "--provider", "rehearsal", "--models", "a")
    assert ended.code == 0, ended.stderr
    assert rehearsed.status()["owed"] == {}
    assert server.log == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"INGEST_API_KEY": ""}, "INGEST_API_KEY: not set although INGEST_API_URL is"),
        ({"INGEST_API_URL": ""}, "INGEST_API_URL: not set although INGEST_API_KEY is"),
        ({"INGEST_API_URL": "http://results.example.com/ingest"}, "INGEST_API_URL: must begin with https://"),
        ({"INGEST_API_URL": "https://169.254.169.254/ingest"}, "INGEST_API_URL: must be a public address"),
        ({"INGEST_API_URL": "https://me:pw-4711@results.example.com/"}, "INGEST_API_URL: holds a user name"),
        ({"INGEST_API_KEY": "two words"}, "INGEST_API_KEY: holds signs"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_any_call(
    project: Project, bedrock: Bedrock, variables: dict[str, str], said: str
) -> None:
    ended = project.trialbed("run", "throughput", **variables)
    assert ended.code == 2 and ended.stderr.startswith(said), ended.stderr
    assert "pw-4711" not in ended.stderr and "two words" not in ended.stderr
    assert bedrock.requests() == [] and project.runs() == []
    doctor = project.trialbed("doctor", **variables)
    assert doctor.code == 2 and said in doctor.stdout and "pw-4711" not in doctor.stdout


def test_the_doctor_says_whether_the_address_may_be_used_and_sends_nothing(
    project: Project, server: IngestStandIn
) -> None:
    fine = project.trialbed("doctor")
    assert f"✓ ingest: {server.url} may be sent to; it was not asked" in fine.stdout
    assert server.log == []


def test_the_key_is_in_no_file_and_no_output_at_any_level(project: Project, server: IngestStandIn) -> None:
    server.faults = Faults(refusal=(422, {"detail": f"your key {server.key} is fine, the body is not"}))
    with running(
        project.start_trialbed(
            *("throughput", "--provider", "bedrock", "--models", FAST, "--debug"), LOG_LEVEL="DEBUG", GRACE_S="1"
        )
    ) as sitting:
        wait_until(lambda: server.attempts.total() >= 3, "a few attempts")
        sitting.send(signal.SIGTERM)
        ended = sitting.wait()
    log = (project.the_run().folder / "run.log").read_text(encoding="utf-8")
    assert "result of bedrock:amazon.nova-pro-v1:0: HTTP 422" in log
    everything = [path for path in project.root.parent.rglob("*") if path.is_file()]
    texts = [ended.stdout, ended.stderr, *(path.read_text("utf-8", "replace") for path in everything)]
    assert len(texts) > 5 and not any(server.key in text for text in texts)
