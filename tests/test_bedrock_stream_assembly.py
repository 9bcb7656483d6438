"""Is a streamed answer the very answer that would have come at once, however it was cut, and half a stream none?"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_bedrock_mapping import FORM, json_values, read
from tests.test_bedrock_standin import answer_body
from trialbed.core.errors import BrokenStream, MalformedBody
from trialbed.providers.bedrock.assembly import Event, assembled
from trialbed.providers.bedrock.streaming import MOST_TOKENS_UNSTREAMED, is_streamed

TOOL = {"toolUseId": "t1", "name": FORM.name}
any_text = st.text(st.characters(exclude_categories=()) | st.sampled_from("\ud83d\ude00\ud83d😀"))
text_blocks = st.builds(lambda text: {"text": text}, any_text)
tool_blocks = st.builds(
    lambda value, name: {"toolUse": {"toolUseId": "t1", "name": name, "input": value}},
    st.dictionaries(any_text, json_values | any_text, max_size=4) | json_values,
    st.sampled_from([FORM.name, "another"]),
)
thoughts = st.builds(
    lambda text, signature: {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}},
    any_text,
    st.text("abcABC0189+/="),
)
redacted_thoughts = st.sampled_from([{"reasoningContent": {"redactedContent": "AAECAwQ="}}])
bodies = st.builds(
    lambda blocks, stop, members: on_the_wire(
        answer_body(
            output={"message": {"role": "assistant", "content": blocks}},
            stopReason=stop,
            **members,
        )
    ),
    st.lists(text_blocks | tool_blocks | thoughts | redacted_thoughts, max_size=5),
    st.sampled_from(["end_turn", "tool_use", "max_tokens", "refusal", "a_new_reason"]),
    st.dictionaries(
        st.sampled_from(["serviceTier", "performanceConfig", "trace", "aNewMember"]), json_values, max_size=3
    ),
)


def on_the_wire(value: Any) -> Any:
    """As a reader of its JSON gets it: halves of a surrogate pair that meet are one character."""
    return json.loads(json.dumps(value))


def pieces_of(text: str, size: int) -> list[str]:
    """Cut after every `size` UTF-16 units, so that surrogate pairs are cut too; one empty piece at the least."""
    units = text.encode("utf-16-le", "surrogatepass")
    cut = [units[start : start + 2 * size] for start in range(0, len(units), 2 * size)] or [b""]
    return [piece.decode("utf-16-le", "surrogatepass") for piece in cut]


def events_of(body: dict[str, Any], size: int) -> Iterator[Event]:
    """How ConverseStream would bring `body`, read from its JSON one by one."""
    for kind, payload in _events_of(body, size):
        yield Event(kind, on_the_wire({**payload, "p": "abcdefgh"}))


def _events_of(body: dict[str, Any], size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    message = body["output"]["message"]
    yield "messageStart", {"role": message["role"]}
    for index, block in enumerate(message["content"]):
        at = {"contentBlockIndex": index}
        if "toolUse" in block:
            start = {name: value for name, value in block["toolUse"].items() if name != "input"}
            yield "contentBlockStart", {"start": {"toolUse": start}, **at}
        for delta in _deltas_of(block, size):
            yield "contentBlockDelta", {"delta": delta, **at}
        yield "contentBlockStop", at
    closing = {name: value for name, value in body.items() if name not in ("output", "stopReason")}
    yield "messageStop", {"stopReason": body["stopReason"]}
    yield "metadata", closing


def _deltas_of(block: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    match block:
        case {"text": text}:
            yield from ({"text": piece} for piece in pieces_of(text, size))
        case {"toolUse": use}:
            text = json.dumps(use["input"], ensure_ascii=False)
            yield from ({"toolUse": {"input": piece}} for piece in pieces_of(text, size))
        case {"reasoningContent": {"reasoningText": thought}}:
            yield from ({"reasoningContent": {"text": piece}} for piece in pieces_of(thought["text"], size))
            yield {"reasoningContent": {"signature": thought["signature"]}}
        case {"reasoningContent": thought}:
            yield {"reasoningContent": thought}


def whole(*middle: tuple[str, dict[str, Any]], stop_reason: str = "end_turn") -> list[Event]:
    """A stream with these events between its first and its last ones."""
    closing = {"usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}, "metrics": {"latencyMs": 3}}
    every = [("messageStart", {"role": "assistant"}), *middle, ("messageStop", {"stopReason": stop_reason})]
    return [Event(*event) for event in (*every, ("metadata", closing))]


def delta(index: Any = 0, /, **members: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"delta": members, "contentBlockIndex": index}


def tool_start(index: int = 0) -> tuple[str, dict[str, Any]]:
    return "contentBlockStart", {"start": {"toolUse": TOOL}, "contentBlockIndex": index}


@given(bodies, st.integers(1, 9))
def test_in_pieces_of_any_size_it_is_the_body_that_would_have_come_at_once(body: dict[str, Any], size: int) -> None:
    again = assembled(events_of(body, size))
    assert again == body
    for mode in (None, "forced_tool", "json_schema"):
        options: dict[str, Any] = {"form": FORM if mode else None, "mode": mode}
        assert _reply_or_complaint(again, options) == _reply_or_complaint(body, options)


def _reply_or_complaint(body: dict[str, Any], options: dict[str, Any]) -> Any:
    try:
        return read(body, **options)
    except MalformedBody as error:
        return str(error)


@given(bodies, st.integers(1, 9), st.data())
def test_a_stream_that_ends_before_its_end_is_no_answer(body: dict[str, Any], size: int, data: st.DataObject) -> None:
    events = list(events_of(body, size))
    length = data.draw(st.integers(0, len(events) - 1))
    with pytest.raises(BrokenStream) as caught:
        assembled(events[:length], request_id="req-7")
    assert (caught.value.request_id, caught.value.http_status) == ("req-7", 200)


def test_halves_of_a_pair_in_two_pieces_are_one_character_and_a_lone_half_is_repaired_and_counted() -> None:
    paired = read(assembled(whole(delta(text="so \ud83d"), delta(text="\ude00 so"))))
    assert (paired.text, paired.repairs) == ("so 😀 so", 0)
    lone = read(assembled(whole(delta(text="so \ud83d"), delta(text=" so"))))
    assert (lone.text, lone.repairs) == ("so \ufffd so", 1)
    parted = read(assembled(whole(delta(0, text="so \ud83d"), delta(1, text="\ude00 so"))))
    assert (parted.text, parted.repairs) == ("so \ufffd\ufffd so", 2)


def test_blocks_stand_in_the_order_of_their_index_and_thoughts_are_kept_apart() -> None:
    events = whole(
        delta(2, text="B"),
        delta(0, reasoningContent={"text": "h"}),
        delta(1, text="A"),
        delta(0, reasoningContent={"text": "m"}),
        delta(2, text="b"),
        delta(0, reasoningContent={"signature": "s"}),
    )
    body = assembled(events)
    assert body["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"text": "A"},
        {"text": "Bb"},
    ]
    assert (read(body).text, read(body).reasoning) == ("ABb", "hm")


def test_thoughts_and_words_that_share_an_index_are_two_blocks() -> None:
    reply = read(assembled(whole(delta(reasoningContent={"text": "hm"}), delta(text="A"))))
    assert (reply.text, reply.reasoning) == ("A", "hm")


def test_redacted_thoughts_are_joined_as_bytes() -> None:
    pieces = [delta(reasoningContent={"redactedContent": piece}) for piece in ("AAE=", "Ag==")]
    body = assembled(whole(*pieces))
    assert body["output"]["message"]["content"] == [{"reasoningContent": {"redactedContent": "AAEC"}}]
    assert read(body).reasoning is None


def test_every_member_of_the_closing_events_is_kept_but_for_the_padding() -> None:
    stop = Event("messageStop", {"stopReason": "end_turn", "additionalModelResponseFields": {"a": 1}, "p": "abc"})
    last = Event(
        "metadata",
        {"usage": {"inputTokens": 1, "outputTokens": 1}, "serviceTier": {"type": "flex"}, "aNewMember": [1], "p": "ab"},
    )
    reply = read(assembled([Event("messageStart", {"role": "assistant", "p": "a"}), stop, last]))
    assert reply.echoed == {
        "additional_model_response_fields": {"a": 1},
        "service_tier": {"type": "flex"},
        "a_new_member": [1],
    }


def test_what_a_newer_service_adds_does_no_harm() -> None:
    reply = read(
        assembled(
            whole(
                ("aNewEvent", {"x": 1}),
                ("contentBlockStart", {"start": {"image": {"format": "png"}}, "contentBlockIndex": 1}),
                delta(1, image={"source": {"bytes": "AAAA"}}),
                delta(0, text="A", citation={"title": "t"}),
            )
        )
    )
    assert reply.text == "A"


def test_a_tool_that_is_called_without_input_has_an_empty_one() -> None:
    reply = read(assembled(whole(tool_start(), stop_reason="tool_use")), form=FORM, mode="forced_tool")
    assert reply.data == {}


@pytest.mark.parametrize("text", ['{"harm": ', "harm", "[" * 100_000])
def test_the_input_of_a_finished_tool_call_must_be_json(text: str) -> None:
    events = whole(tool_start(), delta(toolUse={"input": text}), stop_reason="tool_use")
    with pytest.raises(MalformedBody, match="no JSON"):
        assembled(events)


@pytest.mark.parametrize("stop_reason", ["max_tokens", "model_context_window_exceeded", "guardrail_intervened", "new"])
def test_a_tool_call_that_was_cut_short_is_an_answer_without_data(stop_reason: str) -> None:
    """To ask again until one is whole would select among answers."""
    events = whole(tool_start(), delta(toolUse={"input": '{"harm": 1, "wh'}), stop_reason=stop_reason)
    reply = read(assembled(events), form=FORM, mode="forced_tool")
    assert (reply.data, reply.stop_reason, reply.usage.output_tokens) == (None, stop_reason, 2)


@pytest.mark.parametrize(
    "event",
    [
        delta(text=5),
        delta(None, text="A"),
        delta(True, text="A"),
        delta("0", text="A"),
        delta(reasoningContent="hm"),
        delta(reasoningContent={"text": 5}),
        delta(reasoningContent={"redactedContent": "no base64"}),
        delta(reasoningContent={"redactedContent": 5}),
        delta(toolUse={"input": {"harm": 1}}),
        delta(toolUse=5),
        ("contentBlockDelta", {"contentBlockIndex": 0}),
        ("contentBlockDelta", {"delta": "A", "contentBlockIndex": 0}),
        ("contentBlockStart", {"start": {"toolUse": 5}, "contentBlockIndex": 0}),
        ("contentBlockStart", {"start": 5, "contentBlockIndex": 0}),
    ],
    ids=str,
)
def test_an_event_of_the_wrong_shape_is_no_answer(event: tuple[str, dict[str, Any]]) -> None:
    with pytest.raises(MalformedBody) as caught:
        assembled(whole(event), request_id="req-7")
    assert caught.value.request_id == "req-7"


kinds = ["messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata"]
names = ["role", "start", "delta", "contentBlockIndex", "toolUse", "text", "input", "stopReason", "usage", "output"]
payloads = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["tool_use", "AAAA", "{", "\ud83d"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(names), inner, max_size=4),
    max_leaves=10,
)
events = st.builds(Event, st.sampled_from(kinds), st.dictionaries(st.sampled_from(names), payloads, max_size=4))


@given(st.lists(events, max_size=5), st.dictionaries(st.sampled_from(names), payloads, max_size=4))
def test_whatever_the_events_hold_it_is_an_answer_or_a_complaint(events: list[Event], last: dict[str, Any]) -> None:
    stopped = Event("messageStop", {"stopReason": "tool_use"})
    with suppress(BrokenStream, MalformedBody):
        read(assembled([stopped, *events, Event("metadata", last)]))


def test_what_may_take_over_five_minutes_is_streamed() -> None:
    assert MOST_TOKENS_UNSTREAMED == 300 * 30
    assert [is_streamed("auto", tokens) for tokens in (1, 500, MOST_TOKENS_UNSTREAMED)] == [False] * 3
    assert [is_streamed("auto", tokens) for tokens in (MOST_TOKENS_UNSTREAMED + 1, 64_000)] == [True] * 2
    assert is_streamed("always", 1) and not is_streamed("never", 64_000)
