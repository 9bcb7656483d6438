"""Do calls over real HTTP find the pace of each model, share one ceiling fairly, and let nobody wait for nothing?"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.bench.experiments import ONE_CALL_FILES
from tests.support.bedrock import JUDGE, SUBJECT, Bedrock, Request, bedrock_process, real_environment
from tests.support.experiments import QUIZ_FILES
from tests.support.project import Project, make_project
from trialbed.core.clock import SystemClock
from trialbed.core.errors import ServiceFault, Throttled
from trialbed.core.model import ModelName, Usage
from trialbed.core.pace.lane import Need, Pace, Quota
from trialbed.engine.governor import Governor

FAST, SLOW = ModelName("bedrock", "maker.fast"), ModelName("bedrock", "maker.slow")
OTHER = "amazon.nova-micro-v1:0"
NEED = Need(400, 100, "subject")
QUOTA_PER_S = 50.0
WARM_S = 3.0


def seconds(requests: list[Request], *, status: int) -> list[float]:
    """When requests that ended so were received, since the first of all."""
    at = [(datetime.fromisoformat(request.received_at).timestamp(), request.line["status"]) for request in requests]
    first = min(moment for moment, _ in at)
    return sorted(moment - first for moment, ended in at if ended == status)


def rate_after(moments: list[float], start: float) -> float:
    """Requests a second from `start` to the last one."""
    return sum(moment > start for moment in moments) / (moments[-1] - start)


@pytest.fixture
def one_call(tmp_path: Path) -> Project:
    return make_project(
        tmp_path,
        experiments=ONE_CALL_FILES,
        EXPERIMENT="one_call",
        BATCH_MODE="true",
        MAX_CONCURRENCY="50",
        LOCAL_BACKUP_ENABLED="false",
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_an_unknown_quota_is_found_over_real_http_and_its_story_is_kept(one_call: Project, log: Path) -> None:
    with bedrock_process({"latency_s": 0.1, "requests_per_second": QUOTA_PER_S}, log=log) as bedrock:
        ended = one_call.run(**bedrock.environment(), BATCH_SIZE="250")
        requests = bedrock.requests()
    assert ended.code == 0, ended.stderr
    answered, throttled = seconds(requests, status=200), seconds(requests, status=429)
    assert rate_after(answered, WARM_S) >= QUOTA_PER_S / 1.1
    assert sum(moment > WARM_S for moment in throttled) <= 0.03 * sum(moment > WARM_S for moment in answered)
    paces = [event for event in one_call.the_run().events() if event["e"] == "governor"]
    assert paces[-1]["why"] == "end" and paces[-1]["throttles"] == len(throttled)
    assert QUOTA_PER_S / 1.2 <= paces[-1]["requests_per_s"] <= QUOTA_PER_S * 1.2
    told = one_call.status()["governor"][f"bedrock:{SUBJECT}"]
    assert told["started"] == len(requests) and told["requests_per_s"] == paces[-1]["requests_per_s"]
    assert "turned away" in one_call.trialbed("status").stdout


def test_two_models_at_different_quotas_each_reach_theirs_in_one_run(one_call: Project, log: Path) -> None:
    quotas = {SUBJECT: {"requests_per_second": 40}, OTHER: {"requests_per_second": 15}}
    subjects = f"bedrock:{SUBJECT},bedrock:{OTHER}"
    with bedrock_process({"latency_s": 0.1, "model_quotas": quotas}, log=log) as bedrock:
        ended = one_call.run(**real_environment(bedrock.url, subjects=subjects), BATCH_SIZE="120")
        requests = bedrock.requests()
    assert ended.code == 0, ended.stderr
    for model, quota in quotas.items():
        answered = seconds([request for request in requests if request.model == model], status=200)
        assert rate_after(answered, 1.5) >= quota["requests_per_second"] / 1.15, model


def test_a_throttled_judge_does_not_idle_a_healthy_subject(tmp_path: Path, log: Path) -> None:
    project = make_project(
        tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="20", MAX_CONCURRENCY="10"
    )
    config = {"latency_s": 0.05, "model_quotas": {JUDGE: {"requests_per_second": 8}}}
    with bedrock_process(config, log=log, root=project.root) as bedrock:
        ended = project.run(**bedrock.environment())
        answered = [request for request in bedrock.requests() if request.was_answered]
    assert ended.code == 0, ended.stderr
    judged = [request for request in answered if request.is_judge]
    last_subject_call = max(request.received_at for request in answered if not request.is_judge)
    done_by_then = sum(request.received_at <= last_subject_call for request in judged)
    assert done_by_then < 0.7 * len(judged), "the subject waited for its judge"


def test_a_denied_model_is_called_three_times_at_most(one_call: Project, log: Path) -> None:
    """A model that the small call before the run could not tell of: it is denied to trials alone."""
    variables = {"MAX_CONCURRENCY": "20", "BATCH_SIZE": "40"}
    subjects = f"bedrock:{SUBJECT},bedrock:{OTHER}"
    config = {"latency_s": 0.1, "denied_models": [SUBJECT], "only_trials": True}
    with bedrock_process(config, log=log) as bedrock:
        ended = one_call.run(**real_environment(bedrock.url, subjects=subjects), **variables)
        requests = bedrock.requests()
    assert ended.code == 1
    assert sum(request.model == SUBJECT for request in requests) <= 3
    assert f"{SUBJECT} is stopped" in ended.stderr
    outcomes = Counter((record["steward_model"], record["outcome"]) for record in one_call.the_run().records().values())
    assert outcomes == {(SUBJECT, "provider_error"): 80, (OTHER, "answered"): 80}


async def hold(governor: Governor, model: ModelName, seconds: float, *, error: Exception | None = None) -> None:
    async with governor.slot(model, NEED) as slot:
        await anyio.sleep(seconds)
        if error is not None:
            raise error
        slot.settle(Usage(100, 50))


def a_governor(ceiling: int, paces: list[tuple[ModelName, Pace]] | None = None) -> Governor:
    return Governor(
        ceiling=ceiling,
        quotas={},
        clock=SystemClock(),
        on_pace=lambda model, pace: None if paces is None else paces.append((model, pace)),
    )


async def test_never_more_than_the_ceiling_are_in_flight_whichever_model_they_call() -> None:
    governor, most = a_governor(7), 0

    async def call(model: ModelName) -> None:
        nonlocal most
        async with governor.slot(model, NEED) as slot:
            most = max(most, governor.in_flight)
            await anyio.sleep(0.002)
            slot.settle(Usage(100, 50))

    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(call, FAST if number % 2 else SLOW)
    assert most == 7
    assert governor.in_flight == 0


async def test_a_slow_model_cannot_take_all_places_from_a_fast_one() -> None:
    governor = a_governor(10)
    done = 0

    async def fast_ones() -> None:
        nonlocal done
        for _ in range(40):
            await hold(governor, FAST, 0.001)
            done += 1

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(hold, governor, SLOW, 0.2)
        await anyio.sleep(0.05)
        for _ in range(5):
            group.start_soon(fast_ones)
        with anyio.fail_after(20):
            while governor.in_flight:
                if done == 200:
                    break
                await anyio.sleep(0.01)
        assert done == 200, "the fast model was starved"
        assert governor.paces()[SLOW].started < 100, "and it was done before the slow one"
        group.cancel_scope.cancel()


async def test_waiting_calls_that_are_cancelled_leave_no_trace() -> None:
    governor = a_governor(2)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(hold, governor, SLOW, 60.0)
        await anyio.sleep(0.05)
        group.cancel_scope.cancel()
    assert governor.in_flight == 0
    with anyio.fail_after(5):
        await hold(governor, SLOW, 0.0)
        await governor.until_wanted(SLOW)


async def test_slots_that_come_free_together_are_taken_together() -> None:
    governor, release, running = a_governor(5), asyncio.Event(), 0

    async def call(until: asyncio.Event) -> None:
        nonlocal running
        async with governor.slot(SLOW, NEED) as slot:
            running += 1
            await until.wait()
            slot.settle(Usage(1, 1))
        running -= 1

    async with anyio.create_task_group() as group:
        for number in range(15):
            group.start_soon(call, release if number < 5 else asyncio.Event())
        await anyio.sleep(0.3)  # the first starts of a lane are spread over some time; by now all five are out
        assert running == 5
        release.set()
        for _ in range(3):
            await asyncio.sleep(0)
        assert (running, governor.in_flight) == (5, 5), "five ended and five began, in three turns of the loop"
        group.cancel_scope.cancel()
    assert governor.in_flight == 0


async def test_a_call_that_is_cancelled_as_its_turn_comes_passes_it_on() -> None:
    governor, done = a_governor(1), asyncio.Event()

    async def first() -> None:
        async with governor.slot(SLOW, NEED) as slot:
            await done.wait()
            slot.settle(Usage(1, 1))
        assert not second.done()
        second.cancel()

    holder = asyncio.create_task(first())
    await asyncio.sleep(0)
    second = asyncio.create_task(hold(governor, SLOW, 60.0))
    third = asyncio.create_task(hold(governor, SLOW, 0.0))
    await asyncio.sleep(0)
    done.set()
    with anyio.fail_after(5):
        await holder
        await third
    assert second.cancelled()
    assert governor.in_flight == 0
    assert governor.paces()[SLOW].started == 2, "the call that was not made does not count"


async def test_a_trial_that_has_begun_goes_ahead_of_those_that_begin() -> None:
    governor, order = a_governor(1), list[str]()

    async def call(name: str, under_way: bool) -> None:
        async with governor.slot(FAST, NEED, under_way=under_way) as slot:
            order.append(name)
            await anyio.sleep(0.01)
            slot.settle(Usage(1, 1))

    async with anyio.create_task_group() as group:
        for name, under_way in (("first", False), ("new", False), ("newer", False), ("second turn", True)):
            group.start_soon(call, name, under_way)
            await anyio.sleep(0.002)
    assert order == ["first", "second turn", "new", "newer"]


async def test_only_throttles_slow_a_lane_down_and_each_cut_is_told() -> None:
    paces: list[tuple[ModelName, Pace]] = []
    governor = a_governor(5, paces)
    for _ in range(5):
        with pytest.raises(ServiceFault):
            await hold(governor, FAST, 0.0, error=ServiceFault("503"))
    assert paces == [] and governor.paces()[FAST].requests_per_s is None
    for model, unit in ((FAST, "requests"), (SLOW, "tokens")):
        for _ in range(2):
            with pytest.raises(Throttled):
                await hold(governor, model, 0.0, error=Throttled(f"Too many {unit}, please wait before trying again."))
    assert [model for model, _ in paces] == [FAST, SLOW]
    assert governor.paces()[FAST].requests_per_s is not None and governor.paces()[FAST].tokens_per_s is None
    assert governor.paces()[SLOW].tokens_per_s is not None and governor.paces()[SLOW].requests_per_s is None


async def test_one_models_throttles_leave_the_others_pace_alone() -> None:
    governor = Governor(ceiling=5, quotas={FAST: Quota(burndown=5.0)}, clock=SystemClock())
    for _ in range(3):
        with pytest.raises(Throttled):
            await hold(governor, SLOW, 0.0, error=Throttled("slow down"))
    with anyio.fail_after(2):
        for _ in range(20):
            await hold(governor, FAST, 0.0)
    assert governor.paces()[FAST].throttles == 0
    assert governor.paces()[FAST].settled_tokens == 20 * (100 + 5 * 50)


@pytest.fixture
def throttling(log: Path) -> Iterator[Bedrock]:
    with bedrock_process({"latency_s": 0.01}, log=log) as bedrock:
        yield bedrock


def test_a_quota_that_is_set_is_kept_from_the_first_call(one_call: Project, throttling: Bedrock) -> None:
    ended = one_call.run(**throttling.environment(), BATCH_SIZE="30", QUOTA_RPM="900")
    assert ended.code == 0, ended.stderr
    sent = seconds(throttling.requests(), status=200)
    # 15 a second and a second's worth at once.
    assert len(sent) == 60 and sent[-1] - sent[0] >= (60 - 15) / 15 * 0.95
