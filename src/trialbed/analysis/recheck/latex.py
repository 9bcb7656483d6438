"""What do the rows of a LaTeX table say? A comment with a row's spelling stands before the row as it is printed.

    % spelt: ["baseline", "0.350000"]
    baseline & 0.350 \\\\
"""

import json
import re
from dataclasses import dataclass

_SPELT = "% spelt: "
_END = r" \\"
_SIGNS = {
    r"\textbackslash{}": "\\",
    r"\textasciicircum{}": "^",
    r"\textasciitilde{}": "~",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textquotedbl{}": '"',
    r"\textquotesingle{}": "'",
    r"\textasciigrave{}": "`",
    r"\ldots{}": "…",
    "{[}": "[",
    "{]}": "]",
    "$-$": "-",
    "--": "–",
    **{f"\\{sign}": sign for sign in "{}$&#%_"},
}
_ANY_SIGN = re.compile("|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True)))


@dataclass(frozen=True)
class LatexRow:
    spelt: list[str]
    shown: list[str]


def latex_rows(text: str) -> list[LatexRow]:
    """Raises:
    ValueError: a comment is no list, or no row follows it.
    """
    rows = []
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if line.startswith(_SPELT):
            printed = lines[place + 1] if place + 1 < len(lines) else ""
            if not printed.endswith(_END):
                raise ValueError("a row is missing")
            rows.append(LatexRow([str(cell) for cell in json.loads(line[len(_SPELT) :])], _cells(printed)))
    return rows


def _cells(line: str) -> list[str]:
    return [_ANY_SIGN.sub(lambda found: _SIGNS[found[0]], cell) for cell in line[: -len(_END)].split(" & ")]
