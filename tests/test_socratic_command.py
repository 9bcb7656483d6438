"""The runner of the documentation, as a user meets it: its summary, its files in a bucket, its messages, its resume."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from moto.sts.models import STSBackend

from tests.support.aws import BUCKET, Aws, aws_server
from tests.support.bedrock import Bedrock, Request, bedrock_process, bedrock_thread, repeated, requests_in
from tests.support.project import Ended, Project, make_project, running, wait_until
from tests.support.socratic import (
    CAREER,
    JUDGE,
    OTHER,
    TUTOR,
    have_a_dialogue,
    runner_environment,
    summary_of,
)
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import ErrorAnswer

TURNS = 10
LONG_FORM = {
    "run_id", "model", "scenario", "prompt", "n_turns", "metrics", "turns", "s3_artifacts", "timestamps",
}  # fmt: skip
METRICS = {
    "overall_score", "compliance_rate", "half_life", "mean_form", "mean_substance", "mean_purity", "violation_rates",
}  # fmt: skip
TURN_FIELDS = ["run_id", "turn", "student_prompt", "ai_response", "tokens", "latency_ms", "timestamp"]
JUDGE_FIELDS = [
    "run_id", "turn", "overall_score", "form", "substance", "purity", "heuristics", "rationale", "judge_model",
    "timestamp",
]  # fmt: skip
CURATED_FIELDS = {
    "run_id", "model", "scenario", "n_turns", "overall_score", "compliance_rate", "half_life", "timestamps",
}  # fmt: skip
HEURISTICS = {"has_question", "question_count", "open_ended", "has_advice", "is_leading"}
SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Runner:
    """The runner's whole world: models, bucket, and a project folder."""

    project: Project
    bedrock: Bedrock
    aws: Aws

    def requests(self) -> list[Request]:
        return requests_in(self.bedrock.log)

    def files(self, run_id: str) -> dict[str, dict[str, Any]]:
        """What lies in the bucket for one dialogue, by its name within it."""
        return {key: self.aws.read(key) for key in self.aws.all_keys() if run_id in key}


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with aws_server() as server:
        server.make_bucket()
        yield server


@pytest.fixture
def runner(tmp_path: Path, aws: Aws) -> Iterator[Runner]:
    with bedrock_process({"seed": 3, "latency_s": 0.05}, log=tmp_path / "requests.jsonl") as bedrock:
        variables = runner_environment(bedrock.url, RUNNER_S3_BUCKET=BUCKET, **aws.environment())
        yield Runner(make_project(tmp_path, **variables), bedrock, aws)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, aws: Aws) -> Iterator[tuple[Runner, Ended]]:
    """The "Full Run" of the documentation, once."""
    root = tmp_path_factory.mktemp("full")
    with bedrock_process({"seed": 8}, log=root / "requests.jsonl") as bedrock:
        variables = runner_environment(bedrock.url, RUNNER_S3_BUCKET=BUCKET, **aws.environment())
        runner = Runner(make_project(root, **variables), bedrock, aws)
        ended = have_a_dialogue(runner.project, turns=TURNS)
        assert ended.code == 0, ended.stderr
        yield runner, ended


def test_stdout_is_one_document_in_the_long_form_and_nothing_else(full: tuple[Runner, Ended]) -> None:
    _, ended = full
    summary = json.loads(ended.stdout)
    assert summary.keys() >= LONG_FORM
    assert summary["metrics"].keys() >= METRICS | {"half_life_censored", "thresholds"}
    assert re.fullmatch(r"run-[0-9A-HJKMNP-TV-Z]{26}", summary["run_id"])
    assert (summary["model"], summary["scenario"], summary["prompt"]) == (TUTOR, "career-change", CAREER)
    assert summary["n_turns"] == len(summary["turns"]) == TURNS
    for turn in summary["turns"]:
        assert turn.keys() == {"turn", "score", "form", "substance", "purity", "question"}
    times = summary["timestamps"]
    assert SECOND.fullmatch(times["started_at"]) and SECOND.fullmatch(times["completed_at"])
    assert isinstance(times["duration_seconds"], int)


