"""How is text from a model or a file shown on a page, so that nothing in it acts and nothing hides? Pure."""

import html
import re

from markupsafe import Markup

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters but tab and the two ends of a line
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi and zero width
    "\ud800-\udfff"  # half a character, which UTF-8 cannot carry
    "\U000e0000-\U000e007f"  # tags: ASCII that nobody sees
    "]"
)
_END_OF_LINE = re.compile("\r\n?")


def visible(text: str) -> str:
    """The same text with every character that acts or hides replaced by a sign for it: ⟨U+202E⟩.

    Marks that change the direction of writing would show other text than was said; joiners, which scripts and
    emoji need, stay.
    """
    text = _END_OF_LINE.sub("\n", text)
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(_sign, text)


def as_html(text: str) -> Markup:
    """Visible text as the content of an element; quotation marks stay short, so never inside an attribute."""
    return Markup(html.escape(visible(text), quote=False))


def one_line(text: str, *, most_chars: int) -> str:
    """Visible text without line ends, cut with an ellipsis."""
    flat = " ".join(visible(text[: most_chars * 4]).split())
    return flat if len(flat) <= most_chars else flat[: most_chars - 1] + "…"


def _sign(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"
