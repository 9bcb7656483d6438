"""Do traces reach Galileo by its variables and a command's flags, and is the way to them shown?"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.standins.otlp import Collector, Fault
from tests.standins.otlp.collector import LOG_STREAM_ID, PROJECT_ID, GalileoApi
from tests.support.project import Project, make_project
from tests.support.traces import check_tree
from trialbed.app.job import do_job
from trialbed.app.prepare import Wanted, prepare
from trialbed.app.screen import Screen
from trialbed.app.tracing import GalileoWanted
from trialbed.core.errors import UserError
from trialbed.tracing.galileo import Galileo

KEY = "galileo-key-of-nobody-0123456789"


class Heard(Screen):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def announce(self, line: str) -> None:
        self.lines.append(line)

    @property
    def links(self) -> list[str]:
        return [line for line in self.lines if line.startswith(("Galileo", "tracing"))]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """One trial, rehearsed. Its variables are this process's, so that a run needs no process of its own."""
    made = make_project(tmp_path)
    monkeypatch.setattr(os, "environ", dict(made.environment))
    yield made


def galileo(api: GalileoApi, fault: Fault | None = None) -> Collector:
    return Collector(lambda _: fault or Fault(), api=api)


def carried_out(project: Project, wanted: GalileoWanted | None, **variables: str) -> Heard:
    os.environ.update(variables)
    heard, prepared = Heard(), prepare(project.root, Wanted())
    assert anyio.run(lambda: do_job(prepared, heard, fresh=True, galileo=wanted)).exit_code == 0
    return heard


def links_of(collector: Collector) -> list[str]:
    url = f"{collector.url}/project/{PROJECT_ID}"
    return [f"Galileo project: {url}", f"Galileo log stream: {url}/log-streams/{LOG_STREAM_ID}"]


def test_the_flags_decide_where_in_galileo_and_the_links_lead_there(project: Project) -> None:
    with galileo(GalileoApi(KEY, "MyFirstEvaluation", "aws-bedrock-sonnet")) as collector:
        wanted = GalileoWanted(project="MyFirstEvaluation", log_stream="aws-bedrock-sonnet")
        variables = {"GALILEO_API_KEY": KEY, "GALILEO_CONSOLE_URL": f"{collector.url}/", "GALILEO_PROJECT": "other"}
        heard = carried_out(project, wanted, **variables)
        assert heard.links == links_of(collector)
        check_tree(collector.spans)
        for request in collector.requests:
            assert request.path == "/otel/traces" and request.headers["galileo-api-key"] == KEY
            assert request.headers["project"] == "MyFirstEvaluation"
            assert request.headers["logstream"] == "aws-bedrock-sonnet"
        resource = collector.spans[0].resource
        assert resource["galileo.project.name"] == "MyFirstEvaluation"
        assert resource["galileo.logstream.name"] == "aws-bedrock-sonnet"


def test_the_variables_decide_what_no_flag_does(project: Project) -> None:
    with galileo(GalileoApi(KEY, "mine", "night")) as collector:
        variables = {"GALILEO_PROJECT": "mine", "GALILEO_LOG_STREAM": "night", "GALILEO_CONSOLE_URL": collector.url}
        heard = carried_out(project, GalileoWanted(), GALILEO_API_KEY=KEY, **variables)
        assert heard.links == links_of(collector)


def test_another_collector_gets_the_same_spans_and_its_key_stays_with_it(project: Project) -> None:
    with galileo(GalileoApi(KEY, "trialbed", "default")) as first, Collector() as second:
        variables = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=theOthersKey", **second.environment()}
        heard = carried_out(project, GalileoWanted(), GALILEO_API_KEY=KEY, GALILEO_CONSOLE_URL=first.url, **variables)
        assert heard.links == links_of(first)
        assert {span.span_id for span in first.spans} == {span.span_id for span in second.spans}
        assert not any("authorization" in request.headers for request in first.requests)
        assert all(request.headers["authorization"] == "theOthersKey" for request in second.requests)
        assert not any("galileo-api-key" in request.headers for request in second.requests)


@pytest.mark.parametrize("slow_s", [0.0, 5.0])
def test_an_api_that_fails_or_is_slow_costs_the_exact_link_and_two_seconds_at_most(
    project: Project, slow_s: float
) -> None:
    api = GalileoApi("another key" if not slow_s else KEY, "trialbed", "default", slow_s=slow_s)
    with galileo(api) as collector:
        began = time.monotonic()
        heard = carried_out(project, None)
        untraced_s = time.monotonic() - began
        heard = carried_out(project, GalileoWanted(), GALILEO_API_KEY=KEY, GALILEO_CONSOLE_URL=collector.url)
        assert time.monotonic() - began - 2 * untraced_s < 2.5
        assert heard.links == [f"Galileo: {collector.url} (project trialbed, log stream default)"]
        check_tree(collector.spans)


def test_a_galileo_that_takes_nothing_costs_spans_and_no_trial(project: Project) -> None:
    with galileo(GalileoApi(KEY, "trialbed", "default"), Fault(401)) as collector:
        heard = carried_out(project, GalileoWanted(), GALILEO_API_KEY=KEY, GALILEO_CONSOLE_URL=collector.url)
        (line,) = heard.links
        assert f"spans did not reach {collector.url} (HTTP 401)" in line and KEY not in line


def test_a_key_alone_sends_nothing_anywhere(project: Project) -> None:
    with galileo(GalileoApi(KEY, "trialbed", "default")) as collector:
        heard = carried_out(project, None, GALILEO_API_KEY=KEY, GALILEO_CONSOLE_URL=collector.url)
        assert heard.links == [] and collector.requests == []


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "GALILEO_API_KEY: not set"),
        ({"GALILEO_API_KEY": KEY, "GALILEO_CONSOLE_URL": "app.galileo.ai"}, "GALILEO_CONSOLE_URL: not an http address"),
    ],
)
def test_what_is_missing_is_one_line_before_anything_is_run(
    project: Project, variables: dict[str, str], named: str
) -> None:
    with pytest.raises(UserError) as caught:
        carried_out(project, GalileoWanted(), **variables)
    assert str(caught.value).startswith(named) and "\n" not in str(caught.value)
    assert project.runs() == []


@pytest.mark.parametrize(
    ("console", "endpoint"),
    [
        ("https://app.galileo.ai", "https://api.galileo.ai/otel/traces"),
        ("https://console.lab.galileocloud.io", "https://api.lab.galileocloud.io/otel/traces"),
        ("https://console-galileo.lab.example", "https://api-galileo.lab.example/otel/traces"),
        ("http://127.0.0.1:8088", "http://127.0.0.1:8088/otel/traces"),
    ],
)
def test_the_endpoint_follows_from_the_console_s_address(console: str, endpoint: str) -> None:
    assert Galileo(KEY, "p", "l", console).endpoint == endpoint
