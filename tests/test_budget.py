"""Does a run keep to its spending limit, say so, and go on once it is raised? Counted from the stand-in's account."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import Bedrock, bedrock_process, repeated, requests_in
from tests.support.experiments import QUIZ_FILES
from tests.support.money import bill, total_usd
from tests.support.project import Ended, Project, make_project, running, wait_until

RUNS = "16"
TRIALS = 3 * 16
FAULTS = {
    "cut_body_rate": 0.05,
    "cut_before_rate": 0.05,
    "model_timeout_rate": 0.03,
    "malformed_body_rate": 0.03,
    "wrong_shape_rate": 0.03,
    "server_error_rate": 0.05,
}


def standin(folder: Path, **config: Any) -> Any:
    base = {"seed": 4, "latency_s": 0.02, "latency_spread": 1.0}
    return bedrock_process(base | config, log=folder / "bedrock.jsonl")


@pytest.fixture
def bedrock(tmp_path: Path) -> Iterator[Bedrock]:
    with standin(tmp_path) as bedrock:
        yield bedrock


def quiz(tmp_path: Path, bedrock: Bedrock, **variables: str) -> Project:
    """48 trials of three calls, 50 in flight."""
    always = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": RUNS, "MAX_CONCURRENCY": "50"}
    return make_project(tmp_path, experiments=QUIZ_FILES, **(bedrock.environment() | always | variables))


def whole_cost(tmp_path: Path, **config: Any) -> float:
    """What the run costs without a limit, from an account of its own."""
    folder = tmp_path / "unlimited"
    folder.mkdir()
    with standin(folder, **config) as bedrock:
        ended = quiz(folder, bedrock).run()
        assert ended.code in (0, 1), ended.stderr
        return bill(bedrock.log)


def said_of_budget(ended: Ended) -> str:
    (line,) = [line for line in ended.stderr.splitlines() if "MAX_COST_USD" in line]
    return line


@pytest.mark.parametrize(
    ("faults", "shares"), [({}, (0.4, 0.8)), (FAULTS, (0.7, 1.4))], ids=["calm", "presuming that lost answers are paid"]
)
def test_the_limit_is_never_passed_with_fifty_in_flight_and_raising_it_completes_the_run(
    tmp_path: Path, faults: dict[str, float], shares: tuple[float, float]
) -> None:
    """The stand-in's own bill, lost answers included, stays within every limit the run was given."""
    needed = whole_cost(tmp_path, **faults)
    with standin(tmp_path, **faults) as bedrock:
        project = quiz(tmp_path, bedrock)
        for share in shares:
            limit = round(share * needed, 6)
            ended = project.run(MAX_COST_USD=str(limit))
            assert ended.code == 2, ended.stderr
            assert bill(bedrock.log) <= limit
            status = project.status()
            assert sum(status["outcomes"].values()) == TRIALS and status["outcomes"]["budget_stopped"] > 0
            cost = status["cost"]
            assert cost["limit_usd"] == limit and cost["spent_usd"] + cost["presumed_usd"] <= limit
            line = said_of_budget(ended)
            assert f"{TRIALS - status['outcomes']['answered']} of {TRIALS} trials are left" in line
            assert "raise it, and the same command goes on" in line
        before = bill(bedrock.log)
        ended = project.run(MAX_COST_USD="1")
        assert ended.code in (0, 1), ended.stderr
        assert before < bill(bedrock.log) <= 1
        assert not repeated(bedrock.requests()), "nothing that was answered is paid again"
        status = project.status()
        assert status["is_complete"] or faults
        assert status["outcomes"]["budget_stopped"] == status["outcomes"]["pending"] == 0


