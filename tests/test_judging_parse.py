"""Reading a judge's answer: strictly, and never out of prose."""

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from trialbed.judging.parse import Complaint, Parsed, parse_answer


class Inner(BaseModel):
    kept: Literal["yes", "no"]


class Answer(BaseModel):
    score: float
    count: int
    why: str = ""
    inner: Inner


GOOD = {"score": 0.5, "count": 2, "why": "because", "inner": {"kept": "yes"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(list(GOOD)) | st.text(max_size=4), part),
    max_leaves=8,
)


def complaint(*, data: Any = None, text: str = "") -> str:
    read = parse_answer(Answer, data=data, text=text)
    assert isinstance(read, Complaint)
    assert "\n" not in read.text
    return read.text


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        f"\n  {json.dumps(GOOD, indent=2)}\n",
        f"Here it is.\n```json\n{json.dumps(GOOD, indent=2)}\n```\nI hope that helps.",
        f"```JSON\n{json.dumps(GOOD)}\n```",
    ],
)
def test_a_whole_object_or_the_only_json_block_is_read(text: str) -> None:
    assert parse_answer(Answer, data=None, text=text) == Parsed(Answer.model_validate(GOOD))


def test_what_the_tool_was_called_with_counts_and_not_the_text_beside_it() -> None:
    assert parse_answer(Answer, data=GOOD, text='{"score": -1}') == Parsed(Answer.model_validate(GOOD))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("[-1, 1] scale: 0.2", "not one JSON object"),
        (f"The answer is {json.dumps(GOOD)}", "not one JSON object"),
        (f"{json.dumps(GOOD)} {json.dumps(GOOD)}", "not one JSON object"),
        (f"```json\n{json.dumps(GOOD)}\n```\n```json\n{json.dumps(GOOD)}\n```", "more than one"),
        (f"```json\n{json.dumps(GOOD)}", "not closed"),
        ("0.5", "not a JSON object"),
        ('[{"score": 1}]', "not a JSON object"),
        ('{"score": 1, "score": 2}', "twice"),
        ('{"inner": {"kept": "yes", "kept": "no"}}', "twice"),
        ('{"score": NaN}', "NaN is not"),
        ('{"score": -Infinity}', "-Infinity is not"),
        ('{"score": 1e999}', "infinity"),
        ('{"count": ' + "9" * 5000 + "}", "too long"),
        ("[" * 100_000, "too deep"),
    ],
)
def test_anything_else_is_a_complaint_that_says_why(text: str, says: str) -> None:
    assert says in complaint(text=text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"score": "0.5"}, "score:"),
        ({"score": True}, "score:"),
        ({"score": float("nan")}, "NaN"),
        ({"count": 2.5}, "count:"),
        ({"inner": {"kept": "maybe"}}, "inner.kept: Input should be 'yes' or 'no'"),
        ({"inner": {"kept": "yes", "more": 1}}, "inner.more"),
        ({"inner": json.dumps({"kept": "yes"})}, "inner:"),
        ({"extra": 1}, "extra:"),
        ({"why": None}, "why:"),
    ],
)
def test_nothing_is_converted_added_or_overlooked(change: dict[str, Any], says: str) -> None:
    assert says in complaint(data={**GOOD, **change})
    if "NaN" not in says:
        assert says in complaint(text=json.dumps({**GOOD, **change}))


@pytest.mark.parametrize("name", list(GOOD))
def test_a_field_left_out_is_never_filled_with_a_default(name: str) -> None:
    assert f"{name}: Field required" in complaint(data={key: value for key, value in GOOD.items() if key != name})


def test_half_a_surrogate_pair_does_not_come_through() -> None:
    read = parse_answer(Answer, data=None, text=json.dumps(GOOD).replace("because", "be\\ud83dcause"))
    assert isinstance(read, Parsed)
    assert read.answer.why == "be\ufffdcause"


@given(JSON)
def test_any_value_is_either_valid_or_a_complaint(value: Any) -> None:
    for read in (parse_answer(Answer, data=value, text=""), parse_answer(Answer, data=None, text=json.dumps(value))):
        assert isinstance(read, Parsed | Complaint)


@given(st.text(max_size=60))
def test_any_text_is_either_valid_or_a_complaint(text: str) -> None:
    complaint(text=text)
