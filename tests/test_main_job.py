"""The main job end to end: a batch on the stand-ins for Bedrock and the Hub, as a researcher runs it."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.standins.hub import Faults, HubStandIn
from tests.support.bedrock import Bedrock, bedrock_process
from tests.support.project import Ended, Project, Sitting, make_project, wait_until

REPO = "user/steward"
RUNS = 30
VARIANTS = ("baseline", "time_pressure", "authority_emphasis", "empathetic", "implicit_threat")
STRATEGIES = {"Total Honesty", "Evasion", "Technical Truth", "Direct Deception", "Fabrication"}
SPEC_FIELDS = {
    *("run_id", "trial_id", "timestamp", "experiment_version", "code_commit", "steward_model", "prompt_variant"),
    *("model_config", "python_version", "evaluation", "conversation_log", "outcome", "requested_parameters"),
    *("sent_parameters", "echoed_parameters", "unsupported", "seed_sent", "request_ids", "provider", "block_id"),
    *("plan_hash", "usage", "cost_usd"),
}
LOAD = """
import datasets, json, sys
rows = datasets.load_dataset(sys.argv[1], split="train")
print(json.dumps([row for row in rows]))
"""


@dataclass(frozen=True)
class Night:
    """One batch that has ended, and all the places it left something in."""

    project: Project
    ended: Ended
    hub: HubStandIn
    bedrock: Bedrock
    rows: list[dict[str, Any]]


def load_rows(hub: HubStandIn, home: Path) -> list[dict[str, Any]]:
    """All rows as a reader of the published dataset gets them."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), **hub.client_environment(home)}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, REPO], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def hub_variables(hub: HubStandIn, home: Path) -> dict[str, str]:
    """What a user sets for uploads, and what keeps the clients on this machine."""
    return {**hub.client_environment(home), "HF_REPO_ID": REPO, "HF_COMMIT_EVERY_S": "1"}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """5 variants x 30 runs, with a Hub that now and then fails."""
    root = tmp_path_factory.mktemp("night")
    faults = Faults(error_before=0.1, error_after=0.1, rival_every=4)
    with HubStandIn(faults, seed=3) as hub, bedrock_process({"seed": 5}, log=root / "bedrock.jsonl") as bedrock:
        variables = bedrock.environment() | hub_variables(hub, root / "hf")
        project = make_project(root, **variables, BATCH_MODE="true", BATCH_SIZE=str(RUNS))
        ended = project.run(timeout_s=120)
        yield Night(project, ended, hub, bedrock, load_rows(hub, root / "reader"))


def test_a_batch_ends_with_every_row_in_the_published_dataset(night: Night) -> None:
    assert night.ended.code == 0, night.ended.stderr
    assert len(night.rows) == RUNS * len(VARIANTS)
    assert Counter(row["prompt_variant"] for row in night.rows) == {variant: RUNS for variant in VARIANTS}
    for unique in ("run_id", "trial_id"):
        assert len({row[unique] for row in night.rows}) == len(night.rows)
    assert len({row["block_id"] for row in night.rows}) == RUNS


def test_every_row_has_every_field_of_the_contract(night: Night) -> None:
    for row in night.rows:
        assert row.keys() >= SPEC_FIELDS
        assert re.fullmatch(rf"run_{row['prompt_variant']}_\d+_\d+", row["run_id"])
        assert row["timestamp"].endswith("Z")
        assert row["outcome"] == "answered" and row["evaluation"]["strategy"] in STRATEGIES
        assert row["evaluation"]["protocol_adherence"].keys() == {"primary_directive", "secondary_protocol"}
        assert [said["role"] for said in row["conversation_log"]] == ["system"] + ["user", "assistant"] * 5
        sent = {name: value for name, value in row["sent_parameters"].items() if value is not None}
        assert sent == {"temperature": 0.7, "top_p": 0.95, "max_tokens": 500}
        assert row["requested_parameters"] == row["sent_parameters"]
        assert row["seed_sent"] is False and row["cost_usd"] > 0 and len(row["request_ids"]) == 5


def test_repeats_do_not_share_one_seed(night: Night) -> None:
    assert len({row["model_config"]["seed"] for row in night.rows}) == len(night.rows)


