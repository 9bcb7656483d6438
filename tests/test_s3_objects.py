"""Which objects does a trial become? The same from a live turn and from its record; fields as readers know them."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.s3_material import JUDGE, Turn, call, record, turns
from tests.torture.hub_material import record as record_of_another_kind
from trialbed.core.record import Record
from trialbed.core.turn import JudgedTurn, TurnTaken
from trialbed.core.verdict import Verdict
from trialbed.engine.recording import for_readers
from trialbed.sinks.journal.events import decode, encode
from trialbed.sinks.s3.objects import S3Object, curated_object, judge_objects, objects_of_record, turn_object
from trialbed.sinks.s3.target import S3Target

GOLDEN = Path(__file__).parent / "golden"
TARGET = S3Target("artifacts")
RUN_ID = "run-01H7X8K2P9Q4R6S7T8V9W0X1Y2"

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_numbers = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6)
_plain = st.recursive(
    _numbers | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=5,
)
_names = st.sampled_from(["form", "overall_score", "rationale", "turn", "timestamp", "other"])
_values = st.dictionaries(_names, _plain, max_size=5)


def as_journalled(row: Record) -> dict[str, Any]:
    """The record as a journal gives it back."""
    line = encode("record", "a" * 20, {"record": row.as_row()}, prev="0" * 32)
    journalled: dict[str, Any] = decode(line[:-1])["record"]
    return journalled


def from_record(row: Record, **summary: Any) -> dict[str, bytes]:
    return {one.key: one.body for one in objects_of_record(TARGET, RUN_ID, as_journalled(row), summary)}


def live(dialogue: list[Turn]) -> dict[str, bytes]:
    """What a run tells while it happens."""
    objects: list[S3Object] = []
    for turn in dialogue:
        verdicts = [verdict.as_dict() for verdict in turn.judged.verdicts]
        objects.append(turn_object(TARGET, RUN_ID, turn.taken))
        objects.extend(judge_objects(TARGET, RUN_ID, turn.taken.turn, verdicts, turn.judge_calls))
    return {one.key: one.body for one in objects}


@st.composite
def dialogues(draw: st.DrawFn) -> list[Turn]:
    """Any dialogue whose last reply may be empty, judged by any judges or none."""
    count = draw(st.integers(0, 4))
    judges = draw(st.lists(st.sampled_from([JUDGE, "bedrock:b-v1:0", "bedrock:c"]), unique=True, max_size=3))
    result = []
    for turn in range(count):
        said = draw(_texts.filter(bool)) if turn + 1 < count else draw(_texts)
        taken = TurnTaken(turn, draw(_texts), said, call("subject", "bedrock:s", turn * 60, draw(st.floats(0, 50))))
        verdicts = [Verdict("turn", draw(_values), judge=judge, turn=turn) for judge in judges]
        rules = [Verdict(name, draw(_values), turn=turn) for name in draw(st.sets(_names | st.just("heuristics")))]
        calls = tuple(call("judge", judge, turn * 60 + 5, draw(st.floats(0, 50)), turn=turn) for judge in judges)
        result.append(Turn(taken, JudgedTurn(turn, (*verdicts, *rules)), calls))
    return result


@given(dialogues(), st.integers(0, 9))
@settings(deadline=None)
def test_a_record_brings_byte_for_byte_what_its_turns_brought_live(dialogue: list[Turn], index: int) -> None:
    objects = from_record(record(index, dialogue))
    curated = objects.pop(f"curated/runs/{RUN_ID}.json")
    assert objects == live(dialogue)
    assert json.loads(curated)["n_turns"] == sum(bool(turn.taken.said) for turn in dialogue)


@given(_values, _values)
def test_every_object_is_one_line_of_utf_8_json_with_short_numbers(
    values: dict[str, Any], more: dict[str, Any]
) -> None:
    dialogue = turns(1, 1)
    verdict = Verdict("turn", values, judge=JUDGE, turn=0)
    judged = JudgedTurn(0, (verdict, Verdict("heuristics", more, turn=0)))
    for body in from_record(record(1, [replace(dialogue[0], judged=judged)]), **more).values():
        assert body.count(b"\n") == 1
        assert body.endswith(b"\n")
        seen = json.loads(body.decode("utf-8"))
        assert orjson.dumps(for_readers(seen)) == orjson.dumps(seen)


def golden(name: str) -> S3Object:
    """The object of that golden file, made of the seed's own example."""
    usage = {"input_tokens": 120, "output_tokens": 18}
    asked, said = "I'm considering a career change but unsure where to start.", "What feels most misaligned?"
    answered = {
        "role": "subject",
        "model": "bedrock:anthropic.claude-3-5-sonnet-20241022-v1:0",
        "started_at": "2025-11-05T10:30:11.100Z",
        "latency_s": 1.25,
        "usage": usage,
    }
    ruled = {**answered, "role": "judge", "turn": 0, "started_at": "2025-11-05T10:30:13.900Z", "latency_s": 1.5}
    values = {
        "form": 3,
        "substance": 3,
        "purity": 2.5,
        "overall_score": 8.5,
        "rationale": {
            "form": "Ends with a single question.",
            "substance": "Probes values.",
            "purity": "Slightly leading.",
        },
        "rubric": "1",
    }
    rule = {"has_question": True, "question_count": 1, "open_ended": True, "has_advice": False, "is_leading": False}
    verdicts = (
        Verdict("turn", values, judge=JUDGE, turn=0),
        Verdict("heuristics", rule, turn=0),
    )
    taken = TurnTaken(0, asked, said, answered)
    if name == "s3_turn":
        return turn_object(TARGET, RUN_ID, taken)
    if name == "s3_judge":
        (judgement,) = judge_objects(TARGET, RUN_ID, 0, [verdict.as_dict() for verdict in verdicts], [ruled])
        return judgement
    row = as_journalled(record(1, [Turn(taken, JudgedTurn(0, verdicts), (ruled,))]))
    row |= {"steward_model": "anthropic.claude-3-5-sonnet-20241022-v1:0", "scenario": "career-change"}
    row |= {"timestamp": "2025-11-05T10:32:15.999Z"}
    return curated_object(TARGET, RUN_ID, row, {"overall_score": 7.2, "compliance_rate": 0.8, "half_life": 3})


