"""Is a judge's answer asked for in the way that binds a model most, and one step down where that is refused?"""

from pathlib import Path
from typing import Any

import pytest

from tests.standins.providers import Fault, ProviderStandIn, Said, Seen
from tests.support.litellm import answer, opened
from trialbed.core.errors import InvalidRequest
from trialbed.core.model import AnswerForm, Sampling

FORM = AnswerForm(
    "verdict",
    "what is right",
    {
        "type": "object",
        "properties": {"right": {"type": "boolean"}},
        "required": ["right"],
        "additionalProperties": False,
    },
)
RIGHT = {"right": True}
REFUSED = Fault(400, {"error": {"message": "no", "type": "invalid_request_error"}})


def way_of(seen: Seen) -> str:
    """How a request asks, by the providers' own references."""
    body = seen.body
    inside = body.get("generationConfig", {})
    if "response_format" in body or "output_format" in body or "response_json_schema" in inside:
        return "json_schema"
    if "tools" not in body:
        return "json_text"
    choice = body.get("tool_choice", body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode", "auto"))
    return "auto_tool" if choice == "auto" or choice == {"type": "auto"} else "forced_tool"


def answers(*ways: str) -> Any:
    """Takes these ways of asking and refuses others."""

    def respond(seen: Seen) -> Said | Fault:
        way = way_of(seen)
        if way not in ways:
            return REFUSED
        return Said(tool=RIGHT) if "tool" in way else Said('{"right": true}')

    return respond


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("provider", "first"),
    [
        ("openai", "json_schema"),
        ("azure", "json_schema"),
        ("together", "json_schema"),
        ("fireworks", "json_schema"),
        ("databricks", "json_schema"),
        ("anthropic", "json_schema"),
        ("gemini", "json_schema"),
        ("groq", "forced_tool"),
        ("mistral", "json_schema"),
        ("cohere", "auto_tool"),
    ],
)
async def test_each_provider_is_asked_in_its_best_way(
    provider: str, first: str, is_timed: bool, tmp_path: Path
) -> None:
    with ProviderStandIn(answers(first)) as standin:
        async with opened(provider, standin.url, tmp_path) as model:
            reply = await answer(model, form=FORM, is_timed=is_timed)
    (seen,) = standin.seen
    assert way_of(seen) == first == reply.sent["answer_mode"]
    assert reply.data == RIGHT
    assert reply.stop_reason in ("end_turn", "tool_use")


@pytest.mark.parametrize("taken", ["json_schema", "forced_tool", "auto_tool", "json_text"])
async def test_a_way_that_is_refused_is_left_for_the_next_and_not_tried_again(taken: str, tmp_path: Path) -> None:
    with ProviderStandIn(answers(taken)) as standin:
        async with opened("openai", standin.url, tmp_path) as model:
            first, second = await answer(model, form=FORM), await answer(model, form=FORM)
    ladder = ["json_schema", "forced_tool", "auto_tool", "json_text"]
    below = ladder[: ladder.index(taken) + 1]
    assert [way_of(seen) for seen in standin.seen] == [*below, taken]
    assert first.sent["answer_mode"] == second.sent["answer_mode"] == taken
    assert first.unsupported == second.unsupported
    assert first.unsupported == ("response_format", "tool_choice", "tools")[: len(below) - 1]
    assert first.data == (None if taken == "json_text" else RIGHT)


async def test_a_request_that_is_refused_in_every_way_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    refusing = [True]
    with ProviderStandIn(lambda seen: REFUSED if refusing[0] else answers("json_schema")(seen)) as standin:
        async with opened("openai", standin.url, tmp_path) as model:
            with pytest.raises(InvalidRequest):
                await answer(model, form=FORM)
            refusing[0] = False
            assert (await answer(model, form=FORM)).sent["answer_mode"] == "json_schema"
            refusing[0] = True
            asked = len(standin.seen)
            with pytest.raises(InvalidRequest):
                await answer(model, form=FORM)
    # The way has been taken before: the refusal is about this request.
    assert len(standin.seen) == asked + 1


async def test_prose_under_a_schema_has_the_next_request_ask_otherwise(tmp_path: Path) -> None:
    def respond(seen: Seen) -> Said:
        return Said(tool=RIGHT) if "tools" in seen.body else Said("I would say it is right.")

    with ProviderStandIn(respond) as standin:
        async with opened("openai", standin.url, tmp_path) as model:
            prose, data = await answer(model, form=FORM), await answer(model, form=FORM)
    assert (prose.data, prose.sent["answer_mode"]) == (None, "json_schema")
    assert (data.data, data.sent["answer_mode"]) == (RIGHT, "forced_tool")


async def test_a_judge_goes_without_what_its_model_does_not_take(tmp_path: Path) -> None:
    with ProviderStandIn(answers("json_schema")) as standin:
        async with opened("openai", standin.url, tmp_path, model_id="o3-mini") as model:
            reply = await answer(model, form=FORM, sampling=Sampling(64, 0.0))
    assert "temperature" not in standin.seen[0].body and "temperature" in reply.unsupported


async def test_tools_that_contradict_each_other_are_no_answer(tmp_path: Path) -> None:
    calls = [
        {"id": str(right), "type": "function", "function": {"name": "verdict", "arguments": f'{{"right": {right}}}'}}
        for right in ("true", "false")
    ]
    choice = {"message": {"role": "assistant", "tool_calls": calls}, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    with ProviderStandIn(lambda _: Fault(200, {"choices": [choice], "usage": usage})) as standin:
        async with opened("groq", standin.url, tmp_path) as model:
            reply = await answer(model, form=FORM)
    assert (reply.data, reply.stop_reason) == (None, "tool_use")
