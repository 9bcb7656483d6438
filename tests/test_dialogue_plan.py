"""Is the other side of a dialogue a part of what is planned: of ids, stored plans, locks and bills?"""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.project import make_project
from tests.support.socratic import OTHER, TUTOR
from tests.test_lock_differences import CHOICES, FILES, PLAN
from trialbed.core.choices import Choices
from trialbed.core.lock import Lock, hash_of, make_lock
from trialbed.core.lock_differences import lock_differences
from trialbed.core.model import Message, ModelName, Sampling
from trialbed.core.plan import Plan, grows_from
from trialbed.core.stored_plan import plan_of
from trialbed.core.student import Dialogue
from trialbed.core.transcript import Transcript
from trialbed.engine.student import from_the_other_side

STUDENT = Dialogue(ModelName("bedrock", "maker.student"), 5, Sampling(300, 0.7))
TALKING = replace(PLAN, dialogue=STUDENT)

dialogues = st.builds(
    Dialogue,
    st.none() | st.builds(ModelName, st.just("bedrock"), st.sampled_from(["a.b", "c.d"])),
    st.integers(1, 100),
    st.builds(Sampling, st.integers(1, 900), st.none() | st.floats(0, 2)),
)


def ids(plan: Plan) -> list[tuple[str, str]]:
    return [(trial.trial_id, trial.block_id) for trial in plan.trials()]


def lock(plan: Plan) -> Lock:
    return make_lock(
        plan,
        analysis=Choices.model_validate(CHOICES.model_dump()),
        files=FILES,
        max_cost_usd=None,
        run_deadline_s=None,
        locked_at="2026-11-20T12:00:00.000Z",
    )


def test_a_plan_without_a_student_says_nothing_of_one_and_keeps_its_hash() -> None:
    assert "dialogue" not in PLAN.as_dict()
    assert "dialogue" not in lock(PLAN).as_dict()["design"]


@pytest.mark.parametrize(
    "other",
    [
        replace(STUDENT, turns=6),
        replace(STUDENT, student=ModelName("bedrock", "maker.other")),
        replace(STUDENT, sampling=Sampling(300, 0.2)),
        Dialogue(None, 5),
    ],
    ids=["more turns", "another student", "another temperature", "a script"],
)
def test_another_other_side_makes_other_trials_and_other_blocks(other: Dialogue) -> None:
    before, after = ids(TALKING), ids(replace(TALKING, dialogue=other))
    assert not {trial for trial, _ in before} & {trial for trial, _ in after}
    assert not {block for _, block in before} & {block for _, block in after}


def test_every_trial_knows_its_dialogue() -> None:
    assert {trial.dialogue for trial in TALKING.trials()} == {STUDENT}
    assert {trial.dialogue for trial in PLAN.trials()} == {None}


@settings(deadline=None, max_examples=60)
@given(dialogues)
def test_a_stored_plan_holds_the_same_trials(dialogue: Dialogue) -> None:
    plan = replace(PLAN, dialogue=dialogue, repeats=1)
    assert ids(plan_of(plan.as_dict())) == ids(plan)


def test_a_plan_grows_by_repeats_and_not_by_turns() -> None:
    more_turns = replace(TALKING, dialogue=replace(STUDENT, turns=9))
    assert grows_from(replace(TALKING, repeats=31).as_dict(), TALKING.as_dict())
    assert not grows_from(more_turns.as_dict(), TALKING.as_dict())


def test_a_lock_names_the_variable_that_changed_the_other_side() -> None:
    locked = lock(TALKING)
    assert locked.lock_hash == hash_of(locked.as_dict())
    assert Lock.model_validate(locked.as_dict()).design.dialogue == STUDENT.as_dict()
    changed = {
        "RUNNER_DEFAULT_TURNS": replace(STUDENT, turns=6),
        "RUNNER_STUDENT_MODEL": replace(STUDENT, student=ModelName("bedrock", "maker.other")),
        "RUNNER_STUDENT_TEMPERATURE": replace(STUDENT, sampling=Sampling(300, 0.2)),
    }
    for variable, dialogue in changed.items():
        (difference,) = lock_differences(locked, lock(replace(TALKING, dialogue=dialogue)))
        assert difference.what == variable


def test_the_student_sees_what_the_tutor_said_as_the_users_words() -> None:
    said = (Message("user", "I know it all."), Message("assistant", "What do you know?"))
    said += (Message("user", "Everything."), Message("assistant", "Of what?"))
    seen = from_the_other_side(Transcript("You are a tutor.", said))
    assert seen == (
        Message("user", "What do you know?"),
        Message("assistant", "Everything."),
        Message("user", "Of what?"),
    )


def test_a_study_without_a_student_that_could_be_named_is_refused_in_one_line(tmp_path: Path) -> None:
    project = make_project(tmp_path, SUBJECT_MODELS=TUTOR, JUDGE_MODELS=OTHER, AWS_REGION="us-east-1")
    ended = project.trialbed("run", "socratic", "--dry-run")
    assert ended.code == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("RUNNER_STUDENT_MODEL: ") and "scripted" in line


def test_a_rehearsed_student_is_not_mixed_with_a_real_tutor(tmp_path: Path) -> None:
    project = make_project(tmp_path, SUBJECT_MODELS=TUTOR, JUDGE_MODELS=OTHER, RUNNER_STUDENT_MODEL="rehearsal:student")
    ended = project.trialbed("run", "socratic", "--dry-run")
    assert ended.code == 2
    assert "RUNNER_STUDENT_MODEL: real answers must not be mixed" in ended.stderr


def test_the_bill_is_known_before_with_the_student_in_it(tmp_path: Path) -> None:
    models = {"SUBJECT_MODELS": "amazon.nova-pro-v1:0", "JUDGE_MODELS": "amazon.nova-lite-v1:0"}
    project = make_project(tmp_path, **models, RUNNER_DEFAULT_TURNS="4", AWS_REGION="us-east-1")
    played = project.trialbed("run", "socratic", "--dry-run", RUNNER_STUDENT_MODEL="amazon.nova-micro-v1:0")
    scripted = project.trialbed("run", "socratic", "--dry-run", RUNNER_STUDENT_MODEL="scripted")
    assert played.code == scripted.code == 0, played.stderr + scripted.stderr
    assert "amazon.nova-micro-v1:0" in played.stdout
    assert "amazon.nova-micro-v1:0" not in scripted.stdout
