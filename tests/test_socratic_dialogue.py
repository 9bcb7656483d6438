"""A dialogue between tutor and student as the wire saw it: what each was sent, turn by turn, and how it may end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import Request, bedrock_process, bedrock_thread, requests_in
from tests.support.project import Ended, Project, make_project
from tests.support.socratic import (
    CAREER,
    JUDGE,
    OTHER,
    TUTOR,
    have_a_dialogue,
    part,
    runner_environment,
    socratic,
    summary_of,
)
from trialbed.providers.rehearsal.answer import Answer, ToolUse
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import ErrorAnswer

TURNS = 40
BRIEFING_MARK = "You play a student who talks with a Socratic tutor."


@dataclass(frozen=True)
class Dialogue:
    """One finished dialogue, and every request that an independent process saw of it."""

    project: Project
    ended: Ended
    requests: list[Request]

    @property
    def record(self) -> dict[str, Any]:
        (record,) = self.project.the_run().records().values()
        return record

    @property
    def said(self) -> list[dict[str, str]]:
        log: list[dict[str, str]] = [one for one in self.record["conversation_log"] if one["role"] != "system"]
        return log

    def of(self, model: str) -> list[Request]:
        return [one for one in self.requests if one.model == model and one.trial is not None and one.was_answered]


@pytest.fixture(scope="module")
def long_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dialogue]:
    """40 turns under a few throttles and server errors."""
    root = tmp_path_factory.mktemp("long")
    config = {"seed": 4, "throttle_rate": 0.03, "server_error_rate": 0.03}
    with bedrock_process(config, log=root / "requests.jsonl") as bedrock:
        project = make_project(root, **runner_environment(bedrock.url))
        ended = have_a_dialogue(project, turns=TURNS)
        assert ended.code == 0, ended.stderr
        yield Dialogue(project, ended, requests_in(bedrock.log))


def texts(request: Request) -> list[tuple[str, str]]:
    return [(one["role"], "".join(block["text"] for block in one["content"])) for one in request.body["messages"]]


def system_of(request: Request) -> str:
    return "".join(block["text"] for block in request.body.get("system", ()))


def test_every_turn_sends_the_whole_alternating_history_and_it_is_the_recorded_one(long_one: Dialogue) -> None:
    asked = sorted(long_one.of(TUTOR), key=lambda one: len(one.body["messages"]))
    recorded = [(one["role"], one["content"]) for one in long_one.said]
    assert len(asked) == TURNS
    assert [role for role, _ in recorded] == ["user", "assistant"] * TURNS
    for turn, request in enumerate(asked):
        assert texts(request) == recorded[: 2 * turn + 1]
        assert request.line["answer_text"] == recorded[2 * turn + 1][1]


def test_the_opening_line_opens_every_request_and_is_never_lost(long_one: Dialogue) -> None:
    assert {texts(request)[0] for request in long_one.of(TUTOR)} == {("user", CAREER)}


def test_no_line_of_the_student_stands_twice_in_a_row(long_one: Dialogue) -> None:
    """The original sent the newest line once as part of the history and once more after it."""
    for request in long_one.of(TUTOR):
        roles = [role for role, _ in texts(request)]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


def test_the_tutor_is_told_the_words_of_its_variant_and_nothing_of_the_scenario(long_one: Dialogue) -> None:
    (variant,) = (one for one in socratic().variants if one.id == "plain")
    assert {system_of(request) for request in long_one.of(TUTOR)} == {variant.system}
    assert long_one.record["conversation_log"][0] == {"role": "system", "content": variant.system}
    scenario = next(one for one in socratic().scenarios if one.id == "career-change")
    sent = " ".join(text for request in long_one.of(TUTOR) for _, text in texts(request))
    assert scenario.persona not in sent and all(goal not in sent for goal in scenario.goals)


def test_the_student_is_another_model_with_a_temperature_of_its_own(long_one: Dialogue) -> None:
    lines = long_one.of(OTHER)
    assert len(lines) == TURNS - 1
    for request in lines:
        assert request.body["inferenceConfig"]["temperature"] == 0.7
        assert request.body["inferenceConfig"]["maxTokens"] == 300
        assert "toolConfig" not in request.body and "outputConfig" not in request.body
    plan = long_one.project.the_run().plan()["plan"]
    assert plan["dialogue"]["student"] == f"bedrock:{OTHER}"
    assert plan["dialogue"]["turns"] == TURNS


def test_the_student_answers_the_newest_question_and_sees_the_dialogue_from_its_side(long_one: Dialogue) -> None:
    recorded = [one["content"] for one in long_one.said]
    for number, request in enumerate(sorted(long_one.of(OTHER), key=lambda one: len(one.body["messages"]))):
        seen = texts(request)
        assert [role for role, _ in seen] == ["user", "assistant"] * number + ["user"]
        assert [text for _, text in seen] == recorded[1 : 2 * number + 2]
        assert CAREER in system_of(request)
        assert request.line["answer_text"] == recorded[2 * number + 2]


def test_each_turn_is_judged_once_by_a_judge_that_sees_neither_variant_nor_model(long_one: Dialogue) -> None:
    judged = long_one.of(JUDGE)
    assert len(judged) == TURNS
    (variant,) = (one for one in socratic().variants if one.id == "plain")
    for request in judged:
        whole = system_of(request) + " ".join(text for _, text in texts(request))
        assert variant.system not in whole and "plain" not in whole and TUTOR not in whole
    rated = {one["turn"] for one in long_one.record["verdicts"] if one["name"] == "socratic_turn"}
    assert rated == set(range(TURNS))


def test_every_turn_is_in_the_summary_with_the_score_that_the_program_added_up(long_one: Dialogue) -> None:
    summary = summary_of(long_one.ended)
    assert [turn["turn"] for turn in summary["turns"]] == list(range(TURNS))
    for turn in summary["turns"]:
        assert turn["score"] == turn["form"] + turn["substance"] + turn["purity"]
    assert [turn["question"] for turn in summary["turns"]] == [
        one["content"] for one in long_one.said if one["role"] == "assistant"
    ]


Script = Callable[[RehearsalCall], Any]


def scripted(tmp_path: Path, script: Script, *more: str, turns: int = 5, **variables: str) -> Dialogue:
    """A dialogue against a stand-in that answers by `script`; None = as its personas would."""
    log = tmp_path / "requests.jsonl"
    config = RehearsalConfig(seed=2, scripted=script, log_path=log)
    with bedrock_thread(config) as server:
        project = make_project(tmp_path, **runner_environment(server.url, CALL_DEADLINE_S="5", **variables))
        ended = have_a_dialogue(project, *more, turns=turns)
        return Dialogue(project, ended, requests_in(log))


def is_student(call: RehearsalCall) -> bool:
    return call.system.startswith(BRIEFING_MARK)


def is_tutor(call: RehearsalCall) -> bool:
    return call.model_id == TUTOR and call.trial is not None


def test_a_dialogue_ends_when_the_student_says_so(tmp_path: Path) -> None:
    def script(call: RehearsalCall) -> Answer | None:
        return Answer("Now I see it, thank you. [END]") if is_student(call) and len(call.messages) == 5 else None

    had = scripted(tmp_path, script)
    summary = summary_of(had.ended)
    assert had.ended.code == 0, had.ended.stderr
    assert summary["n_turns"] == 3
    (end,) = (one["values"] for one in had.record["verdicts"] if one["name"] == "dialogue")
    assert (end["ended_by"], end["n_turns"], end["turns"]) == ("student", 3, 5)
    # Nobody was told the last words, so they are no part of what was said to the tutor.
    assert "[END]" not in str(had.record["conversation_log"])


def test_a_student_that_refuses_stops_the_dialogue_and_is_asked_again_on_resume(tmp_path: Path) -> None:
    refuses = True

    def script(call: RehearsalCall) -> Answer | None:
        if refuses and is_student(call) and len(call.messages) == 3:
            return Answer("I would rather not.", stop_reason="guardrail_intervened")
        return None

    log = tmp_path / "requests.jsonl"
    with bedrock_thread(RehearsalConfig(seed=2, scripted=script, log_path=log)) as server:
        project = make_project(tmp_path, **runner_environment(server.url))
        first = have_a_dialogue(project)
        stopped = summary_of(first)
        refuses = False
        second = have_a_dialogue(project)
    assert first.code == 1
    assert stopped["outcome"] == "provider_error"
    assert "student" in stopped["outcome_reason"] and "guardrail_intervened" in stopped["outcome_reason"]
    assert stopped["metrics"]["overall_score"] is None
    assert second.code == 0, second.stderr
    summary = summary_of(second)
    assert summary["run_id"] == stopped["run_id"]
    assert summary["n_turns"] == 5
    tutor = [texts(one) for one in Dialogue(project, second, requests_in(log)).of(TUTOR)]
    assert len(tutor) == 5


def test_a_tutor_that_is_throttled_throughout_gets_no_score(tmp_path: Path) -> None:
    def script(call: RehearsalCall) -> ErrorAnswer | None:
        return ErrorAnswer("ThrottlingException", 429, "Rate exceeded") if is_tutor(call) else None

    had = scripted(tmp_path, script)
    summary = summary_of(had.ended)
    assert had.ended.code == 1
    assert (summary["outcome"], summary["n_turns"], summary["turns"]) == ("provider_error", 0, [])
    numbers = {name: value for name, value in summary["metrics"].items() if name not in ("thresholds",)}
    assert numbers.pop("violation_rates") == {"form": None, "substance": None, "purity": None}
    assert set(numbers.values()) == {None}
    assert had.record["evaluation"] is None and had.record["verdicts"] == []
    assert "ThrottlingException: Rate exceeded" in had.ended.stderr and "quota" in had.ended.stderr


def test_a_turn_cut_short_ends_the_dialogue_unscored_and_the_turns_before_keep_their_verdicts(tmp_path: Path) -> None:
    def script(call: RehearsalCall) -> Answer | None:
        if is_tutor(call) and len(call.messages) == 5:
            return Answer("What would have to", stop_reason="max_tokens")
        return None

    had = scripted(tmp_path, script)
    summary = summary_of(had.ended)
    assert had.ended.code == 1
    assert summary["outcome"] == "truncated"
    assert summary["metrics"]["overall_score"] is None
    assert [turn["score"] is not None for turn in summary["turns"]] == [True, True, False]
    assert had.record["evaluation"] is None


def test_a_turn_that_no_judge_could_rate_is_counted_apart(tmp_path: Path) -> None:
    def script(call: RehearsalCall) -> Answer | None:
        if call.is_judge and call.trial is not None and "(turn 2 of the tutor" in call.messages[0].text:
            return Answer(ToolUse({"form": 7, "substance": 2, "purity": 1}))
        return None

    had = scripted(tmp_path, script)
    summary = summary_of(had.ended)
    assert had.ended.code == 0, had.ended.stderr
    assert (summary["n_turns"], summary["n_judged"], summary["n_unjudged"]) == (5, 4, 1)
    assert summary["turns"][1]["score"] is None
    judged = [turn["score"] for turn in summary["turns"] if turn["score"] is not None]
    assert summary["metrics"]["overall_score"] == pytest.approx(sum(judged) / 4)
    assert "1 turns were not judged" in had.ended.stderr
    # What rules in code say needs no judge.
    assert [one["turn"] for one in had.record["verdicts"] if one["name"] == "heuristics"] == [0, 1, 2, 3, 4]


def test_a_dialogue_that_no_judge_could_rate_is_a_judge_error_and_judge_mends_it(tmp_path: Path) -> None:
    fails = True

    def script(call: RehearsalCall) -> Answer | None:
        return Answer("I cannot say.") if fails and call.is_judge and call.trial is not None else None

    log = tmp_path / "requests.jsonl"
    with bedrock_thread(RehearsalConfig(seed=2, scripted=script, log_path=log)) as server:
        project = make_project(tmp_path, **runner_environment(server.url))
        first = have_a_dialogue(project, prompt="Words of my own.")
        fails = False
        mended = project.trialbed("judge", summary_of(first)["run"])
        asked = requests_in(log)
    assert first.code == 1
    assert summary_of(first)["outcome"] == "judge_error"
    assert mended.code == 0, mended.stderr
    assert "has changed since this run" not in mended.stderr
    (record,) = project.the_run().records().values()
    assert record["outcome"] == "answered"
    assert record["evaluation"]["n_judged"] == 5
    assert {one["judging"] for one in record["verdicts"] if one["name"] == "socratic_turn"} == {1}
    assert len([one for one in asked if one.model == TUTOR and one.trial]) == 5


def test_a_scripted_student_needs_no_model_and_says_its_own_lines_in_order(tmp_path: Path) -> None:
    had = scripted(tmp_path, lambda _: None, turns=8, RUNNER_STUDENT_MODEL="scripted")
    assert had.ended.code == 0, had.ended.stderr
    lines = [one["content"] for one in had.said if one["role"] == "user"]
    script = next(one for one in socratic().scenarios if one.id == "career-change").script
    assert lines[0] == CAREER and tuple(lines[1:6]) == script
    assert len(set(lines)) == 8
    assert {one.model for one in had.requests} == {TUTOR, JUDGE}


def test_with_no_other_model_allowed_the_student_is_scripted_and_the_user_is_told(tmp_path: Path) -> None:
    had = scripted(tmp_path, lambda _: None, BEDROCK_MODEL_IDS=f'["{TUTOR}"]')
    assert had.ended.code == 0, had.ended.stderr
    assert "RUNNER_STUDENT_MODEL: not set" in had.ended.stderr and "scripted" in had.ended.stderr
    assert had.project.the_run().plan()["plan"]["dialogue"] == {"student": "scripted", "turns": 5}


def test_a_student_that_is_the_subject_is_named_in_a_warning(tmp_path: Path) -> None:
    had = scripted(tmp_path, lambda _: None, turns=2, RUNNER_STUDENT_MODEL=f"us.{TUTOR}")
    assert had.ended.code == 0, had.ended.stderr
    assert "talks with itself" in had.ended.stderr


def test_the_lines_of_a_script_are_enough_for_forty_turns_and_never_repeat() -> None:
    script_of = part("student").script_of
    for scenario in socratic().scenarios:
        lines = list(script_of(scenario, 7))
        assert len(lines) >= TURNS - 1
        assert len(set(lines)) == len(lines)
        assert lines == list(script_of(scenario, 7))