def test_the_metrics_are_those_of_the_turns_that_are_printed(full: tuple[Runner, Ended]) -> None:
    summary = summary_of(full[1])
    turns, metrics = summary["turns"], summary["metrics"]
    scores = [turn["score"] for turn in turns]
    assert metrics["overall_score"] == pytest.approx(sum(scores) / len(scores))
    assert metrics["compliance_rate"] == pytest.approx(sum(one >= 3.0 for one in scores) / len(scores))
    below = [turn["turn"] for turn in turns if turn["score"] < 3.0]
    assert metrics["half_life"] == (below[0] if below else None)
    assert metrics["half_life_censored"] is (not below)
    for part in ("form", "substance", "purity"):
        values = [turn[part] for turn in turns]
        assert metrics[f"mean_{part}"] == pytest.approx(sum(values) / len(values))
        assert metrics["violation_rates"][part] == pytest.approx(sum(one < 2 for one in values) / len(values))


def test_every_turn_and_judgement_is_a_file_with_every_field(full: tuple[Runner, Ended]) -> None:
    runner, ended = full
    summary = summary_of(ended)
    run_id = summary["run_id"]
    files = runner.files(run_id)
    names = [f"raw/runs/{run_id}/{kind}_{n:03d}.json" for kind in ("turn", "judge") for n in range(TURNS)]
    assert set(files) == {*names, f"curated/runs/{run_id}.json"}
    asked = CAREER
    for number, told in enumerate(summary["turns"]):
        turn, judge = (
            files[f"raw/runs/{run_id}/turn_{number:03d}.json"],
            files[f"raw/runs/{run_id}/judge_{number:03d}.json"],
        )
        assert list(turn) == TURN_FIELDS and list(judge) == JUDGE_FIELDS
        assert (turn["run_id"], turn["turn"], judge["turn"]) == (run_id, number, number)
        assert turn["ai_response"] == told["question"]
        assert number > 0 or turn["student_prompt"] == asked
        assert turn["tokens"].keys() == {"input", "output"} and turn["tokens"]["output"] > 0
        assert judge["overall_score"] == told["score"] == judge["form"] + judge["substance"] + judge["purity"]
        assert judge["heuristics"].keys() >= HEURISTICS
        assert judge["rationale"].keys() == {"form", "substance", "purity"}
        assert judge["judge_model"] == JUDGE
        assert SECOND.fullmatch(turn["timestamp"]) and SECOND.fullmatch(judge["timestamp"])


def test_the_curated_file_has_the_summary(full: tuple[Runner, Ended]) -> None:
    runner, ended = full
    summary = summary_of(ended)
    curated = runner.files(summary["run_id"])[f"curated/runs/{summary['run_id']}.json"]
    assert curated.keys() >= CURATED_FIELDS
    for name in ("overall_score", "compliance_rate", "half_life"):
        assert curated[name] == summary["metrics"][name]
    assert (curated["model"], curated["scenario"], curated["n_turns"]) == (TUTOR, "career-change", TURNS)
    assert curated["timestamps"].items() <= summary["timestamps"].items()
    assert summary["s3_artifacts"] == {
        "raw": f"s3://{BUCKET}/raw/runs/{summary['run_id']}/",
        "curated": f"s3://{BUCKET}/curated/runs/{summary['run_id']}.json",
    }


def test_nothing_is_owed_and_the_journal_shows_it(full: tuple[Runner, Ended]) -> None:
    runner, _ = full
    status = runner.project.status()
    assert status["owed"] == {"s3": 0}
    assert status["is_complete"]


def test_the_same_records_serve_report_and_audit(full: tuple[Runner, Ended]) -> None:
    runner, _ = full
    run = runner.project.the_run().folder.name
    assert runner.project.trialbed("report", run).code == 0
    assert runner.project.trialbed("audit", run).code == 0


