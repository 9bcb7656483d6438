"""Does a question sentence ask openly, or for a yes, a no or one of two offers? Decided by its first word that asks.

Clauses and words that only lead up to it are passed over. It knows grammar, not intent: `Could you explain …?` is
closed, and `Why don't you rest?` is open. In scripts whose questions do not open with the word that asks, see in_place.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from .in_place import opened_in_place, reads_in_place
from .question_words import (
    AUXILIARIES,
    CONDITIONALS,
    COORDINATORS,
    HOMOGRAPHS,
    LEAD_INS,
    MAY_JOIN,
    PERSONS,
    PREPOSITIONS,
    REQUESTS,
    SUBJECTS,
    TRAILERS,
    WH,
)
from .reading import ARMENIAN, Reading, Sentence, Word, quoted_in

_PAUSE = re.compile(r"[,;:—–()\[\]،؛，、；：·…¿]|--|\s-\s")
_TURN = re.compile(r"[:;—–：；¿]|--|\s-\s")
"""After these a question may begin, whatever came before."""
_TASHKEEL = {sign: None for sign in range(0x064B, 0x0653)}
_RESUMING = frozenset(("what", "what's", "how", "why"))
"""Of the words that ask, those that hardly ever open a relative clause."""
_RELATIVE = frozenset(("which", "who", "whose", "whom", "who's"))


class Clause(NamedTuple):
    """A stretch of words between pauses, without its lead-ins.

    `turns`: it follows a colon, a dash or the like. `joined`: a word such as `but` or `and` led into it.
    """

    words: Sequence[Word]
    turns: bool
    joined: bool

    @property
    def first(self) -> str:
        return self.words[0].text if self.words else ""

    @property
    def second(self) -> str:
        return self.words[1].text if len(self.words) > 1 else ""


def opened_by(reading: Reading, sentence: Sentence) -> Word | None:
    """The word that makes a question sentence open; None if it is closed."""
    if reads_in_place(reading.text[sentence.start : sentence.end]):
        return opened_in_place(reading, sentence)
    clauses = clauses_of(reading, sentence)
    vocabulary = frozenset(word.text for clause in clauses for word in clause.words)
    tentative: Word | None = None
    known = False
    for at, clause in enumerate(clauses):
        asks = _asking_word(clause, vocabulary)
        if asks is not None and (not known or _resumes(clause, asks)):
            return asks
        is_last = at == len(clauses) - 1
        # Alone before a comma it is a name or something else: `Will, what do you think?`
        if clause.first in AUXILIARIES and (is_last or len(clause.words) > 1):
            return _asked_after(clauses[at:], vocabulary)
        if at == 0 and clause.first in MAY_JOIN:
            tentative = clause.words[0]
        known = known or _states(clause)
    return tentative or _asked_at_end(clauses)


def clauses_of(reading: Reading, sentence: Sentence) -> list[Clause]:
    """The clauses of a sentence; what it quotes is left out."""
    text = reading.text
    quotes = quoted_in(text[sentence.start : sentence.end])
    clauses: list[Clause] = []
    words: list[Word] = []
    turns, end = False, sentence.start
    for word in _unquoted(reading.words_of(sentence), quotes, sentence.start):
        gap = text[end : word.start]
        if _PAUSE.search(gap):
            clauses.append(_clause(words, turns))
            words, turns = [], bool(_TURN.search(gap))
            if "¿" in gap:
                clauses.clear()
        words.append(_bare(word))
        end = word.end
    clauses.append(_clause(words, turns))
    return [clause for clause in clauses if clause.words]


def _unquoted(words: Sequence[Word], quotes: Sequence[tuple[int, int]], offset: int) -> list[Word]:
    kept: list[Word] = []
    at = 0
    for word in words:
        while at < len(quotes) and quotes[at][1] + offset <= word.start:
            at += 1
        if at == len(quotes) or word.end <= quotes[at][0] + offset:
            kept.append(word)
    return kept


def _bare(word: Word) -> Word:
    """Without the Armenian mark, Arabic vowel signs and the Arabic `and`, which are written as part of a word."""
    text = word.text
    if text.isascii():
        return word
    text = text.replace(ARMENIAN, "")
    if "\u0600" <= text[:1] <= "\u06ff":
        text = text.translate(_TASHKEEL)
        if text[:1] in {"و", "ف"} and text[1:] in WH | AUXILIARIES:
            text = text[1:]
    return word._replace(text=text)


def _clause(words: Sequence[Word], turns: bool) -> Clause:
    skipped = 0
    while skipped < len(words) and (words[skipped].text in LEAD_INS or words[skipped].text.isdigit()):
        skipped += 1
    joined = any(word.text in COORDINATORS for word in words[:skipped])
    return Clause(words[skipped:], turns, joined)


def _asking_word(clause: Clause, vocabulary: frozenset[str]) -> Word | None:
    """The word at the head of a clause that asks what, why, how …; a preposition may stand before it."""
    first, second = clause.first, clause.second
    if first in WH or not vocabulary.isdisjoint(HOMOGRAPHS.get(first, ())):
        is_clause = first in {"what", "how"} and second in SUBJECTS and len(clause.words) > 2
        return None if is_clause else clause.words[0]
    if first in MAY_JOIN and second in AUXILIARIES and first not in PREPOSITIONS:
        return clause.words[0]
    if first in PREPOSITIONS:
        return _after_preposition(clause)
    return None


def _after_preposition(clause: Clause) -> Word | None:
    for before, word in zip(clause.words, clause.words[1:6], strict=False):
        if word.text in AUXILIARIES:
            return None
        if word.text in WH and before.text in PREPOSITIONS:
            return word
    return None


def _resumes(clause: Clause, asks: Word) -> bool:
    """Whether a word asks although a full clause stands before it, which it might only continue."""
    if clause.turns or clause.joined:
        return True
    return asks.text in _RESUMING and (clause.second in AUXILIARIES or len(clause.words) == 1)


def _states(clause: Clause) -> bool:
    """Whether a clause says something of its own, so that what follows may depend on it."""
    if clause.first in CONDITIONALS | PREPOSITIONS | MAY_JOIN or any(word.text in REQUESTS for word in clause.words):
        return False
    return len(clause.words) > 2 or any(word.text in PERSONS for word in clause.words)


def _asked_after(clauses: Sequence[Clause], vocabulary: frozenset[str]) -> Word | None:
    """What is asked after an auxiliary: `Were you to learn it, what would you do?`, `Is it fair, and if so, why?`"""
    for clause in clauses[1:]:
        asks = _asking_word(clause, vocabulary)
        if asks is None or asks.text in _RELATIVE:
            continue
        if asks != clause.words[0] or len(clause.words) == 1 or clause.second in AUXILIARIES:
            return asks
    last = clauses[-1].words
    ends_so = len(last) > 2 and last[-1].text in WH and last[-2].text in COORDINATORS
    return last[-1] if ends_so else None


def _asked_at_end(clauses: Sequence[Clause]) -> Word | None:
    """A word that asks in the place of what it asks for, or after a clause that no pause closes."""
    words = [word for clause in clauses for word in clause.words]
    while words and words[-1].text in TRAILERS:
        words.pop()
    if not words:
        return None
    if words[-1].text in WH:
        return words[-1]
    # Only a sentence that leads up to a question hides one behind no pause; a statement holds a subordinate clause.
    leads = any(word.text in REQUESTS for word in words[:3])
    if not (leads or words[0].text in CONDITIONALS | PREPOSITIONS):
        return _asked_after_joint(clauses)
    for word, following in pairwise(words[1:]):
        if word.text in WH and (leads or following.text in AUXILIARIES):
            return word
        if word.text in {"whether", "if", "ob"} or (not leads and _asks_closed(word, following)):
            return None
    return None


def _asked_after_joint(clauses: Sequence[Clause]) -> Word | None:
    words = [word for clause in clauses for word in clause.words]
    for joint, word, following in zip(words, words[1:], words[2:], strict=False):
        if joint.text in {"but", "so", "then", "and", "yet"} and word.text in WH and following.text in AUXILIARIES:
            return word
    return None


def _asks_closed(word: Word, following: Word) -> bool:
    return word.text in AUXILIARIES and following.text in PERSONS
