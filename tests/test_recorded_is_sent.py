"""Is what the records say what a stand-in saw, request by request, and were the calls made as they should be?"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.support.bedrock import JUDGE, SUBJECT, Bedrock, Request, bedrock_process, requests_in
from tests.support.project import Project, RunOnDisk, make_project

OTHER = "amazon.nova-micro-v1:0"
PICKY = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
DISTURBED = {
    "seed": 11,
    "latency_s": 0.03,
    "latency_spread": 0.4,
    "throttle_rate": 0.04,
    "server_error_rate": 0.04,
    "cut_body_rate": 0.02,
    "truncate_rate": 0.01,
    "surrogate_rate": 0.02,
    "bad_judge_rate": 0.1,
}
CONCURRENCY = 6
ProjectOf = Callable[..., Project]


@dataclass(frozen=True)
class Seen:
    """A finished run and what an independent process wrote down of it."""

    run: RunOnDisk
    requests: list[Request]

    def of(self, trial_id: str, *, judge: bool) -> list[Request]:
        """The trial's answered requests, in the order they were made."""
        own = [r for r in self.requests if r.trial == trial_id and r.is_judge == judge and r.was_answered]
        return sorted(own, key=lambda request: request.received_at)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """40 trials of two subjects under faults, with sampling that is not the default."""
    folder = tmp_path_factory.mktemp("recorded")
    project = make_project(folder, BATCH_MODE="true", BATCH_SIZE="4", MAX_CONCURRENCY=str(CONCURRENCY))
    sampling = {"MODEL_TEMPERATURE": "0.9", "MODEL_TOP_P": "", "MODEL_MAX_TOKENS": "321"}
    with bedrock_process(DISTURBED, log=folder / "requests.jsonl") as bedrock:
        variables = {**bedrock.environment(), **sampling, "SUBJECT_MODELS": f"{SUBJECT},{OTHER}"}
        ended = project.run(**variables)
        assert ended.code in (0, 1), ended.stderr
        yield Seen(project.the_run(), requests_in(bedrock.log))


@pytest.fixture(scope="module")
def rows(seen: Seen) -> list[dict[str, Any]]:
    rows = list(seen.run.records().values())
    assert len(rows) == 40
    return rows


def said(request: Request) -> list[dict[str, str]]:
    """A request as a conversation log."""
    blocks = [("system", request.body.get("system", []))] if "system" in request.body else []
    blocks += [(message["role"], message["content"]) for message in request.body["messages"]]
    return [{"role": role, "content": "".join(block["text"] for block in content)} for role, content in blocks]


