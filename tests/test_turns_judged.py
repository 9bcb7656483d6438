"""Turns that are judged while a dialogue goes on: what an author's mistakes, a limit and a signal make of them."""

import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import bedrock_process, repeated, requests_in
from tests.support.project import Ended, Project, make_project, running, wait_until

ECHO = '''"""Every reply is judged for itself."""
from typing import Literal
from pydantic import BaseModel
from trialbed import Experiment, JudgeFailed, JudgeTask, Scenario, Variant, Verdict

class Tone(Variant):
    words: str = "Say something about the sea."

class Answer(BaseModel):
    kind: Literal["calm", "rough"]

class Echo(Experiment):
    name, version, variant = "echo", "1.0.0", Tone
    needs_judge = has_student = judges_turns = True

    def scenarios(self):
        yield Scenario(id="shore", system="You talk with a sailor.")

    async def converse(self, trial, chat):
        line = trial.variant.words
        for _ in range(trial.dialogue.turns):
            await chat.ask(line)
            line = await chat.student.say("You are a sailor. Answer in one line.", chat.transcript)

    async def judge_turn(self, trial, transcript, judge):
        {judge_turn}
        return (await judge.ask(JudgeTask("sea", "Which is it?", transcript.last, Answer))).verdict

    def rate_turn(self, trial, transcript):
        {rate_turn}
        return [Verdict.of("words", count=len(transcript.last.split()))]

    def conclude(self, trial, transcript, turns):
        {conclude}
        return [Verdict.of("sea", judged=sum(bool(turn.of_judges) for turn in turns), turns=len(turns))]

experiment = Echo()
'''
TURNS = 4
MODELS = {
    "SUBJECT_MODELS": "amazon.nova-pro-v1:0",
    "JUDGE_MODELS": "amazon.nova-lite-v1:0",
    "RUNNER_STUDENT_MODEL": "amazon.nova-micro-v1:0",
    "RUNNER_DEFAULT_TURNS": str(TURNS),
    "EXPERIMENT": "echo",
}


def echo(*, judge_turn: str = "", rate_turn: str = "", conclude: str = "") -> dict[str, str]:
    code = ECHO.replace("{judge_turn}", judge_turn).replace("{rate_turn}", rate_turn).replace("{conclude}", conclude)
    return {"experiments/echo.py": code}


def a_run(tmp_path: Path, **code: str) -> tuple[Project, Ended]:
    with bedrock_process({"seed": 1}, log=tmp_path / "requests.jsonl") as bedrock:
        project = make_project(tmp_path, experiments=echo(**code), **bedrock.environment() | MODELS)
        return project, project.run()


def the_record(project: Project) -> dict[str, Any]:
    (record,) = project.the_run().records().values()
    return record


def test_a_rule_that_breaks_on_a_turn_costs_that_rule_and_not_the_dialogue(tmp_path: Path) -> None:
    breaks = "assert len(transcript.replies) != 2, 'not this one'"
    project, ended = a_run(tmp_path, rate_turn=breaks)
    assert ended.code == 0, ended.stderr
    record = the_record(project)
    assert record["evaluation"] == {"judged": TURNS, "turns": TURNS}
    assert [one["turn"] for one in record["verdicts"] if one["name"] == "words"] == [0, 2, 3]


def test_a_judge_s_code_that_breaks_on_a_turn_leaves_that_turn_unjudged(tmp_path: Path) -> None:
    project, ended = a_run(tmp_path, judge_turn="assert len(transcript.replies) != 3, 'not this one'")
    assert ended.code == 0, ended.stderr
    record = the_record(project)
    assert record["evaluation"] == {"judged": TURNS - 1, "turns": TURNS}
    judged = [one["turn"] for one in record["verdicts"] if one["name"] == "sea" and one["judge"] is not None]
    assert judged == [0, 1, 3]


def test_what_cannot_be_concluded_is_a_judge_error_that_keeps_the_turns(tmp_path: Path) -> None:
    project, ended = a_run(tmp_path, conclude="raise JudgeFailed('too little is known')")
    assert ended.code == 1
    record = the_record(project)
    assert (record["outcome"], record["evaluation"]) == ("judge_error", None)
    assert record["outcome_reason"] == "too little is known"
    assert len([one for one in record["verdicts"] if one.get("turn") is not None]) == 2 * TURNS


def test_a_call_says_which_turn_it_was_about(tmp_path: Path) -> None:
    project, _ = a_run(tmp_path)
    calls = the_record(project)["calls"]
    about = Counter((call["role"], call.get("turn")) for call in calls)
    assert about == {
        ("subject", None): TURNS,
        **{("student", turn): 1 for turn in range(TURNS)},
        **{("judge", turn): 1 for turn in range(TURNS)},
    }


@pytest.mark.parametrize("most_usd", ["0.002", "0.003"])
def test_a_spending_limit_stops_a_dialogue_between_calls_and_a_higher_one_goes_on_with_it(
    tmp_path: Path, most_usd: str
) -> None:
    log = tmp_path / "requests.jsonl"
    with bedrock_process({"seed": 1}, log=log) as bedrock:
        variables = bedrock.environment() | MODELS | {"MODEL_MAX_TOKENS": "400", "RUNNER_DEFAULT_TURNS": "12"}
        project = make_project(tmp_path, experiments=echo(), **variables)
        stopped = project.run(MAX_COST_USD=most_usd)
        assert stopped.code == 2, stopped.stderr
        assert project.status()["outcomes"]["budget_stopped"] == 1
        spent = project.status()["cost"]["spent_usd"]
        assert 0 < spent <= float(most_usd)
        done = project.run(MAX_COST_USD="5")
    assert done.code == 0, done.stderr
    assert the_record(project)["evaluation"] == {"judged": 12, "turns": 12}
    assert [one for one in repeated(requests_in(log)) if one.trial] == []


def test_a_signal_lets_judgements_under_way_come_to_their_end_and_resumes_without_asking_again(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    with bedrock_process({"seed": 1, "latency_s": 0.2}, log=log) as bedrock:
        variables = bedrock.environment() | MODELS | {"RUNNER_DEFAULT_TURNS": "12", "GRACE_S": "2"}
        project = make_project(tmp_path, experiments=echo(), **variables)
        with running(project.start()) as sitting:
            wait_until(lambda: project.journal_bytes().count(b'"role":"judge"') >= 2, "a judgement")
            sitting.send(signal.SIGINT)
            ended = sitting.wait()
        assert ended.code == 130
        assert project.status()["outcomes"]["cancelled"] == 1
        # Nothing was cut: whatever was asked was answered, and is on disk.
        answered = sum(event["e"] == "answer" for event in project.the_run().events())
        assert answered == len([one for one in requests_in(log) if one.trial])
        resumed = project.run()
    assert resumed.code == 0, resumed.stderr
    assert [one for one in repeated(requests_in(log)) if one.trial] == []
