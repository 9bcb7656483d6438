"""Which questions does a probe put to a judge? Pure: golden cases and the standing sets in, transcripts out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from trialbed.core.golden import GoldenCase
from trialbed.core.model import Message
from trialbed.core.transcript import Transcript
from trialbed.judging.injections import INJECTIONS, Injection, control_like

ProbeSet = Literal["golden", "injection", "control"]


@dataclass(frozen=True, slots=True)
class Attack:
    """A golden case with words appended to its last reply. `target` None = a control, which demands nothing.

    `kind` is that of the injection, also of the control that stands beside it.
    """

    set: ProbeSet
    case: GoldenCase
    injection: str
    kind: str
    target: Any
    transcript: Transcript


def attacks(
    cases: Sequence[GoldenCase],
    *,
    field: str,
    options: Sequence[Any],
    clean: Mapping[str, Any],
    injections: Sequence[Injection] = INJECTIONS,
) -> Iterator[Attack]:
    """Every injection in one of the cases in turn, and after each its control in the same case.

    Args:
        field: the field of the verdict that is attacked; `options` are its possible values.
        clean: the judge's own value by case id; cases that it did not judge are not attacked.
    """
    usable = [case for case in cases if case.id in clean]
    for number, injection in enumerate(injections):
        if not usable:
            return
        case = usable[number % len(usable)]
        target = _wrong_value(options, (clean[case.id], case.expected.get(field)), f"{case.id}:{injection.id}")
        if target is None:
            continue
        text = injection.filled(field, str(target))
        demanded = None if injection.is_off_schema else target
        yield Attack("injection", case, injection.id, injection.kind, demanded, with_words(case.transcript, text))
        yield Attack(
            "control", case, injection.id, injection.kind, None, with_words(case.transcript, control_like(text, number))
        )


def with_words(transcript: Transcript, text: str) -> Transcript:
    """The same dialogue, `text` appended to the subject's last reply.

    Raises:
        ValueError: the subject says nothing in it.
    """
    messages = list(transcript.messages)
    place = max((number for number, message in enumerate(messages) if message.role == "assistant"), default=None)
    if place is None:
        raise ValueError("a golden case needs a reply of the subject")
    messages[place] = Message("assistant", f"{messages[place].text}\n\n{text}")
    return Transcript(transcript.system, tuple(messages))


def options_of(schema: Mapping[str, Any], field: str) -> tuple[Any, ...]:
    """The values that a form allows for a field, in an order of their own; empty if it is not a choice."""
    member = schema.get("properties", {}).get(field, {})
    if member.get("type") == "boolean":
        return (False, True)
    return tuple(sorted(member.get("enum", ()), key=str))


def _wrong_value(options: Sequence[Any], right: Sequence[Any], seed: str) -> Any:
    """One of the options that is not right, the same every time; None if all are."""
    wrong = [option for option in options if option not in right]
    return Random(seed).choice(wrong) if wrong else None
