"""Does no key, token or account number get into a trace, even when prompts and answers are asked for?"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.otlp import Collector, ReceivedSpan
from tests.support.bedrock import bedrock_thread
from tests.support.project import Ended
from tests.support.traces import ATTEMPT, CALL, of_kind
from tests.test_secrets import ACCOUNT, LEAK, leaks_in, leaks_on_disk, planted, tells_everything
from trialbed.core.redact import Redactor, header_secrets
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import Fault
from trialbed.settings import known_secrets

HEADER_KEY = "collectorKey/0123456789+abcdef"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def says_everything(call: RehearsalCall) -> Answer | Fault | None:
    """The faults, and where there is none a subject that repeats all secrets."""
    fault = tells_everything(call)
    if fault is not None or call.trial is None or call.is_judge:
        return fault
    return Answer(f"I know this: {LEAK} {HEADER_KEY}")


@pytest.fixture(scope="module", params=["with text", "without text"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ReceivedSpan]]:
    root: Path = tmp_path_factory.mktemp("secret-traces")
    with bedrock_thread(RehearsalConfig(scripted=says_everything)) as standin, Collector() as collector:
        project = planted(root, standin, **collector.environment())
        variables = {
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Basic%20{HEADER_KEY.replace('/', '%2F')},project=vault",
            "OTEL_RESOURCE_ATTRIBUTES": f"cloud.account.id={ACCOUNT},note={HEADER_KEY.replace('+', '%2B')}",
            CONTENT: "true" if request.param == "with text" else "",
        }
        ended: Ended = project.run("--runs", "2", **variables)
        assert ended.code == 1, ended.stderr
        assert {one.headers["authorization"] for one in collector.requests} == {f"Basic {HEADER_KEY}"}
        assert leaks_in(ended.stdout + ended.stderr) == set() and HEADER_KEY not in ended.stdout + ended.stderr
        assert all("local_backups" in path for path in leaks_on_disk(project))
        yield list(collector.spans)


def whole(spans: list[ReceivedSpan]) -> str:
    return "\n".join(
        f"{span.name} {span.message} {span.attributes} {span.resource} {list(span.attributes.values())}"
        for span in spans
    )


def test_nothing_in_a_trace_is_a_secret(told: list[ReceivedSpan]) -> None:
    assert leaks_in(whole(told)) == set()
    assert HEADER_KEY not in whole(told) and HEADER_KEY[:12] not in whole(told)


def test_what_was_said_is_there_without_them(told: list[ReceivedSpan]) -> None:
    failed = [span for span in of_kind(told, ATTEMPT) if span.status == "error"]
    assert any("assumed-role/lab/ada" in span.message for span in failed)
    models = {span.attributes["gen_ai.request.model"] for span in of_kind(told, CALL)}
    assert all("*" * 12 in model for model in models) and len(models) == 2
    # A header that only names a place is no secret: a scenario of that name stays readable.
    assert {span.attributes["trialbed.scenario"] for span in told if "trialbed.scenario" in span.attributes} == {
        "vault"
    }


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ("", []),
        ("api-key=abcd1234efgh", ["abcd1234efgh"]),
        ("authorization=Bearer%20abcd1234efgh", ["Bearer%20abcd1234efgh", "Bearer abcd1234efgh", "abcd1234efgh"]),
        ("a=1, b = two==", ["1", "two=="]),
        ("project=vault,logstream=night,x-honeycomb-dataset=quiz,X-Scope-OrgID=lab", []),
    ],
)
def test_the_values_of_headers_are_secrets_but_not_those_that_name_a_place(pairs: str, found: list[str]) -> None:
    assert header_secrets(pairs) == found


def test_each_value_of_a_header_variable_is_cut_out_wherever_it_stands() -> None:
    redact = Redactor(known_secrets({"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key=abcd1234efgh,y=other5678word"}))
    assert redact("said abcd1234efgh and other5678word") == "said [redacted] and [redacted]"