def repaired(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_every_message_and_the_system_text_are_recorded_as_they_were_sent(
    seen: Seen, rows: list[dict[str, Any]]
) -> None:
    for row in rows:
        asked = seen.of(row["trial_id"], judge=False)
        last = [*said(asked[-1]), {"role": "assistant", "content": repaired(asked[-1].line["answer_text"])}]
        assert row["conversation_log"] == last
        for turn, request in enumerate(asked):
            assert said(request) == row["conversation_log"][: 2 + 2 * turn]


def test_sampling_is_recorded_as_it_was_sent_and_what_is_empty_was_not_sent(
    seen: Seen, rows: list[dict[str, Any]]
) -> None:
    for row in rows:
        for request in seen.of(row["trial_id"], judge=False):
            assert request.body["inferenceConfig"] == {"temperature": 0.9, "maxTokens": 321}
        assert row["requested_parameters"] == row["sent_parameters"]
        assert {k: v for k, v in row["sent_parameters"].items() if v is not None} == {
            "temperature": 0.9,
            "max_tokens": 321,
        }
        assert (row["model_config"]["temperature"], row["model_config"]["top_p"]) == (0.9, None)
        assert row["unsupported"] == [] and row["seed_sent"] is False


def test_request_ids_stop_reasons_and_models_are_those_of_the_far_side(seen: Seen, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        asked, judged = (seen.of(row["trial_id"], judge=judge) for judge in (False, True))
        assert row["request_ids"] == [request.line["request_id"] for request in asked]
        assert {request.model for request in asked} == {row["steward_model"]} and row["provider"] == "bedrock"
        calls = {role: [call for call in row["calls"] if call["role"] == role] for role in ("subject", "judge")}
        assert [call["request_id"] for call in calls["subject"]] == row["request_ids"]
        assert [call["request_id"] for call in calls["judge"]] == [request.line["request_id"] for request in judged]
        assert [call["stop_reason"] for call in calls["subject"]] == [r.line["stop_reason"] for r in asked]


def test_every_attempt_at_an_answered_call_is_on_record_with_its_reason(seen: Seen, rows: list[dict[str, Any]]) -> None:
    made: dict[str | None, int] = defaultdict(int)
    for request in seen.requests:
        made[request.trial] += 1
    failed = 0
    for row in rows:
        attempts = [call["attempts"] for call in row["calls"]]
        assert sum(map(len, attempts)) == made[row["trial_id"]]
        for of_one_call in attempts:
            assert [attempt["n"] for attempt in of_one_call] == list(range(1, len(of_one_call) + 1))
            assert of_one_call[-1]["error"] is None and all(one["error"] for one in of_one_call[:-1])
            failed += len(of_one_call) - 1
    assert failed > 5, "the stand-in was to disturb more than that"


def test_a_refused_request_keeps_the_far_sides_request_id(seen: Seen, rows: list[dict[str, Any]]) -> None:
    refused = {r.line["request_id"] for r in seen.requests if r.trial and (r.line["status"] or 0) >= 400}
    attempts = [attempt for row in rows for call in row["calls"] for attempt in call["attempts"] if attempt["error"]]
    assert refused == {one["request_id"] for one in attempts if (one["http_status"] or 0) >= 400} != set()


def test_no_more_calls_were_in_flight_than_allowed_and_the_room_was_used(seen: Seen) -> None:
    ends = [(moment(r.line["answered_at"]), -1) for r in seen.requests if r.trial]
    starts = [(moment(r.received_at), 1) for r in seen.requests if r.trial]
    in_flight = peak = 0
    for _, change in sorted(starts + ends):  # at the same millisecond an end comes first
        in_flight += change
        peak = max(peak, in_flight)
    assert CONCURRENCY / 2 <= peak <= CONCURRENCY


def test_judging_overlaps_with_running(seen: Seen) -> None:
    judged = [r.received_at for r in seen.requests if r.is_judge and r.trial]
    asked = [r.received_at for r in seen.requests if r.trial and not r.is_judge]
    assert sum(at < max(asked) for at in judged) > len(judged) / 2


def test_a_judge_is_told_neither_the_subject_nor_the_variant(seen: Seen, rows: list[dict[str, Any]]) -> None:
    judged = [request for request in seen.requests if request.is_judge and request.trial]
    assert len(judged) >= 35 and {request.model for request in judged} == {JUDGE}
    labels = {variant["label"] for variant in seen.run.plan()["plan"]["variants"]}
    hidden = {SUBJECT, OTHER, "nova-pro", "nova-micro", *{row["prompt_variant"] for row in rows}, *labels}
    for request in judged:
        text = json.dumps(request.body, ensure_ascii=False).lower()
        assert not [name for name in hidden if name.lower() in text]


def test_a_judge_has_sampling_of_its_own(seen: Seen) -> None:
    for request in seen.requests:
        if request.is_judge and request.trial:
            assert request.body["inferenceConfig"] == {"temperature": 0.0, "maxTokens": 1024}


def test_options_are_put_to_the_judge_in_an_order_of_the_trials_own(seen: Seen) -> None:
    orders = set()
    for request in seen.requests:
        if request.is_judge and request.trial:
            schema = request.body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
            orders.add(tuple(schema["properties"]["strategy"]["enum"]))
    assert len(orders) > 10


# --- Pacing, and parameters a model does not take ------------------------------------------------


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bedrock]:
    with bedrock_process({"latency_s": 0.02}, log=tmp_path_factory.mktemp("quiet") / "requests.jsonl") as bedrock:
        yield bedrock


@pytest.fixture
def project_of(tmp_path_factory: pytest.TempPathFactory, quiet: Bedrock) -> ProjectOf:
    def make(**variables: str) -> Project:
        return make_project(tmp_path_factory.mktemp("sampling"), **(quiet.environment() | variables))

    return make


def test_the_delay_spaces_the_starts_of_each_subject_without_holding_a_slot(
    tmp_path_factory: pytest.TempPathFactory, quiet: Bedrock
) -> None:
    project = make_project(tmp_path_factory.mktemp("delay"), BATCH_MODE="true", BATCH_SIZE="1", **quiet.environment())
    ended = project.run(SUBJECT_MODELS=f"{SUBJECT},{OTHER}", INTER_RUN_DELAY="0.4", MAX_CONCURRENCY="1")
    assert ended.code == 0, ended.stderr
    starts: dict[str, list[float]] = defaultdict(list)
    for row in project.the_run().records().values():
        starts[row["steward_model"]].append(moment(row["started_at"]))
    for own in starts.values():
        assert len(own) == 5
        assert min(later - earlier for earlier, later in pairwise(sorted(own))) > 0.35
    # One after the other they would have needed nine delays; side by side it is four.
    everything = sorted(start for own in starts.values() for start in own)
    assert everything[-1] - everything[0] < 6 * 0.4


def test_a_parameter_the_model_does_not_take_is_refused_before_the_first_call(
    project_of: ProjectOf, quiet: Bedrock
) -> None:
    project, before = project_of(SUBJECT_MODELS=PICKY), len(requests_in(quiet.log))
    ended = project.run()
    assert (ended.code, len(requests_in(quiet.log))) == (2, before)
    assert ended.stderr.startswith("MODEL_TOP_P: ") and "ON_UNSUPPORTED=drop" in ended.stderr


def test_a_parameter_that_is_dropped_is_listed_and_not_sent(project_of: ProjectOf, quiet: Bedrock) -> None:
    project = project_of(SUBJECT_MODELS=PICKY, ON_UNSUPPORTED="drop")
    ended = project.run()
    assert ended.code == 0, ended.stderr
    ((trial_id, row),) = project.the_run().records().items()
    sent = [request for request in quiet.requests() if request.trial == trial_id and not request.is_judge]
    assert all(request.body["inferenceConfig"] == {"temperature": 0.7, "maxTokens": 500} for request in sent)
    assert row["unsupported"] == ["top_p"]
    assert row["requested_parameters"]["top_p"] == 0.95 and row["sent_parameters"].get("top_p") is None
