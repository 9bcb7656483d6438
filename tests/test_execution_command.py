"""`trialbed execution` as a user runs it: one command, up to eight runs, one file; against the rehearsal server."""

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from experiments._execution.persona import Chooser, Leanings, Predictor
from experiments._execution.shipped import cases, rows
from tests.standins.hub import HubStandIn
from tests.standins.otlp import Collector
from tests.standins.otlp.collector import LOG_STREAM_ID, PROJECT_ID, GalileoApi
from tests.support.bedrock import (
    SUBJECT,
    Bedrock,
    Request,
    bedrock_process,
    bedrock_thread,
    real_environment,
    repeated,
    requests_in,
)
from tests.support.project import Ended, Project, make_project, running, wait_until
from tests.support.traces import check_tree
from tests.test_main_job import hub_variables, load_rows
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig

PROBLEMS = 40
PREDICTION = ("OC", "OR", "MC", "MR")
CHOICE = (
    *("preference_original", "preference_mutated", "order_consistency", "letter_bias"),
    *("oc_correct", "mc_correct", "or_reversion", "mr_reversion"),
)


def the_file(project: Project) -> Path:
    (path,) = project.root.glob("out/execution_*.json")
    return path


def results(project: Project) -> dict[str, Any]:
    """The file of results, of which there is one."""
    document: dict[str, Any] = json.loads(the_file(project).read_text(encoding="utf-8"))
    return document


def execute(project: Project, *arguments: str, **variables: str) -> Ended:
    arguments = ("execution", "--output-dir", "out", *arguments)
    return project.trialbed(*arguments, timeout_s=120, **variables)


def programs_in(request: Request) -> list[str]:
    """The programs of a prompt, in the order in which they stand there."""
    return request.body["messages"][0]["content"][0]["text"].split("```python\n")[1:]


@dataclass(frozen=True)
class Both:
    project: Project
    bedrock: Bedrock
    hub: HubStandIn
    ended: Ended
    reader: Path

    @property
    def document(self) -> dict[str, Any]:
        return results(self.project)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """`--task both` over 40 problems, with faults on the way and a Hub to send the records to."""
    root = tmp_path_factory.mktemp("both")
    faults = {"throttle_rate": 0.03, "server_error_rate": 0.03, "cut_body_rate": 0.02, "only_trials": True}
    with HubStandIn(seed=3) as hub, bedrock_process({"seed": 5, **faults}, log=root / "bedrock.jsonl") as bedrock:
        variables = bedrock.environment() | hub_variables(hub, root / "hf")
        project = make_project(root, **variables)
        many = ("--pred-num-problems", str(PROBLEMS), "--choice-num-problems", str(PROBLEMS))
        ended = execute(project, "--task", "both", *many, "--pred-generations", "2", "--compare-reasoning")
        yield Both(project, bedrock, hub, ended, root / "reader")


def test_every_metric_is_there_with_counts_and_an_interval(both: Both) -> None:
    assert both.ended.code in (0, 1), both.ended.stderr
    found = both.document
    summaries = [(name, found["metrics_summary"][name]) for name in PREDICTION]
    summaries += [(name, found["execution_choice_summary"][name]) for name in CHOICE]
    for name, share in summaries:
        lo, hi = share["ci"]
        assert 0 <= lo <= share["value"] <= hi <= 1, name
        assert share["value"] == pytest.approx(share["k"] / share["n"]), name
    for name in PREDICTION:
        share = found["metrics_summary"][name]
        assert {"value_all", "n_all", "completed", "truncated", "truncation_rate"} <= share.keys()
        assert share["n"] <= share["n_all"]
    assert found["execution_choice_summary"]["invalid_rate"]["n"] == 2 * len(found["execution_choice_results"])
    assert found["complete"] is True


def test_the_members_of_the_file_are_those_that_its_readers_know(both: Both) -> None:
    members = {"config", "metrics_counts", "metrics_summary", "results"}
    choices = {f"execution_choice_{name}" for name in ("config", "counts", "summary", "results")}
    assert members | choices <= both.document.keys()
    assert both.document["config"]["model_id"] == SUBJECT
    assert both.document["execution_choice_config"]["seed"] == 123
    shown = " ".join(both.ended.stdout.split())
    assert str(the_file(both.project).name) in shown and "OC" in shown and "order_consistency" in shown


