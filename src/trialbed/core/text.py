"""What happens to text from a model before it is kept, sent on or shown? Pure."""

import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def repair(text: str) -> tuple[str, int]:
    """Replace lone surrogates by U+FFFD; returns the text and how many there were.

    One lone surrogate makes a whole dataset unreadable, and UTF-8 cannot carry it.
    """
    if text.isascii():
        return text, 0
    return _LONE_SURROGATE.subn("\ufffd", text)


def for_terminal(text: str) -> str:
    """Text without control characters: escape sequences from a model must not reach a terminal."""
    return _CONTROL.sub("\ufffd", text)
