"""What does a report show of what scenarios differ in? Numbers with their source, figures, and a page to be read."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import chromium, opened
from tests.support.findings import findings
from tests.support.hostile import CLOSING, FORMULA, SCRIPT
from tests.support.made_runs import Happened
from tests.support.page_text import PageText
from tests.support.triplets import FACTORS, about, answer, findings_of, swayed, told, triplet_run, triplets
from tests.test_report_numbers import _differs
from tests.test_report_pages import _CONTRASTS, _OPEN_ALL, _TOO_WIDE, _UNLABELLED, SIZES, assert_quiet
from trialbed.analysis.findings import Findings
from trialbed.analysis.report.methods import statistics
from trialbed.analysis.report.page import render
from trialbed.analysis.report.plots import plots
from trialbed.core.trial import Trial

MADE_AT = "2026-01-10T00:00:00Z"
TWO = ("maker.one", "maker.two")


def hostile_answers(trial: Trial) -> Happened:
    """Levels that a page, a spreadsheet and a figure must not take for more than text."""
    values = answer(trial.scenario.id, agrees=trial.repeat > 0, score=0.2 * trial.repeat)
    level = {"landlord": SCRIPT, "tenant": FORMULA, "neutral": "neutral"}[values["perspective"]]
    return told(values | {"perspective": level, "justification": CLOSING})


def never_neutral(trial: Trial) -> Happened:
    """The second subject is never asked neutrally, and the first one not about one amount."""
    known = about(trial.scenario.id)
    values = answer(trial.scenario.id, agrees=True, score=0.3)
    is_gone = known["perspective"] == "neutral" and ("two" in str(trial.subject) or known["amount"] == 400)
    return told(values | {"perspective": None} if is_gone else values)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    hostile = FACTORS[0].model_copy(update={"title": CLOSING})
    runs: dict[str, Callable[[Path], Path]] = {
        "swayed": lambda root: triplet_run(
            root, swayed(Random(4), uplift=1.0), scenarios=triplets(amounts=[200, 400, 800]), subjects=TWO
        ).write(),
        "one subject, one variant": lambda root: triplet_run(root, swayed(Random(5)), variants=["plain"]).write(),
        "a rate is primary": lambda root: triplet_run(
            root, swayed(Random(6)), choices={"primary": "agrees"}, subjects=TWO
        ).write(),
        "without baselines": lambda root: triplet_run(root, never_neutral, subjects=TWO).write(),
        "hostile": lambda root: triplet_run(
            root, hostile_answers, choices={"factors": (hostile, *FACTORS[1:])}, subjects=(SCRIPT, "maker.two")
        ).write(),
    }
    root = tmp_path_factory.mktemp("runs")
    return {name: findings_of([make(root / name.replace(" ", "_"))]) for name, make in runs.items()}


@pytest.fixture(scope="module")
def pages(cases: dict[str, Findings], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pages")
    paths = {name: root / f"{number}.html" for number, name in enumerate(cases)}
    for name, path in paths.items():
        path.write_text(render(cases[name], made_at=MADE_AT, beside=[]), encoding="utf-8")
    return paths


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_no_number_stands_without_its_source_and_each_is_the_one_it_names(cases: dict[str, Findings]) -> None:
    for found in cases.values():
        page = PageText(render(found, made_at=MADE_AT, beside=[]))
        captions = {table.title for table in found.tables.values()}  # that of power names its probability
        assert [text for text in page.loose if text not in captions and re.search(r"\d", text)] == []
        assert [element for element in page.all("data") if _differs(element, found)] == []
        names = [
            element.attributes["data-table"] for element in page.all("table") if "data-table" in element.attributes
        ]
        assert sorted(names) == sorted(found.tables)


def test_each_level_is_drawn_against_the_baseline_of_all_subjects_and_of_each(
    browser: Browser, pages: dict[str, Path], cases: dict[str, Findings]
) -> None:
    with opened(browser, pages["swayed"]) as (page, seen):
        section = page.locator("section:has(#factors)")
        for level in ("landlord", "tenant"):
            figure = section.locator("figure", has_text=f"Sides with the landlord: {level} less neutral")
            rows = figure.locator("li", has=page.locator("circle"))
            assert [row.locator(".who").inner_text() for row in rows.all()] == ["all subjects", *TWO]
            pooled = (
                cases["swayed"]
                .tables["matched"]
                .where(measure="pro_landlord", level=level, subject="all", variant="all")
            )
            assert rows.first.locator("b").inner_text() == f"{pooled[0]['difference']:.3f}"
        assert "have the same amount and relationship_quality" in " ".join(section.inner_text().split())
        assert_quiet(seen, pages["swayed"])


def test_the_primary_measure_is_drawn_by_level(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["a rate is primary"]) as (page, _):
        figure = page.locator("figure", has_text="Says the rise is fair by Who asks, all subjects together")
        names = figure.locator("li .who bdi").all_inner_texts()
        assert names == ["landlord", "tenant", "neutral"]
        figure = page.locator("figure", has_text="Says the rise is fair by Rise in dollars, all subjects together")
        assert figure.locator("li .who bdi").all_inner_texts() == ["200", "400"]


def test_a_single_subject_is_not_drawn_twice(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["one subject, one variant"]) as (page, _):
        figure = page.locator("figure", has_text="landlord less neutral").first
        assert figure.locator("li .who bdi").all_inner_texts() == ["all subjects"]


def test_a_reader_is_told_who_has_no_baseline(cases: dict[str, Findings], pages: dict[str, Path]) -> None:
    (warning,) = [text for text in cases["without baselines"].warnings if "no baseline" in text]
    assert warning == (
        "Who asks: 12 trials of maker.one (landlord), 12 trials of maker.one (tenant), 24 trials of maker.two "
        "(landlord), 24 trials of maker.two (tenant) have no baseline (neutral) that matches them and are compared "
        "with nothing."
    )
    said = PageText(pages["without baselines"].read_text(encoding="utf-8"))
    text = " ".join(next(e.text for e in said.all("section", aria_labelledby="factors")).split())
    assert "None of the trials has one for maker.two." in text


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_page_fits_and_can_be_read(browser: Browser, pages: dict[str, Path], width: int, scheme: str) -> None:
    for name in ("swayed", "hostile"):
        with opened(browser, pages[name], width=width, scheme=scheme) as (page, seen):
            page.evaluate(_OPEN_ALL)
            assert page.evaluate(_TOO_WIDE) == 0
            assert page.evaluate(_UNLABELLED) == []
            assert name == "hostile" or page.evaluate(_CONTRASTS) == []
            assert_quiet(seen, pages[name])


def test_methods_name_the_sources_of_what_is_used_and_nothing_else(cases: dict[str, Findings]) -> None:
    def sources(found: Findings) -> str:
        return " ".join(one.source for one in statistics(found.tables, found.choices))

    assert "Zou & Donner" in sources(cases["swayed"]) and "Dean & Pagano" not in sources(cases["swayed"])
    assert "Dean & Pagano" in sources(cases["a rate is primary"])
    assert "Zou & Donner" not in sources(findings())


def test_the_differences_are_a_figure_for_a_paper(cases: dict[str, Findings]) -> None:
    drawn = dict(islice(plots(cases["swayed"]), 6))
    assert drawn["fig_matched.png"].startswith(b"\x89PNG")
    assert [name for name, _ in islice(plots(findings()), 5)][-1] == "fig_strategies.svg"


def test_a_report_of_no_factors_has_no_word_of_them(cases: dict[str, Findings]) -> None:
    found = cases["swayed"]
    tables = {name: table for name, table in found.tables.items() if name not in ("by_factor", "matched")}
    without = replace(found, tables=tables, choices=found.choices.model_copy(update={"factors": ()}))
    for one in (without, findings()):
        assert "actors" not in render(one, made_at=MADE_AT, beside=[])