def test_files_are_written_as_each_turn_happens(tmp_path: Path, aws: Aws) -> None:
    with bedrock_process({"seed": 3, "latency_s": 0.4}, log=tmp_path / "requests.jsonl") as bedrock:
        variables = runner_environment(bedrock.url, RUNNER_S3_BUCKET=BUCKET, **aws.environment())
        project = make_project(tmp_path, **variables, RUNNER_S3_PREFIX="live")
        command = ("socratic", "--model", TUTOR, "--prompt", CAREER, "--turns", "6")
        with running(project.start_trialbed(*command)) as sitting:

            def there(kind: str) -> list[str]:
                return [key for key in aws.all_keys() if key.startswith("live/raw") and kind in key]

            wait_until(lambda: there("turn_000"), "the file of the first turn")
            wait_until(lambda: there("judge_000"), "the file of the first judgement")
            assert not sitting.is_over
            assert not [key for key in aws.all_keys() if key.startswith("live/curated")]
            ended = sitting.wait()
    assert ended.code == 0, ended.stderr
    assert len(there("turn_")) == len(there("judge_")) == 6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_in_the_middle_it_goes_on_at_the_turn_it_had_reached(runner: Runner, seed: int) -> None:
    """Kill -9 at seeded moments until it is through: one run id, no answered request made again, all files there."""
    random = Random(seed)
    kills = 0
    for _ in range(20):
        reached = len([one for one in runner.requests() if one.trial and one.was_answered])
        more = random.randint(1, 12)
        command = ("socratic", "--model", TUTOR, "--prompt", CAREER, "--turns", str(TURNS))
        with running(runner.project.start_trialbed(*command)) as sitting:

            def is_far_enough(least: int = reached + more) -> bool:
                return len([one for one in runner.requests() if one.trial and one.was_answered]) >= least

            wait_until(lambda: sitting.is_over or is_far_enough(), f"{more} more answers (seed {seed})")
            if sitting.is_over:
                ended = sitting.wait()
                break
            sitting.kill()
            kills += 1
    else:
        raise AssertionError("it never came to its end")
    assert ended.code == 0, ended.stderr
    assert kills >= 2
    summary = summary_of(ended)
    run = runner.project.the_run()
    (record,) = run.records().values()
    assert summary["n_turns"] == summary["n_judged"] == TURNS
    files = runner.files(summary["run_id"])
    assert len(files) == 2 * TURNS + 1
    said = [one["content"] for one in record["conversation_log"] if one["role"] == "assistant"]
    for number, text in enumerate(said):
        assert files[f"raw/runs/{summary['run_id']}/turn_{number:03d}.json"]["ai_response"] == text
    # An answer may have been on its way when the process was killed; one that was on disk is never asked for again.
    asked_again = [one for one in repeated(runner.requests()) if one.trial]
    assert len(asked_again) <= 3 * kills
    answered = [event["call"]["request_id"] for event in run.events() if event["e"] == "answer"]
    assert len(answered) == len(set(answered)) == 3 * TURNS - 1


def test_the_run_id_stays_over_a_kill_and_a_finished_run_starts_anew(runner: Runner) -> None:
    command = ("socratic", "--model", TUTOR, "--prompt", CAREER, "--turns", "12")
    with running(runner.project.start_trialbed(*command)) as sitting:
        wait_until(lambda: b'"role":"student"' in runner.project.journal_bytes(), "a second turn")
        sitting.kill()
    first = have_a_dialogue(runner.project, turns=12)
    second = have_a_dialogue(runner.project, turns=12)
    assert first.code == second.code == 0, first.stderr + second.stderr
    assert len(runner.project.runs()) == 2
    ids = [summary_of(first)["run_id"], summary_of(second)["run_id"]]
    assert ids[0] != ids[1]
    assert all(len(runner.files(run_id)) == 25 for run_id in ids)


def test_another_number_of_turns_is_another_run(runner: Runner) -> None:
    assert have_a_dialogue(runner.project, turns=2).code == 0
    assert have_a_dialogue(runner.project, turns=3).code == 0
    assert len(runner.project.runs()) == 2


def test_a_bucket_that_is_not_there_is_found_before_any_call(runner: Runner) -> None:
    ended = have_a_dialogue(runner.project, RUNNER_S3_BUCKET="no-such-bucket-of-ours")
    assert ended.code == 2
    assert ended.stdout == ""
    (line,) = [one for one in ended.stderr.splitlines() if "No such bucket" in one]
    assert "RUNNER_S3_BUCKET" in line and "no-such-bucket-of-ours" in line
    assert runner.requests() == []
    assert runner.project.runs() == []


def test_encryption_and_prefix_reach_the_bucket(runner: Runner) -> None:
    ended = have_a_dialogue(runner.project, turns=2, RUNNER_S3_PREFIX="/tutors/2026/", RUNNER_S3_ENCRYPTION="AES256")
    assert ended.code == 0, ended.stderr
    summary = summary_of(ended)
    raw = f"tutors/2026/raw/runs/{summary['run_id']}/"
    assert summary["s3_artifacts"]["raw"] == f"s3://{BUCKET}/{raw}"
    head = runner.aws.client.head_object(Bucket=BUCKET, Key=f"{raw}turn_000.json")
    assert head["ServerSideEncryption"] == "AES256"


