"""What `judge` takes of a run, of today's experiment and of the settings; and what it refuses, in one line."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.support.bedrock import JUDGE, SUBJECT, bedrock_thread, real_environment
from tests.support.experiments import QUIZ, QUIZ_FILES
from tests.support.project import Project, make_project
from tests.support.rejudging import not_kept, verdicts_in
from tests.test_plan import plan_of, plans
from trialbed.core.choices import Choices
from trialbed.core.experiment import Experiment, Scenario, Variant
from trialbed.core.model import Message, ModelName, Sampling
from trialbed.core.plan import Plan
from trialbed.core.stored_plan import sampling_of
from trialbed.core.transcript import Transcript
from trialbed.engine.folder import plan_document
from trialbed.engine.judging import number_of
from trialbed.engine.stored_plan import stored_plan, transcript_of
from trialbed.plugins import Found, scan
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.server import RehearsalServer

ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
BRANCHING = QUIZ.replace(
    'await chat.ask("And what matters least?")',
    """task = JudgeTask(name="tone", question="Which?", material=chat.transcript.last, answer=Tone)
        await chat.judges[0].ask(task)
        await chat.ask("And what matters least?")""",
)
RULES_ONLY = '''"""No judge at all: a rule in code."""

from trialbed import Experiment, Scenario, Verdict


class Length(Experiment):
    name, version = "length", "1.0.0"

    def scenarios(self):
        yield Scenario(id="one")

    async def converse(self, trial, chat):
        await chat.ask("What matters most?")

    async def judge(self, trial, transcript, judges):
        return [Verdict.of("length", words=len(transcript.last.split()))]


experiment = Length()
'''


@pytest.fixture
def server() -> Iterator[RehearsalServer]:
    with bedrock_thread(RehearsalConfig()) as server:
        yield server


def quiz(root: Path, server: RehearsalServer, text: str = QUIZ, **variables: str) -> Project:
    wanted = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": "2"}
    files = QUIZ_FILES | {"experiments/quiz.py": text}
    return make_project(root, experiments=files, **(real_environment(server.url) | wanted | variables))


def the_name(project: Project) -> str:
    return project.the_run().folder.name


# -- a plan made anew


def found_of(plan: Plan) -> Found:
    class Probe(Experiment):
        name, version, variant = plan.experiment, plan.version, type(plan.variants[0])

    return Found(Probe(), Path("experiments/probe.py"), plan.scenarios, plan.variants, plan.baseline)


@given(plans)
@settings(deadline=None, max_examples=40)
def test_a_plan_made_of_its_document_has_the_same_trials(plan: Plan) -> None:
    document = json.loads(json.dumps(plan_document(plan, analysis=Choices(baseline=plan.baseline))))
    stored = stored_plan(document, found_of(plan))
    assert not stored.is_changed and stored.plan.plan_hash == document["plan_hash"]
    assert [trial.trial_id for trial in stored.plan.trials()] == [trial.trial_id for trial in plan.trials()]
    assert stored.has_made(trial.trial_id for trial in plan.trials())
    assert not stored.has_made(["0" * 20])


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(700, 0.3, 0.9),
        Sampling(4000, thinking=2048, effort="low"),
        Sampling(4000, thinking="adaptive", guardrail="abc:1"),
    ],
)
def test_sampling_comes_back_from_what_is_shown_of_it(sampling: Sampling) -> None:
    assert sampling_of(json.loads(json.dumps(sampling.as_dict()))) == sampling


def test_a_scenario_that_is_gone_is_read_in_the_class_of_those_there_are() -> None:
    plan = plan_of(scenarios=2)
    document = plan_document(plan, analysis=Choices(baseline=plan.baseline))
    fewer = replace(found_of(plan), scenarios=plan.scenarios[:1])
    stored = stored_plan(document, fewer)
    assert stored.is_changed and stored.plan.scenarios == plan.scenarios and stored.plan.plan_hash == plan.plan_hash


@pytest.mark.parametrize("system", [None, "the briefing"])
def test_a_transcript_comes_back_from_its_log(system: str | None) -> None:
    whole = Transcript(system, (Message("user", "a"), Message("assistant", "b"), Message("user", "c")))
    assert transcript_of(whole.as_log()) == whole


def test_a_judging_is_gone_on_with_only_if_it_is_the_newest_unfinished_and_the_same() -> None:
    facts = {"judges": ["bedrock:a"], "repeat_share": 0.0}
    begun: dict[str, Any] = {"e": "judging_start", "n": 2, **facts}
    cut = [begun, {"e": "judging_stop", "n": 2, "complete": False}]
    ended = [*cut, begun, {"e": "judging_stop", "n": 2, "complete": True}]
    assert number_of([], facts, fresh=False) == 1
    assert number_of([begun], facts, fresh=False) == number_of(cut, facts, fresh=False) == 2
    assert number_of(ended, facts, fresh=False) == number_of(cut, facts, fresh=True) == 3
    assert number_of(cut, {**facts, "repeat_share": 0.5}, fresh=False) == 3


# -- what of a run is judged


def test_only_what_has_an_answer_is_judged(tmp_path: Path, server: RehearsalServer) -> None:
    server.config = RehearsalConfig(truncate_rate=0.2, refuse_rate=0.2, empty_rate=0.1, fault_scope="subject", seed=3)
    project = quiz(tmp_path, server, BATCH_SIZE="8")
    assert project.run().code == 1
    before = project.the_run().records()
    answered = {trial for trial, record in before.items() if record["outcome"] == "answered"}
    assert 0 < len(answered) < len(before) == 24
    server.config = RehearsalConfig()
    ended = project.trialbed("judge", the_name(project))
    assert ended.code == 0 and f"Judging 1: {len(answered)} transcripts judged, 0 failed" in ended.stdout
    after = project.the_run().records()
    assert {trial for trial, record in after.items() if record != before[trial]} == answered


def test_a_dialogue_that_a_judge_cut_short_is_left_to_the_run(tmp_path: Path, server: RehearsalServer) -> None:
    cut_one: list[str] = []

    def no_first_verdict_in_one_trial(call: RehearsalCall) -> Answer | None:
        if call.trial is None or not call.is_judge:
            return None
        if not cut_one:
            cut_one.append(call.trial)
        return Answer("No.") if call.trial == cut_one[0] else None

    server.config = RehearsalConfig(scripted=no_first_verdict_in_one_trial)
    project = quiz(tmp_path, server, BRANCHING)
    assert project.run().code == 1
    server.config = RehearsalConfig()
    ended = project.trialbed("judge", the_name(project))
    assert ended.code == 0 and "1 dialogues were cut short by their judge" in ended.stderr
    records = project.the_run().records()
    (cut,) = [record for record in records.values() if record["outcome"] == "judge_error"]
    assert cut["trial_id"] == cut_one[0] and cut["revision"] == 0 and len(records) == 6
    assert project.run().code == 0
    whole = project.the_run().records()[cut_one[0]]
    assert whole["outcome"] == "answered" and len(whole["conversation_log"]) == 5


def test_a_rule_in_code_is_applied_anew_and_no_model_is_asked(tmp_path: Path, server: RehearsalServer) -> None:
    wanted = {"EXPERIMENT": "length", "JUDGE_MODELS": ""}
    project = make_project(
        tmp_path,
        experiments={"experiments/length.py": RULES_ONLY},
        **(real_environment(server.url) | wanted),
    )
    assert project.run().code == 0
    asked = server.received
    (project.root / "experiments/length.py").write_text(
        RULES_ONLY.replace("words=len(transcript.last.split())", "words=-1")
    )
    assert project.trialbed("judge", the_name(project), "--repeat-share", "1").code == 0
    assert server.received == asked
    (record,) = project.the_run().records().values()
    assert [(one["judging"], one["values"]["words"] > 0) for one in record["verdicts"]] == [(0, True), (1, False)]
    assert record["evaluation"] == {"words": -1}


# -- an experiment that has changed


def test_stored_transcripts_are_judged_by_what_the_experiment_asks_today(
    tmp_path: Path, server: RehearsalServer
) -> None:
    project = quiz(tmp_path, server)
    assert project.run().code == 0
    before = project.the_run().records()
    today = QUIZ.replace('"1.0.0"', '"2.0.0"').replace("Answer briefly.", "Answer at length.")
    today = today.replace("Which tone does it have?", "Which tone has it?").replace(
        "answer=Tone)", 'answer=Tone, rubric_version="2")'
    )
    (project.root / "experiments/quiz.py").write_text(today)
    shutil.rmtree(project.root / "variants/quiz")
    ended = project.trialbed("judge", the_name(project))
    assert ended.code == 0, ended.stderr
    assert "quiz 1.0.0 has changed since this run (it is 2.0.0 now)" in ended.stderr
    start = next(event for event in project.the_run().events() if event["e"] == "judging_start")
    assert start["experiment_version"] == "2.0.0"
    for trial, record in project.the_run().records().items():
        assert not_kept(before[trial], record) == [] and record["experiment_version"] == "1.0.0"
        old, new = verdicts_in(record, 0)[0], verdicts_in(record, 1)[0]
        assert (old["rubric_version"], new["rubric_version"]) == ("1", "2") and old["prompt_hash"] != new["prompt_hash"]


def test_an_experiment_that_cannot_read_its_old_scenario_says_so(tmp_path: Path, server: RehearsalServer) -> None:
    project = quiz(tmp_path, server)
    assert project.run().code == 0
    today = QUIZ.replace("class Quiz", "class Scene(Scenario):\n    facts: str\n\n\nclass Quiz").replace(
        'yield Scenario(id="capital"', 'yield Scene(id="capital", facts="none"'
    )
    (project.root / "experiments/quiz.py").write_text(today)
    refused = project.trialbed("judge", the_name(project))
    assert refused.code == 2 and "plan.json: scenario 'capital': facts: Field required" in refused.stderr


# -- judges


def test_an_arn_whose_account_number_is_not_kept_is_taken_from_the_settings(
    tmp_path: Path, server: RehearsalServer
) -> None:
    project = quiz(tmp_path, server, JUDGE_MODELS=ARN)
    assert project.run().code == 0
    run = the_name(project)
    refused = project.trialbed("judge", run, JUDGE_MODELS="")
    assert refused.code == 2 and "account number is not kept; name it, or set JUDGE_MODELS" in refused.stderr
    assert "123456789012" not in refused.stderr
    other = project.trialbed("judge", run, JUDGE_MODELS=ARN.replace("lite", "micro"))
    assert other.code == 2
    assert project.trialbed("judge", run).code == 0
    assert project.trialbed("judge", run, "--judges", ARN, JUDGE_MODELS="").code == 0
    assert "123456789012" not in project.the_run().journal.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--judges", "rehearsal:judge"], "--judges: real answers must not get rehearsed verdicts"),
        (["--judges", "openai:gpt"], "OPENAI_API_KEY: not set"),
        (["--judges", ","], "--judges: this experiment needs a judge"),
        (["--repeat-share", "1.5"], "--repeat-share: must be a share from 0 to 1, is 1.5"),
        (["--repeat-share", "nan"], "--repeat-share: must be a share from 0 to 1, is nan"),
        (["--max-cost", "-1"], "--max-cost: must be an amount in US dollars above 0"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_and_nothing_is_written(
    tmp_path: Path, server: RehearsalServer, arguments: list[str], said: str
) -> None:
    project = quiz(tmp_path, server)
    assert project.run().code == 0
    before, asked = project.journal_bytes(), server.received
    refused = project.trialbed("judge", the_name(project), *arguments)
    assert refused.code == 2 and said in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert project.journal_bytes() == before and server.received == asked


def test_a_run_without_any_answer_has_nothing_to_judge(tmp_path: Path, server: RehearsalServer) -> None:
    server.config = RehearsalConfig(refuse_rate=1.0, fault_scope="subject")
    project = quiz(tmp_path, server)
    assert project.run().code == 1
    refused = project.trialbed("judge", the_name(project))
    assert refused.code == 2 and "no trial has an answer that could be judged" in refused.stderr


def test_a_rehearsed_run_may_be_judged_by_rehearsed_judges_and_is_never_uploaded(tmp_path: Path) -> None:
    project = make_project(tmp_path, HF_TOKEN="hf_x", HF_REPO_ID="somebody/something", HF_ENDPOINT="http://127.0.0.1:9")
    assert project.run().code == 0
    ended = project.trialbed("judge", the_name(project))
    assert ended.code == 0, ended.stderr
    (record,) = project.the_run().records().values()
    assert record["revision"] == 1 and len(verdicts_in(record, 1)) == 1


def test_a_run_is_judged_by_its_path_wherever_it_lies(tmp_path: Path, server: RehearsalServer) -> None:
    project = quiz(tmp_path, server)
    assert project.run().code == 0
    moved = tmp_path / "elsewhere" / the_name(project)
    shutil.copytree(project.the_run().folder, moved)
    assert project.trialbed("judge", str(moved)).code == 0
    assert all(record["revision"] == 0 for record in project.the_run().records().values())
    assert len(list(moved.parent.glob("run_*.json"))) == 6


def test_two_judges_are_two_rows_and_neither_is_averaged_away(tmp_path: Path, server: RehearsalServer) -> None:
    project = make_project(tmp_path, **real_environment(server.url, judges=f"{JUDGE},{SUBJECT}"))
    assert project.run().code == 0
    (record,) = project.the_run().records().values()
    assert [one["judge"] for one in record["verdicts"]] == [f"bedrock:{JUDGE}", f"bedrock:{SUBJECT}"]
    for verdict in record["verdicts"]:
        assert list(verdict) == ["name", "judge", "rubric_version", "prompt_hash", "repeat", "judging", "values"]
        assert (verdict["repeat"], verdict["judging"]) == (0, 0)


def test_the_projects_own_dilemma_is_found_by_the_scan_with_its_golden_cases() -> None:
    found = scan(Path(__file__).parent.parent).find("dilemma")
    assert len(found.experiment.golden()) == 6
    assert isinstance(found.scenarios[0], Scenario) and isinstance(found.variants[0], Variant)
    assert ModelName("bedrock", ARN).public_id != ARN
