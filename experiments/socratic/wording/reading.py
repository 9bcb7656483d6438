"""Where are the words, marks and sentences of a text? Offsets are into the text as it was given.

A reading is composed (NFC) and has one kind of apostrophe; addresses and code are blanked out. It knows no language
beyond its punctuation, and every pass over the text takes time in proportion to its length.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .listing import words

Span = tuple[int, int]
"""Half-open character offsets."""

ARMENIAN = "\u055e"
GREEK = "\u037e"
BLANK = "\ufffc"
"""Stands for one character of an address or of code: no word, no mark, no space."""

_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u093c\u093e-\u094f"
    "\u0951-\u0957\u0962\u0963\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\u3099\u309a"
)
_CLUSTER = re.compile(rf"[\s\S][{_MARKS}\u1160-\u11ff]*")
# The Armenian mark stands within the word it asks about.
_WORD = re.compile(rf"[\w{_MARKS}{ARMENIAN}]+(?:'[\w{_MARKS}]+)*")
_ADDRESS = re.compile(r"(?:(?<![a-z0-9])[a-z][a-z0-9+.-]{1,15}://|(?<![a-z0-9])www\.)[!-~]+", re.IGNORECASE)
_CODE = re.compile(r"```[\s\S]*?(?:```|\Z)|(?<!`)`{1,2}(?!`)[^`\n]+`{1,2}")
_RUN = re.compile(rf"[?？؟﹖፧⁇⁈⁉‽⸮!！]+|{ARMENIAN}+|{GREEK}|;")
_QUERY = re.compile(r"[\w.-]{1,64}=")
_STOP = re.compile(r"[.…]+|[!！。｡।॥։]+|\n+")
_QUOTED = re.compile(r"“[^“”\n]*”|\"[^\"\n]*\"|«[^«»\n]*»|„[^„“”\n]*[“”]|「[^「」\n]*」|『[^『』\n]*』")
_TRAILING = frozenset(("Pe", "Pf", "Pi", "So", "Sk", "Mn", "Cf"))
_CLOSING = "\"'”’»」』)]*~_ \t"
# Spaces may surround emphasis; an underscore is no letter.
_SIGNS = {ord("’"): "'", ord("ʼ"): "'", ord("\uff07"): "'", ord("_"): " "}
_PAUSES = frozenset(",;:—–()•*-،，、")
_ABBREVIATIONS = words("eg ie vs cf dr mr mrs ms prof st etc approx bzw ca usw ggf sr sra dra")


class Word(NamedTuple):
    """One word in lower case, and where the reading has it."""

    text: str
    start: int
    end: int


class Sentence(NamedTuple):
    """Where the reading has one sentence, its closing mark included."""

    start: int
    end: int
    is_question: bool


@dataclass(frozen=True)
class Reading:
    """A text made ready; all positions are in `text`, and `original` leads back to the text that was given."""

    text: str
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def original(self, span: Span) -> Span:
        if self.starts is None or self.ends is None:
            return span
        return self.starts[span[0]], self.ends[span[1] - 1]

    @cached_property
    def words(self) -> tuple[Word, ...]:
        return tuple(Word(found[0].lower(), *found.span()) for found in _WORD.finditer(self.text))

    @cached_property
    def marks(self) -> tuple[Span, ...]:
        """Every question mark; a run such as `?!` or `???` is one."""
        return tuple(found.span() for found in _RUN.finditer(self.text) if _asks(self.text, found))

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        return tuple(_sentences(self.text, self.marks))

    @cached_property
    def quoted(self) -> tuple[Span, ...]:
        """What stands between quotation marks, if there are words outside them too."""
        spans = tuple(found.span() for found in _QUOTED.finditer(self.text))
        return spans if _WORD.search(_blanked(self.text, spans)) else ()

    @cached_property
    def _word_starts(self) -> list[int]:
        return [word.start for word in self.words]

    def range_of(self, sentence: Sentence) -> tuple[int, int]:
        """From which of the words to behind which other a sentence reaches."""
        return bisect_left(self._word_starts, sentence.start), bisect_left(self._word_starts, sentence.end)

    def words_of(self, sentence: Sentence) -> tuple[Word, ...]:
        return self.words[slice(*self.range_of(sentence))]

    def sentence_at(self, position: int) -> Sentence:
        starts = self._sentence_starts
        return self.sentences[max(0, bisect_right(starts, position) - 1)]

    @cached_property
    def _sentence_starts(self) -> list[int]:
        return [sentence.start for sentence in self.sentences]

    def is_said_at_once(self, first: int, behind: int) -> bool:
        """Whether words stand in one sentence, and not in a quotation."""
        start = self.words[first].start
        return self.words[behind - 1].end <= self.sentence_at(start).end and not self.is_quoted(start)

    def pauses_before(self, at: int) -> bool:
        """Whether a comma, a dash or the like stands before a word."""
        gap = self.text[self.words[at - 1].end if at else 0 : self.words[at].start]
        return len(gap) > 1 and not _PAUSES.isdisjoint(gap)

    def is_quoted(self, position: int) -> bool:
        at = bisect_right(self._quote_starts, position) - 1
        return at >= 0 and position < self.quoted[at][1]

    @cached_property
    def _quote_starts(self) -> list[int]:
        return [start for start, _ in self.quoted]

    def ends_asking(self) -> bool:
        """Whether only closing quotes, brackets, emphasis, spaces or small pictures follow the last question."""
        if not self.marks:
            return False
        after = self.marks[-1][1]
        if self.text[after - 1] == ARMENIAN:
            after = max(after, self.sentence_at(after - 1).end)
        return all(_is_trailing(sign) for sign in self.text[after:])


def read(text: str) -> Reading:
    if unicodedata.is_normalized("NFC", text):
        return Reading(_prepared(text))
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for cluster in _CLUSTER.finditer(text):
        # Composed, the Greek mark would become a semicolon and no longer tell that it asks.
        piece = cluster[0] if cluster[0] == GREEK else unicodedata.normalize("NFC", cluster[0])
        pieces.append(piece)
        starts += [cluster.start()] * len(piece)
        ends += [cluster.end()] * len(piece)
    return Reading(_prepared("".join(pieces)), tuple(starts), tuple(ends))


def quoted_in(text: str) -> tuple[Span, ...]:
    """What a piece of text has between quotation marks that it both opens and closes."""
    return tuple(found.span() for found in _QUOTED.finditer(text))


def _prepared(text: str) -> str:
    addresses = tuple(_without_closing_signs(found) for found in _ADDRESS.finditer(text))
    text = _blanked(text, addresses).translate(_SIGNS)
    without_code = _blanked(text, tuple(found.span() for found in _CODE.finditer(text)))
    # An answer that stands wholly in a code fence is prose in a frame.
    return without_code if _WORD.search(without_code) else text


def _without_closing_signs(address: re.Match[str]) -> Span:
    return address.start(), address.start() + len(address[0].rstrip("?!.,;:)]>\"'*"))


def _blanked(text: str, spans: Sequence[Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += [text[done:start], BLANK * (end - start)]
        done = end
    return "".join([*pieces, text[done:]])


def _asks(text: str, run: re.Match[str]) -> bool:
    signs = run[0]
    if signs == ";":
        return _closes_greek_word(text, run.start())
    if not signs.strip("!！"):
        return False
    before, after = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
    if before in {"(", "（"} and after in {")", "）"}:  # a doubt, as in "380 (?) BC"
        return False
    return before.isspace() or not _QUERY.match(text, run.end())


def _closes_greek_word(text: str, position: int) -> bool:
    """Whether a semicolon is a Greek question mark: after two Greek letters, so that `α; β` is none."""
    last = text[max(0, position - 2) : position]
    return len(last) == 2 and all("\u0370" <= sign <= "\u03ff" or "\u1f00" <= sign <= "\u1fff" for sign in last)


def _sentences(text: str, marks: Sequence[Span]) -> Iterator[Sentence]:
    inner = [start for start, _ in marks if text[start] == ARMENIAN]
    asked = {end for _, end in marks if text[end - 1] != ARMENIAN}
    stops = {found.end() for found in _STOP.finditer(text) if _ends_sentence(text, found)}
    start = 0
    for end in sorted(asked | stops | {len(text)}):
        if end > start:
            is_question = end in asked or bisect_left(inner, start) < bisect_left(inner, end)
            yield Sentence(start, end, is_question)
            start = end


def _ends_sentence(text: str, stop: re.Match[str]) -> bool:
    after = text[stop.end() : stop.end() + 1]
    if stop[0] == "\n":  # prose may be wrapped: the next line may begin in the middle of a sentence
        return not after.islower()
    if stop[0] != ".":
        return True
    if after and not after.isspace() and after not in _CLOSING:
        return False
    word = re.search(r"[^\W\d_]+(?:\.[^\W\d_]+)*\Z", text[max(0, stop.start() - 12) : stop.start()])
    shortened = word[0].replace(".", "").lower() if word else ""
    return not (shortened in _ABBREVIATIONS or len(shortened) == 1)


def _is_trailing(sign: str) -> bool:
    if sign == BLANK:
        return False
    return sign.isspace() or sign in _CLOSING or unicodedata.category(sign) in _TRAILING