def test_a_stopped_dialogue_still_prints_its_summary_and_how_to_go_on(runner: Runner) -> None:
    command = ("socratic", "--model", TUTOR, "--prompt", CAREER, "--turns", "40")
    with running(runner.project.start_trialbed(*command, GRACE_S="2")) as sitting:
        wait_until(lambda: runner.project.journal_bytes().count(b'"role":"subject"') > 4, "a few turns")
        sitting.send(signal.SIGTERM)
        ended = sitting.wait()
    assert ended.code == 143
    summary = summary_of(ended)
    assert summary["outcome"] == "cancelled"
    assert 0 < summary["n_turns"] < 40
    assert summary["metrics"]["overall_score"] is None
    assert "To resume" in ended.stderr


def test_several_models_may_be_run_at_once(runner: Runner) -> None:
    """Three processes in one folder, as the documentation's example starts them."""
    models = [TUTOR, OTHER, "mistral.mistral-large-2407-v1:0"]
    allowed = json.dumps(models)
    with ExitStack() as stack:
        sittings = [
            stack.enter_context(
                running(
                    runner.project.start_trialbed(
                        *("socratic", "--model", model, "--prompt", "Prompt 1", "--turns", "3"),
                        BEDROCK_MODEL_IDS=allowed,
                    )
                )
            )
            for model in models
        ]
        ends = [sitting.wait() for sitting in sittings]
    assert [ended.code for ended in ends] == [0, 0, 0], [ended.stderr for ended in ends]
    summaries = [summary_of(ended) for ended in ends]
    assert [one["model"] for one in summaries] == models
    assert len({one["run_id"] for one in summaries}) == 3
    assert len({one["scenario"] for one in summaries}) == 1 and summaries[0]["scenario"].startswith("prompt-")
    assert all(len(runner.files(one["run_id"])) == 7 for one in summaries)


def refused(project: Project, *arguments: str, **variables: str) -> str:
    """What is said when it does not even start."""
    ended = project.trialbed("socratic", *arguments, **variables)
    assert ended.code == 2
    assert ended.stdout == ""
    return ended.stderr


def test_a_model_that_is_not_allowed_is_named_with_those_that_are(tmp_path: Path) -> None:
    project = make_project(tmp_path, **runner_environment("http://127.0.0.1:9"))
    said = refused(project, "--model", "amazon.titan-text-premier-v1:0", "--prompt", CAREER)
    assert "Model not found in BEDROCK_MODEL_IDS" in said
    assert TUTOR in said and OTHER in said and "amazon.titan-text-premier-v1:0" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("ids", ["", "anthropic.claude", '{"a": 1}', "[]", "[1]", '["ok", ""]'])
def test_a_list_of_models_that_is_none_is_named_in_one_line(tmp_path: Path, ids: str) -> None:
    project = make_project(tmp_path, **runner_environment("http://127.0.0.1:9", BEDROCK_MODEL_IDS=ids))
    (line,) = refused(project, "--model", TUTOR, "--prompt", CAREER).splitlines()
    assert line.startswith("BEDROCK_MODEL_IDS: ") and "JSON array" in line


def test_everything_wrong_with_the_command_is_said_at_once(tmp_path: Path) -> None:
    project = make_project(tmp_path, **runner_environment("http://127.0.0.1:9"))
    lines = refused(project, "--model", "nobody.knows-v1:0", "--prompt", "  ", "--turns", "0").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["--model", "--prompt", "--turns"]


def test_a_denied_model_is_told_with_the_permissions_it_needs(tmp_path: Path) -> None:
    with bedrock_process({"denied_models": [TUTOR]}, log=tmp_path / "requests.jsonl") as bedrock:
        project = make_project(tmp_path, **runner_environment(bedrock.url))
        said = refused(project, "--model", TUTOR, "--prompt", CAREER)
    (line,) = [one for one in said.splitlines() if "AccessDeniedException" in one]
    assert TUTOR in line and "bedrock:InvokeModel" in line


