"""What can be said of a tutor's turn by its words alone? Pure and versioned; no model is asked.

The definitions:

- a question mark is `?`, its kin in other scripts, a Greek `;` or the Armenian mark; a run (`?!`, `???`) is one. Those
  in addresses, in code and in `(?)` are none. A question that is quoted counts.
- a turn is open-ended if its last question is: if the first word that asks is one like what, why or how, not an
  auxiliary. Lead-ins, vocatives, prepositions and conditions are passed over.
- it has advice, or is leading, if it holds a phrase of a kind; only a turn that asks something can lead.

Known limits: form is not intent. `Could you explain …?` is closed, `Why don't you rest?` is open, a rhetorical question
is a question, and an answer that lies in what a question takes for granted is not seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .wording.advice import advice_in
from .wording.leading import leading_in
from .wording.openness import opened_by
from .wording.reading import Reading, Span, read

HEURISTICS_VERSION = "1"
"""Changes whenever some text might get another answer."""


@dataclass(frozen=True)
class Heuristics:
    """What was found in one text.

    `spans` names for each heuristic the half-open character offsets of what it saw, in order and without overlap; it
    is empty where the answer is no.
    """

    has_question: bool
    question_count: int
    ends_with_question: bool
    open_ended: bool
    has_advice: bool
    is_leading: bool
    spans: Mapping[str, tuple[Span, ...]]

    def as_values(self) -> dict[str, object]:
        """Everything, with the version, in types that JSON knows."""
        return {
            "version": HEURISTICS_VERSION,
            "has_question": self.has_question,
            "question_count": self.question_count,
            "ends_with_question": self.ends_with_question,
            "open_ended": self.open_ended,
            "has_advice": self.has_advice,
            "is_leading": self.is_leading,
            "spans": {name: [list(span) for span in spans] for name, spans in self.spans.items()},
        }


def heuristics_of(text: str) -> Heuristics:
    """Read one text. Takes any text, and time in proportion to its length."""
    reading = read(text)
    marks = tuple(map(reading.original, reading.marks))
    spans = {
        "has_question": marks,
        "question_count": marks,
        "ends_with_question": marks[-1:] if reading.ends_asking() else (),
        "open_ended": _in_order(reading, _opening(reading)),
        "has_advice": _in_order(reading, advice_in(reading)),
        "is_leading": _in_order(reading, leading_in(reading)),
    }
    return Heuristics(
        has_question=bool(marks),
        question_count=len(marks),
        ends_with_question=bool(spans["ends_with_question"]),
        open_ended=bool(spans["open_ended"]),
        has_advice=bool(spans["has_advice"]),
        is_leading=bool(spans["is_leading"]),
        spans=MappingProxyType(spans),
    )


def _opening(reading: Reading) -> Iterable[Span]:
    """What makes the last question open."""
    if not reading.marks:
        return
    word = opened_by(reading, reading.sentence_at(reading.marks[-1][1] - 1))
    if word is not None:
        yield word.start, word.end


def _in_order(reading: Reading, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans of the given text, in order; those that meet are one."""
    joined: list[Span] = []
    for start, end in sorted(map(reading.original, spans)):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)
