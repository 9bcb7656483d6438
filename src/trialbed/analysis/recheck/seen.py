"""Does the text that people read say what its spelling says? Pure."""

import re

_NOTHING = "–"
_SIGN_FOR_UNSEEN = re.compile("⟨U\\+[0-9A-F]{4,6}⟩|[\u2400-\u2426]")
_LEAST_BEGINNING = 8
# Both are rounded, one to six decimals and one to three.
_ROUNDING = 0.0005 + 1e-6
_LEAST_P = 0.001
_AS_SMALL = f"< {_LEAST_P}"


def is_shown(spelt: str, shown: str) -> bool:
    """Whether a cell may be shown so: three decimals, a count with commas, a small p, a text, a dash for nothing."""
    shown = shown.strip()
    if not spelt:
        return shown in (_NOTHING, "")
    if shown == spelt or shown.replace(",", "") == spelt:
        return True
    one, other = _number(spelt), _number(shown.replace(",", ""))
    if one is None:
        return _same_text(spelt, shown)
    if shown == _AS_SMALL:
        return one < _LEAST_P + 1e-9
    return other is not None and _has_three_decimals(shown) and abs(one - other) <= _ROUNDING


def _same_text(spelt: str, shown: str) -> bool:
    """Letters and digits decide: what acts or hides is shown as a sign, and a long text may be cut."""
    one, other = _bare(spelt), _bare(shown)
    return one == other or (shown.endswith("…") and len(other) >= _LEAST_BEGINNING and one.startswith(other))


def _bare(text: str) -> str:
    return "".join(char for char in _SIGN_FOR_UNSEEN.sub("", text) if char.isalnum())


def _has_three_decimals(shown: str) -> bool:
    return re.fullmatch(r"-?[0-9]+\.[0-9]{3}", shown) is not None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
