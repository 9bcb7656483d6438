"""What numbers does a report.html hold? Read with the standard library's parser.

<table data-table="NAME"> … <th data-column="k"> … <td data-v="SPELT">SHOWN</td>
<data data-fact="planned" value="600">600</data>
<data data-table="measures" data-row="3" data-column="rate" value="0.350000">0.350</data>
<data data-choice="seed" value="7">7</data>
<data data-run="0" data-field="plan.seed" value="7">7</data>
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class ShownCell:
    """How a number is spelt in an attribute, and the text that people read."""

    spelt: str
    shown: str = ""


@dataclass
class PageTable:
    columns: list[str] = field(default_factory=list)
    rows: list[list[ShownCell]] = field(default_factory=list)


@dataclass
class Mark:
    """A number in a sentence; `source` has the `data-` attributes that say where it comes from."""

    source: dict[str, str]
    cell: ShownCell


@dataclass
class Page:
    tables: dict[str, PageTable] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)


def read_page(text: str) -> Page:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._table: PageTable | None = None
        self._cell: ShownCell | None = None
        self._mark: ShownCell | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "table" and "data-table" in named:
            self._table = PageTable()
            # A second table of the same name must not hide the first.
            self.page.tables[_free_name(named["data-table"], self.page)] = self._table
        elif tag == "th" and self._table is not None and "data-column" in named:
            self._table.columns.append(named["data-column"])
        elif tag == "tr" and self._table is not None:
            self._table.rows.append([])
        elif tag == "td" and self._table is not None and self._table.rows:
            self._cell = ShownCell(named.get("data-v", ""))
            self._table.rows[-1].append(self._cell)
        elif tag == "data" and "value" in named:
            self._mark = ShownCell(named["value"])
            source = {name[len("data-") :]: value for name, value in named.items() if name.startswith("data-")}
            self.page.marks.append(Mark(source, self._mark))

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self._table is not None:
            # The heading is a row without cells.
            self._table.rows = [row for row in self._table.rows if row]
            self._table = None
        elif tag == "td":
            self._cell = None
        elif tag == "data":
            self._mark = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.shown += data
        if self._mark is not None:
            self._mark.shown += data


def _free_name(name: str, page: Page) -> str:
    return name if name not in page.tables else _free_name(f"{name} (again)", page)
