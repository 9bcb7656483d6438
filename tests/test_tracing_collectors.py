"""What does a collector that is down, slow or wrong cost a run? Spans, said in one line; no trial and no time."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.standins.otlp import Collector, Fault
from tests.support.bedrock import Bedrock, bedrock_process
from tests.support.experiments import QUIZ_FILES
from tests.support.measure import at_most
from tests.support.project import Ended, Project, make_project, running, wait_until
from tests.support.traces import CALL, RUN, TRIAL, check_tree, of_kind, tokens_in

LEAST_TURNS, MOST_TURNS = 3, 8
ALLOWED = 1.02
"""Of the time of the same run without traces."""


@pytest.fixture
def bedrock(tmp_path: Path) -> Iterator[Bedrock]:
    with bedrock_process({"seed": 1}, log=tmp_path / "bedrock.jsonl") as bedrock:
        yield bedrock


@contextmanager
def nobody_listens() -> Iterator[str]:
    """An address at which every connection is refused for as long as this lasts."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def traced_to(url: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": url}


def lost_lines(ended: Ended) -> list[str]:
    return [line for line in ended.stderr.splitlines() if "tracing" in line]


def outcomes(project: Project) -> list[tuple[str, str]]:
    return sorted((trial, record["outcome"]) for trial, record in project.runs()[-1].records().items())


def test_a_dead_or_hanging_collector_costs_no_time(tmp_path: Path) -> None:
    """Wall time of whole commands, in turns. The shortest of each kind are compared: whatever else the machine does
    can only make a run longer, while a wait of ours would make every one of them longer. On a busy machine it takes
    more turns until each kind has had a quiet one."""

    def ratio(kind: str) -> float:
        return min(took[kind]) / min(took["untraced"])

    took: dict[str, list[float]] = {"untraced": [], "down": [], "hanging": []}
    found = set()
    config = {"seed": 5, "latency_s": 1.0}
    hanging = Collector(lambda _: Fault(hangs=True))
    with bedrock_process(config, log=tmp_path / "log") as bedrock, hanging, nobody_listens() as down:
        project = make_project(tmp_path, **bedrock.environment(), MAX_CONCURRENCY="60")
        where = {"untraced": {}, "down": traced_to(down), "hanging": hanging.environment()}
        for turn in range(MOST_TURNS):
            if turn >= LEAST_TURNS and max(ratio("down"), ratio("hanging")) <= ALLOWED:
                break
            for kind, variables in where.items():
                began = time.monotonic()
                ended = project.run("--runs", "10", "--fresh", timeout_s=120, **variables)
                took[kind].append(time.monotonic() - began)
                assert ended.code == 0 and bool(lost_lines(ended)) == (kind != "untraced"), ended.stderr
                found.add(tuple(outcomes(project)))
    assert len(found) == 1
    assert min(took["untraced"]) > 6
    for kind in ("down", "hanging"):
        assert ratio(kind) <= ALLOWED, f"{kind}: {ratio(kind):.3f} of the time without traces: {took}"


