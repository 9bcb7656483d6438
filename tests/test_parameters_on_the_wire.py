"""Is every parameter that can be set sent, recorded as requested, sent and echoed, refused in time, or listed?"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.bedrock import JUDGE, SUBJECT, Request, bedrock_process, requests_in
from tests.support.experiments import QUIZ, QUIZ_FILES
from tests.support.project import Ended, Project, make_project

THINKS = "us.anthropic.claude-sonnet-4-20250514-v1:0"
ADAPTS = "us.anthropic.claude-opus-5-5"
NEW = "maker.model-of-tomorrow-v1:0"
PLAIN = "us.meta.llama3-3-70b-instruct-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123:7"
FREE = {"MODEL_TEMPERATURE": "", "MODEL_TOP_P": ""}
LONG = {
    **QUIZ_FILES,
    "experiments/quiz.py": QUIZ.replace('system="Answer briefly."', 'system="Answer briefly. " * 400'),
}
"""The quiz with a system text long enough to be cached."""


@dataclass(frozen=True)
class Night:
    """A run that has ended, and an independent account of what was asked."""

    ended: Ended
    project: Project
    requests: list[Request]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(self.project.the_run().records().values())

    def of(self, row: dict[str, Any], *, judge: bool = False) -> list[Request]:
        own = [r for r in self.requests if r.trial == row["trial_id"] and r.is_judge == judge and r.was_answered]
        return sorted(own, key=lambda request: request.received_at)

    @property
    def for_trials(self) -> list[Request]:
        return [request for request in self.requests if request.trial]


Go = Callable[..., Night]


@pytest.fixture
def go(tmp_path: Path) -> Iterator[Go]:
    """Runs the quiz once per variant against a stand-in with the given configuration."""

    def run(config: dict[str, Any] | None = None, **variables: str) -> Night:
        project = make_project(tmp_path, experiments=LONG, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="1")
        with bedrock_process(config or {}, log=tmp_path / "requests.jsonl") as bedrock:
            ended = project.run(**bedrock.environment() | variables)
            return Night(ended, project, requests_in(bedrock.log))

    yield run


def body_parameters(request: Request) -> dict[str, Any]:
    """What a body asks for, read here anew, under the names of a record."""
    body = request.body
    inference, output = body["inferenceConfig"], body.get("outputConfig", {})
    thinking = body.get("additionalModelRequestFields", {}).get("thinking", {})
    guardrail = body.get("guardrailConfig")
    blocks = [*body.get("system", []), *(block for message in body["messages"] for block in message["content"])]
    return {
        "temperature": inference.get("temperature"),
        "top_p": inference.get("topP"),
        "max_tokens": inference.get("maxTokens"),
        "thinking": thinking.get("type"),
        "thinking_tokens": thinking.get("budget_tokens"),
        "effort": output.get("effort"),
        "guardrail": f"{guardrail['guardrailIdentifier']}:{guardrail['guardrailVersion']}" if guardrail else None,
        "service_tier": body.get("serviceTier", {}).get("type"),
        "latency": body.get("performanceConfig", {}).get("latency"),
        "prompt_cache": True if any("cachePoint" in block for block in blocks) else None,
    }


def masked(parameters: dict[str, Any]) -> dict[str, Any]:
    guardrail = parameters["guardrail"]
    return {**parameters, "guardrail": guardrail and guardrail.replace("123456789012", "*" * 12)}


ONE_EACH = [
    ({"BEDROCK_SERVICE_TIER": "flex"}, SUBJECT, {"service_tier": "flex"}),
    ({"BEDROCK_LATENCY": "optimized"}, SUBJECT, {"latency": "optimized"}),
    ({"BEDROCK_PROMPT_CACHE": "true"}, SUBJECT, {"prompt_cache": True}),
    ({"BEDROCK_GUARDRAIL": "abc123:7"}, SUBJECT, {"guardrail": "abc123:7"}),
    ({"BEDROCK_GUARDRAIL": ARN}, SUBJECT, {"guardrail": ARN}),
    (
        {"MODEL_THINKING": "1500", "MODEL_MAX_TOKENS": "2000", **FREE},
        THINKS,
        {"thinking": "enabled", "thinking_tokens": 1500},
    ),
    ({"MODEL_THINKING": "adaptive", **FREE}, ADAPTS, {"thinking": "adaptive"}),
    ({"MODEL_EFFORT": "xhigh", **FREE}, ADAPTS, {"effort": "xhigh"}),
]


@pytest.mark.parametrize(("variables", "subject", "asked"), ONE_EACH, ids=lambda value: str(value)[:40])
def test_a_parameter_is_sent_with_every_call_and_recorded_as_it_was_sent(
    go: Go, variables: dict[str, str], subject: str, asked: dict[str, Any]
) -> None:
    night = go(SUBJECT_MODELS=subject, **variables)
    assert night.ended.code == 0, night.ended.stderr
    assert len(night.rows) == 3
    for row in night.rows:
        sent = [body_parameters(request) for request in night.of(row)]
        assert len(sent) == 2
        for parameters in sent:
            assert {name: parameters[name] for name in asked} == asked
        assert row["requested_parameters"] == row["sent_parameters"] == masked(sent[-1])
        assert row["unsupported"] == []
        assert not str(row).count("123456789012")
    preflight = [r for r in night.requests if r.trial is None and not r.is_judge]
    if "prompt_cache" not in asked:  # nothing that small is cached
        assert [{name: body_parameters(r)[name] for name in asked} for r in preflight] == [asked]


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({"BEDROCK_SERVICE_TIER": "priority"}, {"service_tier": "priority"}),
        ({"BEDROCK_LATENCY": "standard"}, {"latency": "standard"}),
        ({"MODEL_EFFORT": "low", "BEDROCK_GUARDRAIL": "abc123:7"}, {}),
    ],
)
def test_judges_share_the_service_but_neither_guardrail_nor_effort_of_the_subject(
    go: Go, variables: dict[str, str], asked: dict[str, Any]
) -> None:
    night = go(SUBJECT_MODELS=NEW, **variables)
    assert night.ended.code == 0, night.ended.stderr
    for row in night.rows:
        (judged,) = night.of(row, judge=True)
        ((call),) = [call for call in row["calls"] if call["role"] == "judge"]
        expected = {"temperature": 0.0, "max_tokens": 1024, **asked}
        assert {name: value for name, value in body_parameters(judged).items() if value is not None} == expected
        assert call["requested_parameters"] == expected
        assert call["sent_parameters"] == {**expected, "answer_mode": "forced_tool"}


def test_what_the_service_says_it_applied_is_recorded_beside_what_was_asked(go: Go) -> None:
    night = go(BEDROCK_SERVICE_TIER="flex", BEDROCK_LATENCY="optimized")
    for row in night.rows:
        assert row["echoed_parameters"] == {
            "service_tier": {"type": "flex"},
            "performance_config": {"latency": "optimized"},
        }


def test_shared_beginnings_are_paid_once_and_the_words_stay_the_same(go: Go) -> None:
    night = go(BEDROCK_PROMPT_CACHE="true", MAX_CONCURRENCY="1")
    written = sum(row["usage"]["cache_write_tokens"] for row in night.rows)
    read = sum(row["usage"]["cache_read_tokens"] for row in night.rows)
    # Six calls have the system text in common; all but the first have it from the cache.
    assert read > 5 * 1500 and 1500 < written < 2500
    for row in night.rows:
        first, second = night.of(row)
        assert ["cachePoint" in block for block in first.body["system"]] == [False, True]
        assert [len(message["content"]) for message in second.body["messages"]] == [1, 2, 1]
        said = [block["text"] for message in second.body["messages"] for block in message["content"][:1]]
        assert said == [said["content"] for said in row["conversation_log"][1:4]]


def test_thoughts_are_kept_and_counted_but_are_no_part_of_what_was_said(go: Go) -> None:
    night = go(SUBJECT_MODELS=THINKS, MODEL_THINKING="1024", MODEL_MAX_TOKENS="2000", **FREE)
    for row in night.rows:
        asked = [call for call in row["calls"] if call["role"] == "subject"]
        assert all(call["reasoning_chars"] == len(call["reasoning"]) > 0 for call in asked)
        assert not any(call["reasoning"] in said["content"] for call in asked for said in row["conversation_log"])
        answers = [said["content"] for said in row["conversation_log"] if said["role"] == "assistant"]
        assert row["usage"]["output_tokens"] > sum(len(answer) // 4 for answer in answers)


# --- What a model does not take ------------------------------------------------------------------

KNOWN = [
    ("BEDROCK_LATENCY", "optimized", "amazon.nova-lite-v1:0", "latency", {}),
    ("BEDROCK_PROMPT_CACHE", "true", PLAIN, "prompt_cache", {}),
    ("BEDROCK_SERVICE_TIER", "flex", "anthropic.claude-3-haiku-20240307-v1:0", "service_tier", {}),
    ("MODEL_THINKING", "adaptive", SUBJECT, "thinking", {}),
    ("MODEL_THINKING", "1500", ADAPTS, "thinking", {"MODEL_MAX_TOKENS": "2000", **FREE}),
    ("MODEL_EFFORT", "low", SUBJECT, "effort", {}),
]
"""Variable, value and model that the data knows not to go together; the parameter; what else is set."""
LEARNT = [
    ("BEDROCK_SERVICE_TIER", "flex", "service_tier", "serviceTier"),
    ("BEDROCK_LATENCY", "optimized", "latency", "performanceConfig"),
    ("BEDROCK_PROMPT_CACHE", "true", "prompt_cache", "cachePoint"),
    ("BEDROCK_GUARDRAIL", "abc123:7", "guardrail", "guardrailConfig"),
    ("MODEL_THINKING", "adaptive", "thinking", "thinking"),
    ("MODEL_EFFORT", "low", "effort", "effort"),
]
"""Variable, value, parameter, and the member of the body that a model newer than the data refuses."""


@pytest.mark.parametrize(("variable", "value", "model", "name", "more"), KNOWN)
def test_what_is_known_to_be_refused_ends_the_run_without_any_call(
    go: Go, variable: str, value: str, model: str, name: str, more: dict[str, str]
) -> None:
    night = go(SUBJECT_MODELS=model, **{variable: value}, **more)
    assert (night.ended.code, night.requests) == (2, [])
    (line,) = night.ended.stderr.splitlines()
    assert line.startswith(f"{variable}: {model} ") and "ON_UNSUPPORTED=drop" in line


@pytest.mark.parametrize(("variable", "value", "model", "name", "more"), KNOWN)
def test_what_is_known_to_be_refused_can_be_dropped_and_is_listed(
    go: Go, variable: str, value: str, model: str, name: str, more: dict[str, str]
) -> None:
    night = go(SUBJECT_MODELS=model, ON_UNSUPPORTED="drop", **{variable: value}, **more)
    check_dropped(night, name)


@pytest.mark.parametrize(("variable", "value", "name", "member"), LEARNT)
def test_what_a_newer_model_refuses_ends_the_run_before_the_first_trial(
    go: Go, variable: str, value: str, name: str, member: str
) -> None:
    night = go({"refuses": {NEW: [member]}}, SUBJECT_MODELS=NEW, **{variable: value}, **FREE)
    assert (night.ended.code, night.for_trials) == (2, [])
    (line,) = night.ended.stderr.splitlines()
    assert line.startswith(f"{variable}: bedrock:{NEW}: ") and f"set {variable}= empty" in line
    assert not night.project.runs()


@pytest.mark.parametrize(("variable", "value", "name", "member"), LEARNT)
def test_what_a_newer_model_refuses_is_learnt_by_one_refused_call_and_listed(
    go: Go, variable: str, value: str, name: str, member: str
) -> None:
    variables = {variable: value, **FREE}
    night = go({"refuses": {NEW: [member]}}, SUBJECT_MODELS=NEW, ON_UNSUPPORTED="drop", **variables)
    check_dropped(night, name)
    refused = [request for request in night.requests if request.line["status"] in (400, 403)]
    assert len(refused) == 1 and refused[0].trial is None


def check_dropped(night: Night, name: str) -> None:
    assert night.ended.code == 0, night.ended.stderr
    for row in night.rows:
        sent = [body_parameters(request) for request in night.of(row)]
        assert all(parameters[name] is None for parameters in sent)
        assert row["sent_parameters"] == masked(sent[-1])
        assert row["requested_parameters"][name] is not None
        assert row["unsupported"] == [name]


def test_a_judge_does_without_a_tier_it_does_not_have_and_says_so(go: Go) -> None:
    night = go({"refuses": {JUDGE: ["serviceTier"]}}, BEDROCK_SERVICE_TIER="flex")
    assert night.ended.code == 0, night.ended.stderr
    for row in night.rows:
        (call,) = [call for call in row["calls"] if call["role"] == "judge"]
        assert call["unsupported"] == ["service_tier"] and "service_tier" not in call["sent_parameters"]
        assert row["sent_parameters"]["service_tier"] == "flex" and row["unsupported"] == []


# --- The small calls before a run ----------------------------------------------------------------


def test_a_model_that_is_asked_and_judges_is_tried_as_both_and_counted(go: Go) -> None:
    night = go(SUBJECT_MODELS=SUBJECT, JUDGE_MODELS=SUBJECT)
    before = [request for request in night.requests if request.trial is None]
    assert sorted(request.is_judge for request in before) == [False, True]
    subject, judge = sorted(before, key=lambda request: request.is_judge)
    assert subject.body["inferenceConfig"] == {"maxTokens": 16, "temperature": 0.7, "topP": 0.95}
    assert judge.body["inferenceConfig"] == {"maxTokens": 64, "temperature": 0.0}
    assert all(set(r.body["requestMetadata"]) == {"trialbed_run", "trialbed_plan"} for r in before)
    paid = [event for event in night.project.the_run().events() if event["e"] == "preflight"]
    assert sorted(event["role"] for event in paid) == ["judge", "subject"]


def test_the_way_of_asking_a_judge_is_found_before_the_first_trial(go: Go) -> None:
    night = go({"refuses": {JUDGE: ["toolChoice"]}})
    assert night.ended.code == 0, night.ended.stderr
    refused = [request for request in night.requests if request.line["status"] == 400]
    assert len(refused) == 2 and not any(request.trial for request in refused)
    for row in night.rows:
        (call,) = [call for call in row["calls"] if call["role"] == "judge"]
        assert call["sent_parameters"]["answer_mode"] == "json_text"
        assert call["unsupported"] == ["tool_choice", "tools"]


@contextmanager
def control_plane(model: str) -> Iterator[str]:
    """What names the model behind an application inference profile; yields its address."""
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{model}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"models": [{"modelArn": arn}], "status": "ACTIVE", "type": "APPLICATION"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_what_the_model_behind_a_profile_refuses_is_found_without_any_call_to_it(go: Go) -> None:
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd34ef56"
    with control_plane("anthropic.claude-opus-5-5") as url:
        variables = {"SUBJECT_MODELS": profile, "AWS_ENDPOINT_URL_BEDROCK": url}
        night = go(**variables, MODEL_THINKING="1500", MODEL_MAX_TOKENS="2000", **FREE)
    assert night.ended.code == 2 and {request.model for request in night.requests} <= {JUDGE}
    (line,) = night.ended.stderr.splitlines()
    assert line.startswith("MODEL_THINKING: ") and "takes adaptive thinking only" in line
    assert "123456789012" not in night.ended.stderr


# --- Price and speed are no part of a trial ------------------------------------------------------


def test_another_tier_on_resume_asks_nothing_again_and_another_effort_is_another_run(tmp_path: Path) -> None:
    project = make_project(tmp_path, experiments=LONG, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="1")
    with bedrock_process({}, log=tmp_path / "requests.jsonl") as bedrock:
        variables = bedrock.environment() | {"SUBJECT_MODELS": NEW}
        assert project.run(**variables).code == 0
        asked = len(bedrock.requests())
        assert project.run(**variables, BEDROCK_SERVICE_TIER="flex", BEDROCK_PROMPT_CACHE="true").code == 0
        assert len(bedrock.requests()) == asked and len(project.runs()) == 1
        assert project.run(**variables, MODEL_EFFORT="low").code == 0
        assert len(bedrock.requests()) == 2 * asked
    first, second = (set(run.records()) for run in project.runs())
    assert not first & second