@pytest.mark.parametrize("name", ["s3_turn", "s3_judge", "s3_curated"])
def test_an_object_is_what_its_golden_file_holds(name: str) -> None:
    assert golden(name).body == (GOLDEN / f"{name}.json").read_bytes()


def test_keys_are_those_that_readers_look_for() -> None:
    assert [one.key for one in objects_of_record(TARGET, RUN_ID, as_journalled(record(1, turns(1, 2))), {})] == [
        f"raw/runs/{RUN_ID}/turn_000.json",
        f"raw/runs/{RUN_ID}/turn_001.json",
        f"raw/runs/{RUN_ID}/judge_000.json",
        f"raw/runs/{RUN_ID}/judge_001.json",
        f"curated/runs/{RUN_ID}.json",
    ]


@pytest.mark.parametrize("prefix", ["a/b", "/a/b/", "a/b/", "//a/b"])
def test_a_prefix_stands_before_every_key_with_one_slash(prefix: str) -> None:
    target = S3Target("artifacts", prefix)
    assert turn_object(target, RUN_ID, turns(1)[0].taken).key == f"a/b/raw/runs/{RUN_ID}/turn_000.json"
    assert target.place == "s3://artifacts/a/b/"
    assert S3Target("artifacts", "/").place == "s3://artifacts/"


def test_an_empty_last_reply_is_a_turn_in_which_nothing_was_said() -> None:
    dialogue = turns(1, 2)
    dialogue[1] = replace(dialogue[1], taken=replace(dialogue[1].taken, said=""))
    row = record(1, dialogue)
    assert row.conversation_log[-1].role == "user"
    assert json.loads(from_record(row)[f"raw/runs/{RUN_ID}/turn_001.json"])["ai_response"] == ""


@pytest.mark.parametrize("failed", [0, 1, 2])
def test_a_call_that_was_never_answered_is_no_turn(failed: int) -> None:
    row = as_journalled(record(1, turns(1, 3)))
    answered = row["calls"]
    taken = [one for one in answered if one["role"] == "subject"]
    row["calls"] = [one for one in answered if one is not taken[failed]]
    del row["conversation_log"][2 + 2 * failed]
    objects = [json.loads(one.body) for one in objects_of_record(TARGET, RUN_ID, row, {}) if "/turn_" in one.key]
    dialogue = [turn.taken for turn in turns(1, 3) if turn.taken.turn != failed]
    assert [(one["student_prompt"], one["ai_response"]) for one in objects] == [(t.asked, t.said) for t in dialogue]
    assert [one["latency_ms"] for one in objects] == [round(t.call["latency_s"] * 1000) for t in dialogue]


