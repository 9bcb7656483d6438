"""A whole study of dialogues: uploaded, written to a bucket, judged twice and by two, reported with its half-lives."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.standins.hub import HubStandIn
from tests.support.aws import BUCKET, Aws, aws_server
from tests.support.bedrock import Request, bedrock_process, requests_in
from tests.support.chromium import chromium, opened
from tests.support.project import Project, make_project
from tests.support.socratic import OTHER, TUTOR
from tests.test_main_job import hub_variables, load_rows

TURNS = 4
SCENARIOS = ("career-change", "work-ethics", "MAI-ECO-INFL-01", "APO-PHY-HEAT-TEMP-01")
VARIANTS = ("plain", "strict", "persona", "examples")
RUNS = 3
TRIALS = len(SCENARIOS) * len(VARIANTS) * RUNS
JUDGES = ("amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0")


@dataclass(frozen=True)
class Study:
    project: Project
    aws: Aws
    hub: HubStandIn
    home: Path
    requests: list[Request]

    @property
    def records(self) -> list[dict[str, Any]]:
        return list(self.project.the_run().records().values())

    def raw_keys(self) -> list[str]:
        return [key for key in self.aws.all_keys() if key.startswith("raw/")]

    def table(self, name: str) -> list[dict[str, str]]:
        path = self.project.the_run().folder / "report" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    root = tmp_path_factory.mktemp("study")
    config = {"seed": 6, "throttle_rate": 0.02, "server_error_rate": 0.02}
    with (
        aws_server() as aws,
        HubStandIn(seed=3) as hub,
        bedrock_process(config, log=root / "requests.jsonl") as bedrock,
    ):
        aws.make_bucket()
        variables = {
            **bedrock.environment(),
            "SUBJECT_MODELS": TUTOR,
            "JUDGE_MODELS": ",".join(JUDGES),
            "JUDGE_REPEAT_SHARE": "0.25",
            "RUNNER_STUDENT_MODEL": OTHER,
            "RUNNER_DEFAULT_TURNS": str(TURNS),
            "RUNNER_S3_BUCKET": BUCKET,
            **aws.environment(),
            **hub_variables(hub, root / "hf"),
        }
        project = make_project(root, **variables)
        options = ("--scenarios", ",".join(SCENARIOS), "--runs", str(RUNS))
        assert project.trialbed("plan", "socratic", *options, "--lock").code == 0
        ended = project.trialbed("run", "socratic", *options, timeout_s=180)
        assert ended.code == 0, ended.stderr
        assert project.trialbed("report").code == 0
        yield Study(project, aws, hub, root / "reader", requests_in(bedrock.log))


def test_every_dialogue_is_answered_and_none_is_twice(study: Study) -> None:
    assert len(study.records) == TRIALS
    assert Counter(one["outcome"] for one in study.records) == {"answered": TRIALS}
    assert all(one["evaluation"]["n_judged"] == TURNS for one in study.records)


def test_the_bucket_holds_every_file_of_every_dialogue(study: Study) -> None:
    names = Counter(re.sub(r"\d{3}", "NNN", key.rpartition("/")[2]) for key in study.raw_keys())
    # Two judges: the second one's files have a number of their own.
    every = TRIALS * TURNS
    assert names == {"turn_NNN.json": every, "judge_NNN.json": every, "judge_NNN_2.json": every}
    curated = [study.aws.read(key) for key in study.aws.all_keys() if key.startswith("curated/")]
    told = {one["trial_id"]: one["evaluation"]["overall_score"] for one in study.records}
    assert {one["trial_id"]: one["overall_score"] for one in curated} == told
    assert len({one["run_id"] for one in curated}) == TRIALS


def test_the_dataset_has_every_row_with_its_turns(study: Study) -> None:
    rows = {row["trial_id"]: row for row in load_rows(study.hub, study.home)}
    assert len(rows) == TRIALS
    for record in study.records:
        row = rows[record["trial_id"]]
        assert row["evaluation"] == record["evaluation"]
        assert [one.get("turn") for one in row["verdicts"]] == [one.get("turn") for one in record["verdicts"]]
        assert [one["role"] for one in row["conversation_log"]] == ["system", *["user", "assistant"] * TURNS]


def test_each_judge_has_its_own_aggregates_and_agreement_is_reported(study: Study) -> None:
    for record in study.records:
        own = [one["judge"] for one in record["verdicts"] if one["name"] == "socratic" and not one["repeat"]]
        assert own == [f"bedrock:{judge}" for judge in JUDGES]
    raters = {row["raters"] for row in study.table("agreement") if row["measure"] == "overall_score"}
    assert any(" / " in one and "again" not in one for one in raters)
    assert any(one.endswith("again") for one in raters)


def test_a_share_of_the_dialogues_is_judged_turn_by_turn_a_second_time(study: Study) -> None:
    twice = [one for one in study.records if any(verdict["repeat"] for verdict in one["verdicts"])]
    assert 0 < len(twice) < TRIALS / 2
    for record in twice:
        again = [one for one in record["verdicts"] if one["repeat"] and one["name"] == "socratic_turn"]
        assert Counter(one["turn"] for one in again) == dict.fromkeys(range(TURNS), 2)
    judged = [one for one in study.requests if one.is_judge and one.was_answered and one.trial]
    assert len({one.key for one in judged}) >= (TRIALS + len(twice)) * TURNS * len(JUDGES)


def test_half_lives_stand_in_the_report_as_censored_survival(study: Study) -> None:
    steps = [row for row in study.table("survival") if row["measure"] == "half_life" and row["subject"] == "all"]
    for variant in VARIANTS:
        own = [one["evaluation"] for one in study.records if one["prompt_variant"] == variant]
        rows = [row for row in steps if row["variant"] == variant]
        crossed = Counter(one["half_life"] for one in own if not one["half_life_censored"])
        assert {float(row["time"]): int(row["events"]) for row in rows if int(row["events"])} == crossed
        assert int(rows[0]["at_risk"]) == len(own)
        if any(one["half_life_censored"] for one in own):
            # Never crossed: at risk to the last turn, and no event there.
            assert float(rows[-1]["time"]) == TURNS - 1


def test_the_planted_order_of_the_variants_is_found_within_blocks(study: Study) -> None:
    """The rehearsed tutor asks best where it is told exactly how."""
    means = {row["variant"]: float(row["mean"]) for row in study.table("means") if _is_primary(row)}
    assert means["strict"] > means["plain"]
    contrasts = {row["variant"]: row for row in study.table("contrasts") if _is_primary(row)}
    assert all(row["method"] == "matched" and int(row["pairs"]) == len(SCENARIOS) * RUNS for row in contrasts.values())
    assert {row["role"] for row in contrasts.values()} == {"confirmatory"}
    assert float(contrasts["strict"]["difference"]) > 0


def _is_primary(row: dict[str, str]) -> bool:
    return row["measure"] == "overall_score" and row["subject"] == "all"


def test_the_page_shows_the_curves_without_complaint(study: Study) -> None:
    page = study.project.the_run().folder / "report" / "report.html"
    with chromium() as browser:
        _look_at(browser, page)


def _look_at(browser: Browser, page: Path) -> None:
    with opened(browser, page, width=390) as (shown, seen):
        text = shown.locator("section", has=shown.locator("#survival")).inner_text()
        assert "Turn at which it first stops asking" in text
        assert seen.requests == [page.as_uri()] and seen.complaints == []


def test_another_judging_replaces_verdicts_rows_and_files_and_asks_no_tutor(study: Study) -> None:
    """Last: it changes what the others look at."""
    project, run = study.project, study.project.the_run()
    tutor_before = len([one for one in study.requests if one.model == TUTOR])
    ended = project.trialbed("judge", run.folder.name, "--judges", JUDGES[1], "--repeat-share", "0", timeout_s=120)
    assert ended.code == 0, ended.stderr
    assert (
        len([one for one in requests_in(project.root.parent / "requests.jsonl") if one.model == TUTOR]) == tutor_before
    )
    for record in run.records().values():
        newest = [one for one in record["verdicts"] if one["judging"] == 1]
        assert Counter(one["name"] for one in newest) == {"socratic": 1, "socratic_turn": TURNS, "heuristics": TURNS}
        assert record["revision"] == 1
    judged = [study.aws.read(key) for key in study.raw_keys() if key.endswith("/judge_000.json")]
    assert {one["judge_model"] for one in judged} == {JUDGES[1]}
    rows = load_rows(study.hub, study.home)
    assert Counter(row["revision"] for row in rows) == {1: TRIALS}
    assert project.status()["owed"] == {"hub": 0, "s3": 0}


def test_a_run_that_wrote_to_no_bucket_is_pushed_to_one_later(study: Study) -> None:
    project = study.project
    place = {"RUNNER_S3_PREFIX": "later"}
    ended = project.trialbed("push", project.the_run().folder.name, timeout_s=120, **place)
    assert ended.code == 0, ended.stderr
    assert "in S3" in ended.stdout
    there = [key for key in study.aws.all_keys() if key.startswith("later/curated/")]
    assert len(there) == TRIALS
