"""Where does a text tell the student what to do? By its phrases; what it quotes is not its own advice."""

from collections.abc import Iterator

from .advice_phrases import ANYWHERE, AT_A_START, DOUBTERS, OBLIGATIONS, OWN_VIEW, SOFTENERS, UNSPACED
from .question_words import LEAD_INS
from .reading import Reading, Sentence, Span


def advice_in(reading: Reading) -> Iterator[Span]:
    """Where the reading advises, in no particular order; spans may meet."""
    for first, behind in _advice(reading):
        if reading.is_said_at_once(first, behind):
            yield reading.words[first].start, reading.words[behind - 1].end
    for found in UNSPACED.finditer(reading.text):
        if not reading.is_quoted(found.start()):
            yield found.span()


def _advice(reading: Reading) -> Iterator[tuple[int, int]]:
    yield from ANYWHERE.found_in(reading.words)
    for first, behind in AT_A_START.found_in(reading.words):
        if _is_at_start(reading, first):
            yield first, behind
    for first, behind in OBLIGATIONS.found_in(reading.words):
        if _obliges(reading, first):
            yield first, behind


def _is_at_start(reading: Reading, at: int) -> bool:
    """Whether nothing but lead-ins stands before a word in its sentence or, unless that asks, in its clause.

    Only then is it an order: `you try to` and `a plan to make a list` are none.
    """
    sentence = reading.sentence_at(reading.words[at].start)
    while _before(reading, sentence, at):
        if not sentence.is_question and reading.pauses_before(at):
            return True
        at -= 1
        if reading.words[at].text not in LEAD_INS and not reading.words[at].text.isdigit():
            return False
    return True


def _obliges(reading: Reading, at: int) -> bool:
    sentence = reading.sentence_at(reading.words[at].start)
    before = _before(reading, sentence, at)
    if before in OWN_VIEW and (owner := _before(reading, sentence, at - 1)):
        return owner in {"i", "we"} and _before(reading, sentence, at - 2) not in {"do", "should"}
    if not before:
        return True
    if not sentence.is_question:
        return before not in DOUBTERS
    return before in SOFTENERS or reading.pauses_before(at)


def _before(reading: Reading, sentence: Sentence, at: int) -> str:
    """The word before one within its sentence; empty if there is none."""
    word = reading.words[at - 1] if at > 0 else None
    return word.text if word is not None and word.start >= sentence.start else ""