def test_there_is_a_trace_of_every_answer_to_every_test_case(both: Both) -> None:
    expected = [case for case in cases() if case.row.partition("#")[0] in {row["id"] for row in rows()[:PROBLEMS]}]
    found = both.document["results"]
    assert [one["scenario"] for one in found] == [case.id for case in expected]
    generations = [trace for one in found for which in ("original", "mutated") for trace in one[which]["generations"]]
    assert len(generations) == 2 * 2 * len(expected)
    records = {trial: record for run in both.project.runs() for trial, record in run.records().items()}
    for trace in generations:
        record = records[trace["trial_id"]]
        assert trace["answer"] == record["conversation_log"][-1]["content"]
        assert (trace["outcome"], trace["evaluation"]) == (record["outcome"], record["evaluation"])
        assert trace["reasoning_chars"] == 0


def test_every_choice_is_asked_in_both_orders(both: Both) -> None:
    orders: dict[frozenset[str], Counter[str]] = {}
    for request in both.bedrock.requests():
        shown = programs_in(request)
        if len(shown) == 2 and request.was_answered:
            plain = [program.partition("```")[0] for program in shown]
            call = request.body["messages"][0]["content"][0]["text"].partition("that one runs it:")[2].split("\n\n")[1]
            instruction = request.body["messages"][0]["content"][0]["text"].partition(call)[2].split(" Nothing")[0]
            orders.setdefault(frozenset({*plain, call, instruction}), Counter())[plain[0]] += 1
    assert len(orders) >= len(both.document["execution_choice_results"])
    assert all(sorted(counts.values()) == [1, 1] for counts in orders.values())


def test_programs_stand_unchanged_in_the_prompts(both: Both) -> None:
    known = {row["code"] for row in rows()} | {row["mutated_code"] for row in rows()}
    shown = {program.partition("```")[0] for request in both.bedrock.requests() for program in programs_in(request)}
    assert shown <= {code if code.endswith("\n") else f"{code}\n" for code in known}


def test_nothing_answered_is_asked_again_not_even_by_the_comparison(both: Both) -> None:
    assert repeated(both.bedrock.requests()) == []
    comparison = both.document["reasoning_comparison"]
    assert comparison["samples"] == 5
    compared = {row["id"] for row in rows()[:5]}
    for level in ("low", "medium", "high"):
        counts = comparison["prediction"][level]["metrics_counts"]
        per_program = 2 * sum(case.row.partition("#")[0] in compared for case in cases())
        assert {counts[which]["trials"] for which in ("original", "mutated")} == {per_program}
        assert comparison["choice"][level]["summary"]["preference_original"]["n"] > 0


def test_all_rows_are_ordinary_records_too(both: Both) -> None:
    published = load_rows(both.hub, both.reader)
    kept = {trial: record for run in both.project.runs() for trial, record in run.records().items()}
    assert {row["trial_id"] for row in published} == set(kept)
    for run in both.project.runs():
        reported = both.project.trialbed("report", run.folder.name)
        assert reported.code == 0, reported.stderr
        audited = both.project.trialbed("audit", run.folder.name)
        assert audited.code == 0, audited.stdout + audited.stderr


def test_the_report_has_the_rates_of_the_file(both: Both) -> None:
    run = next(run for run in both.project.runs() if run.folder.name == both.document["runs"][0]["run"])
    assert both.project.trialbed("report", run.folder.name).code == 0
    lines = (run.folder / "report" / "measures.csv").read_text(encoding="utf-8").splitlines()
    names = lines[0].split(",")
    told = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
    for name, measure, variant in (
        ("OC", "correct", "original-medium"),
        ("OR", "reverted", "original-medium"),
        ("MC", "correct", "mutated-medium"),
        ("MR", "reverted", "mutated-medium"),
    ):
        (row,) = [
            row for row in told if (row["measure"], row["variant"], row["subject"]) == (measure, variant, SUBJECT)
        ]
        share = both.document["metrics_summary"][name]
        assert (int(row["k"]), int(row["n"])) == (share["k"], share["n"]), name
        questions = {one["question_id"] for one in both.document["results"]}
        assert int(row["clusters"]) <= len(questions)


