"""Does a quote occur in a text? Pure: the words must be there, their typography may differ."""

import re

_LEAST_WORD_CHARACTERS = 2
_DASHES = re.compile("[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]+")
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        "\u2026": "...",
    }
)
_END_DOTS = re.compile(r"\A(?:\[?\.{3,}\]?)|(?:\[?\.{3,}\]?)\Z")


def quote_occurs(quote: str, text: str) -> bool:
    """Whether `quote` is a piece of `text`.

    Up to: runs of whitespace, typographic against straight quotes and dashes, letter case, quotation
    marks around the quote, an ellipsis at its start or end. An ellipsis inside leaves words out and is
    no match. A quote of fewer than two word characters never occurs: it would say nothing.
    """
    wanted = _bare(_plain(quote))
    if sum(character.isalnum() for character in wanted) < _LEAST_WORD_CHARACTERS:
        return False
    return wanted in _plain(text)


def _plain(text: str) -> str:
    straight = _DASHES.sub("-", text.translate(_TYPOGRAPHY))
    return " ".join(straight.split()).casefold()


def _bare(quote: str) -> str:
    """Without the quotation marks and ellipses around it, however they are nested."""
    while True:
        peeled = _END_DOTS.sub("", quote).strip()
        if len(peeled) >= 2 and peeled[0] == peeled[-1] and peeled[0] in "'\"":
            peeled = peeled[1:-1].strip()
        if peeled == quote:
            return quote
        quote = peeled
