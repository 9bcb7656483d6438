"""Where does a question suggest its answer? By its words: tags, negative interrogatives, certainties and set phrases.

A suggestion that lies in what a question takes for granted is beyond words and is not seen.
"""

from collections.abc import Iterator, Sequence

from .in_place import opened_in_place, reads_in_place
from .leading_phrases import (
    ANYWHERE,
    BEFORE_CERTAINTIES,
    CERTAINTIES,
    KOREAN_ENDS,
    NEGATIONS,
    PHRASE_TAGS,
    SUBJECTS,
    TAG_AUXILIARIES,
    UNSPACED,
    WORD_TAGS,
)
from .openness import Clause, clauses_of
from .question_words import CONDITIONALS, LEAD_INS, NEGATIVE_AUXILIARIES, WH
from .reading import Reading, Sentence, Span, Word


def leading_in(reading: Reading) -> Iterator[Span]:
    """Where the reading leads, in no particular order; nothing leads where nothing is asked."""
    if not reading.marks:
        return
    for first, behind in _said(reading):
        if reading.is_said_at_once(first, behind):
            yield reading.words[first].start, reading.words[behind - 1].end
    for sentence in reading.sentences:
        if sentence.is_question:
            yield from _asked(reading, sentence)


def _said(reading: Reading) -> Iterator[tuple[int, int]]:
    yield from ANYWHERE.found_in(reading.words)
    for at, word in enumerate(reading.words):
        if word.text in CERTAINTIES and _is_certainty(reading, at):
            yield at, at + 1


def _is_certainty(reading: Reading, at: int) -> bool:
    words = reading.words
    first, behind = reading.range_of(reading.sentence_at(words[at].start))
    if at == behind - 1:
        return False
    if at == first or reading.pauses_before(at):
        return True
    before = words[at - 1].text
    if before == "you":  # `You clearly believe …`, but not `Can you clearly define …`
        return at - 1 == first or words[at - 2].text in LEAD_INS
    return before in BEFORE_CERTAINTIES or before in LEAD_INS


def _asked(reading: Reading, sentence: Sentence) -> Iterator[Span]:
    words = reading.words_of(sentence)
    if not words:
        return
    if reads_in_place(reading.text[sentence.start : sentence.end]):
        yield from _asked_in_place(reading, sentence, words)
    clauses = clauses_of(reading, sentence)
    for clause in clauses:
        if (negative := _negative_interrogative(clause)) is not None:
            yield negative
    if (tag := _tag(reading, sentence, clauses)) is not None:
        yield tag


def _negative_interrogative(clause: Clause) -> Span | None:
    """`Isn't it …`, `Don't you …`, `Is it not …` at the head of a clause; not `Why isn't …`, not `Don't worry`."""
    if len(clause.words) < 2:
        return None
    words = clause.words
    if words[0].text in NEGATIVE_AUXILIARIES and (words[0].text != "don't" or words[1].text in SUBJECTS | {"people"}):
        return words[0].start, words[1].end
    is_split = len(words) > 2 and words[0].text in TAG_AUXILIARIES and words[1].text in SUBJECTS
    return (words[0].start, words[2].end) if is_split and words[2].text == "not" else None


def _tag(reading: Reading, sentence: Sentence, clauses: Sequence[Clause]) -> Span | None:
    first, behind = reading.range_of(sentence)
    last = reading.words[behind - 1]
    if last.text in WORD_TAGS and (behind - first == 1 or reading.pauses_before(behind - 1)):
        return last.start, last.end
    ending = reading.words[max(first, behind - 4) : behind]
    for tag, behind_tag in PHRASE_TAGS.found_in(ending):
        if behind_tag == len(ending) and behind - first > behind_tag - tag:
            return ending[tag].start, last.end
    if len(ending) < 3 or not clauses or last.text not in SUBJECTS:
        return None
    auxiliary = ending[-2]
    if auxiliary.text in NEGATIVE_AUXILIARIES:
        return auxiliary.start, last.end
    is_tag = auxiliary.text in TAG_AUXILIARIES and reading.pauses_before(behind - 2)
    return (auxiliary.start, last.end) if is_tag and _denies(clauses[0]) else None


def _denies(clause: Clause) -> bool:
    """Whether a clause states that something is not so: `It can't be both, can it?`"""
    if clause.first in CONDITIONALS | WH:
        return False
    return any(word.text in NEGATIONS | NEGATIVE_AUXILIARIES for word in clause.words)


def _asked_in_place(reading: Reading, sentence: Sentence, words: Sequence[Word]) -> Iterator[Span]:
    for found in UNSPACED.finditer(reading.text[sentence.start : sentence.end]):
        yield sentence.start + found.start(), sentence.start + found.end()
    if words[-1].text.endswith(KOREAN_ENDS) and opened_in_place(reading, sentence) is None:
        yield words[-1].start, words[-1].end
