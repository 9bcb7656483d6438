"""Does an estimate cover what a run then costs, and say what it rests on?"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bedrock import JUDGE, SUBJECT, Bedrock, bedrock_process, requests_in
from tests.support.experiments import QUIZ_FILES
from tests.support.money import bill
from tests.support.project import Project, make_project
from trialbed.analysis.estimate_cells import Kind, Seen, Took, collect, nearest
from trialbed.analysis.estimate_interval import Interval, Share, predict, t_quantile
from trialbed.app.estimate import estimate
from trialbed.app.job import do_job
from trialbed.app.prepare import Prepared, Wanted, prepare
from trialbed.app.screen import Screen
from trialbed.core.model import Usage

TABLE = {
    0.95: {1: 6.314, 2: 2.920, 3: 2.353, 5: 2.015, 10: 1.812, 30: 1.697, 120: 1.658},
    0.975: {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 30: 2.042, 120: 1.980},
    0.995: {1: 63.657, 2: 9.925, 3: 5.841, 4: 4.604, 5: 4.032, 10: 3.169, 30: 2.750, 120: 2.617},
}
"""Any table of Student's t distribution."""


# -- the interval


def test_the_quantile_of_t_is_the_tabulated_one() -> None:
    for p, row in TABLE.items():
        for df, value in row.items():
            assert t_quantile(p, df) == pytest.approx(value, abs=0.0006), (p, df)
    assert t_quantile(0.995, 1e9) == pytest.approx(2.5758, abs=1e-4)


@given(p=st.floats(0.6, 0.999), df=st.floats(2.0, 500), more=st.floats(0.1, 100))
def test_more_degrees_of_freedom_never_widen_an_interval(p: float, df: float, more: float) -> None:
    assert t_quantile(p, df + more) <= t_quantile(p, df) * (1 + 1e-3)


values = st.lists(st.floats(0, 1e3), min_size=1, max_size=30)
shares = st.lists(st.builds(Share, st.integers(1, 1_000), values, st.floats(0, 1)), min_size=1, max_size=6)


@given(shares=shares)
def test_an_interval_holds_what_is_expected_and_never_promises_less_than_nothing(shares: list[Share]) -> None:
    interval = predict(shares)
    assert 0 <= interval.low <= interval.expected <= interval.high and math.isfinite(interval.high)
    expected = sum(share.count * math.fsum(share.seen) / len(share.seen) for share in shares)
    assert interval.expected == pytest.approx(expected)


@given(seen=values, doubt=st.floats(0.05, 1), count=st.integers(1, 100))
def test_doubt_widens(seen: list[float], doubt: float, count: int) -> None:
    sure, unsure = predict([Share(count, seen)]), predict([Share(count, seen, doubt)])
    assert unsure.high >= sure.high and unsure.low <= sure.low
    if sum(seen) > 0.1:
        assert unsure.high > sure.high


@pytest.mark.parametrize("seen", [3, 6, 20])
@pytest.mark.parametrize("to_come", [5, 50])
def test_sums_of_skewed_trials_fall_into_the_interval(seen: int, to_come: int) -> None:
    """Cells of different means, each seen a few times; 300 made-up experiments."""
    random = Random(f"{seen}:{to_come}")
    means = [1.0, 2.0, 5.0]
    covered = 0
    for _ in range(300):
        cells = [[random.gammavariate(4, mean / 4) for _ in range(seen)] for mean in means]
        total = sum(random.gammavariate(4, mean / 4) for mean in means for _ in range(to_come))
        interval = predict([Share(to_come, cell) for cell in cells])
        covered += interval.low <= total <= interval.high
    assert covered >= 0.96 * 300


# -- which trials are like which

PLACES: tuple[Any, ...] = (("subject", "bedrock:a"), ("judge", "bedrock:j"))


def kind(**other: Any) -> Kind:
    return Kind(**{"scenario": "s", "variant": "v", "subject": "bedrock:a", "judges": ("bedrock:j",)} | other)  # type: ignore[arg-type]


def of_kind(**other: Any) -> Kind:
    return kind(**{"max_tokens": 500, "version": "1"} | other)


def trial(tokens: int) -> Mapping[Any, Took]:
    return {PLACES[0]: Took(2, Usage(tokens, tokens)), PLACES[1]: Took(1, Usage(tokens, 1))}


def test_trials_of_the_same_kind_are_taken_and_no_others_where_there_are_five() -> None:
    seen = Seen({of_kind(): [trial(1)] * 5, of_kind(variant="w"): [trial(9)] * 50})
    like = nearest(of_kind(), seen)
    assert (len(like.trials), like.doubt) == (5, 0.0)


def test_what_was_not_seen_borrows_from_the_nearest_and_is_doubted_the_more_the_less_it_is_alike() -> None:
    seen = Seen({of_kind(): [trial(1)] * 5, of_kind(variant="w"): [trial(9)] * 5})
    doubts = [
        nearest(of_kind(**other), seen).doubt
        for other in (
            {},
            {"scenario": "t"},
            {"variant": "x"},
            {"subject": "bedrock:b"},
            {"subject": "b", "variant": "x"},
        )
    ]
    assert doubts == sorted(doubts) and len(set(doubts)) == 5 and doubts[0] == 0


