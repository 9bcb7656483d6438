"""Does every number of the page say where it comes from, and is it the number that stands there?"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.findings import World, findings
from tests.support.hostile import hostile_findings
from tests.support.page_text import Element, PageText
from trialbed.analysis.findings import Findings
from trialbed.analysis.report.csv_text import field_of
from trialbed.analysis.report.marks import kind_of
from trialbed.analysis.report.page import render
from trialbed.analysis.table import shown, spelt
from trialbed.core.text import for_terminal

MADE_AT = "2025-03-15T08:00:00Z"
Make = Callable[[], Findings]


def without_plan() -> Findings:
    """As of rows of a dataset: no plan, no journal, no facts but the fewest."""
    found = findings(transcripts=3, is_locked=False)
    runs = tuple(
        replace(
            run,
            plan=None,
            planned=None,
            began_at=None,
            ended_at=None,
            provenance={},
            journal_lines=None,
            journal_head=None,
        )
        for run in found.runs
    )
    return replace(found, runs=runs, facts={"analysed": 561, "alpha": 0.05, "repeats": None}, choices_from="data")


def unmatched() -> Findings:
    found = findings(transcripts=0)
    table = found.tables["contrasts"]
    place = [column.name for column in table.columns].index("method")
    rows = tuple((*row[:place], "unmatched", 0, *row[place + 2 :]) for row in table.rows)
    return replace(found, tables={**found.tables, "contrasts": replace(table, rows=rows)})


CASES: dict[str, Make] = {
    "a locked plan": findings,
    "a rehearsal cut short": lambda: findings(is_rehearsal=True, is_complete=False, is_locked=False),
    "a score": lambda: findings(primary="firmness"),
    "categories": lambda: findings(primary="strategy"),
    "one subject": lambda: findings(World(subjects=("bedrock:amazon.nova-pro-v1:0",))),
    "no plan": without_plan,
    "nothing but a ledger": lambda: replace(findings(transcripts=0), tables={"ledger": findings().tables["ledger"]}),
    "no table": lambda: replace(findings(transcripts=0), tables={}, runs=(), warnings=()),
    "unmatched": unmatched,
    "hostile": hostile_findings,
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys(), scope="module")
def case(request: pytest.FixtureRequest) -> tuple[Findings, PageText, str]:
    found = request.param()
    markup = render(found, made_at=MADE_AT, beside=["rates.csv"])
    return found, PageText(markup), markup


Case = tuple[Findings, PageText, str]


def test_no_number_stands_without_its_source(case: Case) -> None:
    _, page, _ = case
    assert [text for text in page.loose if re.search(r"\d", text)] == []


def test_every_marked_number_is_the_one_it_names(case: Case) -> None:
    found, page, _ = case
    marked = page.all("data")
    assert [element for element in marked if _differs(element, found)] == []
    assert marked or not found.facts


def _differs(element: Element, found: Findings) -> bool:
    value, kind = _named(element.attributes, found)
    as_spelt = for_terminal(spelt(value, kind)) if kind != "plain" else str(value)
    as_shown = shown(value, kind) if kind != "plain" else str(value)
    is_safe = as_shown.isprintable() and len(as_shown) < 200
    return element.attributes["value"] != as_spelt or (is_safe and element.text != as_shown)


def _named(source: dict[str, str], found: Findings) -> tuple[Any, Any]:
    if "data-fact" in source:
        value = found.facts[source["data-fact"]]
        return value, kind_of(value)
    if "data-table" in source:
        table = found.tables[source["data-table"]]
        place = [column.name for column in table.columns].index(source["data-column"])
        return table.rows[int(source["data-row"])][place], table.columns[place].kind
    if "data-choice" in source:
        return getattr(found.choices, source["data-choice"]), "plain"
    if "data-told" in source:
        return {"of": found.transcripts_of, "shown": len(found.transcripts)}[source["data-told"]], "count"
    value: Any = found.runs[int(source["data-run"])]
    for name in source["data-field"].split("."):
        value = value[name] if isinstance(value, dict) else getattr(value, name)
    return value, "plain"


def test_every_table_stands_on_the_page_once_and_whole(case: Case) -> None:
    found, page, markup = case
    names = [element.attributes["data-table"] for element in page.all("table") if "data-table" in element.attributes]
    assert sorted(names) == sorted(name for name, table in found.tables.items() if table.rows)
    cells = [element.attributes["data-v"] for element in page.all("td") if "data-v" in element.attributes]
    assert sorted(cells) == sorted(
        for_terminal(spelt(cell, column.kind))
        for table in found.tables.values()
        for row in table.rows
        for cell, column in zip(row, table.columns, strict=True)
    )
    heads = [element.attributes["data-column"] for element in page.all("th") if "data-column" in element.attributes]
    assert sorted(heads) == sorted(c.name for table in found.tables.values() for c in table.columns)
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(element.attributes.get("scope") in ("col", "row") for element in page.all("th"))
    assert markup.count("<!doctype html>") == 1


def test_the_policy_has_the_hashes_of_the_only_style_and_the_only_script(case: Case) -> None:
    _, page, _ = case
    (policy,) = page.all("meta", http_equiv="Content-Security-Policy")
    for tag in ("style", "script"):
        (element,) = page.all(tag)
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy.attributes["content"]
    assert policy.attributes["content"].startswith("default-src 'none'; ")
    assert "unsafe" not in policy.attributes["content"]


def test_nothing_on_the_page_can_act_or_be_fetched(case: Case) -> None:
    _, page, _ = case
    for element in page.elements:
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        assert element.tag not in ("img", "iframe", "object", "embed", "base", "video", "audio")
        links = [element.attributes.get(name) for name in ("href", "src", "action")]
        assert all(link is None or link.startswith("#") or link == "data:," for link in links)


def test_every_link_leads_somewhere_and_every_anchor_is_one(case: Case) -> None:
    _, page, _ = case
    anchors = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(anchors) == len(set(anchors))
    assert {e.attributes["href"][1:] for e in page.all("a")} <= set(anchors)
    labels = {e.attributes["aria-labelledby"] for e in page.elements if "aria-labelledby" in e.attributes}
    assert labels <= set(anchors)


def test_methods_name_only_what_was_used() -> None:
    def sources(found: Findings) -> str:
        return " ".join(element.text for element in PageText(render(found, made_at=MADE_AT, beside=[])).all("cite"))

    both, one = sources(findings(transcripts=0)), findings(transcripts=0)
    assert {"Wilson", "McNemar", "Tango", "Holm", "Kaplan"} <= set(re.findall(r"\w+", both))
    assert "Newcombe" not in both
    assert "Newcombe" in sources(unmatched()) and "McNemar" not in sources(unmatched())
    assert sources(replace(one, tables={"ledger": one.tables["ledger"]})) == ""


def test_methods_say_what_a_paper_must_state() -> None:
    page = PageText(render(findings(), made_at=MADE_AT, beside=[]))
    said = " ".join(" ".join(element.text for element in page.all("main")).split())
    methods = said[said.index("Methods Design") : said.index("Appendix: prompts")]
    for part in (
        "bedrock:global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock:mistral.mistral-large-2407-v1:0",
        "2025-03-14T22:05:02Z",
        "temperature 0.7, top p 0.95, max tokens 500",
        "Judges were asked for: temperature 0.0, max tokens 1024",
        "Of 600 planned trials 561 were analysed",
        "The seed of dilemma-20250314T220501Z is 42",
        "takes no seed",
        "neither the variant nor the subject",
        "Cohen's kappa in deceived 0.861 (0.802 to 0.913; 540 trials)",
        "turned 14 of 40 verdicts; harmless text turned 1 of 40",
        "Family error rate 0.050, intervals of 95 % confidence; 2,000 draws",
        "Plan hash 5d41a7c20fb96ce0e14b",
        "The plan was locked before the first call",
        "Every deviation is listed above",
        "Python 3.11.7; trialbed 0.1.0",
        "Code commit be9f55f0c1d2e3f405162738495a6b7c8d9e0f10",
    ):
        assert part in methods, part
    assert "State the justification for that share" in said[said.index("Appendix: prompts") :]


def test_a_rehearsal_an_interim_state_and_no_lock_are_said_before_any_result() -> None:
    page = PageText(render(CASES["a rehearsal cut short"](), made_at=MADE_AT, beside=[]))
    (head,) = page.all("header")
    said = " ".join(head.text.split())
    assert "This is a rehearsal." in said
    assert "only complete blocks" in said
    assert "all its results are exploratory" in said
    assert "There are none: no locked plan named them" in " ".join(page.all("main")[0].text.split())


def test_a_cell_of_the_csv_and_of_the_page_are_the_same(tmp_path: Path) -> None:
    table = findings(transcripts=0).tables["deviations"]
    page = PageText(render(findings(transcripts=0), made_at=MADE_AT, beside=[]))
    on_page = [e.attributes["data-v"] for e in page.all("td") if "data-v" in e.attributes]
    in_csv = [
        field_of(spelt(cell, column.kind), column.kind)
        for row in table.rows
        for cell, column in zip(row, table.columns, strict=True)
    ]
    assert set(in_csv) <= set(on_page)