# --- Planted effects ----------------------------------------------------------------------------

PLANTED = Leanings(correct=(0.95, 0.3), reverts=(0.0, 0.6), unreadable=0.0, follows_letter=0.5, prefers_original=0.8)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("planted")
    with bedrock_thread(RehearsalConfig(seed=11), personas=[Predictor(PLANTED), Chooser(PLANTED)]) as server:
        project = make_project(root, **real_environment(server.url))
        everything = ("--pred-num-problems", "0", "--choice-num-problems", "0", "--choice-runs", "6")
        ended = execute(project, "--task", "both", *everything)
        assert ended.code == 0, ended.stderr
    return results(project)


def recovers(share: Mapping[str, Any], truth: float, *, none: float) -> bool:
    """Whether the interval leaves out what would be no effect, and the planted rate is near by the interval's measure.

    Of so many intervals of 95 % one may miss its truth by chance; none may miss it by more than 1.7 half-widths, which
    is 3.3 standard errors.
    """
    lo, hi = share["ci"]
    return bool(not lo <= none <= hi and abs(share["value"] - truth) <= 1.7 * (hi - lo) / 2)


def test_planted_reversion_is_recovered(planted: dict[str, Any]) -> None:
    found = planted["metrics_summary"]
    assert recovers(found["MR"], PLANTED.reverts[1], none=0.0), found["MR"]
    assert found["OR"]["value"] == 0.0
    assert recovers(found["OC"], PLANTED.correct[0], none=PLANTED.correct[1]), found["OC"]
    # Where both programs return the same, what was meant as a reversion is right.
    alike = sum(not case.tells_apart for case in cases()) / len(cases())
    truth = PLANTED.correct[1] + alike * PLANTED.reverts[1]
    assert recovers(found["MC"], truth, none=PLANTED.correct[0]), found["MC"]


def test_planted_order_bias_is_recovered(planted: dict[str, Any]) -> None:
    found = planted["execution_choice_summary"]
    # A is chosen by the letter half of the time, else if the program wanted stands first.
    assert recovers(found["letter_bias"], 0.5 + 0.5 * 0.5, none=0.5), found["letter_bias"]
    prefers = 0.5 * 0.5 + 0.5 * PLANTED.prefers_original
    assert recovers(found["preference_original"], prefers, none=0.5), found["preference_original"]
    chose_original = {"stands first": 0.5 + 0.5 * 0.8, "stands second": 0.5 * 0.8}
    first, second = chose_original.values()
    agrees = first * second + (1 - first) * (1 - second)
    assert recovers(found["order_consistency"], agrees, none=1.0), found["order_consistency"]
    assert recovers(found["mr_reversion"], PLANTED.reverts[1], none=0.0), found["mr_reversion"]


# --- Truncation, and reading again ---------------------------------------------------------------


def test_an_answer_that_was_cut_short_is_truncated_and_never_wrong(tmp_path: Path) -> None:
    sure = Leanings(correct=(1.0, 1.0), reverts=(0.0, 0.0), unreadable=0.0)
    config = RehearsalConfig(seed=2, truncate_rate=0.35, only_trials=True)
    with bedrock_thread(config, personas=[Predictor(sure)]) as server:
        project = make_project(tmp_path, **real_environment(server.url))
        ended = execute(project, "--pred-num-problems", "25")
    assert ended.code == 1, ended.stderr
    records = [record for record in project.the_run().records().values()]
    cut = sum(record["outcome"] == "truncated" for record in records)
    assert 0.25 < cut / len(records) < 0.45
    found = results(project)
    for name in ("OC", "MC"):
        share = found["metrics_summary"][name]
        assert share["value"] == 1.0, "every answer that came whole is right"
        assert share["value_all"] == pytest.approx(1 - share["truncation_rate"])
        assert share["completed"] + share["truncated"] == share["n_all"]
    assert sum(found["metrics_summary"][name]["truncated"] for name in ("OC", "MC")) == cut
    assert all(record["evaluation"] is None for record in records if record["outcome"] == "truncated")


