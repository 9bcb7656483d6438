"""Is an answer read alike whether it came whole or in pieces, in every protocol and accent? Pure."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.standins.providers.protocols import Said, pieces, whole
from trialbed.core.model import Usage
from trialbed.providers.body import NotAnAnswer
from trialbed.providers.litellm.answers.choose import answers_to
from trialbed.providers.litellm.answers.reading import EndedEarly, ToolUse
from trialbed.providers.litellm.sse import Events

TOOL = {"function": {"name": "verdict"}, "name": "verdict", "function_declarations": [{"name": "verdict"}]}
BODY = {"model": "m", "tools": [TOOL], "stream_options": {"include_usage": True}}
URLS = {
    "chat": "https://x/v1/chat/completions",
    "anthropic": "https://x/v1/messages",
    "gemini": "https://x/v1beta/models/m:streamGenerateContent?alt=sse",
    "cohere": "https://x/v2/chat",
}
texts = st.text(max_size=40)
saids = st.builds(
    Said,
    text=st.text(min_size=1, max_size=60),
    stop=st.none(),
    tool=st.none() | st.dictionaries(texts, st.integers() | texts | st.booleans(), max_size=3),
    input_tokens=st.integers(0, 9999),
    output_tokens=st.integers(1, 9999),
    cached_tokens=st.integers(0, 99),
)


@given(st.sampled_from(sorted(URLS)), saids, st.integers(1, 50))
def test_a_stream_says_what_the_whole_answer_says(protocol: str, said: Said, cut: int) -> None:
    answers = answers_to(URLS[protocol], {}, protocol)
    data = b"".join(pieces(protocol, said, BODY))
    stream = Events()
    events = [event for at in range(0, len(data), cut) for event in stream.add(data[at : at + cut])]
    events += stream.close()
    read = answers.read(answers.assembled(events))
    assert read == answers.read(whole(protocol, said, BODY))
    assert read.usage == Usage(said.input_tokens, said.output_tokens, cache_read_tokens=said.cached_tokens)
    if said.tool is None:
        assert (read.text, read.stop_reason) == (said.text, "end_turn")
        assert "".join(answers.text_of(event) for event in events) == said.text
    else:
        assert (read.tools, read.stop_reason) == ((ToolUse("verdict", said.tool),), "tool_use")


@given(st.sampled_from(sorted(URLS)), saids, st.data())
def test_a_stream_that_lacks_its_end_is_no_answer(protocol: str, said: Said, data: st.DataObject) -> None:
    answers = answers_to(URLS[protocol], {}, protocol)
    stream = Events()
    events = [event for piece in pieces(protocol, said, BODY) for event in stream.add(piece)]
    closing = {"chat": "finish_reason", "anthropic": "message_stop", "gemini": "finishReason", "cohere": "message-end"}
    last = next(at for at, event in enumerate(events) if is_closing(event, closing[protocol]))
    kept = data.draw(st.integers(0, last))
    with pytest.raises(EndedEarly):
        answers.assembled(events[:kept])


def is_closing(event: dict[str, Any], mark: str) -> bool:
    if event.get("type") == mark:
        return True
    choices = event.get("choices") or event.get("candidates") or []
    return bool(choices and choices[0].get(mark))


ACCENTS = [
    ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so…"}]},
                  {"type": "text", "text": "Yes."}]}, "Yes.", "so…"),
    ({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "so…"}]},
                  {"type": "text", "text": "Yes."}]}, "Yes.", "so…"),
    ({"content": "Yes.", "reasoning": "so…"}, "Yes.", "so…"),
    ({"content": "Yes.", "reasoning_content": "so…", "reasoning": "so…"}, "Yes.", "so…"),
    ({"content": None}, "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("message", "text", "reasoning"), ACCENTS)
def test_the_accents_of_chat_completions_are_understood(message: dict[str, Any], text: str, reasoning: str) -> None:
    answers = answers_to(URLS["chat"], {}, "mistral")
    read = answers.read({"choices": [{"message": message, "finish_reason": "stop"}]})
    assert (read.text, read.reasoning, read.usage) == (text, reasoning, None)
    streamed = answers.assembled([{"choices": [{"delta": message, "finish_reason": "stop"}]}])
    again = answers.read(streamed)
    assert (again.text, again.reasoning) == (text, reasoning)


def test_a_refusal_is_one_whatever_the_finish_reason_says() -> None:
    message = {"content": None, "refusal": "I cannot."}
    read = answers_to(URLS["chat"], {}, "openai").read({"choices": [{"message": message, "finish_reason": "stop"}]})
    assert (read.stop_reason, read.text) == ("refusal", "I cannot.")


RESPONSE = {
    "object": "response",
    "status": "completed",
    "model": "gpt-5.5",
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "so…"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "Yes."}]},
    ],
    "usage": {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}},
}


def test_openais_responses_are_read_whole_and_streamed() -> None:
    answers = answers_to("https://x/v1/responses", {}, "openai")
    delta = {"type": "response.output_text.delta", "delta": "Yes."}
    events = [{"type": "response.created", "response": {}}, delta, {"type": "response.completed", "response": RESPONSE}]
    for body in (RESPONSE, answers.assembled(events)):
        read = answers.read(body)
        assert (read.text, read.stop_reason, read.reasoning) == ("Yes.", "end_turn", "so…")
        assert read.usage == Usage(7, 4, cache_read_tokens=2)
    assert answers.text_of(delta) == "Yes."
    cut = {**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert answers.read(cut).stop_reason == "max_tokens"
    with pytest.raises(EndedEarly):
        answers.assembled(events[:2])


MEMBERS = ["choices", "message", "content", "candidates", "finish_reason", "parts", "usage", "finishReason", "delta"]
MEMBERS += ["stop_reason", "type", "text", "output", "prompt_tokens", "completion_tokens", "index", "tool_calls"]
leaves = st.none() | st.booleans() | st.integers() | texts
bodies = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
)


@given(bodies)
def test_whatever_comes_is_an_answer_or_is_said_to_be_none(body: Any) -> None:
    for protocol, url in {**URLS, "responses": "https://x/responses"}.items():
        answers = answers_to(url, {}, protocol)
        answers.text_of(body)
        with suppress(NotAnAnswer):
            answers.read(body if isinstance(body, dict) else {})
        with suppress(NotAnAnswer, EndedEarly):
            answers.assembled([body])
