"""Ctrl+C and SIGTERM, sent to real processes: drained, resumable, and never late."""

import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from signal import SIGINT, SIGTERM

import anyio
import pytest

from tests.standins.hub import USER, Faults, HubStandIn
from tests.support.bedrock import Bedrock, bedrock_process, bedrock_thread, real_environment, repeated
from tests.support.experiments import QUIZ_FILES
from tests.support.measure import at_most, slowdown
from tests.support.project import Ended, Project, Sitting, make_project, running, wait_until
from trialbed.core.clock import SystemClock
from trialbed.core.errors import CredentialsExpired, Drained
from trialbed.engine.drain import Drain
from trialbed.engine.gate import Gate
from trialbed.providers.rehearsal.config import RehearsalConfig

PLANNED = 36
FINISHED = {"answered": PLANNED}
RESUME_LINE = "To resume, the same command again: python run_and_evaluate.py"
AT_ONCE_S = 1.0
LEAST_FLUSH_S = 5.0
CODES = {SIGINT: 130, SIGTERM: 143}
HANGING_JUDGE = {"fault_scope": "judge", "only_trials": True, "hang_rate": 1.0}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Thirty-six trials of two questions and a judge, six calls at a time."""
    return make_project(
        tmp_path,
        experiments=QUIZ_FILES,
        EXPERIMENT="quiz",
        BATCH_MODE="true",
        BATCH_SIZE=str(PLANNED // 3),
        MAX_CONCURRENCY="6",
    )


def start_and_wait_for_calls(project: Project, bedrock: Bedrock, calls: int, **variables: str) -> Sitting:
    sitting = project.start(**bedrock.environment(), **variables)
    wait_until(lambda: len(bedrock.requests()) >= calls or sitting.is_over, f"{calls} calls")
    assert not sitting.is_over, sitting.stderr
    return sitting


def ended_outcomes(project: Project) -> dict[str, int]:
    """Outcomes with at least one trial; they add up to the plan."""
    status = project.status()
    assert sum(status["outcomes"].values()) == status["planned"] == PLANNED
    return {name: count for name, count in status["outcomes"].items() if count}


def resume_to_the_end(project: Project, **variables: str) -> Ended:
    ended = project.run(**variables)
    assert ended.code == 0, ended.stderr
    assert ended_outcomes(project) == FINISHED
    return ended


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_the_first_signal_lets_running_trials_finish_and_the_same_command_repeats_nothing(
    project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    with bedrock_process({"latency_s": 0.1}, log=tmp_path / "log", root=project.root) as bedrock:
        with running(start_and_wait_for_calls(project, bedrock, 20)) as sitting:
            sitting.send(number)
            ended = sitting.wait()
        assert ended.code == CODES[number]
        assert RESUME_LINE in ended.stdout
        assert f"{number.name}: no new trials" in ended.stderr
        drained = bedrock.requests()
        assert all(request.was_answered for request in drained), "a call was cut"
        outcomes = ended_outcomes(project)
        assert outcomes.keys() == {"answered", "pending"}
        assert len({request.trial for request in drained}) == outcomes["answered"], "a trial was left half-way"
        resume_to_the_end(project, **bedrock.environment())
        assert len(bedrock.requests()) == 3 * PLANNED
        assert repeated(bedrock.requests()) == []


def test_a_trial_stops_between_calls_when_the_grace_is_nearly_over(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.6}, log=tmp_path / "log", root=project.root) as bedrock:
        with running(start_and_wait_for_calls(project, bedrock, 1, GRACE_S="0.9")) as sitting:
            sitting.send(SIGINT)
            ended = sitting.wait()
        assert ended.code == 130
        assert all(request.was_answered for request in bedrock.requests()), "a call was cut before the grace was over"
        assert ended_outcomes(project)["cancelled"] >= 1


def test_calls_that_outlast_the_grace_are_cut_then_and_not_before(project: Project, tmp_path: Path) -> None:
    grace_s = 1.5
    with bedrock_process(HANGING_JUDGE, log=tmp_path / "log", root=project.root) as bedrock:
        with running(start_and_wait_for_calls(project, bedrock, 12, GRACE_S=str(grace_s))) as sitting:
            signalled = datetime.now(UTC)
            sitting.send(SIGTERM)
            ended = sitting.wait()
        assert ended.code == 143
        cut = [request for request in bedrock.requests() if not request.was_answered]
        assert cut, "nothing was in flight"
        ends = [datetime.fromisoformat(request.line["answered_at"]) for request in cut]
        assert min((end - signalled).total_seconds() for end in ends) >= grace_s - 0.01
        assert max((end - signalled).total_seconds() for end in ends) < (grace_s + AT_ONCE_S) * slowdown()
        begun = len({request.trial for request in bedrock.requests()})
        assert ended_outcomes(project) == {"cancelled": begun, "pending": PLANNED - begun}
        port = bedrock.port
    with bedrock_process({}, log=tmp_path / "log", root=project.root, port=port) as bedrock:
        resume_to_the_end(project, **bedrock.environment())
        assert repeated(bedrock.requests()) == []


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_the_second_signal_ends_at_once_though_calls_hang_and_loses_no_answer(
    project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    with bedrock_process(HANGING_JUDGE, log=tmp_path / "log", root=project.root) as bedrock:
        with running(start_and_wait_for_calls(project, bedrock, 12)) as sitting:
            sitting.send(number)
            wait_until(lambda: "no new trials" in sitting.stderr, "the first signal's line")
            with at_most(AT_ONCE_S):
                sitting.send(number)
                ended = sitting.wait()
        assert ended.code == CODES[number]
        port = bedrock.port
    with bedrock_process({}, log=tmp_path / "log", root=project.root, port=port) as bedrock:
        resume_to_the_end(project, **bedrock.environment())
        assert repeated(bedrock.requests()) == []


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_a_signal_while_the_models_are_being_checked_ends_at_once(project: Project, number: signal.Signals) -> None:
    with (
        bedrock_thread(RehearsalConfig(hang_rate=1.0)) as server,
        running(project.start(**real_environment(server.url))) as sitting,
    ):
        wait_until(lambda: server.in_flight == 2, "both models to be asked")
        with at_most(AT_ONCE_S):
            sitting.send(number)
            ended = sitting.wait()
    assert ended.code == CODES[number]
    assert "Traceback" not in ended.stderr
    assert project.runs() == []


def test_a_run_that_a_script_put_in_the_background_still_hears_ctrl_c(project: Project) -> None:
    with bedrock_thread(RehearsalConfig(hang_rate=1.0)) as server:
        # A shell without job control starts what ends in & with SIGINT ignored.
        before = signal.signal(SIGINT, signal.SIG_IGN)
        try:
            sitting = project.start(**real_environment(server.url))
        finally:
            signal.signal(SIGINT, before)
        with running(sitting):
            wait_until(lambda: server.in_flight == 2, "both models to be asked")
            sitting.send(SIGINT)
            assert sitting.wait().code == 130


@pytest.mark.parametrize("seed", range(4))
def test_a_signal_at_any_moment_ends_well_and_costs_no_answer(project: Project, tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    number = random.choice([SIGINT, SIGTERM])
    with bedrock_process({"latency_s": 0.02}, log=tmp_path / "log", root=project.root) as bedrock:
        with running(project.start(**bedrock.environment())) as sitting:
            time.sleep(random.uniform(0.4, 1.6))
            sitting.send(number)
            ended = sitting.wait()
        # Python itself is still starting, or everything is done: the signal finds nobody who could answer it.
        assert ended.code in (CODES[number], -number, 0)
        assert ended.code == -number or "Traceback" not in ended.stderr
        resume_to_the_end(project, **bedrock.environment())
        assert repeated(bedrock.requests()) == []


def test_expired_credentials_pause_the_run_once_and_a_signal_still_ends_it(project: Project) -> None:
    with bedrock_thread(RehearsalConfig(latency_s=0.05), root=project.root) as server:
        with running(project.start(**real_environment(server.url))) as sitting:
            wait_until(lambda: server.received > 20, "some calls")
            server.change(expired_credentials=True)
            wait_until(lambda: "the run is paused" in sitting.stderr, "the pause to be said")
            time.sleep(0.3)  # what was sent before the pause arrives
            asked = server.received
            time.sleep(0.5)
            assert server.received == asked, "a paused run keeps asking"
            with at_most(AT_ONCE_S):
                sitting.send(SIGINT)
                ended = sitting.wait()
        assert ended.code == 130
        assert ended.stderr.count("the run is paused") == 1
        assert "provider_error" not in ended_outcomes(project), "a trial was burnt"
        server.change(expired_credentials=False)
        resume_to_the_end(project, **real_environment(server.url))


async def test_a_pause_that_many_calls_wait_in_is_said_once_also_when_a_signal_ends_it() -> None:
    said: list[str] = []
    drain = Drain(clock=SystemClock(), grace_s=5)
    gate = Gate(drain=drain, refresh={}, announce=said.append, on_stop=lambda *_: None)
    expired = CredentialsExpired("expired", code="ExpiredTokenException")
    await gate.renew("bedrock", gate.generation("bedrock"), expired)
    seen = gate.generation("bedrock")

    async def wait() -> None:
        with pytest.raises(Drained):
            await gate.renew("bedrock", seen, expired)

    async with anyio.create_task_group() as waiting:
        for _ in range(6):
            waiting.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        drain.begin("SIGINT")
    assert len(said) == 1 and "the run is paused" in said[0]


def with_hub(hub: HubStandIn, home: Path) -> dict[str, str]:
    """Uploads often enough to be busy with one at any time."""
    return hub.client_environment(home) | {"HF_REPO_ID": f"{USER}/quiz", "HF_COMMIT_EVERY_S": "0.1"}


def start_and_let_the_hub_hang(project: Project, hub: HubStandIn, variables: dict[str, str]) -> Sitting:
    """A run whose upload has just got stuck, with trials still going."""
    sitting = project.start(**variables)
    wait_until(lambda: sitting.is_over or project.journal_bytes().count(b'"e":"record"') >= 4, "some records")
    hub.faults = Faults(hang_all=True)
    wait_until(lambda: sitting.is_over or hub.fault_counts.get("hang_all"), "an upload that hangs")
    assert not sitting.is_over, sitting.stderr
    return sitting


def test_the_second_signal_ends_at_once_though_the_hub_hangs(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.3}, log=tmp_path / "log", root=project.root) as bedrock, HubStandIn() as hub:
        variables = bedrock.environment() | with_hub(hub, tmp_path / "hf")
        with running(start_and_let_the_hub_hang(project, hub, variables)) as sitting:
            sitting.send(SIGINT)
            wait_until(lambda: "no new trials" in sitting.stderr, "the first signal's line")
            with at_most(AT_ONCE_S):
                sitting.send(SIGINT)
                ended = sitting.wait()
        assert ended.code == 130
        hub.faults = Faults()
        resume_to_the_end(project, **variables)
        assert repeated(bedrock.requests()) == []
        assert project.status()["owed"] == {"hub": 0}


def test_one_signal_does_not_wait_for_a_hanging_hub_longer_than_the_grace(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.1}, log=tmp_path / "log", root=project.root) as bedrock, HubStandIn() as hub:
        variables = bedrock.environment() | with_hub(hub, tmp_path / "hf") | {"GRACE_S": "3"}
        sitting = start_and_let_the_hub_hang(project, hub, variables)
        with running(sitting), at_most(LEAST_FLUSH_S + 3 + AT_ONCE_S):
            sitting.send(SIGTERM)
            ended = sitting.wait()
        assert ended.code == 143
        assert "Not delivered yet to hub" in ended.stdout
        assert project.status()["owed"]["hub"] > 0
        hub.faults = Faults()
        resume_to_the_end(project, **variables)
        assert project.status()["owed"] == {"hub": 0}
