"""How is a transcript of untrusted text made ready to be read on a page? Pure.

Every text is cut to what a person reads and a page bears; the journal keeps the whole of it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from trialbed.analysis.findings import Findings, Told
from trialbed.analysis.report.visible import as_html, visible

_SHOWN_AT_ONCE_CHARS = 1_500
_MOST_CHARS = 20_000
_MOST_CHARS_OF_A_VALUE = 2_000
_MOST_BYTES_OF_ALL = 9_000_000


@dataclass(frozen=True)
class Passage:
    """`rest` is what stands behind "the rest"; `briefing` is the anchor of a briefing that is printed elsewhere."""

    role: str
    text: Markup
    rest: Markup = Markup("")
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
    def size(self) -> int:
        texts = [len(passage.text) + len(passage.rest) for passage in self.passages]
        return sum(texts) + sum(len(value) for opinion in self.opinions for _, value in opinion.values)


def transcripts(findings: Findings, briefings: Mapping[str, str]) -> list[Shown]:
    """As many of the transcripts as a page bears, in their order. `briefings` are anchors of printed briefings by text."""
    found: list[Shown] = []
    room = _MOST_BYTES_OF_ALL
    for told in findings.transcripts:
        ready = _shown(told, briefings)
        room -= ready.size
        if room < 0:
            break
        found.append(ready)
    return found


def choices_of(shown: Sequence[Shown]) -> dict[str, list[str]]:
    """What can be chosen in the filters, in the order of appearance; what is not there is not offered."""
    offered: dict[str, dict[str, None]] = {"variant": {}, "subject": {}, "category": {}, "outcome": {}}
    for one in shown:
        for name, values in offered.items():
            value = getattr(one.told, name)
            if value is not None:
                values.setdefault(visible(value))
    return {name: list(values) for name, values in offered.items()}


def _shown(told: Told, briefings: Mapping[str, str]) -> Shown:
    return Shown(
        told,
        tuple(_passage(said, briefings) for said in told.log),
        tuple(_opinion(verdict) for verdict in told.verdicts),
    )


def _passage(said: Mapping[str, str], briefings: Mapping[str, str]) -> Passage:
    role, text = str(said.get("role", "")), str(said.get("content", ""))
    if role == "system" and text in briefings:
        return Passage(role, Markup(""), briefing=briefings[text])
    head, rest = text[:_SHOWN_AT_ONCE_CHARS], text[_SHOWN_AT_ONCE_CHARS:_MOST_CHARS]
    return Passage(role, as_html(head), as_html(rest), is_cut=len(text) > _MOST_CHARS)


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
