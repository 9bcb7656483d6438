"""How does a number in a sentence say where it comes from? Pure.

Every number of a page that is no table cell is a `<data>` element with its exact spelling in `value`:

    <data data-fact="planned" value="600">600</data>
    <data data-table="measures" data-row="3" data-column="rate" value="0.350000">0.350</data>   (row 0 is the first)
    <data data-choice="seed" value="7">7</data>                          a member of `analysis`, see core/choices.py
    <data data-told="of" value="600">600</data>          how many records there are; `shown`: how many can be read
    <data data-run="0" data-field="plan.sampling.temperature" value="0.7">0.7</data>   a member of that run's `RunInfo`

An audit reads them back and compares.
"""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from trialbed.analysis.findings import Findings
from trialbed.analysis.report.visible import as_html
from trialbed.analysis.table import Cell, Kind, shown, spelt
from trialbed.core.text import for_terminal

_NOTHING = Markup("–")


def kind_of(fact: Cell) -> Kind:
    """Of a number without a column: whole ones are counts."""
    match fact:
        case int():
            return "count"
        case float():
            return "number"
        case _:
            return "text"


class Marks:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._columns = {
            name: {column.name: (place, column.kind) for place, column in enumerate(table.columns)}
            for name, table in findings.tables.items()
        }

    def has(self, *names: str) -> bool:
        """Whether all these facts are known."""
        return all(self._findings.facts.get(name) is not None for name in names)

    def fact(self, name: str) -> Markup:
        value = self._findings.facts.get(name)
        return _marked({"fact": name}, value, kind_of(value))

    def cell(self, table: str, row: int, column: str) -> Markup:
        place, kind = self._columns[table][column]
        return _marked(
            {"table": table, "row": str(row), "column": column}, self._findings.tables[table].rows[row][place], kind
        )

    def choice(self, name: str) -> Markup:
        return _plain({"choice": name}, getattr(self._findings.choices, name))

    def told(self, name: str, number: int) -> Markup:
        return _marked({"told": name}, number, "count")

    def run(self, number: int, field: str) -> Markup:
        """A member of a run; a dot leads into a mapping."""
        value: Any = self._findings.runs[number]
        for name in field.split("."):
            value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        return _plain({"run": str(number), "field": field}, value)


def data_v(cell: Cell, kind: Kind) -> str:
    """A cell's spelling as it stands in an attribute: as in the CSV, without its guard against formulas."""
    return for_terminal(spelt(cell, kind))


def _marked(source: Mapping[str, str], value: Cell, kind: Kind) -> Markup:
    return _element(source, data_v(value, kind), shown(value, kind))


def _plain(source: Mapping[str, str], value: Any) -> Markup:
    """A value of a plan or a choice, as JSON and Python write it: nobody has rounded it."""
    return _element(source, "" if value is None else for_terminal(str(value)), "–" if value is None else str(value))


def _element(source: Mapping[str, str], spelling: str, text: str) -> Markup:
    if not spelling:
        return _NOTHING
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in source.items())
    return Markup(f'<data{attributes} value="{escape(spelling)}">{as_html(text)}</data>')