def test_the_judge_counts_and_the_accounts_agree(tmp_path: Path, bedrock: Bedrock) -> None:
    project = quiz(tmp_path, bedrock, BATCH_SIZE="4")
    ended = project.run(MAX_COST_USD="1")
    assert ended.code == 0, ended.stderr
    requests = requests_in(bedrock.log)
    of_judge = total_usd(request for request in requests if request.is_judge and request.trial)
    cost = project.status()["cost"]
    assert cost == {
        "spent_usd": pytest.approx(bill(bedrock.log)),
        "presumed_usd": 0.0,
        "limit_usd": 1.0,
        "unknown_calls": 0,
    }
    records = project.the_run().records().values()
    for_trials = total_usd(bedrock.requests())
    assert sum(record["cost_usd"] for record in records) == pytest.approx(for_trials) and 0 < of_judge < for_trials
    for record in records:
        assert record["cost_usd"] == pytest.approx(sum(call["cost_usd"] for call in record["calls"]))
    small = [event for event in project.the_run().events() if event["e"] == "preflight"]
    assert sum(event["cost_usd"] for event in small) == pytest.approx(bill(bedrock.log) - for_trials)
    assert {event["role"] for event in small} == {"subject", "judge"}
    shown = re.search(r"^Cost: \$([0-9.]+) of \$1\.00$", ended.stdout, re.MULTILINE)
    assert shown and float(shown[1]) == pytest.approx(cost["spent_usd"], rel=0.01)


def test_attempts_that_were_probably_paid_are_journalled_and_presumed(tmp_path: Path) -> None:
    with standin(tmp_path, cut_body_rate=0.2) as bedrock:
        project = quiz(tmp_path, bedrock, BATCH_SIZE="6")
        assert project.run().code == 0
        events = project.the_run().events()
        lost = [event for event in events if event["e"] == "attempt_failed"]
        assert lost and all(event["presumed_cost_usd"] > 0 for event in lost)
        cost = project.status()["cost"]
        assert cost["presumed_usd"] == pytest.approx(sum(event["presumed_cost_usd"] for event in lost))
        assert cost["spent_usd"] < bill(bedrock.log) <= cost["spent_usd"] + cost["presumed_usd"]


def test_a_limit_that_is_used_up_already_makes_no_call_and_says_so(tmp_path: Path, bedrock: Bedrock) -> None:
    project = quiz(tmp_path, bedrock)
    assert project.run(MAX_COST_USD="0.006").code == 2
    calls = len(requests_in(bedrock.log))
    again = project.run(MAX_COST_USD="0.006")
    assert again.code == 2 and len(requests_in(bedrock.log)) == calls
    assert "raise it, and the same command goes on" in said_of_budget(again)
    assert "Traceback" not in again.stderr


def test_the_command_lines_limit_wins_over_the_environments(tmp_path: Path, bedrock: Bedrock) -> None:
    project = quiz(tmp_path, bedrock)
    ended = project.run("--max-cost", "0.005", MAX_COST_USD="100")
    assert ended.code == 2 and "of $0.005000 is spent" in ended.stderr
    assert bill(bedrock.log) <= 0.005
    assert project.run("--max-cost", "1", MAX_COST_USD="0.005").code == 0


def test_running_trials_stop_as_budget_stopped_and_their_answers_are_kept(tmp_path: Path, bedrock: Bedrock) -> None:
    project = quiz(tmp_path, bedrock)
    project.run(MAX_COST_USD="0.008")
    events = project.the_run().events()
    stopped = {event["trial"] for event in events if event["e"] == "trial_stopped"}
    assert stopped and {event["outcome"] for event in events if event["e"] == "trial_stopped"} == {"budget_stopped"}
    kept = sum(event["e"] == "answer" for event in events)
    assert kept == sum(request.was_answered for request in bedrock.requests()), "a call in flight is never cut"
    (budget,) = [event for event in events if event["e"] == "budget"]
    assert budget["limit_usd"] == 0.008 and budget["spent_usd"] + budget["needed_usd"] > 0.008
    text = project.trialbed("status").stdout
    assert f"budget_stopped {len(stopped)}" in text and " of $0.008000" in text


