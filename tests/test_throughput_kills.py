"""Does every result reach a server full of faults, none twice, although the daemon is killed ten times and the server
restarts?"""

import signal
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.standins.ingest import Faults, IngestStandIn
from tests.support.bedrock import bedrock_thread
from tests.support.project import running, wait_until
from tests.support.throughput import FAST, SLOW, Measuring, measuring_project
from trialbed.providers.rehearsal.config import RehearsalConfig

KILLS = 10
BAD = "no-such-model"
ROUGH = Faults(
    throttle=0.1,
    throttle_for=0.05,
    unavailable=0.1,
    error_after=0.1,
    hang=0.02,
    cut_before=0.1,
    cut_after=0.1,
    rejected=0.1,
    retry_after="0.2",
)
DAEMON = ("--daemon", "--interval", str(1.0 / 60))


def owed(measuring: Measuring) -> int:
    return int(measuring.project.status()["owed"].get("ingest", 0))


def recorded(measuring: Measuring) -> dict[str, dict[str, Any]]:
    return measuring.the_run().records()


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_kills_and_a_server_full_of_faults_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    print(f"seed {seed}")
    config = RehearsalConfig(seed=seed, unknown_models=frozenset({BAD}), throttle_rate=0.1, cut_body_rate=0.05)
    with bedrock_thread(config) as server, IngestStandIn(ROUGH, seed=seed) as ingest:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=f"{FAST},{SLOW},{BAD}")
        for kill in range(KILLS):
            with running(measuring.start(*DAEMON)) as daemon:
                wait_until(lambda: "Running benchmark" in daemon.stderr, "the daemon measures")
                time.sleep(chance.uniform(0.0, 2.5))
                daemon.kill()
            if kill % 3 == 2:
                ingest.stop()
                ingest.start()
            there = len(recorded(measuring))
            # The server may know of more than the journal could note, never of less.
            assert there - len(ingest.applied) <= owed(measuring) <= there
        ingest.faults = Faults()
        with running(measuring.start("--daemon", "--interval", "60")) as daemon:
            wait_until(lambda: owed(measuring) == 0 and "Coverage" in daemon.stderr, "everything delivered", 60.0)
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
    records = recorded(measuring)
    answered = [one for one in records.values() if one["outcome"] == "answered"]
    failed = [one for one in records.values() if one["outcome"] != "answered"]
    assert answered and failed
    assert owed(measuring) == 0
    assert ingest.problems == []
    # Each key once, one for each record, and what was sent under it is what is on record.
    assert len(ingest.applied) == len(records) == len(ingest.seen)
    sent = {body["misc"]["trial_id"]: body for body in ingest.results()}
    assert sent.keys() == {one["trial_id"] for one in answered}
    for one in answered:
        assert sent[one["trial_id"]]["tokens_per_second"] == one["evaluation"]["tokens_per_second"]
    assert sorted((one["provider"], one["model_name"]) for one in ingest.errors()) == sorted(
        (one["provider"], one["steward_model"]) for one in failed
    )
    # No cycle was measured twice, and none that was planned is without its record.
    places = [(one["steward_model"], one["repeat"]) for one in records.values()]
    assert len(set(places)) == len(places) == 3 * measuring.the_run().plan()["plan"]["repeats"]
