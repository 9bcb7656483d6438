"""Which words were put to the models? The prompts of all plans, each once, ready to be printed. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from trialbed.analysis.findings import Findings
from trialbed.analysis.report.visible import as_html

_FOR_PEOPLE = ("id", "label", "baseline")


@dataclass(frozen=True)
class Words:
    """One scenario or variant: its fields with their texts; a list of lines has several."""

    anchor: str
    id: str
    label: str
    is_baseline: bool
    fields: tuple[tuple[str, tuple[Markup, ...]], ...]


def scenarios(findings: Findings) -> list[Words]:
    return _each_once(findings, "scenarios")


def variants(findings: Findings) -> list[Words]:
    return _each_once(findings, "variants")


def briefings(findings: Findings) -> dict[str, str]:
    """The anchor of the scenario by the text of its briefing."""
    found: dict[str, str] = {}
    for place, scenario in enumerate(_distinct(findings, "scenarios")):
        if isinstance(scenario.get("system"), str):
            found.setdefault(scenario["system"], f"scenario-{place}")
    return found


def _each_once(findings: Findings, key: str) -> list[Words]:
    return [
        Words(
            anchor=f"{key[:-1]}-{place}",
            id=str(one.get("id")),
            label=str(one.get("label") or ""),
            is_baseline=one.get("baseline") is True,
            fields=tuple((name, _texts(value)) for name, value in one.items() if name not in _FOR_PEOPLE),
        )
        for place, one in enumerate(_distinct(findings, key))
    ]


def _distinct(findings: Findings, key: str) -> list[Mapping[str, Any]]:
    """Of several runs that had the same words, one."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in _all(findings, key):
        found.setdefault(json.dumps(one, sort_keys=True, default=str), one)
    return list(found.values())


def _all(findings: Findings, key: str) -> Iterable[Mapping[str, Any]]:
    for run in findings.runs:
        for one in (run.plan or {}).get(key) or ():
            if isinstance(one, Mapping):
                yield one


def _texts(value: Any) -> tuple[Markup, ...]:
    if value is None:
        return (Markup("–"),)
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(as_html(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) for one in values)
