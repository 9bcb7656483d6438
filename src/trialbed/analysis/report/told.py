"""How is a transcript of untrusted text made ready to be read on a page? Pure.

Every text is cut to what a person reads and a page bears; the journal keeps the whole of it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from markupsafe import Markup

from trialbed.analysis.findings import Findings, Told
from trialbed.analysis.report.visible import as_html, visible

_SHOWN_AT_ONCE_CHARS = 1_500
_MOST_CHARS = (20_000, 8_000, 4_000, 2_000)
"""Of a message; the fewer, the more has to fit on the page."""
_MOST_CHARS_OF_A_VALUE = 2_000
_FRAME_BYTES = 1_800
_NOTHING = Markup("")


@dataclass(frozen=True)
class Passage:
    """`rest` is what stands behind "the rest"; `briefing` is the anchor of a briefing that is printed elsewhere."""

    role: str
    text: Markup
    rest: Markup = _NOTHING
    is_cut: bool = False
    briefing: str | None = None


@dataclass(frozen=True)
class Opinion:
    title: str
    values: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True)
class Shown:
    told: Told
    passages: tuple[Passage, ...]
    opinions: tuple[Opinion, ...]

    @property
    def size_bytes(self) -> int:
        """About what it takes on the page."""
        texts = [text for passage in self.passages for text in (passage.text, passage.rest)]
        texts += [value for opinion in self.opinions for _, value in opinion.values]
        return _FRAME_BYTES + sum(len(text.encode("utf-8")) for text in texts)


def transcripts(findings: Findings, briefings: Mapping[str, str], *, most_bytes: int) -> list[Shown]:
    """The transcripts in their order, cut so that all have room in so many bytes; the last are left out if they must.

    `briefings` are the anchors of briefings that are printed elsewhere, by their text.
    """
    found: list[Shown] = []
    for most_chars in _MOST_CHARS:
        found = [_shown(told, briefings, most_chars) for told in findings.transcripts]
        if sum(one.size_bytes for one in found) <= most_bytes:
            return found
    taken = list(accumulate(one.size_bytes for one in found))
    return [one for one, bytes_so_far in zip(found, taken, strict=True) if bytes_so_far <= most_bytes]


def choices_of(shown: Sequence[Shown]) -> dict[str, list[str]]:
    """What can be chosen in the filters, in the order of appearance; what is not there is not offered."""
    offered: dict[str, dict[str, None]] = {"variant": {}, "subject": {}, "category": {}, "outcome": {}}
    for one in shown:
        for name, values in offered.items():
            value = getattr(one.told, name)
            if value is not None:
                values.setdefault(visible(value))
    return {name: list(values) for name, values in offered.items()}


def _shown(told: Told, briefings: Mapping[str, str], most_chars: int) -> Shown:
    return Shown(
        told,
        tuple(_passage(said, briefings, most_chars) for said in told.log),
        tuple(_opinion(verdict) for verdict in told.verdicts),
    )


def _passage(said: Mapping[str, str], briefings: Mapping[str, str], most_chars: int) -> Passage:
    role, text = str(said.get("role", "")), str(said.get("content", ""))
    if role == "system" and text in briefings:
        return Passage(role, _NOTHING, briefing=briefings[text])
    head, rest = text[:_SHOWN_AT_ONCE_CHARS], text[_SHOWN_AT_ONCE_CHARS:most_chars]
    return Passage(role, as_html(head), as_html(rest), is_cut=len(text) > most_chars)


def _opinion(verdict: Mapping[str, Any]) -> Opinion:
    names = [str(verdict.get("name") or "verdict"), str(verdict.get("judge") or "a rule in code")]
    if verdict.get("repeat"):
        names.append("asked again")
    values = verdict.get("values")
    lines = _flat(values) if isinstance(values, Mapping) else []
    return Opinion(" · ".join(names), tuple((name, as_html(_cut(text))) for name, text in lines))


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name} ")
        else:
            yield f"{above}{name}".replace("_", " "), value if isinstance(value, str) else json.dumps(value)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARS_OF_A_VALUE else text[:_MOST_CHARS_OF_A_VALUE] + " …"
