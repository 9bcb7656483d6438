"""What does one command measure, say, send, and end with?"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.standins.ingest import Faults, IngestStandIn
from tests.support.bedrock import bedrock_thread
from tests.support.project import make_project
from tests.support.throughput import FAST, HUNG, SLOW, measuring_project
from trialbed.providers.rehearsal import eventstream
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig

LINE = re.compile(r"^\d\d:\d\d:\d\d \[(DEBUG|INFO|WARNING|ERROR)\] ")
BODY = {
    *("provider", "model_name", "run_ts", "temperature", "misc", "gen_ts", "requested_tokens", "output_tokens"),
    *("generate_time", "tokens_per_second", "time_to_first_token", "times_between_tokens", "idempotency_key"),
}
ERROR = {"provider", "model_name", "ts", "stage", "message", "exc_type", "error_kind"}
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def ingest() -> Iterator[IngestStandIn]:
    with IngestStandIn() as server:
        yield server
        assert server.problems == []


# --- What is well --------------------------------------------------------------------------------


def test_each_model_is_measured_once_said_in_a_line_and_sent_as_it_is_on_record(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    with bedrock_thread(RehearsalConfig(latency_s=0.05, chunk_chars=4, chunk_gap_s=0.002)) as server:
        measuring = measuring_project(tmp_path, server.url, ingest)
        ended = measuring.once("--models", f"{FAST},{SLOW}")
        assert server.received == 2  # no small calls before: they would cost, and warm something up
    assert ended.code == 0, ended.stderr
    lines = ended.stderr.splitlines()
    assert all(LINE.match(line) for line in lines)
    for model in (FAST, SLOW):
        assert any(line.endswith(f"[INFO] Running benchmark: bedrock:{model}") for line in lines)
        assert re.search(rf"\[INFO\] ✅ Success bedrock:{re.escape(model)} \(tps=\d+\.\d\d, out=64\)", ended.stderr)
    bodies = {body["model_name"]: body for body in ingest.results()}
    assert bodies.keys() == {FAST, SLOW} and ingest.errors() == []
    for record in measuring.records():
        body, found = bodies[record["steward_model"]], record["evaluation"]
        assert body.keys() >= BODY
        for name in BODY & found.keys():
            assert body[name] == found[name]
        (call,) = record["calls"]
        assert (body["provider"], body["temperature"], body["requested_tokens"]) == ("bedrock", 0.1, 64)
        assert UTC.fullmatch(body["run_ts"]) and UTC.fullmatch(body["gen_ts"]) and body["gen_ts"] == call["started_at"]
        assert len(body["times_between_tokens"]) == found["pieces"] - 1
        misc = body["misc"]
        assert (misc["region"], misc["stop_reason"]) == ("us-east-1", "max_tokens")
        assert misc["request_id"] == call["request_id"] and misc["effective_model"] == record["steward_model"]
        assert record["outcome"] == "answered" and record["stop_reason"] == "max_tokens"
    assert measuring.project.status()["owed"] == {"ingest": 0}


def test_models_are_named_in_the_environment_too_and_the_command_line_wins(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        assert measuring.once().code == 0
        assert measuring.once("--models", SLOW).code == 0
    assert [record["steward_model"] for record in measuring.records()] == [FAST, SLOW]


def test_the_same_command_again_is_another_cycle_of_the_same_run(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        assert [measuring.once().code for _ in range(3)] == [0, 0, 0]
        assert measuring.once("--fresh").code == 0
    first, second = measuring.project.runs()
    assert [record["repeat"] for record in first.records().values()] == [0, 1, 2]
    assert [record["repeat"] for record in second.records().values()] == [0]
    assert len(ingest.results()) == 4


def test_all_shapes_of_a_prompt_can_be_measured_one_after_another(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        ended = measuring.once("--variants", "short,long_context,long_output,cached_prefix", "--max-tokens", "32")
        assert server.peak_in_flight == 1
    assert ended.code == 0, ended.stderr
    found = {record["prompt_variant"]: record for record in measuring.records()}
    assert {name: one["evaluation"]["output_tokens"] for name, one in found.items()} == {
        "short": 32,
        "long_context": 32,
        "long_output": 1024,
        "cached_prefix": 32,
    }
    assert found["long_output"]["sent_parameters"]["max_tokens"] == 1024
    assert found["long_output"]["model_config"]["max_tokens"] == 1024
    assert found["long_context"]["evaluation"]["input_tokens"] > 6_000
    warmed, measured = found["cached_prefix"]["calls"]
    assert warmed["usage"]["cache_write_tokens"] > 0 and measured["usage"]["cache_read_tokens"] > 0
    assert found["cached_prefix"]["evaluation"]["cache_read_tokens"] == measured["usage"]["cache_read_tokens"]


def test_a_model_that_takes_no_temperature_is_measured_without_unless_one_was_asked_for(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    opus = "us.anthropic.claude-opus-5-5"
    with bedrock_thread(RehearsalConfig(refuses={opus: frozenset({"temperature"})})) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=opus)
        assert measuring.once().code == 0
        ended = measuring.once("--temperature", "0.1")
    first, second = measuring.records()
    assert first["unsupported"] == ["temperature"] and first["sent_parameters"]["temperature"] is None
    assert ended.code == 1 and second["outcome"] == "provider_error"
    assert "temperature" in second["outcome_reason"]


def test_a_rehearsal_needs_no_place_for_its_results_and_sends_none(tmp_path: Path, ingest: IngestStandIn) -> None:
    project = make_project(tmp_path)
    assert project.trialbed("throughput", "--provider", "rehearsal", "--models", "a,b").code == 0
    ended = project.trialbed("throughput", "--provider", "rehearsal", "--models", "a", **ingest.environment())
    assert ended.code == 0 and ingest.log == []


# --- What fails, each for itself -----------------------------------------------------------------


def test_a_bad_model_fails_alone_and_is_reported(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig(unknown_models=frozenset({"bad-model"}))) as server:
        measuring = measuring_project(tmp_path, server.url, ingest)
        ended = measuring.once("--models", f"bad-model,{FAST}")
    assert ended.code == 1
    assert re.search(r"\[ERROR\] Benchmark failed for bedrock:bad-model - ResourceNotFoundException: ", ended.stderr)
    assert [body["model_name"] for body in ingest.results()] == [FAST]
    (report,) = ingest.errors()
    assert report.keys() >= ERROR
    assert (report["provider"], report["model_name"]) == ("bedrock", "bad-model")
    assert report["exc_type"] == "ResourceNotFoundException" and report["error_kind"] == "unavailable"
    assert ingest.log[-1].path == "/ingest/error" or ingest.log[0].path == "/ingest/error"


def test_a_provider_that_nobody_knows_is_a_failure_of_its_models(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest)
        ended = measuring.project.trialbed("throughput", "--provider", "xyz", "--models", f"some-model,bedrock:{FAST}")
    assert ended.code == 1
    assert "Benchmark failed for xyz:some-model - UnsupportedProvider: Unsupported provider: xyz; there is: " in (
        ended.stderr
    )
    assert f"Success bedrock:{FAST}" in ended.stderr
    (report,) = ingest.errors()
    assert (report["provider"], report["model_name"], report["exc_type"]) == (
        "xyz",
        "some-model",
        "UnsupportedProvider",
    )


def test_missing_credentials_are_a_failure_that_is_reported(tmp_path: Path, ingest: IngestStandIn) -> None:
    project = make_project(tmp_path, AWS_REGION="us-east-1", **ingest.environment())
    ended = project.trialbed("throughput", "--provider", "bedrock", "--models", FAST)
    assert ended.code == 1
    assert f"Benchmark failed for bedrock:{FAST} - NotSetUp: AWS credentials: none found" in ended.stderr
    (report,) = ingest.errors()
    assert report["exc_type"] == "NotSetUp" and "AWS_ACCESS_KEY_ID" in report["message"]


def test_expired_credentials_are_tried_once_more_and_then_a_failure_of_this_moment(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    with bedrock_thread(RehearsalConfig(expired_credentials=True)) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        ended = measuring.once()
        assert server.received == 2
    assert ended.code == 1 and "ExpiredTokenException" in ended.stderr
    assert [report["error_kind"] for report in ingest.errors()] == ["credentials"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("   ", "max_tokens"), "the token budget ran out before the first visible word"),
        (Answer(" \n", "end_turn"), "the reply is empty"),
    ],
)
def test_an_answer_without_visible_text_is_a_failure(
    tmp_path: Path, ingest: IngestStandIn, answer: Answer, said: str
) -> None:
    def blank(call: RehearsalCall) -> Answer | None:
        return answer if call.model_id == SLOW else None

    with bedrock_thread(RehearsalConfig(scripted=blank)) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=f"{FAST},{SLOW}")
        ended = measuring.once()
    assert ended.code == 1
    failed = next(record for record in measuring.records() if record["steward_model"] == SLOW)
    assert failed["outcome"] == "parse_failed" and failed["evaluation"] is None
    assert said in failed["outcome_reason"] and said in ended.stderr
    assert [body["model_name"] for body in ingest.results()] == [FAST]
    assert [(one["model_name"], one["error_kind"]) for one in ingest.errors()] == [(SLOW, "empty_answer")]


def _event(kind: str, payload: str) -> bytes:
    return eventstream._message(eventstream._headers("event", ":event-type", kind), payload.encode())


class _Odd(BaseHTTPRequestHandler):
    """Bedrock's stream with a text in two pieces, and whatever usage the test wants."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        usage: str = self.server.usage  # type: ignore[attr-defined]
        pieces = [
            eventstream.event("messageStart", {"role": "assistant"}),
            *(
                eventstream.event("contentBlockDelta", {"delta": {"text": text}, "contentBlockIndex": 0})
                for text in ("Once upon a time ", "all was well.")
            ),
            eventstream.event("messageStop", {"stopReason": "end_turn"}),
            # As text: what the test wants may be no JSON that an encoder would write.
            _event("metadata", f'{{"usage": {usage}, "metrics": {{"latencyMs": 5}}}}'),
        ]
        body = b"".join(pieces)
        self.send_response(200)
        self.send_header("content-type", eventstream.CONTENT_TYPE)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def odd_bedrock(usage: str) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Odd)
    server.usage = usage  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        ('{"inputTokens": 20, "outputTokens": 0, "totalTokens": 20}', "metric 'output_tokens' is 0"),
        ('{"inputTokens": 20, "outputTokens": null}', "usage.outputTokens is missing"),
        ('{"inputTokens": 20, "outputTokens": NaN}', "usage.outputTokens is not a count"),
        ("null", "usage is missing"),
    ],
)
def test_metrics_that_are_null_or_no_number_are_a_failure(
    tmp_path: Path, ingest: IngestStandIn, usage: str, said: str
) -> None:
    with odd_bedrock(usage) as url:
        measuring = measuring_project(tmp_path, url, ingest, BENCHMARK_MODELS=FAST)
        ended = measuring.once()
    assert ended.code == 1 and said in ended.stderr
    (record,) = measuring.records()
    assert record["outcome"] in ("parse_failed", "provider_error") and record["evaluation"] is None
    assert ingest.results() == []
    (report,) = ingest.errors()
    assert said in report["message"]