def test_a_small_token_limit_cuts_answers_and_says_so(tmp_path: Path) -> None:
    with bedrock_process({"seed": 2}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment())
        assert execute(project, "--pred-num-problems", "5", "--pred-max-tokens", "10").code == 1
    share = results(project)["metrics_summary"]["OC"]
    assert (share["value"], share["n"], share["ci"]) == (None, 0, None), "nothing completed: null, not 0"
    assert (share["truncation_rate"], share["value_all"]) == (1.0, 0.0)


def test_a_changed_reader_reads_stored_answers_without_a_call(tmp_path: Path) -> None:
    with bedrock_process({"seed": 4}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment())
        flags = ("--pred-num-problems", "10", "--pred-generations", "3")
        execute(project, *flags)
        before, asked = results(project), len(requests_in(bedrock.log))
        reader = project.root / "experiments" / "_execution" / "assertions.py"
        text = reader.read_text(encoding="utf-8")
        assert '"1.0.0"' in text
        # A reader that takes every answer for None: right for hardly any case.
        text = text.replace('"1.0.0"', '"2.0.0"').replace(
            "    blocks = [", "    return Assertion(None, None)\n    blocks = ["
        )
        reader.write_text(text, encoding="utf-8")
        judged = project.trialbed("judge", project.the_run().folder.name)
        assert judged.code == 0, judged.stderr
        assert "has changed since" not in judged.stderr
        execute(project, *flags)
        assert len(requests_in(bedrock.log)) == asked, "neither reading again nor telling it makes a call"
    after = results(project)
    assert before["metrics_summary"]["OC"]["value"] > 0.6
    assert after["metrics_summary"]["OC"]["value"] < 0.2
    versions = {record["verdicts"][-1]["rubric_version"] for record in project.the_run().records().values()}
    assert versions == {"2.0.0"}
    assert after["metrics_summary"]["OC"]["unreadable"] == 0, "what could not be read then can be now"


class ThinksAloud(Predictor):
    """Is right in the end, and thinks of something else first, in the very form of an answer."""

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        said = super().answer(call, rng)
        return replace(said, reasoning="[ANSWER]\nassert f(0) == 'a thought'\n[/ANSWER]" if call.thinking else None)


THINKS = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize(("max_tokens", "operation"), [("3000", "converse"), ("12000", "converse-stream")])
def test_thoughts_are_kept_apart_with_their_length_and_never_read(
    tmp_path: Path, max_tokens: str, operation: str
) -> None:
    sure = Leanings(correct=(1.0, 1.0), reverts=(0.0, 0.0), unreadable=0.0)
    config = RehearsalConfig(seed=2, log_path=tmp_path / "bedrock.jsonl")
    with bedrock_thread(config, personas=[ThinksAloud(sure)]) as server:
        project = make_project(tmp_path, **real_environment(server.url))
        thinking = ("--enable-thinking", "--thinking-budget-tokens", "2000", "--pred-max-tokens", max_tokens)
        ended = execute(project, "--model-id", THINKS, "--pred-num-problems", "4", *thinking)
        assert ended.code == 0, ended.stderr
    for notice in ("--pred-temperature: its default is left out", "--pred-top-p: its default is left out"):
        assert notice in ended.stderr
    asked = requests_in(tmp_path / "bedrock.jsonl")
    assert {request.line["path"].rpartition("/")[2] for request in asked} == {operation}, "the small call too"
    for record in project.the_run().records().values():
        (call,) = record["calls"]
        assert call["reasoning"].startswith("[ANSWER]") and call["reasoning_chars"] == len(call["reasoning"])
        assert "a thought" not in record["conversation_log"][-1]["content"]
        assert record["evaluation"]["correct"] is True
        assert (call["sent_parameters"]["thinking"], call["sent_parameters"]["thinking_tokens"]) == ("enabled", 2000)
    found = results(project)
    generations = [trace for one in found["results"] for trace in one["original"]["generations"]]
    assert all(trace["reasoning_chars"] > 0 and "a thought" not in trace["answer"] for trace in generations)
    assert found["metrics_summary"]["OC"]["value"] == 1.0


