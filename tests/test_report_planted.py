"""Does a report show the effect that was planted in a rehearsal, and none where none was, to whoever opens it?"""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.calibration.worlds import World, worlds
from tests.support.chromium import chromium, opened
from tests.support.project import make_project

RUNS = 120
"""So many that the two largest of the planted differences are found whatever the seed."""
SEED = "7"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def page_of(world: World, folder: Path) -> Path:
    project = make_project(folder, experiments=world.files, **world.variables, MODEL_SEED=SEED)
    assert project.trialbed("plan", "--lock").code == 0
    assert project.run().code == 0
    ended = project.trialbed("report")
    assert ended.code == 0, ended.stderr
    run = project.the_run().folder.name
    probed = project.trialbed("judge", run, "--probe", "--judges", "rehearsal:gullible-judge")
    assert probed.code == 0, probed.stderr
    assert project.trialbed("report").code == 0
    audited = project.trialbed("audit", run)
    assert audited.code == 0, audited.stdout
    return Path(ended.stdout.strip())


def main_result(browser: Browser, page: Path, width: int) -> str:
    """What the section of the main result says; nothing leaves the page and nothing complains."""
    with opened(browser, page, width=width) as (shown, seen):
        text = shown.locator("section", has=shown.locator("#result")).inner_text()
        judges = shown.locator("section", has=shown.locator("#judges")).inner_text()
        assert seen.requests == [page.as_uri()] and seen.complaints == [] and seen.dialogs == []
    assert "rehearsal:gullible-judge" in judges and "The intervals are apart" in judges
    return text


@pytest.mark.parametrize("width", [1280, 390])
def test_the_planted_effect_is_what_the_page_says_first(planted: Path, browser: Browser, width: int) -> None:
    text = main_result(browser, planted, width)
    higher, lower = text.split("higher under")[1].split("lower under")
    lower = lower.split(";")[0].split(".")[0]
    assert "time_pressure" in higher and "empathetic" not in higher
    assert "empathetic" in lower and "time_pressure" not in lower
    with (planted.parent / "contrasts.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["measure"] == "deceived" and row["subject"] == "all"]
    assert {row["role"] for row in rows} == {"confirmatory"}


def test_where_nothing_was_planted_nothing_is_claimed(tmp_path: Path, browser: Browser) -> None:
    text = main_result(browser, page_of(worlds(RUNS)[1], tmp_path), 1280)
    assert "not shown to differ under any variant" in text


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_of(worlds(RUNS)[0], tmp_path_factory.mktemp("planted"))