# --- Where results go ----------------------------------------------------------------------------


def test_a_result_that_cannot_be_delivered_is_owed_and_sent_later_under_the_same_key(tmp_path: Path) -> None:
    with bedrock_thread(RehearsalConfig()) as server, IngestStandIn(Faults(refusal=(503, {}))) as ingest:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        ended = measuring.once(timeout_s=120.0)
        assert ended.code == 1
        assert measuring.project.status()["owed"] == {"ingest": 1}
        assert "Not delivered yet to ingest: 1" in ended.stdout
        ingest.faults = Faults()
        pushed = measuring.project.trialbed("push", measuring.the_run().folder.name)
    assert pushed.code == 0, pushed.stderr
    assert measuring.project.status()["owed"] == {"ingest": 0}
    assert len(ingest.seen) == 1 and len(ingest.results()) == 1 and ingest.problems == []


def test_what_a_run_of_other_models_owes_is_sent_by_the_next_command(tmp_path: Path) -> None:
    with bedrock_thread(RehearsalConfig()) as server, IngestStandIn(Faults(refusal=(503, {}))) as ingest:
        measuring = measuring_project(tmp_path, server.url, ingest)
        assert measuring.once("--models", FAST, timeout_s=120.0).code == 1
        ingest.faults = Faults()
        assert measuring.once("--models", SLOW).code == 0
    assert sorted(body["model_name"] for body in ingest.results()) == sorted([FAST, SLOW])


