"""Can the course of a run be seen in a browser: lines with gaps, bins without an answer, on a desk and a phone?"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import chromium, opened
from tests.support.hostile import CLOSING, FORMULA, SCRIPT
from tests.support.page_text import PageText
from tests.support.timed_runs import World, timed_run
from tests.test_recheck_audit import first_path
from tests.test_report_numbers import _differs
from tests.test_report_pages import _CONTRASTS, _OPEN_ALL, _TOO_WIDE, _UNLABELLED, SIZES, assert_quiet
from trialbed.analysis.findings import Findings
from trialbed.analysis.report.page import render

MADE_AT = "2026-01-10T00:00:00Z"
SLOW, FAST = "bedrock:maker.slow", "groq:llama-fast"
TWENTY = {f"{provider}:model-{number}": 10.0 + number for provider in ("groq", "azure") for number in range(10)}
HOSTILE = {f"groq:m{CLOSING}": 50.0, f"bedrock:{SCRIPT}": 40.0, f"bedrock:{FORMULA}": 30.0}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    worlds = {
        "week": World(),
        "twenty": World(cycles=48, medians=TWENTY, variants=("short",), out={"groq:model-3": (0, 47)}),
        "hostile": World(cycles=24, medians=HOSTILE, variants=("short", CLOSING), out={f"bedrock:{SCRIPT}": (3, 23)}),
        "once": World(cycles=1, out={}),
    }
    root = tmp_path_factory.mktemp("runs")
    return {name: first_path([timed_run(root / name, world).write()]) for name, world in worlds.items()}


@pytest.fixture(scope="module")
def pages(cases: dict[str, Findings], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pages")
    for name, found in cases.items():
        (root / f"{name}.html").write_text(render(found, made_at=MADE_AT, beside=[]), encoding="utf-8")
    return {name: root / f"{name}.html" for name in cases}


def test_no_number_stands_without_its_source_and_each_is_the_one_it_names(cases: dict[str, Findings]) -> None:
    for found in cases.values():
        page = PageText(render(found, made_at=MADE_AT, beside=[]))
        # A column may be called p50, and the caption of the table of power names its probability.
        captions = {table.title for table in found.tables.values()}
        loose = [text for text in page.loose if text not in captions]
        assert [text for text in loose if re.search(r"(?<![a-z\d])\d", text)] == []
        assert [element for element in page.all("data") if _differs(element, found)] == []


@pytest.mark.parametrize("name", ["week", "twenty", "hostile", "once"])
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_nothing_is_wider_than_the_page_and_it_is_quiet(
    browser: Browser, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    with opened(browser, pages[name], width=width, scheme=scheme) as (page, seen):
        assert page.evaluate(_TOO_WIDE) == 0
        page.evaluate(_OPEN_ALL)
        assert page.evaluate(_TOO_WIDE) == 0
        assert page.evaluate("() => window.pwned === undefined")
        assert_quiet(seen, pages[name])


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_text_stands_out_and_everything_has_a_name(
    browser: Browser, pages: dict[str, Path], width: int, scheme: str
) -> None:
    with opened(browser, pages["week"], width=width, scheme=scheme) as (page, _):
        page.evaluate(_OPEN_ALL)
        assert page.evaluate(_CONTRASTS) == []
        assert page.evaluate(_UNLABELLED) == []


def test_there_is_a_panel_for_each_provider_and_a_line_for_each_of_its_models(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with opened(browser, pages["week"]) as (page, _):
        figure = page.locator("figure", has_text="Tokens per second over time, short").first
        panels = figure.locator(".panels > li")
        assert [panel.locator("> .who").inner_text() for panel in panels.all()] == ["groq", "bedrock"]
        assert [panel.locator("svg.course polyline").count() for panel in panels.all()] == [1, 3]
        assert page.locator("figure.plot", has_text="over time, long_context").first.is_hidden()


def test_a_line_is_broken_where_its_model_was_silent_and_the_axis_says_so(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with opened(browser, pages["week"]) as (page, _):
        panel = (
            page.locator("figure", has_text="Tokens per second over time, short").first.locator(".panels > li").nth(1)
        )
        before, after = (box(line) for line in panel.locator("polyline.s1").all())
        marks = [box(mark) for mark in panel.locator("rect.silent").all()]
        assert len(marks) == 12 and panel.locator("rect.silent.k1").count() == 12
        assert before[1] <= marks[0][0] + 1 and marks[-1][1] - 1 <= after[0]
        steady = box(panel.locator("polyline.s0").first)
        assert steady[0] < before[0] + 1 and steady[1] > after[1] - 1


def box(locator) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """From where to where on the page, from left to right."""
    found = locator.evaluate("(one) => { const b = one.getBoundingClientRect(); return [b.left, b.right]; }")
    return found[0], found[1]


def test_a_model_that_never_answered_is_seen_at_a_glance(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["twenty"]) as (page, _):
        figure = page.locator("figure", has_text="When each subject answered")
        lines = {line.locator(".who").inner_text(): line for line in figure.locator(".bars > li").all()[:-1]}
        assert len(lines) == 20
        for name, line in lines.items():
            bad, good = line.locator("rect.present-none").count(), line.locator("rect.present-all").count()
            assert (bad > 0, good > 0) == ((True, False) if name == "groq:model-3" else (False, True)), name
        assert "groq:model-3 has not answered" in page.locator("header .warning").last.inner_text()


def test_medians_stand_in_the_figure_in_their_order(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["week"]) as (page, _):
        figure = page.locator("figure", has_text="Tokens per second by subject, short").first
        rows = figure.locator("li", has=page.locator("circle")).all()
        at = {row.locator(".who").inner_text(): row.locator("circle").bounding_box()["x"] for row in rows}
        assert at[SLOW] < at["bedrock:maker.steady"] < at[FAST]


def test_hostile_names_are_text(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["hostile"]) as (page, seen):
        page.evaluate(_OPEN_ALL)
        assert page.locator("script").count() == 1
        assert page.locator("img, svg[onload], [onerror]").count() == 0
        assert page.locator("body > .frame > main > section").count() == page.locator("section").count()
        said = page.inner_text("section:has(#over-time)")
        assert SCRIPT in said and CLOSING in said
        assert_quiet(seen, pages["hostile"])


def test_a_single_cycle_has_no_course_to_draw(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["once"]) as (page, _):
        assert page.locator("svg.course, svg.presence").count() == 0
        assert page.locator("figure", has_text="Tokens per second by subject, short").count() == 1
