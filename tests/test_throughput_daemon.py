"""Does the daemon measure at its rate, each model for itself, and come to a clean stop?"""

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.ingest import Faults, IngestStandIn
from tests.standins.model_list import ModelList
from tests.support.bedrock import bedrock_process, bedrock_thread
from tests.support.project import running, wait_until
from tests.support.throughput import FAST, HUNG, SLOW, cycle_starts, measuring_project, timings
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import Fault, Hang

INTERVAL_S = 1.5
DAEMON = ("--daemon", "--interval", str(INTERVAL_S / 60))
TEN = 10


@pytest.fixture
def ingest() -> Iterator[IngestStandIn]:
    with IngestStandIn() as server:
        yield server
        assert server.problems == []


def hung(call: RehearsalCall) -> Answer | Fault | None:
    return Hang() if call.model_id == HUNG else None


def cycles_ended(stderr: str) -> int:
    return len(re.findall(r"Coverage of cycle \d+", stderr))


def test_ten_cycles_keep_their_time_although_one_model_hangs_in_each(tmp_path: Path, ingest: IngestStandIn) -> None:
    config = RehearsalConfig(scripted=hung, latency_s=0.2, ttft_fraction=0.5, chunk_chars=4)
    with bedrock_thread(config) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=f"{FAST},{HUNG},{SLOW}")
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: cycles_ended(daemon.stderr) >= TEN, "ten cycles", 60.0)
            daemon.send(signal.SIGTERM)
            ended = daemon.wait()
    assert ended.code == 143
    records = measuring.records()
    for model in (FAST, SLOW):
        starts = cycle_starts(records, model)
        assert set(range(TEN)) <= set(starts)
        drift_s = [starts[n] - starts[0] - n * INTERVAL_S for n in range(TEN)]
        assert max(map(abs, drift_s)) < 1.0
        assert all(record["outcome"] == "answered" for record in records if record["steward_model"] == model)
    of_hung = [record for record in records if record["steward_model"] == HUNG]
    assert len(of_hung) >= TEN
    assert {record["outcome"] for record in of_hung} == {"provider_error"}
    assert all("DeadlineExceeded: no answer before the call's deadline" in one["outcome_reason"] for one in of_hung)
    # Its own cycles are on time as well: each gave up before the next began.
    starts = cycle_starts(of_hung, HUNG)
    assert max(abs(starts[n] - starts[0] - n * INTERVAL_S) for n in range(TEN)) < 1.0
    assert f"Coverage of cycle 9: 2 of 3 expected measurements; missing: bedrock:{HUNG} (short: provider_error)" in (
        ended.stderr
    )


def test_a_stop_lets_a_measurement_end_and_the_next_start_goes_on_in_the_same_run(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    with bedrock_thread(RehearsalConfig(latency_s=1.0)) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        with running(measuring.start("--daemon", "--interval", "60")) as daemon:
            wait_until(lambda: server.in_flight, "a measurement under way")
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
        (record,) = measuring.records()
        assert record["outcome"] == "answered"
        with running(measuring.start("--daemon", "--interval", "60")) as daemon:
            wait_until(lambda: len(measuring.records()) == 2, "a second cycle")
            daemon.send(signal.SIGINT)
            assert daemon.wait().code == 130
    assert [one["repeat"] for one in measuring.records()] == [0, 1]
    assert len({one["run"] for one in measuring.records()}) == 1


def test_what_a_kill_cut_off_is_measured_first_by_the_next_start(tmp_path: Path, ingest: IngestStandIn) -> None:
    def slow_is_slow(call: RehearsalCall) -> Answer | Fault | None:
        return Hang() if call.model_id == SLOW else None

    with bedrock_thread(RehearsalConfig(scripted=slow_is_slow)) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=f"{FAST},{SLOW}")
        with running(measuring.start("--daemon", "--interval", "60")) as daemon:
            wait_until(lambda: server.in_flight == 1 and len(measuring.records()) == 1, "one of two measured")
            daemon.kill()
        server.change(scripted=None)
        ended = measuring.once()
    assert ended.code == 0, ended.stderr
    assert f"Running benchmark: bedrock:{FAST}" not in ended.stderr
    assert sorted((one["steward_model"], one["repeat"]) for one in measuring.records()) == [(FAST, 0), (SLOW, 0)]