# --- Kills, signals, money ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_command_goes_on_where_it_was_and_asks_nothing_twice(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    print(f"seed {seed}")
    flags = ("--task", "both", "--pred-num-problems", "12", "--choice-num-problems", "12")
    with bedrock_process({"seed": seed, "latency_s": 0.25}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment())
        for _ in range(3):
            with running(project.start_trialbed("execution", "--output-dir", "out", *flags)) as sitting:
                more = len(bedrock.requests()) + chance.randrange(5, 60)
                wait_until(lambda more=more: len(bedrock.requests()) >= more or sitting.is_over, "some more answers")
                sitting.kill()
        ended = execute(project, *flags)
        assert ended.code in (0, 1), ended.stderr
        assert len(project.runs()) == 2
        most = 3 * 20
        assert len(repeated(bedrock.requests())) <= most, "at most the calls in flight at each kill"
    assert results(project)["complete"] is True, "and there is one file"


def test_results_are_written_as_they_arrive_and_the_file_is_whole_at_any_moment(tmp_path: Path) -> None:
    seen: list[int] = []
    with bedrock_process({"seed": 3, "latency_s": 0.3}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment(), MAX_CONCURRENCY="8")
        with running(
            project.start_trialbed("execution", "--output-dir", "out", "--pred-num-problems", "12")
        ) as sitting:
            while not sitting.is_over:
                for path in project.root.glob("out/execution_*.json"):
                    seen.append(json.loads(path.read_text(encoding="utf-8"))["runs"][0]["ended"])
            assert sitting.wait().code in (0, 1)
    planned = results(project)["runs"][0]["planned"]
    on_the_way = sorted({count for count in seen if 0 < count < planned})
    assert len(on_the_way) >= 2, f"the file grew in steps: {on_the_way} of {planned}"
    assert seen == sorted(seen)


def test_a_signal_ends_the_command_and_not_only_the_run_it_meets(tmp_path: Path) -> None:
    with bedrock_process({"seed": 3, "latency_s": 0.3}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment(), GRACE_S="1")
        with running(project.start_trialbed("execution", "--output-dir", "out", "--task", "both")) as sitting:
            wait_until(lambda: len(bedrock.requests()) > 20, "some answers")
            sitting.send(signal.SIGINT)
            ended = sitting.wait()
    assert ended.code == 130
    (run,) = project.runs()
    assert run.folder.name.startswith("execution_prediction")
    assert "1 of 2 runs have not begun" in ended.stdout
    assert "To resume, the same command again" in ended.stdout
    assert results(project)["complete"] is False


def test_one_spending_limit_holds_for_all_runs_of_a_command(tmp_path: Path) -> None:
    flags = ("--task", "both", "--pred-num-problems", "6", "--choice-num-problems", "6", "--pred-generations", "2")
    flags = (*flags, "--pred-max-tokens", "100", "--choice-max-tokens", "100")
    with bedrock_process({"seed": 3}, log=tmp_path / "bedrock.jsonl") as bedrock:
        # Few at a time: what is in flight counts with the most that it may cost.
        variables = bedrock.environment() | {"MAX_CONCURRENCY": "2"}
        project = make_project(tmp_path, **variables)
        assert execute(project, *flags).code in (0, 1)
        costs = [float(project.status(run.folder.name)["cost"]["spent_usd"]) for run in project.runs()]
        limited = make_project(tmp_path / "limited", **variables)
        limit = costs[0] + costs[1] / 2
        ended = execute(limited, *flags, MAX_COST_USD=f"{limit:.9f}")
        assert ended.code == 2, ended.stdout
        assert "MAX_COST_USD" in ended.stderr
        spent = [float(limited.status(run.folder.name)["cost"]["spent_usd"]) for run in limited.runs()]
        assert len(spent) == 2 and sum(spent) <= limit
        again = execute(limited, *flags, MAX_COST_USD=f"{limit:.9f}")
        assert again.code == 2 and f"Results so far: out/{the_file(limited).name}" in again.stderr
        assert execute(limited, *flags, MAX_COST_USD="5").code in (0, 1)
        assert results(limited)["complete"] is True
        assert execute(limited, *flags, MAX_COST_USD="0.000001").code in (0, 1), "what is finished needs no room"


# --- Data sets and mistakes -----------------------------------------------------------------------