def test_a_borrowed_trial_is_charged_to_the_models_that_will_run() -> None:
    seen = Seen({of_kind(): [trial(100)] * 5})
    like = nearest(of_kind(subject="bedrock:b", judges=("bedrock:k", "bedrock:l")), seen)
    (took, *_) = like.trials
    assert set(took) == {("subject", "bedrock:b"), ("judge", "bedrock:k"), ("judge", "bedrock:l")}
    assert took[("subject", "bedrock:b")].usage == Usage(100, 100)
    assert took[("judge", "bedrock:l")].usage == Usage(100, 1)


def test_attempts_that_were_paid_and_lost_count_and_failed_providers_teach_nothing() -> None:
    usage = {**Usage(10, 5).as_dict()}
    attempts = [{"error": "ConnectionCut"}, {"error": "Throttled"}, {"error": None}]
    call = {"role": "subject", "model": "bedrock:a", "usage": usage, "latency_s": 0.5, "attempts": attempts}
    record = {
        "scenario": "s",
        "prompt_variant": "v",
        "provider": "bedrock",
        "steward_model": "a",
        "model_config": {"max_tokens": 500},
        "experiment_version": "1",
        "outcome": "answered",
        "calls": [call, call],
    }
    seen = collect([record, {**record, "outcome": "provider_error"}], ("bedrock:j",))
    ((found, trials),) = seen.trials.items()
    assert (found, seen.count) == (of_kind(), 1)
    assert trials[0][PLACES[0]] == Took(2, Usage(40, 20), 2, 1.0)


# -- whole runs

QUIZ = {"EXPERIMENT": "quiz", "BATCH_MODE": "true"}


@pytest.fixture(scope="module")
def bedrock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bedrock]:
    folder = tmp_path_factory.mktemp("standin")
    faults = {"cut_body_rate": 0.02, "model_timeout_rate": 0.01, "bad_judge_rate": 0.05, "server_error_rate": 0.03}
    with bedrock_process({"seed": 11, **faults}, log=folder / "bedrock.jsonl") as bedrock:
        yield bedrock


