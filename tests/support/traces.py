"""Does a trace hang together? What must hold for the spans of any run, whatever happened in it."""

from collections.abc import Iterable

from tests.standins.otlp import ReceivedSpan

RUN, TRIAL, CALL, ATTEMPT = "run", "trial", "call", "attempt"
_PARENT = {ATTEMPT: CALL, CALL: TRIAL, TRIAL: RUN}
_NAMES = {"trialbed.run": RUN, "trialbed.trial": TRIAL, "trialbed.attempt": ATTEMPT}


def kind_of(span: ReceivedSpan) -> str:
    return _NAMES.get(span.name, CALL)


def of_kind(spans: Iterable[ReceivedSpan], kind: str) -> list[ReceivedSpan]:
    return [span for span in spans if kind_of(span) == kind]


def check_tree(spans: Iterable[ReceivedSpan]) -> None:
    """Of one sitting: one trace with one root, every span once, each in the right parent and within its time."""
    spans = list(spans)
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans), "a span came twice, or two have one id"
    assert len({span.trace_id for span in spans}) == 1
    assert [kind_of(span) for span in spans if span.parent_id is None] == [RUN]
    for span in spans:
        assert span.began_ns <= span.ended_ns
        if span.parent_id is not None:
            parent = by_id[span.parent_id]
            assert kind_of(parent) == _PARENT[kind_of(span)]
            assert parent.began_ns <= span.began_ns and span.ended_ns <= parent.ended_ns
            if kind_of(span) == CALL:
                assert span.attributes["trialbed.trial_id"] == parent.attributes["trialbed.trial_id"]


def tokens_in(spans: Iterable[ReceivedSpan]) -> tuple[int, int]:
    """Input and output tokens over all spans, whatever they are: as a backend adds them up."""
    spans = list(spans)
    return (
        sum(span.attributes.get("gen_ai.usage.input_tokens", 0) for span in spans),
        sum(span.attributes.get("gen_ai.usage.output_tokens", 0) for span in spans),
    )