def some_rows(*changes: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    found = [dict(row) for row in rows()[: len(changes)]]
    for row, change in zip(found, changes, strict=True):
        change(row)
    return found


def without_mutant(row: dict[str, Any]) -> None:
    row.update(mutated_code=None, mutated_output=None)
    row.pop("mutated_outputs", None)


def as_it_is(row: dict[str, Any]) -> None:
    pass


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set of three problems, the second of which has no mutant."""
    path = tmp_path / "my problems.jsonl"
    lines = [json.dumps(row) for row in some_rows(as_it_is, without_mutant, as_it_is)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_without_a_mutant_are_passed_over_and_counted(tmp_path: Path, data: Path) -> None:
    project = make_project(tmp_path)
    ended = execute(project, "--dataset", str(data), "--task", "both")
    assert ended.code in (0, 1), ended.stderr
    assert f"1 rows without mutated_code were passed over ({rows()[1]['id']})" in ended.stderr
    assert results(project)["config"]["loaded"]["skipped"] == {"rows without mutated_code were passed over": 1}
    shown = {one["id"].partition("#")[0] for one in results(project)["results"]}
    assert shown == {rows()[0]["id"], rows()[2]["id"]}


def test_rows_without_a_mutant_can_be_kept_and_then_only_their_original_is_shown(tmp_path: Path, data: Path) -> None:
    project = make_project(tmp_path)
    flags = ("--dataset", str(data), "--task", "both", "--include-missing-mutations", "--pred-generations", "1")
    assert execute(project, *flags).code in (0, 1)
    kept = [one for one in results(project)["results"] if one["id"].partition("#")[0] == rows()[1]["id"]]
    assert kept and all(one["original"]["generations"] and not one["mutated"]["generations"] for one in kept)
    chosen = {one["id"].partition("#")[0] for one in results(project)["execution_choice_results"]}
    assert rows()[1]["id"] not in chosen, "a choice needs two programs"


MISTAKES = {
    "an odd number of choices": (("--task", "choice", "--choice-runs", "3"), "--choice-runs: ", "even number"),
    "no generations": (("--pred-generations", "0"), "--pred-generations: ", "at least 1"),
    "a start before the first": (("--pred-start-index", "-1"), "--pred-start-index: ", "at least 0"),
    "a start behind the last": (("--pred-start-index", "999"), "no problem is left", "the start index is 999"),
    "a file that is not there": (("--dataset", "nowhere.jsonl"), "--dataset: nowhere.jsonl", "name a file"),
    "no samples": (("--compare-reasoning", "--comparison-samples", "0"), "--comparison-samples", "at least 1"),
    "a temperature that is none": (("--pred-temperature", "warm"), "--pred-temperature", "must be a number"),
    "a task there is none": (("--task", "guessing"), "guessing", "prediction"),
    "a level there is none": (("--pred-reasoning", "utmost"), "utmost", "medium"),
    "a latency there is none": (("--latency-profile", "warp"), "warp", "optimized"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_no_call(name: str, tmp_path: Path) -> None:
    flags, what, todo = MISTAKES[name]
    with bedrock_process({"seed": 3}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment())
        ended = execute(project, *flags)
        assert requests_in(bedrock.log) == []
    assert (ended.code, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert what in line and todo in line
    assert not project.runs() and not list(project.root.glob("out/*"))


def test_two_subjects_and_none_are_told_apart_from_one(tmp_path: Path) -> None:
    project = make_project(tmp_path, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y", AWS_REGION="us-east-1")
    none = execute(project)
    two = execute(project, SUBJECT_MODELS=f"{SUBJECT},amazon.nova-lite-v1:0")
    assert (none.code, two.code) == (2, 2)
    assert none.stderr.startswith("--model-id: no model is named")
    assert two.stderr.startswith("--model-id: SUBJECT_MODELS names 2 models")


def test_a_folder_that_cannot_be_written_is_named_before_any_call(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project.root / "out").write_text("a file", encoding="utf-8")
    ended = execute(project)
    assert ended.code == 2
    assert ended.stderr.splitlines()[-1].startswith("--output-dir: out cannot be written")
    assert not project.runs()


def test_a_finished_command_is_left_alone_until_a_fresh_one_is_wanted(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    flags = ("--pred-num-problems", "3", "--pred-generations", "1")
    first = execute(project, *flags)
    assert first.code in (0, 1)
    again = execute(project, *flags)
    assert "nothing to do" in again.stderr and len(project.runs()) == 1
    assert again.stdout.splitlines()[:5] == first.stdout.splitlines()[:5]
    execute(project, *flags, "--fresh")
    assert len(project.runs()) == 2 and len(list(project.root.glob("out/execution_*.json"))) == 2


def test_more_problems_and_more_generations_ask_only_what_was_not_asked(tmp_path: Path) -> None:
    def counted(bedrock: Bedrock) -> int:
        return len(bedrock.requests())

    with bedrock_process({"seed": 6}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment())
        few = ("--pred-generations", "2", "--pred-num-problems", "4")
        execute(project, *few)
        first = counted(bedrock)
        execute(project, "--pred-generations", "2", "--pred-num-problems", "9")
        assert len(project.runs()) == 2
        found = results(project)
        trials = sum(counts["trials"] for counts in found["metrics_counts"].values() if isinstance(counts, dict))
        assert counted(bedrock) == trials > first
        execute(project, "--pred-generations", "3", "--pred-num-problems", "9")
        assert len(project.runs()) == 2, "more generations go on in both runs"
        assert counted(bedrock) == trials * 3 // 2
        execute(project, "--pred-generations", "3", "--pred-num-problems", "9")
        assert counted(bedrock) == trials * 3 // 2
        assert repeated(bedrock.requests()) == []
    found = results(project)
    named = [one["id"].partition("#")[0] for one in found["results"]]
    assert list(dict.fromkeys(named)) == [row["id"] for row in rows()[:9]], "in the order of the data"
    assert all(len(one["original"]["generations"]) == 3 for one in found["results"])
    assert found["config"]["loaded"]["problems"] == 9 and found["complete"] is True


# --- Traces ---------------------------------------------------------------------------------------

KEY = "galileo-key-of-nobody-0123456789"
GALILEO = ("--enable-galileo", "--galileo-project", "MyFirstEvaluation", "--galileo-log-stream", "aws-bedrock-sonnet")


def test_galileo_gets_every_call_and_its_links_are_printed(tmp_path: Path) -> None:
    api = GalileoApi(KEY, "MyFirstEvaluation", "aws-bedrock-sonnet")
    with Collector(api=api) as galileo, bedrock_process({"seed": 3}, log=tmp_path / "bedrock.jsonl") as bedrock:
        galileo_variables = {"GALILEO_API_KEY": KEY, "GALILEO_CONSOLE_URL": galileo.url}
        project = make_project(tmp_path, **bedrock.environment(), **galileo_variables)
        ended = execute(project, "--pred-num-problems", "3", "--pred-generations", "2", *GALILEO)
        assert ended.code in (0, 1), ended.stderr
        calls = [span for span in galileo.spans if span.name == f"chat {SUBJECT}"]
        assert len(calls) == len(bedrock.requests()) == len(project.the_run().records())
        check_tree(galileo.spans)
    assert f"Galileo project: {galileo.url}/project/{PROJECT_ID}" in ended.stderr
    assert f"Galileo log stream: {galileo.url}/project/{PROJECT_ID}/log-streams/{LOG_STREAM_ID}" in ended.stderr
    assert KEY not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (GALILEO, "GALILEO_API_KEY: not set"),
        (GALILEO[1:3], "--galileo-project: says nothing without --enable-galileo"),
        (GALILEO[3:], "--galileo-log-stream: says nothing without --enable-galileo"),
    ],
    ids=["no key", "a project alone", "a log stream alone"],
)
def test_what_galileo_lacks_is_said_before_any_call(tmp_path: Path, flags: tuple[str, ...], said: str) -> None:
    with bedrock_process({"seed": 3}, log=tmp_path / "bedrock.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment())
        ended = execute(project, *flags)
        assert requests_in(bedrock.log) == []
    assert ended.code == 2 and not project.runs()
    assert ended.stderr.splitlines()[-1].startswith(said)


def test_a_deadline_that_may_cut_long_answers_is_said_beforehand(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    small = ("--pred-num-problems", "1", "--pred-generations", "1", "--pred-max-tokens")
    late = execute(project, *small, "20000")
    assert "CALL_DEADLINE_S: a slow model may take 667 s for --pred-max-tokens 20000" in late.stderr
    assert "CALL_DEADLINE_S" not in execute(project, *small, "18000").stderr
