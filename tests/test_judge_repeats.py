"""Judges asked twice, and judges that rate themselves: which trials, what goes on record, and what never changes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.bedrock import JUDGE, SUBJECT, bedrock_process, bedrock_thread, real_environment, repeated
from tests.support.experiments import QUIZ, QUIZ_FILES
from tests.support.project import Project, make_project, running, wait_until
from tests.support.rejudging import verdicts_in
from tests.test_plan import plan_of
from trialbed.analysis.estimate_cells import Place, collect, judged_more_often
from trialbed.app.instruments import self_judged
from trialbed.core.model import ModelName
from trialbed.core.plan import grows_from, is_judged_twice
from trialbed.core.verdict import Asking, Verdict
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.server import RehearsalServer

RULED = QUIZ.replace(
    "return [(await judges[0].ask(task)).verdict]",
    "return [(await judges[0].ask(task)).verdict, Verdict.of('length', words=len(said.split()))]",
).replace("from trialbed import Experiment", "from trialbed import Verdict, Experiment")


@pytest.fixture
def server() -> Iterator[RehearsalServer]:
    with bedrock_thread(RehearsalConfig()) as server:
        yield server


def project_of(root: Path, server: RehearsalServer, **variables: str) -> Project:
    files = QUIZ_FILES | {"experiments/quiz.py": RULED}
    wanted = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": "10"}
    return make_project(root, experiments=files, **(real_environment(server.url) | wanted | variables))


# -- which trials


def test_the_share_is_met_and_a_larger_one_holds_the_trials_of_a_smaller_one() -> None:
    seeds = [trial.seed for trial in plan_of(variants=5, repeats=400).trials()]
    twice = {share: {seed for seed in seeds if is_judged_twice(seed, share)} for share in (0.0, 0.1, 0.3, 1.0)}
    assert twice[0.0] == set() and twice[1.0] == set(seeds)
    # Three standard errors at n = 2,000.
    assert abs(len(twice[0.1]) / len(seeds) - 0.1) < 0.02 and abs(len(twice[0.3]) / len(seeds) - 0.3) < 0.031
    assert twice[0.1] < twice[0.3]


def test_growing_a_plan_moves_no_trial_into_or_out_of_the_subsample() -> None:
    small, large = plan_of(repeats=20), plan_of(variants=5, repeats=40)
    twice_of = [
        {trial.trial_id for trial in plan.trials() if is_judged_twice(trial.seed, 0.3)} for plan in (small, large)
    ]
    assert twice_of[0] == twice_of[1] & {trial.trial_id for trial in small.trials()}


def test_a_share_is_a_part_of_the_plan_and_none_leaves_every_hash_as_it_was() -> None:
    plain = plan_of()
    asked = replace(plain, judge_repeat_share=0.2)
    assert "judge_repeat_share" not in plain.as_dict() and asked.as_dict()["judge_repeat_share"] == 0.2
    assert plain.plan_hash != asked.plan_hash and not grows_from(asked.as_dict(), plain.as_dict())
    assert [trial.trial_id for trial in plain.trials()] == [trial.trial_id for trial in asked.trials()]


# -- what goes on record


def test_a_second_verdict_stands_beside_the_first_and_never_evaluates(tmp_path: Path, server: RehearsalServer) -> None:
    project = project_of(tmp_path, server, JUDGE_REPEAT_SHARE="0.5", JUDGE_MODELS=f"{JUDGE},amazon.nova-micro-v1:0")
    assert project.run().code == 0
    records = project.the_run().records().values()
    twice = [record for record in records if verdicts_in(record, 0, repeat=1)]
    assert 8 <= len(twice) <= 22
    for record in records:
        main, second = verdicts_in(record, 0), verdicts_in(record, 0, repeat=1)
        assert [one["judge"] for one in main] == [f"bedrock:{JUDGE}", None]
        assert [one["judge"] for one in second] in ([], [f"bedrock:{JUDGE}"])
        assert record["evaluation"] == main[0]["values"]
        asked = [call for call in record["calls"] if call["role"] == "judge"]
        assert len(asked) == 1 + len(second)
        assert all(one["prompt_hash"] == main[0]["prompt_hash"] for one in second)
    assert any(verdicts_in(r, 0, 1)[0]["values"] != verdicts_in(r, 0)[0]["values"] for r in twice), "it asks anew"


def test_a_second_asking_that_fails_changes_no_outcome_and_is_in_the_journal(
    tmp_path: Path, server: RehearsalServer
) -> None:
    asked: dict[str, str] = {}

    def second_time_in_prose(call: RehearsalCall) -> Answer | None:
        if call.trial is None or not call.is_judge:
            return None
        first = asked.setdefault(call.trial, call.messages[0].text)
        return None if call.messages[0].text == first else Answer("I would rather not say.")

    server.config = RehearsalConfig(scripted=second_time_in_prose)
    project = project_of(tmp_path, server, JUDGE_REPEAT_SHARE="1")
    assert project.run().code == 0
    records = project.the_run().records().values()
    assert len(records) == 30
    assert all(record["outcome"] == "answered" and record["outcome_reason"] is None for record in records)
    assert all(not verdicts_in(record, 0, repeat=1) for record in records)
    complaints = [event for event in project.the_run().events() if event["e"] == "verdict" and event["complaint"]]
    assert len(complaints) == 2 * 30


def test_a_run_killed_while_judges_are_asked_twice_goes_on_with_what_they_answered(tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.03}, log=tmp_path / "bedrock.jsonl") as bedrock:
        wanted = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": "20", "JUDGE_REPEAT_SHARE": "1"}
        variables = bedrock.environment() | wanted | {"MAX_CONCURRENCY": "4"}
        project = make_project(tmp_path, experiments=QUIZ_FILES, **variables)
        with running(project.start()) as sitting:
            wait_until(lambda: sitting.is_over or project.journal_bytes().count(b'"e":"record"') >= 15, "15 records")
            sitting.kill()
        assert project.run().code == 0
        records = project.the_run().records()
        assert len(records) == 60 and len(repeated(bedrock.requests())) <= 4
    for record in records.values():
        assert len(verdicts_in(record, 0)) == len(verdicts_in(record, 0, repeat=1)) == 1


def test_an_estimate_counts_second_askings_and_leaves_out_later_judgings() -> None:
    call = {"role": "judge", "model": "bedrock:j", "attempts": [], "usage": {"input_tokens": 100}, "latency_s": 1.0}
    record = {
        "outcome": "answered",
        "scenario": "one",
        "prompt_variant": "plain",
        "provider": "bedrock",
        "steward_model": "a",
        "model_config": {"max_tokens": 500},
        "experiment_version": "1",
        "calls": [{**call, "role": "subject", "model": "bedrock:a"}, call, {**call, "judging": 1}],
    }
    ((seen,),) = collect([record], ("bedrock:j",)).trials.values()
    judge: Place = ("judge", "bedrock:j")
    subject: Place = ("subject", "bedrock:a")
    assert seen[judge].calls == seen[subject].calls == 1
    often = judged_more_often(seen, 1.25)
    assert often[judge].calls == 1.25 and often[judge].usage.input_tokens == 125
    assert often[subject] == seen[subject]


def test_the_same_asking_has_the_same_words_and_another_one_has_not() -> None:
    askings = {Asking(judging, repeat) for judging in range(3) for repeat in range(2)}
    verdict = Verdict.of("exact", right=True)
    assert verdict.given_in(Asking()) is verdict
    shown = {(row["judging"], row["repeat"]) for row in (verdict.given_in(one).as_dict() for one in askings)}
    assert shown == askings


# -- judges that rate themselves


@pytest.mark.parametrize(
    "judge",
    [
        "amazon.nova-pro-v1:0",
        "us.amazon.nova-pro-v1:0",
        "eu.amazon.nova-pro-v1:0",
        "apac.amazon.nova-pro-v1:0",
        "global.amazon.nova-pro-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
    ],
)
def test_a_judge_is_known_to_be_the_subject_behind_any_profile(judge: str) -> None:
    subjects = [ModelName("bedrock", "amazon.nova-pro-v1:0"), ModelName("bedrock", "eu.amazon.nova-micro-v1:0")]
    name = ModelName("bedrock", judge)
    assert self_judged(subjects, [name]) == [str(name)]
    assert self_judged([name], subjects) == ["bedrock:amazon.nova-pro-v1:0"]
    assert self_judged([ModelName("rehearsal", judge)], [name]) == []


def test_a_model_behind_an_opaque_profile_is_known_where_the_service_has_said_which() -> None:
    opaque = ModelName("bedrock", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc")
    subject = ModelName("bedrock", "us.amazon.nova-pro-v1:0")
    assert self_judged([subject], [opaque]) == []
    assert self_judged([subject], [opaque], {opaque: "amazon.nova-pro-v1:0"}) == [str(opaque)]


def test_a_judge_that_is_a_subject_is_warned_about_once_and_found_in_the_journal(
    tmp_path: Path, server: RehearsalServer
) -> None:
    project = project_of(tmp_path, server, BATCH_SIZE="1", JUDGE_MODELS=f"us.{SUBJECT},{JUDGE}")
    ended = project.run()
    assert ended.code == 0 and ended.stderr.count("rates its own answers") == 1
    start = next(event for event in project.the_run().events() if event["e"] == "run_start")
    assert start["self_judged"] == [f"bedrock:us.{SUBJECT}"]
    doctor = project.trialbed("doctor")
    assert doctor.code == 0 and f"! judges: JUDGE_MODELS: bedrock:us.{SUBJECT} is a subject too" in doctor.stdout
    judged = project.trialbed("judge", project.the_run().folder.name, "--judges", JUDGE)
    assert judged.code == 0 and "rates its own answers" not in judged.stderr


def test_a_judge_of_its_own_is_not_warned_about(tmp_path: Path, server: RehearsalServer) -> None:
    project = project_of(tmp_path, server, BATCH_SIZE="1")
    assert "rates its own answers" not in project.run().stderr
    assert "judges" not in project.trialbed("doctor").stdout
    start = next(event for event in project.the_run().events() if event["e"] == "run_start")
    assert start["self_judged"] == []
