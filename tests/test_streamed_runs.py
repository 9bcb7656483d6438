"""Does a run whose answers come as streams leave the records of any other run, also where its streams break?"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import JUDGE, SUBJECT, bedrock_process, bedrock_thread, real_environment, requests_in
from tests.support.experiments import QUIZ_FILES
from tests.support.project import Ended, Project, RunOnDisk, make_project
from trialbed.core.outcome import Outcome
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import ErrorAnswer, Fault

THINKS = "us.anthropic.claude-sonnet-4-20250514-v1:0"
SCHEMA_JUDGE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
LONG = {"MODEL_MAX_TOKENS": "20000"}
OF_THE_MOMENT = {
    "run",
    "run_id",
    "provenance",
    "timestamp",
    "started_at",
    "latency_s",
    "request_id",
    "request_ids",
}
"""Members of a record that no two runs share."""

NO_STREAMS = ErrorAnswer(
    "AccessDeniedException",
    403,
    "User: arn:aws:iam::123456789012:user/someone is not authorized to perform: "
    "bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:us-east-1::foundation-model/x",
)


def lasting(value: Any) -> Any:
    """A record without what no two runs share."""
    if isinstance(value, dict):
        return {name: lasting(part) for name, part in value.items() if name not in OF_THE_MOMENT}
    return [lasting(part) for part in value] if isinstance(value, list) else value


# --- Identical records -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "spared"),
    [
        ({}, {}),
        (
            {
                "SUBJECT_MODELS": f"bedrock:{THINKS}",
                "JUDGE_MODELS": f"bedrock:{SCHEMA_JUDGE}",
                "MODEL_THINKING": "2048",
                "MODEL_MAX_TOKENS": "4000",
                "MODEL_TEMPERATURE": "",
                "MODEL_TOP_P": "",
                "BEDROCK_SERVICE_TIER": "flex",
            },
            # A judge that says no JSON under a schema is asked in another way from then on: which calls come after it
            # is a matter of the moment, in any run.
            {"fault_scope": "subject", "bad_judge_kinds": ["missing_field", "enum_outside", "invented_quote"]},
        ),
    ],
    ids=["tool judge", "thinking and a schema judge"],
)
def test_records_do_not_tell_whether_answers_were_streamed(
    variables: dict[str, str], spared: dict[str, Any], tmp_path: Path
) -> None:
    mishaps = ("truncate", "refuse", "filter", "surrogate", "bad_judge", "empty")
    config = {"seed": 5, "chunk_chars": 5, **{f"{name}_rate": 0.06 for name in mishaps}, **spared}
    records = {}
    for way in ("always", "never"):
        project = make_project(tmp_path / way, BATCH_MODE="true", BATCH_SIZE="4")
        with bedrock_process(config, log=tmp_path / f"{way}.jsonl") as bedrock:
            ended = project.run(**bedrock.environment() | variables, BEDROCK_STREAM=way)
            assert ended.code in (0, 1), ended.stderr
            paths = {request.line["path"].rpartition("/")[2] for request in requests_in(bedrock.log)}
        assert paths == {"converse-stream" if way == "always" else "converse"}
        run = project.the_run()
        assert [event["stream"] for event in run.events() if event["e"] == "run_start"] == [way]
        records[way] = run.records()
    assert len(records["always"]) == 20
    assert lasting(records["always"]) == lasting(records["never"])
    outcomes = Counter(record["outcome"] for record in records["always"].values())
    assert len(outcomes) > 2, "the stand-in was to spoil some answers"
    if variables:
        thought = [call for record in records["always"].values() for call in record["calls"] if "reasoning" in call]
        assert thought and all(call["reasoning_chars"] == len(call["reasoning"]) for call in thought)


# --- Broken streams --------------------------------------------------------------------------------

SEED = 20261126
FAULTS = {
    "throttle_rate": 0.04,
    "server_error_rate": 0.04,
    "gateway_html_rate": 0.03,
    "model_error_rate": 0.03,
    "model_timeout_rate": 0.03,
    "cut_before_rate": 0.04,
    "cut_body_rate": 0.06,
    "malformed_body_rate": 0.06,
    "wrong_shape_rate": 0.06,
    "hang_rate": 0.02,
    "stream_error_rate": 0.08,
}


def test_whatever_breaks_streams_every_trial_ends_in_a_named_outcome_without_half_an_answer(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    project = make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE="6", CALL_DEADLINE_S="5", RUN_RETRIES="1000")
    config = {"seed": SEED, "chunk_chars": 6, "only_trials": True, "latency_s": 0.01, **FAULTS}
    with bedrock_process(config, log=tmp_path / "requests.jsonl") as bedrock:
        ended = project.run(**bedrock.environment(), BEDROCK_STREAM="always")
        assert ended.code in (0, 1), ended.stderr
    run = project.the_run()
    requests = [request for request in requests_in(bedrock.log) if request.trial is not None]
    assert all(request.line["path"].endswith("/converse-stream") for request in requests)
    struck = Counter(request.line["fault"] for request in requests if request.line["fault"])
    streams = {"cut_body", "malformed_body", "wrong_shape", "hang", "modelStreamErrorException", "cut_before"}
    assert streams <= struck.keys(), struck

    records = run.records()
    ends = Counter(record["outcome"] for record in records.values())
    print(dict(struck), dict(ends))
    assert len(records) == 30 and set(ends) <= {Outcome.ANSWERED, Outcome.PROVIDER_ERROR, Outcome.JUDGE_ERROR}
    assert ends[Outcome.ANSWERED] > 5

    begun = Counter(event["trial"] for event in run.events() if event["e"] == "attempt")
    assert begun == Counter(request.trial for request in requests)

    said = {r.line["answer_text"] for r in requests if r.was_answered}
    lost = {r.line["answer_text"] for r in requests if r.line["answer_text"] and not r.was_answered} - said
    for record in records.values():
        spoken = [message["content"] for message in record["conversation_log"] if message["role"] == "assistant"]
        assert set(spoken) <= said
        whole = json.dumps(record, ensure_ascii=False)
        assert not [text for text in lost if len(text) > 20 and text[: len(text) // 2 - 3] in whole]


# --- Before the run --------------------------------------------------------------------------------


def denying_streams(call: RehearsalCall) -> Fault | None:
    return NO_STREAMS if call.streaming else None


def quiz(tmp_path: Path, url: str) -> Project:
    project = make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="1")
    project.environment |= real_environment(url, subjects=f"bedrock:{SUBJECT}", judges=f"bedrock:{JUDGE}")
    return project


def streams_in(project: Project, config: RehearsalConfig, tmp_path: Path, **variables: str) -> tuple[Ended, list[bool]]:
    """How the run ended, and of every request whether it was a stream."""
    log = tmp_path / "requests.jsonl"
    with bedrock_thread(config.model_copy(update={"log_path": log}), root=project.root) as server:
        ended = project.run(**variables, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=server.url)
    return ended, [request.line["path"].endswith("/converse-stream") for request in requests_in(log)]


def test_a_missing_permission_for_streams_is_seen_before_the_run(tmp_path: Path) -> None:
    project = quiz(tmp_path, "")
    config = RehearsalConfig(scripted=denying_streams)
    ended, streams = streams_in(project, config, tmp_path, **LONG)
    # The subject's small call, of 16 tokens, went the way of the trials' calls; the judge's will be short.
    assert ended.code == 2 and sorted(streams) == [False, True]
    (line,) = [line for line in ended.stderr.splitlines() if "InvokeModelWithResponseStream" in line]
    assert line.startswith(f"bedrock:{SUBJECT}: ") and "BEDROCK_STREAM=never" in line


def test_without_streams_no_permission_for_them_is_needed(tmp_path: Path) -> None:
    config = RehearsalConfig(scripted=denying_streams)
    ended, streams = streams_in(quiz(tmp_path, ""), config, tmp_path, **LONG, BEDROCK_STREAM="never")
    assert ended.code == 0, ended.stderr
    assert not any(streams)


def test_a_model_without_streams_costs_one_refused_request(tmp_path: Path) -> None:
    project = quiz(tmp_path, "")
    config = RehearsalConfig(refuses={"*": frozenset({"stream"})})
    ended, streams = streams_in(project, config, tmp_path, **LONG)
    assert ended.code == 0, ended.stderr
    assert sum(streams) == 1 and len(streams) == 1 + 2 + 9
    assert outcomes_of(project.the_run()) == {"answered": 3}


def test_a_model_without_streams_is_refused_where_nothing_else_is_wanted(tmp_path: Path) -> None:
    config = RehearsalConfig(refuses={"*": frozenset({"stream"})})
    ended, streams = streams_in(quiz(tmp_path, ""), config, tmp_path, BEDROCK_STREAM="always")
    assert ended.code == 2 and streams == [True, True]
    lines = ended.stderr.splitlines()
    assert len(lines) == 2 and all(line.startswith("BEDROCK_STREAM: bedrock:") for line in lines)
    assert all("BEDROCK_STREAM=auto or never" in line for line in lines)


def test_a_rehearsal_streams_as_it_is_told(tmp_path: Path) -> None:
    names = {"SUBJECT_MODELS": "rehearsal:subject", "JUDGE_MODELS": "rehearsal:judge"}
    project = make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="1")
    ended = project.run(**names, BEDROCK_STREAM="always")
    assert ended.code == 0, ended.stderr
    assert outcomes_of(project.the_run()) == {"answered": 3}


def outcomes_of(run: RunOnDisk) -> dict[str, int]:
    return dict(Counter(record["outcome"] for record in run.records().values()))