def test_further_judges_of_a_turn_have_objects_of_their_own() -> None:
    judges = [JUDGE, "bedrock:amazon.nova-pro-v1:0"]
    objects = from_record(record(1, turns(1, 1, judges=judges)))
    names = [json.loads(objects[f"raw/runs/{RUN_ID}/judge_000{end}.json"])["judge_model"] for end in ("", "_2")]
    assert names == ["anthropic.claude-3-5-sonnet-20241022-v1:0", "amazon.nova-pro-v1:0"]


def test_the_newest_judging_speaks_with_the_time_of_its_own_calls() -> None:
    first, again = turns(1, 2), turns(1, 2, judging=1)
    objects = from_record(record(1, first, again))
    assert {key: body for key, body in objects.items() if "/judge_" in key} == {
        key: body for key, body in live(again).items() if "/judge_" in key
    }


def test_a_second_asking_changes_nothing() -> None:
    (turn,) = turns(1, 1)
    second = [replace(verdict, repeat=1, values={"form": 0}) for verdict in turn.judged.verdicts]
    asked_twice = replace(turn, judged=replace(turn.judged, verdicts=(*turn.judged.verdicts, *second)))
    late = {**turn.judge_calls[0], "started_at": "2025-11-05T11:00:00.000Z", "repeat": 1}
    assert live([replace(asked_twice, judge_calls=(*turn.judge_calls, late))]) == live([turn])


def test_a_turn_that_no_judge_found_anything_of_has_no_judgement() -> None:
    rule = Verdict("heuristics", {"question_count": 0}, turn=0)
    assert judge_objects(TARGET, RUN_ID, 0, [rule.as_dict()], []) == []


def test_a_verdict_about_the_whole_dialogue_is_no_judgement_of_a_turn() -> None:
    whole = Verdict("whole", {"form": 3}, judge=JUDGE)
    assert judge_objects(TARGET, RUN_ID, 0, [whole.as_dict()], []) == []


def test_a_judgement_whose_calls_are_not_known_has_no_time() -> None:
    (one,) = judge_objects(TARGET, RUN_ID, 0, [Verdict("turn", {}, judge=JUDGE, turn=0).as_dict()], [])
    assert json.loads(one.body) == {"run_id": RUN_ID, "turn": 0, "judge_model": JUDGE[8:], "timestamp": None}


def test_no_value_takes_the_name_of_another_field() -> None:
    values = {"run_id": "x", "turn": 7, "judge_model": "x", "timestamp": "x", "trial_id": "x", "heuristics": "x"}
    verdicts = [Verdict("turn", values, judge=JUDGE, turn=0), Verdict("heuristics", {"a": 1}, turn=0)]
    (one,) = judge_objects(TARGET, RUN_ID, 0, [verdict.as_dict() for verdict in verdicts], [])
    seen = json.loads(one.body)
    assert (seen["run_id"], seen["turn"], seen["heuristics"], seen["timestamp"]) == (RUN_ID, 0, {"a": 1}, None)
    curated = from_record(record(1, turns(1)), run_id="x", trial_id="x", timestamps="x", outcome="x", mine=1)
    summary = json.loads(curated[f"curated/runs/{RUN_ID}.json"])
    assert (summary["run_id"], summary["mine"], summary["outcome"]) == (RUN_ID, 1, "answered")
    assert summary["timestamps"]["started_at"] == "2025-11-05T10:30:00Z"


def test_a_record_of_another_kind_has_at_least_what_came_of_it() -> None:
    row = as_journalled(record_of_another_kind(3))
    assert [one.key for one in objects_of_record(TARGET, RUN_ID, row, {})] == [f"curated/runs/{RUN_ID}.json"]


@given(st.floats(0, 600), st.integers(0, 10**6))
def test_a_turn_ends_when_its_answer_had_come(latency_s: float, at_s: int) -> None:
    taken = TurnTaken(0, "a", "b", call("subject", "bedrock:s", at_s, latency_s))
    body = json.loads(turn_object(TARGET, RUN_ID, taken).body)
    assert math.isclose(body["latency_ms"], taken.call["latency_s"] * 1000, abs_tol=0.5001)
    assert body["timestamp"].endswith("Z")
    assert len(body["timestamp"]) == len("2025-11-05T10:30:12Z")
