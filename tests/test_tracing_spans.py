"""What does a collector get to see of a run with more than fifty trials at a time, judges and faults?"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.standins.otlp import Collector, ReceivedSpan
from tests.support.bedrock import JUDGE, SUBJECT, Bedrock, bedrock_process
from tests.support.project import Ended, Project, make_project
from tests.support.traces import ATTEMPT, CALL, RUN, TRIAL, check_tree, of_kind, tokens_in
from tests.test_turns_judged import MODELS, TURNS, echo

RUNS, VARIANTS = 12, 5
FAULTS = {"throttle_rate": 0.03, "server_error_rate": 0.03, "cut_body_rate": 0.02, "truncate_rate": 0.02}
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@dataclass(frozen=True)
class Night:
    project: Project
    ended: Ended
    bedrock: Bedrock
    spans: list[ReceivedSpan]

    def of(self, kind: str) -> list[ReceivedSpan]:
        return of_kind(self.spans, kind)

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        return self.project.the_run().records()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """Sixty trials, all at a time, on a service that fails now and then."""
    root = tmp_path_factory.mktemp("traced")
    config = {"seed": 5, "latency_s": 0.1, "latency_spread": 0.5, **FAULTS}
    with Collector() as collector, bedrock_process(config, log=root / "bedrock.jsonl") as bedrock:
        project = make_project(root, **bedrock.environment(), **collector.environment())
        ended = project.run("--runs", str(RUNS), MAX_CONCURRENCY="60", timeout_s=120)
        yield Night(project, ended, bedrock, list(collector.spans))


def test_every_span_comes_once_in_the_right_parent(night: Night) -> None:
    assert "tracing" not in night.ended.stderr
    check_tree(night.spans)
    assert Counter(Counter(span.parent_id for span in night.of(TRIAL)).values()) == {RUNS * VARIANTS: 1}
    under_way = sorted([(span.began_ns, 1) for span in night.of(TRIAL)] + [(s.ended_ns, -1) for s in night.of(TRIAL)])
    at_a_time = most = 0
    for _, step in under_way:
        at_a_time += step
        most = max(most, at_a_time)
    assert most >= 50


def test_every_trial_every_call_and_every_attempt_of_the_journal_has_its_span(night: Night) -> None:
    records = night.records
    trials = {span.attributes["trialbed.trial_id"]: span for span in night.of(TRIAL)}
    assert trials.keys() == records.keys()
    for trial_id, record in records.items():
        told = trials[trial_id].attributes
        for name in ("block_id", "scenario", "repeat", "outcome"):
            assert told[f"trialbed.{name}"] == record[name]
        assert told["trialbed.variant"] == record["prompt_variant"]
        assert (trials[trial_id].status == "error") == (record["outcome"] != "answered")
    events = night.project.the_run().events()
    of_journal = Counter(event["e"] for event in events)
    answered = [span for span in night.of(CALL) if span.status == "unset"]
    assert len(answered) == of_journal["answer"]
    assert {span.attributes["gen_ai.response.id"] for span in answered} == {
        event["call"]["request_id"] for event in events if event["e"] == "answer"
    }
    assert len(night.of(ATTEMPT)) == of_journal["attempt"]
    assert len(night.of(ATTEMPT)) == len(night.bedrock.requests())


def test_the_tokens_and_the_money_of_a_trace_are_those_of_the_records(night: Night) -> None:
    usages = [record[name] for record in night.records.values() for name in ("usage", "judge_usage")]
    kinds = ("input_tokens", "cache_read_tokens", "cache_write_tokens")
    asked = sum(usage[kind] for usage in usages for kind in kinds)
    assert tokens_in(night.spans) == (asked, sum(usage["output_tokens"] for usage in usages))
    told = sum(span.attributes.get("trialbed.cost_usd", 0.0) for span in night.spans)
    assert told == pytest.approx(sum(record["cost_usd"] for record in night.records.values()))


def test_attempts_that_failed_are_errors_with_the_provider_s_code_beside_one_that_was_answered(night: Night) -> None:
    failed = [event for event in night.project.the_run().events() if event["e"] == "attempt_failed"]
    told = [span for span in night.of(ATTEMPT) if span.status == "error"]
    assert Counter(event["code"] for event in failed) == Counter(span.attributes["error.type"] for span in told)
    assert {"ThrottlingException", "InternalServerException"} <= {span.attributes["error.type"] for span in told}
    assert {429, 500} <= {span.attributes.get("http.response.status_code") for span in told}
    by_call = Counter(span.parent_id for span in night.of(ATTEMPT))
    again = [span for span in night.of(CALL) if by_call[span.span_id] > 1]
    assert again and all(span.status == "unset" for span in again)
    whys = {span.attributes["trialbed.attempt.why"] for span in night.of(ATTEMPT)}
    assert {"first", "Throttled", "ServiceFault", "ConnectionCut"} <= whys


def test_spans_have_the_names_kinds_and_attributes_of_the_genai_conventions(night: Night) -> None:
    subjects = [span for span in night.of(CALL) if span.name == f"chat {SUBJECT}"]
    judges = [span for span in night.of(CALL) if span.name == f"chat {JUDGE}"]
    assert len(subjects) + len(judges) == len(night.of(CALL))
    for span in night.of(CALL):
        assert span.kind == "client"
        told = span.attributes
        assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("chat", "aws.bedrock")
        assert told["gen_ai.request.model"] == span.name.removeprefix("chat ")
        assert isinstance(told["gen_ai.response.finish_reasons"], list)
        assert told["gen_ai.conversation.id"] == told["trialbed.trial_id"]
    assert {span.attributes["gen_ai.request.temperature"] for span in subjects} == {0.7}
    assert {span.attributes["gen_ai.request.max_tokens"] for span in subjects} == {500}
    assert {span.attributes["trialbed.role"] for span in subjects} == {"subject"}
    assert {span.attributes["gen_ai.output.type"] for span in judges} == {"json"}
    (run,) = night.of(RUN)
    assert run.kind == "internal" and run.attributes["trialbed.run"] == night.project.the_run().folder.name
    assert run.attributes["trialbed.plan_hash"] == night.project.the_run().plan()["plan_hash"]
    answered = sum(record["outcome"] == "answered" for record in night.records.values())
    assert run.attributes["trialbed.outcomes.answered"] == answered
    assert run.resource["service.name"] == "trialbed"
    assert run.schema_url.startswith("https://opentelemetry.io/schemas/gen-ai")


def test_no_word_of_a_prompt_or_an_answer_is_in_a_trace_unless_asked_for(night: Night) -> None:
    whole = json.dumps([[span.name, span.message, span.attributes, span.resource] for span in night.spans])
    assert "messages" not in whole and "system_instructions" not in whole
    said = [line["content"] for record in night.records.values() for line in record["conversation_log"]]
    assert len(said) > 100
    for text in said:
        assert json.dumps(text[:40])[1:-1] not in whole


@pytest.fixture
def bedrock(tmp_path: Path) -> Iterator[Bedrock]:
    with bedrock_process({"seed": 1}, log=tmp_path / "bedrock.jsonl") as bedrock:
        yield bedrock


@pytest.mark.parametrize("asked", ["true", "SPAN_ONLY", "span_and_event"])
def test_who_asks_for_prompts_and_answers_has_them_in_the_conventions_shape(
    tmp_path: Path, bedrock: Bedrock, asked: str
) -> None:
    with Collector() as collector:
        project = make_project(tmp_path, **bedrock.environment(), **collector.environment(), **{CONTENT: asked})
        assert project.run().code == 0
        (record,) = project.the_run().records().values()
    log = record["conversation_log"]
    calls = sorted(of_kind(collector.spans, CALL), key=lambda span: span.began_ns)
    *subject, judge = calls
    for number, span in enumerate(subject):
        told = {name: json.loads(span.attributes[f"gen_ai.{name}"]) for name in ("input.messages", "output.messages")}
        instructions = json.loads(span.attributes["gen_ai.system_instructions"])
        assert instructions == [{"type": "text", "content": log[0]["content"]}]
        before, answer = log[1 : 2 * number + 2], log[2 * number + 2]
        assert told["input.messages"] == [
            {"role": line["role"], "parts": [{"type": "text", "content": line["content"]}]} for line in before
        ]
        parts = [{"type": "text", "content": answer["content"]}]
        assert told["output.messages"] == [{"role": "assistant", "parts": parts, "finish_reason": "stop"}]
    (verdict,) = json.loads(judge.attributes["gen_ai.output.messages"])
    assert json.loads(verdict["parts"][-1]["content"])["strategy"] == record["evaluation"]["strategy"]


@pytest.mark.parametrize("asked", ["false", "", "event_only", "no_content"])
def test_any_other_word_asks_for_no_text(tmp_path: Path, bedrock: Bedrock, asked: str) -> None:
    with Collector() as collector:
        project = make_project(tmp_path, **bedrock.environment(), **collector.environment(), **{CONTENT: asked})
        assert project.run().code == 0
    check_tree(collector.spans)
    assert not [name for span in collector.spans for name in span.attributes if name.endswith("messages")]


def test_judges_of_turns_and_the_student_stand_in_their_dialogue_with_their_turn(
    tmp_path: Path, bedrock: Bedrock
) -> None:
    with Collector() as collector:
        environment = bedrock.environment() | MODELS | collector.environment()
        project = make_project(tmp_path, experiments=echo(), **environment)
        assert project.run().code == 0
    check_tree(collector.spans)
    about = Counter(
        (span.attributes["trialbed.role"], span.attributes.get("trialbed.turn"))
        for span in of_kind(collector.spans, CALL)
    )
    assert about == {
        ("subject", None): TURNS,
        **{("student", turn): 1 for turn in range(TURNS)},
        **{("judge", turn): 1 for turn in range(TURNS)},
    }


def test_a_judging_and_a_probing_are_traced_like_a_run(tmp_path: Path, bedrock: Bedrock) -> None:
    project = make_project(tmp_path, **bedrock.environment())
    assert project.run("--runs", "2").code == 0
    name = project.the_run().folder.name
    for command, work in ((("judge", name), "judging"), (("judge", name, "--probe"), "probing")):
        with Collector() as collector:
            ended = project.trialbed(*command, **collector.environment())
        assert ended.code == 0, ended.stderr
        check_tree(collector.spans)
        (run,) = of_kind(collector.spans, RUN)
        assert (run.attributes["trialbed.work"], run.attributes["trialbed.run"]) == (work, name)
        assert {span.attributes["trialbed.role"] for span in of_kind(collector.spans, CALL)} == {"judge"}


def test_a_rehearsal_says_that_no_real_model_was_asked(tmp_path: Path) -> None:
    with Collector() as collector:
        assert make_project(tmp_path, **collector.environment()).run().code == 0
    told = {span.attributes["gen_ai.provider.name"] for span in of_kind(collector.spans, CALL)}
    assert told == {"trialbed.rehearsal"}