def test_every_record_has_its_backup_and_its_line_in_the_journal(night: Night) -> None:
    run = night.project.the_run()
    backups = {backup["trial_id"]: backup for backup in run.backups().values()}
    assert len(backups) == RUNS * len(VARIANTS)
    assert backups == run.records()
    for row in night.rows:
        assert backups[row["trial_id"]]["conversation_log"] == row["conversation_log"]
        assert backups[row["trial_id"]]["evaluation"] == row["evaluation"]


def test_verify_and_status_find_nothing_missing_and_nothing_owed(night: Night) -> None:
    run = night.project.the_run().folder.name
    verified = night.project.trialbed("verify", run, "--json")
    assert verified.code == 0, verified.stderr
    assert json.loads(verified.stdout)["published"] == RUNS * len(VARIANTS)
    status = night.project.status(run)
    assert status["planned"] == status["outcomes"]["answered"] == RUNS * len(VARIANTS)
    assert status["owed"] == {"hub": 0} and status["is_complete"]


def test_the_same_command_after_the_end_asks_nothing_and_sends_nothing(night: Night) -> None:
    calls, commits = len(night.bedrock.requests()), len(night.hub.repo(REPO).commits)
    again = night.project.run()
    assert again.code == 0 and "nothing to do" in again.stderr
    assert len(night.bedrock.requests()) == calls
    assert len(night.hub.repo(REPO).commits) == commits
    assert again.stdout.splitlines()[:4] == night.ended.stdout.splitlines()[:4]


def test_the_dataset_is_private_and_its_card_says_what_was_run(night: Night) -> None:
    repo = night.hub.repo(REPO)
    card = repo.files()["README.md"].decode()
    assert repo.private
    assert night.project.the_run().plan()["plan_hash"] in card
    assert all(variant in card for variant in VARIANTS)


def test_a_hub_outage_delays_the_rows_and_loses_none(tmp_path: Path) -> None:
    with HubStandIn(Faults(outage=True)) as hub, bedrock_process({}, log=tmp_path / "bedrock.jsonl") as bedrock:
        variables = bedrock.environment() | hub_variables(hub, tmp_path / "hf")
        project = make_project(tmp_path, **variables, BATCH_MODE="true", BATCH_SIZE="2", GRACE_S="1")
        sitting = project.start()
        try:
            _stop_once_recorded(project, sitting, trials=10)
            ended = sitting.wait()
        finally:
            sitting.kill()
        assert ended.code == 143 and project.status()["owed"] == {"hub": 10}
        hub.faults = Faults()
        calls = len(bedrock.requests())
        resumed = project.run()
        assert resumed.code == 0, resumed.stderr
        assert len(bedrock.requests()) == calls
        assert len(hub.repo(REPO).rows()) == 10


def _stop_once_recorded(project: Project, sitting: Sitting, *, trials: int) -> None:
    wait_until(lambda: project.journal_bytes().count(b'"e":"record"') == trials, "all records are on disk")
    sitting.send(signal.SIGTERM)


def test_rehearsed_records_are_never_uploaded(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        project = make_project(tmp_path, **hub_variables(hub, tmp_path / "hf"), SUBJECT_MODELS="rehearsal:subject")
        ended = project.run()
        assert ended.code == 0, ended.stderr
        assert "REHEARSAL" in ended.stderr
        refused = project.trialbed("push", project.the_run().folder.name)
        assert refused.code == 2 and "rehearsal" in refused.stderr and len(refused.stderr.splitlines()) == 1
        assert REPO not in hub.repo_ids


def test_a_token_that_may_only_read_is_found_before_anything_is_asked(tmp_path: Path) -> None:
    with HubStandIn() as hub, bedrock_process({}, log=tmp_path / "bedrock.jsonl") as bedrock:
        variables = bedrock.environment() | hub_variables(hub, tmp_path / "hf") | {"HF_TOKEN": hub.read_only_token}
        ended = make_project(tmp_path, **variables).run()
        assert ended.code == 2 and "HF_TOKEN" in ended.stderr
        assert bedrock.requests() == []