@pytest.fixture
def project(tmp_path: Path, bedrock: Bedrock, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose variables are also this process's, so that runs need no process of their own."""
    made = make_project(tmp_path, experiments=QUIZ_FILES, **(bedrock.environment() | QUIZ))
    monkeypatch.setattr(os, "environ", dict(made.environment))
    return made


def prepared(project: Project, **variables: str) -> Prepared:
    os.environ.clear()
    os.environ.update(project.environment | variables)
    return prepare(project.root, Wanted())


def carried_out(what: Prepared, bedrock: Bedrock, *, fresh: bool = False) -> float:
    """What the run costs by the stand-in's account."""
    before = bill(bedrock.log)
    finished = anyio.run(lambda: do_job(what, Screen(), fresh=fresh))
    assert finished.exit_code in (0, 1)
    return bill(bedrock.log) - before


def usd(what: Prepared) -> Interval:
    found = estimate(what).takes.usd
    assert found is not None
    return found


def test_of_twenty_runs_at_least_eighteen_cost_what_was_estimated(project: Project, bedrock: Bedrock) -> None:
    """Each estimated from the runs before it, the first from the code alone; other seeds and sizes each time."""
    covered, widths = [], []
    for seed in range(20):
        what = prepared(project, MODEL_SEED=str(seed), BATCH_SIZE=str(2 + seed % 5))
        said = usd(what)
        cost = carried_out(what, bedrock)
        covered.append(said.low <= cost <= said.high)
        widths.append((said.high - said.low) / said.expected)
    assert sum(covered) >= 18, list(zip(covered, widths, strict=True))
    assert max(widths[2:]) < 1.5 and widths[0] > 2, "what was seen narrows it"


def test_bounds_from_the_code_hold_what_a_run_costs_and_are_called_bounds(project: Project, bedrock: Bedrock) -> None:
    what = prepared(project, BATCH_SIZE="4")
    calls_before = len(requests_in(bedrock.log))
    said = estimate(what)
    assert len(requests_in(bedrock.log)) == calls_before, "an estimate makes no call"
    assert (said.basis, said.trials, said.seen) == ("bounds", 12, 0)
    assert (said.takes.calls.low, said.takes.calls.expected, said.takes.calls.high) == (36, 36, 48)
    assert "no earlier run: bounds" in said.lines()[0]
    takes = said.takes.usd
    assert takes is not None and takes.low <= carried_out(what, bedrock) <= takes.high


def test_what_a_run_has_done_already_is_not_estimated_again(project: Project, bedrock: Bedrock) -> None:
    first = prepared(project, BATCH_SIZE="3")
    spent = carried_out(first, bedrock)
    grown = prepared(project, BATCH_SIZE="7")
    said = estimate(grown)
    assert said.trials == 12 and said.runs == (project.the_run().folder.name,) and said.seen == 9
    assert said.spent_usd <= spent
    total = said.as_dict()["total_usd"]
    assert said.takes.usd is not None and total["low"] == pytest.approx(said.takes.usd.low + said.spent_usd)
    cost = carried_out(grown, bedrock)
    assert said.takes.usd.low <= cost <= said.takes.usd.high
    again = estimate(prepared(project, BATCH_SIZE="7"))
    assert again.trials == 21 and "is finished in run" in again.notes[0]


def test_another_model_borrows_its_tokens_at_its_own_price_with_a_wider_interval(
    project: Project, bedrock: Bedrock
) -> None:
    carried_out(prepared(project, BATCH_SIZE="3"), bedrock)
    same = usd(prepared(project, BATCH_SIZE="3", MODEL_SEED="9"))
    other = usd(prepared(project, BATCH_SIZE="3", MODEL_SEED="9", SUBJECT_MODELS="amazon.nova-lite-v1:0"))
    assert other.expected < same.expected
    assert (other.high - other.low) / other.expected > 1.5 * (same.high - same.low) / same.expected


def test_the_tier_that_is_asked_for_is_in_the_price(project: Project) -> None:
    plain, flex = usd(prepared(project)), usd(prepared(project, BEDROCK_SERVICE_TIER="flex"))
    assert flex.high == pytest.approx(plain.high / 2) and flex.low == pytest.approx(plain.low / 2)
    assert estimate(prepared(project, BEDROCK_SERVICE_TIER="reserved")).takes.usd is None, "paid by the month"


def test_a_model_without_a_price_has_tokens_and_no_cost(project: Project) -> None:
    said = estimate(prepared(project, SUBJECT_MODELS="lab.newest-model"))
    assert said.as_dict()["usd"] is None and said.unpriced == ("bedrock:lab.newest-model",)
    assert said.takes.models[0].output_tokens.high > 0
    assert any("cost: unknown" in line and "PRICES_FILE" in line for line in said.lines())


def test_the_hours_are_those_of_the_quota_where_it_is_known(project: Project, bedrock: Bedrock) -> None:
    carried_out(prepared(project, BATCH_SIZE="2"), bedrock)
    size = {"BATCH_SIZE": "100", "MODEL_SEED": "3"}
    free = estimate(prepared(project, **size))
    assert "observed" in free.hours_because or "quota learnt" in free.hours_because
    bound = estimate(prepared(project, **size, QUOTA_RPM="60"))
    # 300 trials of two subject's calls each, one a second
    assert bound.hours.expected == pytest.approx(600 / 3600, rel=0.05) and "QUOTA_RPM" in bound.hours_because
    waiting = estimate(prepared(project, **size, INTER_RUN_DELAY="36"))
    assert waiting.hours.expected == pytest.approx(300 * 36 / 3600) and waiting.hours_because == "INTER_RUN_DELAY"


def test_plan_and_dry_run_show_the_estimate_and_plan_json_does_not(project: Project, bedrock: Bedrock) -> None:
    shown = json.loads(project.trialbed("plan").stdout)
    assert {model["model"] for model in shown["estimate"]["models"]} == {f"bedrock:{SUBJECT}", f"bedrock:{JUDGE}"}
    assert shown["estimate"]["usd"]["low"] < shown["estimate"]["usd"]["high"]
    lines = project.run("--dry-run", "--max-cost", "2").stdout
    assert "estimate for 15 trials" in lines and "  cost: about $" in lines and "MAX_COST_USD: $2.00" in lines
    assert not project.runs()
    carried_out(prepared(project), bedrock)
    assert "estimate" not in project.the_run().plan()


ENDLESS = '''"""Asks until the subject gives in, and sleeps between."""

from trialbed import Experiment, Scenario


class Endless(Experiment):
    name, version = "endless", "1.0.0"

    def scenarios(self):
        yield Scenario(id="one")

    async def converse(self, trial, chat):
        while "I give in" not in await chat.ask("Will you?"):
            pass


experiment = Endless()
'''

PARSING = '''"""Cannot live with made-up answers."""

from trialbed import Experiment, Scenario


class Parsing(Experiment):
    name, version = "parsing", "1.0.0"

    def scenarios(self):
        yield Scenario(id="one")

    async def converse(self, trial, chat):
        int(await chat.ask("How many?"))
        await chat.ask("Sure?")


experiment = Parsing()
'''


@pytest.mark.parametrize(("code", "calls"), [(ENDLESS, (2, 600)), (PARSING, (1, 1))])
def test_code_that_cannot_be_walked_through_still_gets_an_estimate(
    tmp_path: Path, code: str, calls: tuple[int, int]
) -> None:
    name = "endless" if code is ENDLESS else "parsing"
    project = make_project(
        tmp_path,
        experiments={f"experiments/{name}.py": code},
        EXPERIMENT=name,
        SUBJECT_MODELS="amazon.nova-pro-v1:0",
        AWS_REGION="us-east-1",
    )
    ended = project.trialbed("plan")
    assert ended.code == 0, ended.stderr
    shown = json.loads(ended.stdout)["estimate"]
    assert shown["basis"] == "bounds" and calls[0] <= shown["calls"]["expected"] <= calls[1]