def test_a_student_s_parameter_that_is_not_taken_is_named_by_the_student_s_variable(tmp_path: Path) -> None:
    with bedrock_process({"refuses": {OTHER: ["temperature"]}}, log=tmp_path / "requests.jsonl") as bedrock:
        project = make_project(tmp_path, **runner_environment(bedrock.url))
        said = refused(project, "--model", TUTOR, "--prompt", CAREER)
        assert "RUNNER_STUDENT_TEMPERATURE" in said and OTHER in said
        assert "MODEL_TEMPERATURE:" not in said.replace("RUNNER_STUDENT_TEMPERATURE", "")
        ended = have_a_dialogue(project, turns=2, RUNNER_STUDENT_TEMPERATURE="")
    assert ended.code == 0, ended.stderr


def test_throttling_is_retried_and_the_documentation_s_words_name_what_did_not_pass(tmp_path: Path) -> None:
    def script(call: Any) -> ErrorAnswer | None:
        is_tutor = call.model_id == TUTOR and call.trial is not None
        return ErrorAnswer("ThrottlingException", 429, "Rate exceeded") if is_tutor and call.seen < 2 else None

    log = tmp_path / "requests.jsonl"
    with bedrock_thread(RehearsalConfig(scripted=script, log_path=log)) as server:
        project = make_project(tmp_path, **runner_environment(server.url))
        ended = have_a_dialogue(project, turns=2)
    assert ended.code == 0, ended.stderr
    (record,) = project.the_run().records().values()
    attempts = [call["attempts"] for call in record["calls"] if call["role"] == "subject"]
    assert [[one["error"] for one in many] for many in attempts] == [["Throttled", "Throttled", None]] * 2


def test_without_a_bucket_there_are_no_artifacts_and_no_word_to_s3(tmp_path: Path) -> None:
    with bedrock_process(log=tmp_path / "requests.jsonl") as bedrock:
        project = make_project(tmp_path, **runner_environment(bedrock.url, AWS_ENDPOINT_URL_S3="http://127.0.0.1:9"))
        ended = have_a_dialogue(project, turns=2)
    assert ended.code == 0, ended.stderr
    assert summary_of(ended)["s3_artifacts"] is None
    assert project.status()["owed"] == {}


def test_a_rehearsed_tutor_writes_to_no_bucket(tmp_path: Path, aws: Aws) -> None:
    before = aws.all_keys()
    project = make_project(
        tmp_path, RUNNER_S3_BUCKET=BUCKET, BEDROCK_MODEL_IDS='["rehearsal:subject"]', **aws.environment()
    )
    ended = project.trialbed("socratic", "--model", "rehearsal:subject", "--prompt", "work-ethics", "--turns", "2")
    assert ended.code == 0, ended.stderr
    assert summary_of(ended)["s3_artifacts"] is None
    assert aws.all_keys() == before


ROLE = "arn:aws:iam::123456789012:role/BedrockInvokeRole"


def test_a_role_is_assumed_with_its_external_id_for_bedrock_alone_and_renewed_while_the_run_goes_on(
    tmp_path: Path, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions of two seconds in a dialogue of more than three; the user's own keys are not taken by Bedrock."""
    assume = STSBackend.assume_role
    monkeypatch.setattr(STSBackend, "assume_role", lambda self, **asked: assume(self, **{**asked, "duration": 2}))
    before = len(aws.assumed_roles())
    own = "AKIAEXAMPLEEXAMPLE00"
    config = {"seed": 3, "latency_s": 0.3, "expired_keys": [own]}
    with bedrock_process(config, log=tmp_path / "requests.jsonl") as bedrock:
        variables = runner_environment(bedrock.url, RUNNER_S3_BUCKET=BUCKET, **aws.environment())
        role = {"BEDROCK_ASSUME_ROLE_ARN": ROLE, "BEDROCK_ASSUME_ROLE_EXTERNAL_ID": "lab-7-of-the-institute"}
        project = make_project(tmp_path, **variables, **role)
        ended = have_a_dialogue(project, turns=6)
    assert ended.code == 0, ended.stderr
    roles = aws.assumed_roles()[before:]
    assert len(roles) >= 3
    assert {(one.role_arn, one.external_id) for one in roles} == {(ROLE, "lab-7-of-the-institute")}
    assert len([key for key in aws.all_keys() if summary_of(ended)["run_id"] in key]) == 13
    written = b"".join(path.read_bytes() for path in project.root.rglob("*") if path.is_file())
    for secret in ("123456789012", "lab-7-of-the-institute", own):
        assert secret.encode() not in written and secret not in ended.stdout + ended.stderr