def test_a_model_that_was_refused_once_is_asked_again_in_the_next_cycle(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig(unknown_models=frozenset({FAST}))) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: cycles_ended(daemon.stderr) >= 1, "a cycle")
            server.change(unknown_models=frozenset())
            wait_until(lambda: "Success" in daemon.stderr, "a success")
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
    outcomes = [record["outcome"] for record in measuring.records()]
    assert outcomes[0] == "provider_error" and outcomes[-1] == "answered"


def write_keys(home: str, access_key: str) -> None:
    folder = Path(home) / ".aws"
    folder.mkdir(exist_ok=True)
    keys = f"aws_access_key_id = {access_key}\naws_secret_access_key = example-secret-000000000000000000000"
    (folder / "credentials").write_text(f"[default]\n{keys}\n", encoding="utf-8")


def test_credentials_that_were_renewed_are_read_again_by_a_later_cycle(tmp_path: Path, ingest: IngestStandIn) -> None:
    old, new = "AKIAEXAMPLEEXAMPLEOLD", "AKIAEXAMPLEEXAMPLENEW"
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=f"{FAST},{SLOW}")
        environment = measuring.project.environment
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del environment[name]
        write_keys(environment["HOME"], old)
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: "Success" in daemon.stderr, "a success")
            server.change(expired_keys=frozenset({old}))
            wait_until(lambda: daemon.stderr.count("Benchmark failed") >= 4, "two cycles with expired keys")
            write_keys(environment["HOME"], new)
            seen = cycles_ended(daemon.stderr)
            wait_until(lambda: cycles_ended(daemon.stderr) >= seen + 2, "two cycles with new keys")
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
    assert {record["outcome"] for record in measuring.records()[-2:]} == {"answered"}
    assert "ExpiredTokenException" in daemon.stderr


def test_the_same_models_in_another_order_go_on_in_the_same_run(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest)
        assert measuring.once("--models", f"{FAST},{SLOW}").code == 0
        assert measuring.once("--models", f"{SLOW},{FAST}").code == 0
    assert len(measuring.the_run().records()) == 4


def test_another_list_of_models_is_another_run_and_the_rate_stays(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server, ModelList([FAST]) as listed:
        measuring = measuring_project(tmp_path, server.url, ingest, **listed.environment())
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: cycles_ended(daemon.stderr) >= 2, "two cycles of the first list")
            listed.models = [FAST, SLOW]
            wait_until(lambda: f"Success bedrock:{SLOW}" in daemon.stderr, "the second list measured")
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
    assert "the list of models has changed: 2 are expected from now on" in daemon.stderr
    first, second = measuring.project.runs()
    assert {one["steward_model"] for one in first.records().values()} == {FAST}
    assert {one["steward_model"] for one in second.records().values()} == {FAST, SLOW}


def test_a_list_that_refuses_later_ends_the_daemon_and_what_was_measured_is_in_order(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    with bedrock_thread(RehearsalConfig()) as server, ModelList([FAST]) as listed:
        measuring = measuring_project(tmp_path, server.url, ingest, **listed.environment())
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: cycles_ended(daemon.stderr) >= 1, "a cycle")
            listed.status = 401
            ended = daemon.wait()
    assert ended.code == 2
    assert "BENCHMARK_MODELS_URL: the list of models is refused (HTTP 401)" in ended.stderr
    assert measuring.the_run().events()[-1]["e"] == "run_stop"


def test_a_list_that_is_away_for_a_while_changes_nothing(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server, ModelList([FAST]) as listed:
        measuring = measuring_project(tmp_path, server.url, ingest, **listed.environment())
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: cycles_ended(daemon.stderr) >= 1, "a cycle")
            listed.status = 503
            wait_until(lambda: cycles_ended(daemon.stderr) >= 3, "cycles without the list")
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
    assert "its last copy is used" in daemon.stderr
    assert len(measuring.records()) >= 3


