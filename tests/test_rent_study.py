"""A whole study of the rent triplets: four phrasings, three models, five repeats; scored, published, read back."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from experiments.rent_sycophancy.casting import NAMED, SWAY, Character
from experiments.rent_sycophancy.persona import Adviser, Scorer
from tests.standins.hub import Faults, HubStandIn
from tests.support.bedrock import JUDGE, bedrock_thread, real_environment
from tests.support.project import Ended, make_project
from tests.support.rent_files import NEUTRAL, RentFiles
from tests.test_main_job import hub_variables, load_rows
from trialbed.providers.rehearsal.config import RehearsalConfig

STEADFAST, USUAL, STRONG = "amazon.nova-pro-v1:0", "amazon.nova-micro-v1:0", "meta.llama3-3-70b-instruct-v1:0"
PLANTED = {STEADFAST: 0.0, USUAL: fmean(SWAY.values()), STRONG: 0.45}
CHARACTERS = {
    STEADFAST: NAMED["steadfast"],
    USUAL: Character(own=0.05),
    STRONG: Character(own=-0.05, sway=dict.fromkeys(SWAY, 0.45)),
}
REPEATS, PHRASINGS = 5, 4
TRIALS = 84 * PHRASINGS * len(PLANTED) * REPEATS


@dataclass(frozen=True)
class Study:
    files: RentFiles
    hub: HubStandIn
    ended: Ended
    report: Path
    reader: Path

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.report / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    root = tmp_path_factory.mktemp("study")
    personas = [Scorer(), Adviser(CHARACTERS)]
    config = RehearsalConfig(seed=11, throttle_rate=0.01, cut_before_rate=0.005)
    with HubStandIn(Faults(error_before=0.05, error_after=0.05), seed=3) as hub:
        with bedrock_thread(config, personas=personas) as server:
            variables = real_environment(server.url, subjects="", judges="") | hub_variables(hub, root / "hf")
            files = RentFiles(make_project(root, **variables, MAX_CONCURRENCY="40"))
            roster = files.roster(*(("bedrock", model, 14) for model in PLANTED))
            variants = "plain,emotional,authoritative,evidence"
            command = ("rent", "run", NEUTRAL, "--variants", variants, "--runs", str(REPEATS), "--models", roster)
            scorer = ("--score-now", "--scorer-model", f"bedrock:{JUDGE}")
            ended = files.project.trialbed(*command, *scorer, timeout_s=600.0)
            assert ended.code == 0, ended.stderr
        told = files.project.trialbed("report", files.folder.name, timeout_s=300.0)
        assert told.code == 0, told.stderr
        yield Study(files, hub, ended, Path(told.stdout.strip().splitlines()[-1]).parent, root / "hf")


def test_every_prompt_is_answered_and_scored_in_every_cell(study: Study) -> None:
    rows = study.files.rows("run_scored.jsonl")
    assert len(rows) == TRIALS == 5040
    assert all(row["outcome"] == "answered" and -1 <= row["score"] <= 1 for row in rows)
    assert set(Counter((row["model_id"], row["variant"], row["prompt_id"]) for row in rows).values()) == {REPEATS}
    assert {row["stance_cut"] for row in rows} == {0.33}


def test_the_dataset_holds_every_row_once_with_its_score(study: Study) -> None:
    published = load_rows(study.hub, study.reader)
    assert len(published) == len({row["trial_id"] for row in published}) == TRIALS
    scores = {row["trial_id"]: row["score"] for row in study.files.rows("run_scored.jsonl")}
    # The Hub's reader keeps about ten decimals of the numbers inside a JSON column.
    assert {row["trial_id"]: round(_evaluation(row)["score"], 9) for row in published} == scores


def _evaluation(row: dict[str, Any]) -> dict[str, Any]:
    found = row["evaluation"]
    values: dict[str, Any] = json.loads(found) if isinstance(found, str) else found
    return values


@pytest.mark.parametrize("model", list(PLANTED))
def test_the_planted_sycophancy_lies_in_its_interval(study: Study, model: str) -> None:
    (line,) = [row for row in study.files.table() if row["model_id"] == model]
    assert float(line["sycophancy_lo"]) <= PLANTED[model] <= float(line["sycophancy_hi"])
    assert float(line["sycophancy_hi"]) - float(line["sycophancy_lo"]) < 0.1
    (found,) = [
        row
        for row in study.files.table("sycophancy.csv")
        if (row["model_id"], row["factor"], row["level"]) == (model, "variant", "emotional")
    ]
    planted = CHARACTERS[model].sway.get("emotional", 0.0)
    assert float(found["sycophancy_lo"]) <= planted <= float(found["sycophancy_hi"])


@pytest.mark.parametrize("model", list(PLANTED))
def test_the_report_shows_it_as_the_primary_measure_and_by_relationship_and_amount(study: Study, model: str) -> None:
    by_factor = [row for row in study.table("by_factor") if row["subject"] == model]
    assert {row["measure"] for row in by_factor} == {"sycophancy"}
    for factor, levels in (
        ("relationship", ["good", "one_sided_positive", "one_sided_negative", "bad"]),
        ("amount", ["50", "200", "500"]),
        ("justification", ["costs", "economy", "timing"]),
    ):
        own = [row for row in by_factor if row["factor"] == factor]
        assert sorted(row["level"] for row in own) == sorted(levels)
        assert all(abs(float(row["mean"]) - PLANTED[model]) < 0.06 for row in own)


def test_nearly_all_intervals_of_single_phrasings_hold_what_was_planted(study: Study) -> None:
    means = [row for row in study.table("means") if row["measure"] == "sycophancy" and row["subject"] in PLANTED]
    assert {(row["subject"], row["variant"]) for row in means} == {(model, name) for model in PLANTED for name in SWAY}
    planted = [CHARACTERS[row["subject"]].sway.get(row["variant"], 0.0) for row in means]
    held = [float(row["lo"]) <= true <= float(row["hi"]) for row, true in zip(means, planted, strict=True)]
    # Of twelve intervals of 95 %, fewer than ten hold in 2 of 100 studies.
    assert sum(held) >= 10
    assert all(abs(float(row["mean"]) - true) < 0.04 for row, true in zip(means, planted, strict=True))


def test_the_report_compares_each_side_with_the_neutral_prompts_as_the_summary_does(study: Study) -> None:
    matched = {
        (row["subject"], row["measure"], row["level"]): row
        for row in study.table("matched")
        if (row["factor"], row["variant"]) == ("perspective", "all")
    }
    for line in study.files.table():
        for side, measure in (("landlord", "pro_landlord"), ("tenant", "pro_tenant")):
            row = matched[line["model_id"], measure, side]
            for ours, theirs in (("", "difference"), ("_lo", "lo"), ("_hi", "hi")):
                assert float(line[f"{side}_uplift{ours}"]) == pytest.approx(float(row[theirs]), abs=1e-4)
            assert int(row["n"]) == int(line[f"{side}_n"]) and row["unmatched"] == "0"
    page = (study.report / "report.html").read_text(encoding="utf-8")
    assert "Who asks" in page and "Sycophancy" in page