def test_a_real_model_without_a_price_is_refused_with_a_limit_and_null_without(
    tmp_path: Path, bedrock: Bedrock
) -> None:
    project = quiz(tmp_path, bedrock, SUBJECT_MODELS="lab.newest-model", BATCH_SIZE="2")
    ended = project.run(MAX_COST_USD="5")
    assert ended.code == 2 and not requests_in(bedrock.log) and not project.runs()
    (line,) = ended.stderr.splitlines()
    assert line.startswith("MAX_COST_USD: the price of bedrock:lab.newest-model is not known") and "PRICES_FILE" in line
    ended = project.run()
    assert ended.code == 0 and "Cost: $" in ended.stdout and "+ unknown" in ended.stdout
    assert all(record["cost_usd"] is None for record in project.the_run().records().values())
    assert project.status()["cost"]["unknown_calls"] == 6 * 2 + 1


def test_a_price_of_the_users_makes_the_limit_hold(tmp_path: Path, bedrock: Bedrock) -> None:
    project = quiz(tmp_path, bedrock, SUBJECT_MODELS="lab.newest-model", BATCH_SIZE="2", PRICES_FILE="prices.toml")
    rule = "[[rule]]\npattern = 'lab\\.newest'\ninput = 100\noutput = 400\n"
    (project.root / "prices.toml").write_text(rule)
    ended = project.run(MAX_COST_USD="5")
    assert ended.code == 0, ended.stderr
    per_trial = [record["cost_usd"] for record in project.the_run().records().values()]
    assert min(per_trial) > 0.005, "a hundred times the price of a Nova"
    (project.root / "prices.toml").write_text(rule + "inptu = 1\n")
    ended = project.run("--fresh")
    assert ended.code == 2 and ended.stderr.startswith("PRICES_FILE: ") and len(ended.stderr.splitlines()) == 1


def test_a_tier_without_a_price_is_refused_with_a_limit(tmp_path: Path, bedrock: Bedrock) -> None:
    project = quiz(tmp_path, bedrock, BEDROCK_SERVICE_TIER="reserved")
    ended = project.run(MAX_COST_USD="5")
    assert ended.code == 2 and "BEDROCK_SERVICE_TIER=reserved" in ended.stderr and not requests_in(bedrock.log)


@pytest.mark.parametrize("models", ["rehearsal:subject", "rehearsal:amazon.nova-pro-v1:0"])
def test_a_rehearsal_needs_no_price_and_a_priced_one_costs_practice_money(tmp_path: Path, models: str) -> None:
    project = make_project(
        tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", SUBJECT_MODELS=models, JUDGE_MODELS="rehearsal:judge"
    )
    ended = project.run(MAX_COST_USD="5")
    assert ended.code == 0, ended.stderr
    assert "MAX_COST_USD: " in said_of_budget(ended)
    is_free = models == "rehearsal:subject"
    assert ("Cost: unknown" in ended.stdout) == is_free
    assert (project.status()["cost"]["spent_usd"] is None) == is_free


@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf"])
def test_a_limit_that_is_no_amount_is_refused(tmp_path: Path, given: str) -> None:
    project = make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz")
    for ended in (project.run("--max-cost", given), project.run(MAX_COST_USD=given)):
        assert ended.code == 2 and not project.runs()
        (line,) = ended.stderr.splitlines()
        assert line.startswith(("--max-cost: ", "MAX_COST_USD: "))


def test_calls_in_flight_when_the_process_was_killed_count_when_the_run_goes_on(tmp_path: Path) -> None:
    """Nobody heard of their end, but they may have been paid."""
    with standin(tmp_path, latency_s=0.3, latency_spread=0.2) as bedrock:
        project = quiz(tmp_path, bedrock)
        limit = 0.02
        with running(project.start(MAX_COST_USD=str(limit))) as sitting:
            wait_until(lambda: len(bedrock.requests()) >= 5, "some answers")
            sitting.kill()
        wait_until(lambda: not project.status()["is_running"], "the end of the process")
        cost = project.status()["cost"]
        assert cost["presumed_usd"] > 0, "calls were in flight"
        ended = project.run(MAX_COST_USD=str(limit))
        assert ended.code == 2 and bill(bedrock.log) <= limit, ended.stderr
        after = project.status()["cost"]
        assert after["presumed_usd"] == pytest.approx(cost["presumed_usd"])
        assert after["spent_usd"] + after["presumed_usd"] <= limit
        assert project.run(MAX_COST_USD="1").code == 0
