"""How does a table look in LaTeX? Pure.

A booktabs table with caption and label, numbers as people read them. Before each row stands a comment
`% spelt: [...]`, a JSON list in ASCII of the row's cells as the CSV spells them (without its guard against formulas).
"""

import json

from trialbed.analysis.report.visible import one_line
from trialbed.analysis.table import Cell, Column, Table, heading, shown, spelt_rows

_LONGEST_ON_A_PAGE = 40
_WIDEST_AS_IT_IS = 8
_MOST_CHARS = 200
_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "–": "--",
    "…": r"\ldots{}",
    "⟨": r"\textless{}",
    "⟩": r"\textgreater{}",
    # At the start of a row a bracket would be taken for an option of the line end before it.
    "[": "{[}",
    "]": "{]}",
    # Two of them make another sign, in T1 with `--` and with quotes.
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
}


def latex_text(table: Table) -> str:
    """A whole table environment. A table too long for a page is a `longtable`, a wide one is made to fit the line."""
    spec = "".join("l" if column.kind == "text" else "r" for column in table.columns)
    head = " & ".join(escaped(name.replace("_", " ")) for name in heading(table)) + r" \\"
    caption = rf"\caption{{{escaped(table.title)}}}\label{{tab:{table.name}}}"
    body = _rows(table)
    if len(table.rows) > _LONGEST_ON_A_PAGE:
        return "\n".join([_needs("longtable", "textcomp"), *_long(spec, head, caption, body), ""])
    tabular = [rf"\begin{{tabular}}{{{spec}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"]
    needed = ["textcomp"]
    if len(table.columns) > _WIDEST_AS_IT_IS:
        needed = ["graphicx", "textcomp"]
        tabular = [r"\resizebox{\linewidth}{!}{%", *tabular, "}"]
    top = [_needs(*needed), r"\begin{table}", r"\centering", caption]
    return "\n".join([*top, *tabular, r"\end{table}", ""])


def escaped(text: str) -> str:
    """Text of anybody as LaTeX shows it, on one line. Letters of other scripts need an engine that knows them."""
    return "".join(_SIGNS.get(char, char) for char in one_line(text, most_chars=_MOST_CHARS))


def _needs(*packages: str) -> str:
    return "% needs " + ", ".join(rf"\usepackage{{{name}}}" for name in ("booktabs", *packages))


def _rows(table: Table) -> list[str]:
    lines: list[str] = []
    for row, spelling in zip(table.rows, spelt_rows(table), strict=True):
        lines.append("% spelt: " + json.dumps(spelling, ensure_ascii=True))
        lines.append(" & ".join(_cell(c, column) for c, column in zip(row, table.columns, strict=True)) + r" \\")
    return lines


def _cell(cell: Cell, column: Column) -> str:
    text = escaped(shown(cell, column.kind))
    is_negative = column.kind != "text" and text.startswith("-") and not text.startswith("--")
    return f"$-${text[1:]}" if is_negative else text


def _long(spec: str, head: str, caption: str, body: list[str]) -> list[str]:
    return [
        r"\begingroup\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{{spec}}}",
        rf"{caption}\\",
        r"\toprule",
        head,
        r"\midrule",
        r"\endfirsthead",
        r"\toprule",
        head,
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *body,
        r"\end{longtable}",
        r"\endgroup",
    ]