def test_a_rejected_result_is_not_delivered(tmp_path: Path) -> None:
    with bedrock_thread(RehearsalConfig()) as server, IngestStandIn(Faults(rejects=frozenset({SLOW}))) as ingest:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=f"{FAST},{SLOW}")
        ended = measuring.once(timeout_s=150.0)
    assert ended.code == 1
    assert [body["model_name"] for body in ingest.results()] == [FAST]
    assert measuring.project.status()["owed"] == {"ingest": 1}


def test_no_secret_is_in_anything_that_is_left_or_said(tmp_path: Path) -> None:
    with bedrock_thread(RehearsalConfig(denied_models=frozenset({SLOW}))) as server, IngestStandIn() as ingest:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=f"{FAST},{SLOW}")
        ended = measuring.once("--debug")
    secrets = [ingest.key, measuring.project.environment["AWS_SECRET_ACCESS_KEY"]]
    texts = [ended.stdout, ended.stderr]
    texts += [path.read_text(errors="replace") for path in measuring.the_run().folder.rglob("*") if path.is_file()]
    assert not any(secret in text for secret in secrets for text in texts)
    assert "[DEBUG]" in ended.stderr


# --- What the user can fix -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        ([], {}, "--provider"),
        (["--provider", "bedrock"], {}, "--models: no model is named"),
        (["--provider", "bedrock", "--models", ","], {}, "--models: no model is named"),
        (["--provider", "bedrock", "--models", "a"], {"INGEST_API_URL": ""}, "INGEST_API_URL: not set"),
        (["--provider", "bedrock", "--models", "a"], {"INGEST_API_KEY": ""}, "INGEST_API_KEY: not set"),
        (
            ["--provider", "bedrock", "--models", "a"],
            {"INGEST_API_URL": "http://ingest.example.com/ingest"},
            "INGEST_API_URL: ",
        ),
        (["--provider", "bedrock", "--models", "a", "--interval", "0"], {}, "--interval: must be a number of minutes"),
        (["--provider", "bedrock", "--models", "a", "--interval", "soon"], {}, "--interval"),
        (["--provider", "bedrock", "--models", "a", "--variants", "nosuch"], {}, "--variants: no such name: nosuch"),
        (["--provider", "bedrock", "--models", "a", "--max-tokens", "0"], {}, "--max-tokens: must be at least 1"),
        (["--provider", "bedrock"], {"BENCHMARK_MODELS_URL": "http://example.com/list"}, "BENCHMARK_MODELS_URL: must"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(
    tmp_path: Path, ingest: IngestStandIn, arguments: list[str], variables: Mapping[str, str], said: str
) -> None:
    project = make_project(tmp_path, AWS_REGION="us-east-1", **ingest.environment())
    ended = project.trialbed("throughput", *arguments, **variables)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr and "Traceback" not in ended.stderr
    assert project.runs() == [] and ingest.log == []


def test_two_daemons_do_not_write_one_run(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig(latency_s=2.0)) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=HUNG)
        first = measuring.start("--daemon")
        try:
            while not server.in_flight:
                assert not first.is_over, first.stderr
            second = measuring.once()
        finally:
            first.kill()
    assert second.code == 2 and "another process" in second.stderr