BROKEN: dict[str, tuple[Callable[[int], Fault], str]] = {
    "hangs": (lambda _: Fault(hangs=True), "no answer"),
    "cuts": (lambda _: Fault(cut=True), "no connection"),
    "refuses": (lambda _: Fault(400), "HTTP 400"),
    "turns away": (lambda _: Fault(401), "HTTP 401"),
    "is busy": (lambda _: Fault(503, {"retry-after": "1"}), "HTTP 503"),
    "sends elsewhere": (lambda _: Fault(302, {"location": "http://127.0.0.1:1/"}), "HTTP 302"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_no_collector_took_is_said_in_one_line_and_every_trial_is_there(
    tmp_path: Path, bedrock: Bedrock, how: str
) -> None:
    fault, why = BROKEN[how]
    with Collector(fault) as collector:
        project = make_project(tmp_path, **bedrock.environment())
        address = collector.url.replace("http://", "http://somebody:theirPassword1@")
        ended = project.run("--runs", "3", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{address}/v1/traces?key=theirKey2")
    assert ended.code == 0, ended.stderr
    (line,) = lost_lines(ended)
    # A run, and for each of 15 trials one span, six calls and as many attempts.
    assert f"196 of 196 spans did not reach {collector.url} ({why})" in line
    assert not any(name in ended.stderr for name in ("theirPassword1", "theirKey2", "Traceback", "opentelemetry"))
    log = (project.the_run().folder / "run.log").read_text()
    assert "theirPassword1" not in log and "theirKey2" not in log
    assert len(project.the_run().records()) == 15


def test_a_collector_that_is_slow_or_busy_for_a_moment_gets_everything(tmp_path: Path) -> None:
    faults = [Fault(503, {"retry-after": "0"}), Fault(cut=True), *[Fault(slow_s=0.3)] * 100]
    with (
        bedrock_process({"seed": 1, "latency_s": 0.2}, log=tmp_path / "log") as bedrock,
        Collector(lambda number: faults[number]) as collector,
    ):
        project = make_project(tmp_path, **bedrock.environment(), **collector.environment())
        ended = project.run("--runs", "4")
    assert ended.code == 0 and lost_lines(ended) == []
    check_tree(collector.spans)


def test_a_collector_that_stops_taking_spans_loses_only_what_came_after(tmp_path: Path) -> None:
    with (
        bedrock_process({"seed": 1, "latency_s": 0.4}, log=tmp_path / "log") as bedrock,
        Collector(lambda number: Fault(hangs=number > 0)) as collector,
    ):
        project = make_project(tmp_path, **bedrock.environment(), **collector.environment())
        ended = project.run("--runs", "2")
    assert ended.code == 0
    (line,) = lost_lines(ended)
    assert f"{131 - len(collector.spans)} of 131 spans did not reach" in line and collector.spans


def test_spans_that_a_collector_took_only_in_part_are_counted(tmp_path: Path, bedrock: Bedrock) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    partly = ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=1, error_message="x"))
    answers = [Fault(body=partly.SerializeToString()), *[Fault()] * 100]
    with Collector(lambda number: answers[number]) as collector:
        ended = make_project(tmp_path, **bedrock.environment(), **collector.environment()).run()
    (line,) = lost_lines(ended)
    assert f"1 of {len(collector.spans)} spans did not reach {collector.url} (not accepted)" in line


def test_ctrl_c_leaves_as_quickly_with_a_hanging_collector(tmp_path: Path) -> None:
    with (
        bedrock_process({"latency_s": 0.1}, log=tmp_path / "log") as bedrock,
        Collector(lambda _: Fault(hangs=True)) as collector,
    ):
        variables = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": "12", "MAX_CONCURRENCY": "6"}
        project = make_project(tmp_path, experiments=QUIZ_FILES, **variables, **bedrock.environment())
        with running(project.start(**collector.environment())) as sitting:
            wait_until(lambda: len(bedrock.requests()) >= 20 or sitting.is_over, "20 calls")
            sitting.send(signal.SIGINT)
            with at_most(3.0):
                ended = sitting.wait()
    assert ended.code == 130 and len(lost_lines(ended)) == 1


def test_trials_that_a_signal_stopped_are_in_the_trace_as_cancelled(tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.3}, log=tmp_path / "log") as bedrock, Collector() as collector:
        project = make_project(tmp_path, **bedrock.environment(), GRACE_S="0.5", MAX_CONCURRENCY="6")
        with running(project.start("--runs", "5", **collector.environment())) as sitting:
            wait_until(lambda: len(bedrock.requests()) >= 20 or sitting.is_over, "20 calls")
            sitting.send(signal.SIGINT)
            ended = sitting.wait()
    assert ended.code == 130, ended.stderr
    check_tree(collector.spans)
    told = {span.attributes["trialbed.outcome"] for span in of_kind(collector.spans, TRIAL)}
    assert "cancelled" in told
    (run,) = of_kind(collector.spans, RUN)
    assert run.attributes["trialbed.why"] == "SIGINT"


