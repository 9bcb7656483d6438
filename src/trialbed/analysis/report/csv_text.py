"""How does a table look as CSV? Pure. RFC 4180: commas, CRLF, quotes doubled; UTF-8 without a mark; heading first.

Cells are those of `spelt`. A text cell is changed in two cases only:

1. Control characters but tab and line feed become U+FFFD: a file that is shown on a terminal must not steer it.
2. A spreadsheet takes a cell that begins with = + - @ (or their full-width forms), a tab or a line end for a formula.
   Such a cell gets an apostrophe in front, unless it is a minus followed by nothing but letters, digits and
   `-_.:/ `: an id or a number, in which no function and no other program can be named.

Cells of all other kinds are numbers of our own spelling and stay as they are, the negative ones too.
"""

import csv
import io
import re

from trialbed.analysis.table import Kind, Table, heading, spelt_rows
from trialbed.core.text import for_terminal

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\r", "＝", "＋", "－", "＠")
_HARMLESS = re.compile(r"-[A-Za-z0-9_.:/ -]*")


def csv_text(table: Table) -> str:
    kinds = [column.kind for column in table.columns]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heading(table))
    for row in spelt_rows(table):
        writer.writerow([field_of(cell, kind) for cell, kind in zip(row, kinds, strict=True)])
    return out.getvalue()


def field_of(spelling: str, kind: Kind) -> str:
    """A spelt cell as it stands in the CSV, before it is quoted."""
    if kind != "text":
        return spelling
    text = for_terminal(spelling)
    is_formula = spelling.startswith(_BEGINS_A_FORMULA) and not _HARMLESS.fullmatch(text)
    return f"'{text}" if is_formula else text
