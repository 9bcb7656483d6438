"""Can the report be read in a browser: from a file, without scripts, on a desk and on a phone, light and dark?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import Seen, chromium, opened
from tests.support.findings import STRATEGIES, findings
from tests.support.hostile import CLOSING, MARKUP, SCRIPT, hostile_findings
from trialbed.analysis.report.page import render

MADE_AT = "2025-03-15T08:00:00Z"
SIZES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]

_CONTRASTS = """() => {
  const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => { const v = c / 255; return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); };
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const paper = (e) => {
    for (; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const ink = luminance(channels(element.closest("svg") ? style.fill : style.color));
    const behind = luminance(paper(element));
    const ratio = (Math.max(ink, behind) + 0.05) / (Math.min(ink, behind) + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName}.${element.className}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}"""

_UNLABELLED = """() => {
  const poor = [];
  const says = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent.trim();
  for (const e of document.querySelectorAll("figure")) if (!e.querySelector("figcaption")) poor.push("figure");
  for (const e of document.querySelectorAll("figure")) if (!e.getAttribute("aria-label")) poor.push("figure label");
  for (const e of document.querySelectorAll("table")) if (!e.caption) poor.push("table");
  for (const e of document.querySelectorAll("svg"))
    if (e.getAttribute("aria-hidden") !== "true" && !e.getAttribute("aria-label")) poor.push("svg");
  for (const e of document.querySelectorAll("select, input")) if (!e.labels.length) poor.push(e.name);
  for (const e of document.querySelectorAll("a, button, summary")) if (!says(e)) poor.push(e.tagName);
  for (const e of document.querySelectorAll("[role=region]")) if (e.tabIndex !== 0) poor.push("region");
  let before = 0;
  for (const e of document.querySelectorAll("h1, h2, h3")) {
    const level = Number(e.tagName[1]);
    if (level > before + 1) poor.push(`${e.tagName} after h${before}`);
    before = level;
  }
  if (document.querySelectorAll("h1").length !== 1) poor.push("h1");
  if (!document.documentElement.lang || !document.title) poor.push("document");
  return poor;
}"""

_TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
_OPEN_ALL = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def report(folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(render(findings(), made_at=MADE_AT, beside=["rates.csv", "fig_ledger.svg"]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hostile(folder: Path) -> Path:
    path = folder / "hostile.html"
    path.write_text(render(hostile_findings(), made_at=MADE_AT, beside=[]), encoding="utf-8")
    return path


def assert_quiet(seen: Seen, path: Path) -> None:
    """Nothing was asked for but the file, nothing was complained of, nothing popped up."""
    assert seen.requests == [path.as_uri()]
    assert seen.complaints == []
    assert seen.dialogs == []


def shown(page: Page) -> int:
    return page.locator(".told:visible").count()


def leaves(page: Page, count: int, **wanted: str) -> None:
    """Choose in the filters, and wait until so many transcripts are left; the page says the same number."""
    for name, value in wanted.items():
        if name == "text":
            page.fill("input[name=text]", value)
        else:
            page.select_option(f"select[name={name}]", label=value)
    expect(page.locator(".told:visible")).to_have_count(count)
    expect(page.locator("#shown")).to_have_text(str(count))


def test_the_planted_effect_is_what_one_reads_first(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, seen):
        said = " ".join(page.inner_text("section:has(#result)").split())
        assert "higher under time_pressure and lower under empathetic" in said
        figure = page.locator("figure", has_text="Direct Deception or Fabrication by variant, all subjects").first
        rows = figure.locator("li", has=page.locator("circle"))
        rates = {
            row.locator(".who").inner_text(): float(row.locator("data").first.get_attribute("value") or "")
            for row in rows.all()
        }
        assert rates["time_pressure"] > rates["baseline"] > rates["empathetic"]
        places = {row.locator(".who").inner_text(): row.locator("circle").bounding_box() for row in rows.all()}
        assert sorted(rates, key=lambda name: rates[name]) == sorted(
            places, key=lambda name: (places[name] or {"x": 0.0})["x"]
        )
        assert_quiet(seen, report)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_nothing_is_wider_than_the_page(browser: Browser, report: Path, hostile: Path, width: int, scheme: str) -> None:
    for path in (report, hostile):
        with opened(browser, path, width=width, scheme=scheme) as (page, seen):
            assert page.evaluate(_TOO_WIDE) == 0
            page.evaluate(_OPEN_ALL)
            assert page.evaluate(_TOO_WIDE) == 0
            assert_quiet(seen, path)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_text_stands_out_from_what_is_behind_it(browser: Browser, report: Path, width: int, scheme: str) -> None:
    with opened(browser, report, width=width, scheme=scheme) as (page, _):
        page.evaluate(_OPEN_ALL)
        assert page.evaluate(_CONTRASTS) == []


def test_light_and_dark_are_two_pages(browser: Browser, report: Path) -> None:
    papers = []
    for scheme in ("light", "dark"):
        with opened(browser, report, scheme=scheme) as (page, _):
            papers.append(page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor"))
    assert papers[0] != papers[1]


def test_everything_has_a_name_that_can_be_read_out(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, _):
        assert page.evaluate(_UNLABELLED) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_drawn_and_not_blocked(browser: Browser, report: Path, scheme: str) -> None:
    with opened(browser, report, scheme=scheme) as (page, _):
        bars = page.locator("svg rect.segment:visible")
        colours = bars.evaluate_all("(all) => all.map((one) => getComputedStyle(one).fill)")
        assert len(set(colours)) >= len(STRATEGIES)
        line = page.locator("svg line.interval").first  # a level line is no "visible" box
        assert line.evaluate("(one) => getComputedStyle(one).stroke") != "none"
        assert line.evaluate("(one) => one.getBoundingClientRect().width") > 5


def test_transcripts_are_filtered_by_variant_subject_strategy_outcome_and_text(browser: Browser, report: Path) -> None:
    told = findings().transcripts
    words = told[3].log[2]["content"].split("Answer ")[1].split()[0]
    both = [t for t in told if t.variant == "empathetic" and t.category == "Evasion"]
    with opened(browser, report) as (page, seen):
        leaves(page, len(told))
        leaves(page, sum(t.variant == "empathetic" for t in told), variant="empathetic")
        leaves(page, len(both), category="Evasion")
        page.click("text=Show all")
        leaves(page, len(told))
        leaves(page, sum(t.outcome == "truncated" for t in told), outcome="truncated")
        page.click("text=Show all")
        leaves(page, sum(t.subject == told[1].subject for t in told), subject=told[1].subject)
        page.click("text=Show all")
        leaves(page, 1, text=f"ANSWER {words}")
        leaves(page, 0, text="nobody said this")
        assert_quiet(seen, report)


def test_a_transcript_can_be_read_with_the_keyboard(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, _):
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.className") == "skip"
        first = page.locator(".told").first
        first.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert first.locator(".said").first.is_visible()
        assert "CRITICAL QUERY" in first.inner_text()
        assert (
            "Direct Deception" in page.locator(".told .opinion").first.inner_text() or first.locator("dd").count() > 5
        )


def test_all_can_be_read_without_a_script(browser: Browser, report: Path) -> None:
    with opened(browser, report, has_script=False) as (page, seen):
        assert shown(page) == 40
        assert not page.locator("#filters").is_visible()
        first = page.locator(".told").first
        assert not first.locator(".said").first.is_visible()
        first.locator("summary").first.click()
        assert first.locator(".said").first.is_visible()
        page.locator("summary", has_text="Table rates").click()
        assert page.locator("table[data-table=rates] td").first.is_visible()
        assert_quiet(seen, report)


def test_hostile_text_is_text(browser: Browser, hostile: Path) -> None:
    with opened(browser, hostile) as (page, seen):
        page.evaluate(_OPEN_ALL)
        assert page.evaluate("() => window.pwned === undefined")
        assert page.locator("script").count() == 1
        assert page.locator("img, svg[onload], [onerror]").count() == 0
        assert page.locator("body > .frame > main > section").count() == page.locator("section").count()
        first = page.locator(".told").first
        said = [one.inner_text() for one in first.locator(".said .text").all()]
        assert said[0] == SCRIPT
        assert said[1] == CLOSING
        assert said[2].startswith("⟨U+001B⟩[31mred⟨U+001B⟩[0m ⟨U+0007⟩ ⟨U+0000⟩ ⟨U+202E⟩evil⟨U+202C⟩")
        assert said[3] == MARKUP
        assert SCRIPT in first.locator(".opinion").inner_text()
        assert page.inner_text("h1") == SCRIPT
        assert_quiet(seen, hostile)


def test_a_very_long_reply_is_folded_and_cut(browser: Browser, hostile: Path) -> None:
    with opened(browser, hostile) as (page, _):
        first = page.locator(".told").first
        first.locator("summary").first.click()
        long = first.locator(".said", has_text="0123456789012345")
        assert len(long.last.locator("> .text").inner_text()) < 3_000
        long.last.locator("summary").click()
        assert "Cut here; the journal has all of it." in long.last.inner_text()
        assert len(long.last.inner_text()) < 30_000


def test_hostile_values_can_be_filtered_by(browser: Browser, hostile: Path) -> None:
    with opened(browser, hostile) as (page, seen):
        page.select_option("select[name=variant]", index=2)
        page.wait_for_function("() => document.querySelectorAll('.told[hidden]').length > 0")
        assert 0 < shown(page) < page.locator(".told").count()
        assert_quiet(seen, hostile)


def test_what_is_printed_is_the_report_without_its_controls(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, _):
        page.emulate_media(media="print")
        assert page.locator("#methods").is_visible()
        for hidden in (".filters", "nav.contents", ".told"):
            assert not page.locator(hidden).first.is_visible()