def test_a_killed_run_that_goes_on_has_a_second_trace_and_no_token_twice(tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.05}, log=tmp_path / "log") as bedrock, Collector() as collector:
        project = make_project(tmp_path, **bedrock.environment(), **collector.environment(), MAX_CONCURRENCY="6")
        with running(project.start("--runs", "10")) as sitting:
            wait_until(lambda: len(collector.spans) > 100 or sitting.is_over, "spans")
            sitting.kill()
        first = len(collector.spans)
        answered_before = sum(event["e"] == "answer" for event in project.the_run().events())
        ended = project.run("--runs", "10")
        assert ended.code == 0, ended.stderr
        assert len(collector.traces()) == 2
        second = collector.spans[first:]
        check_tree(second)
        events = project.the_run().events()
        asked_anew = [event["call"] for event in events if event["e"] == "answer"][answered_before:]
        assert tokens_in(second)[1] == sum(call["usage"]["output_tokens"] for call in asked_anew)
        assert len(of_kind(second, CALL)) == len(asked_anew)
        replayed = sum(span.attributes["trialbed.replayed_calls"] for span in of_kind(second, TRIAL))
        finished_before = {span.attributes["trialbed.trial_id"] for span in of_kind(second, TRIAL)}
        begun = [
            event
            for event in [event for event in events if event["e"] == "answer"][:answered_before]
            if event["trial"] in finished_before
        ]
        assert replayed == len(begun) > 0


# -- what is asked for


def test_without_a_collector_named_nothing_of_opentelemetry_is_loaded(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    code = (
        "import sys\nfrom trialbed.cli.main import exit_code_of\nassert exit_code_of(['run']) == 0\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('opentelemetry', 'requests')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, env=project.environment, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("variable", ["OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none"])
def test_traces_can_be_switched_off_whatever_else_is_set(tmp_path: Path, variable: str) -> None:
    name, value = variable.split("=")
    with Collector() as collector:
        ended = make_project(tmp_path, **collector.environment()).run(**{name: value})
    assert ended.code == 0 and collector.requests == []


def test_the_standard_variables_decide_where_and_how_spans_go(tmp_path: Path) -> None:
    with Collector() as collector:
        project = make_project(tmp_path)
        (project.root / ".env").write_text(
            f"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={collector.url}/my/traces\nOTEL_EXPORTER_OTLP_COMPRESSION=gzip\n"
            "OTEL_EXPORTER_OTLP_HEADERS=x-team=lab%20one\nOTEL_SERVICE_NAME=night\n"
            "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test\nOTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=7\n"
        )
        assert project.run().code == 0
    check_tree(collector.spans)
    assert {request.path for request in collector.requests} == {"/my/traces"}
    assert {request.headers["x-team"] for request in collector.requests} == {"lab one"}
    assert {request.headers["content-encoding"] for request in collector.requests} == {"gzip"}
    resource = collector.spans[0].resource
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("night", "test")
    assert {span.attributes["trialbed.variant"] for span in of_kind(collector.spans, TRIAL)} == {"baselin"}


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT: not an http address"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: not an http address"),
        (
            {**traced_to("http://127.0.0.1:4317"), "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' is not built; traces go by http/protobuf",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_before_the_first_call(
    tmp_path: Path, bedrock: Bedrock, variables: dict[str, str], named: str
) -> None:
    project = make_project(tmp_path, **bedrock.environment())
    ended = project.run(**variables)
    assert ended.code == 2 and ended.stderr.splitlines()[-1].startswith(named)
    assert bedrock.requests() == [] and project.runs() == []


def test_without_the_packages_one_line_says_how_to_get_them(tmp_path: Path) -> None:
    """Their absence is real: a Python that does not see them."""
    project = make_project(tmp_path)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n\nclass Hides:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'opentelemetry':\n            raise ModuleNotFoundError(name)\n\n"
        "sys.meta_path.insert(0, Hides())\n"
    )
    ended = project.run(PYTHONPATH=os.fspath(hidden), **traced_to("http://127.0.0.1:4318"))
    assert ended.code == 2
    assert ended.stderr.splitlines()[-1].startswith("OTEL_EXPORTER_OTLP_ENDPOINT: what sends traces is not installed")
    assert "make tracing" in ended.stderr