@pytest.mark.parametrize(("first_s", "gap_s"), [(0.3, 0.02), (0.2, 0.005)])
def test_times_are_those_of_the_server_also_when_five_models_are_measured_at_once(
    tmp_path: Path, ingest: IngestStandIn, first_s: float, gap_s: float
) -> None:
    models = [f"amazon.nova-{name}-v1:0" for name in ("micro", "lite", "pro", "premier", "sonic")]
    config = {"latency_s": first_s, "ttft_fraction": 1.0, "chunk_chars": 4, "chunk_gap_s": gap_s}
    with bedrock_process(config, log=tmp_path / "bedrock.jsonl") as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=",".join(models))
        for _ in range(3):
            ended = measuring.once()
            assert ended.code == 0, ended.stderr
    found = [timings(record) for record in measuring.records()]
    # A machine that is busy with something else is late, never early: the best one is the server's.
    assert min(one["time_to_first_token"] for one in found) == pytest.approx(first_s, rel=0.05, abs=0.005)
    best = max(one["decode_tokens_per_second"] for one in found)
    assert best == pytest.approx(1 / gap_s, rel=0.05)
    assert all(one["time_to_first_token"] >= first_s - 0.002 for one in found)


def test_credentials_that_come_later_are_found_at_the_next_cycle(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del measuring.project.environment[name]
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: cycles_ended(daemon.stderr) >= 1, "a cycle")
            folder = Path(measuring.project.environment["HOME"]) / ".aws"
            folder.mkdir()
            keys = (
                "aws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = example-secret-000000000000000000000"
            )
            (folder / "credentials").write_text(f"[default]\n{keys}\n", encoding="utf-8")
            wait_until(lambda: "Success" in daemon.stderr, "a success")
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
    first, *_ = measuring.records()
    assert first["outcome"] == "provider_error" and "AWS credentials: none found" in first["outcome_reason"]


def test_without_list_and_copy_a_cycle_is_left_out_and_the_next_one_may_be_measured(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    with bedrock_thread(RehearsalConfig()) as server, ModelList([FAST]) as listed:
        measuring = measuring_project(tmp_path, server.url, ingest, **listed.environment())
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: cycles_ended(daemon.stderr) >= 1, "a cycle")
            listed.status = 500
            for copy in (measuring.project.root / "local_backups").glob(".models-*.json"):
                copy.unlink()
            wait_until(lambda: "nothing is measured in this cycle" in daemon.stderr, "a cycle left out")
            listed.status = 200
            seen = cycles_ended(daemon.stderr)
            wait_until(lambda: cycles_ended(daemon.stderr) > seen, "a cycle with the list again")
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
    repeats = [record["repeat"] for record in measuring.records()]
    assert repeats == list(range(len(repeats)))


def test_cycles_that_a_sleeping_machine_missed_are_counted_and_not_made_up_for(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        with running(measuring.start(*DAEMON)) as daemon:
            wait_until(lambda: cycles_ended(daemon.stderr) >= 1, "a cycle")
            daemon.send(signal.SIGSTOP)
            time.sleep(3.5 * INTERVAL_S)
            before = len(measuring.records())
            daemon.send(signal.SIGCONT)
            wait_until(lambda: "cycles were missed" in daemon.stderr, "the daemon notices")
            wait_until(lambda: len(measuring.records()) > before, "a cycle after it")
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
    missed = re.search(r"(\d+) cycles were missed", daemon.stderr)
    assert missed is not None and 2 <= int(missed[1]) <= 4


def test_a_second_signal_ends_at_once_although_the_results_server_hangs(tmp_path: Path) -> None:
    with bedrock_thread(RehearsalConfig()) as server, IngestStandIn(Faults(hang=1.0)) as ingest:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        with running(measuring.start("--daemon", "--interval", "60")) as daemon:
            wait_until(lambda: ingest.log, "a result on its way")
            daemon.send(signal.SIGTERM)
            wait_until(lambda: "SIGTERM" in daemon.stderr, "the first signal is heard")
            began = time.monotonic()
            daemon.send(signal.SIGTERM)
            assert daemon.wait().code == 143
            assert time.monotonic() - began < 5.0
    assert measuring.project.status()["owed"] == {"ingest": 1}


def test_a_spending_limit_pauses_the_daemon_and_says_so(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest, BENCHMARK_MODELS=FAST)
        # One answer of 64 tokens costs some 9 millionths of a dollar, and may cost twice that.
        ended = measuring.start(*DAEMON, "--max-cost", "0.00003").wait()
    assert ended.code == 2 and "MAX_COST_USD: " in ended.stderr
    assert {record["outcome"] for record in measuring.records()} == {"answered"}
