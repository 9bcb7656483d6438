"""What does a page say, and where do its numbers stand? A small reader of our own pages; it runs nothing."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})
_HELD = frozenset({"data", "code", "bdi", "time", "cite", "script", "style", "title", "option"})
_HELD_CLASSES = frozenset({"tick", "version", "told", "words-box", "name"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class PageText(HTMLParser):
    """`elements` are all elements with their text; `loose` are texts in nothing that says where they come from."""

    markup: str
    elements: list[Element] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []
        self.feed(self.markup)
        assert not self._open, f"not closed: {[element.tag for element in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1].tag == tag, f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data
        if not any(_says_its_source(element) for element in self._open):
            self.loose.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements with this tag; `data_fact="x"` asks for the attribute `data-fact`."""
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [e for e in self.elements if e.tag == tag and all(e.attributes.get(n) == v for n, v in wanted.items())]


def _says_its_source(element: Element) -> bool:
    classes = set(element.attributes.get("class", "").split())
    return element.tag in _HELD or "data-v" in element.attributes or bool(classes & _HELD_CLASSES)
