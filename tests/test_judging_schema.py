"""The JSON schema of an answer model, and how it is told in words."""

import json
from collections.abc import Iterator
from enum import StrEnum
from random import Random
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from trialbed.judging.options import options
from trialbed.judging.outline import outline
from trialbed.judging.schema import answer_schema, without_meanings


class Mood(StrEnum):
    UP = "up"
    DOWN = "down"
    LEVEL = "level"


class Inner(BaseModel):
    size: Literal["small", "medium", "large", "huge"]
    title: str = "a default"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Answer(BaseModel):
    mood: Mood
    inner: Inner = Field(description="one inner thing")
    inners: list[Inner]
    score: float = Field(ge=-1, le=1)
    note: str | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    explained: Literal["a", "b", "c"] = options({"a": "the first", "b": "the second"}, description="which one")


class Endless(BaseModel):
    inside: "Endless | None" = None


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from nodes(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from nodes(part)


@given(st.integers())
def test_a_schema_refers_to_nothing_and_leaves_nothing_open(seed: int) -> None:
    schema = without_meanings(answer_schema(Answer, Random(seed)))
    assert not {"$ref", "$defs", "default", "discriminator", "oneOf", "x-option-meanings"} & {
        key for node in nodes(schema) for key in node
    }
    for node in nodes(schema):
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])


@given(st.integers())
def test_shuffling_keeps_every_option_and_follows_the_seed(seed: int) -> None:
    schema = answer_schema(Answer, Random(seed))
    assert schema == answer_schema(Answer, Random(seed))
    assert sorted(schema["properties"]["mood"]["enum"]) == ["down", "level", "up"]
    assert sorted(schema["properties"]["inner"]["properties"]["size"]["enum"]) == ["huge", "large", "medium", "small"]


def test_every_order_of_options_comes_up() -> None:
    orders = {tuple(answer_schema(Answer, Random(seed))["properties"]["mood"]["enum"]) for seed in range(100)}
    assert len(orders) == 6


def test_without_a_generator_the_author_s_order_stays() -> None:
    assert answer_schema(Answer, None)["properties"]["mood"]["enum"] == ["up", "down", "level"]


def test_a_field_may_be_called_title_and_keeps_its_own_description() -> None:
    inner = answer_schema(Answer, None)["properties"]["inner"]
    assert "title" in inner["properties"]
    assert inner["description"] == "one inner thing"


def test_a_model_that_contains_itself_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="Endless contains itself"):
        answer_schema(Endless, None)


@given(st.integers())
def test_the_words_name_every_field_and_list_options_in_the_schema_s_order(seed: int) -> None:
    schema = answer_schema(Answer, Random(seed))
    words = outline(schema)
    assert all(f"- {name} (" in words for name in Answer.model_fields)
    places = [words.index(f"- {json.dumps(option)}") for option in schema["properties"]["mood"]["enum"]]
    assert places == sorted(places)


def test_the_words_explain_options_bounds_and_lists() -> None:
    words = outline(answer_schema(Answer, None))
    assert '  - "a": the first\n  - "b": the second\n  - "c"' in words
    assert "- explained (exactly one of the options below, which are in no particular order): which one" in words
    assert "- score (number at least -1 and at most 1)" in words
    assert "- inners (a list; each entry an object of the fields below)" in words
    assert "- note (text or null)" in words


class Points(BaseModel):
    stars: Literal[1, 2, 3, 4, 5]
    mood: Literal["up", "down", "level"]


@given(st.integers())
def test_the_points_of_a_scale_stand_in_their_order(seed: int) -> None:
    schema = answer_schema(Points, Random(seed))
    assert schema["properties"]["stars"]["enum"] == [1, 2, 3, 4, 5]
    assert "- stars (one of 1, 2, 3, 4, 5)" in outline(schema)
    assert "in no particular order" in outline(schema), "of words none comes first"
