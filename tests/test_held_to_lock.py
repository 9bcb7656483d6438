"""Is a plan that was locked before the first call the plan that is run, and does every record say where it is not?"""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import JUDGE, SUBJECT, Bedrock, bedrock_process, real_environment, requests_in
from tests.support.experiments import QUIZ_FILES
from tests.support.project import Ended, Project, make_project, running, wait_until

ACCOUNT = "482915730164"
SECRET = "a-secret-key-that-opens-nothing-0000000"
LOCK = "plans/quiz.lock.json"
RECORD = b'"e":"record"'
WHY = "the provider caps it"


@pytest.fixture(scope="module")
def bedrock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bedrock]:
    folder = tmp_path_factory.mktemp("bedrock")
    with bedrock_process({"latency_s": 0.01}, log=folder / "requests.jsonl") as standin:
        yield standin


@pytest.fixture
def project(tmp_path: Path, bedrock: Bedrock) -> Project:
    variables = bedrock.environment() | {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "BATCH_SIZE": "2"}
    return make_project(tmp_path, experiments=QUIZ_FILES, **variables)


@pytest.fixture
def locked(project: Project) -> Project:
    """The project with its plan locked."""
    ended = project.trialbed("plan", "--lock")
    assert ended.code == 0, ended.stderr
    return project


def document(project: Project) -> dict[str, Any]:
    lock: dict[str, Any] = json.loads((project.root / LOCK).read_text())
    return lock


def refused(project: Project, bedrock: Bedrock, *arguments: str, **variables: str) -> list[str]:
    """What a run that is refused says; no call has been made for it and no folder."""
    before = len(requests_in(bedrock.log))
    ended = project.run(*arguments, **variables)
    assert (ended.code, ended.stdout) == (2, ""), ended.stderr
    assert len(requests_in(bedrock.log)) == before and not (project.root / "local_backups").exists()
    return ended.stderr.splitlines()


def started(project: Project) -> list[dict[str, Any]]:
    return [event for event in project.runs()[-1].events() if event["e"] == "run_start"]


# --- Locking --------------------------------------------------------------------------------------


def test_locking_writes_what_was_decided_and_says_where_and_what_it_takes(project: Project, bedrock: Bedrock) -> None:
    ended = project.trialbed("plan", "--lock", "--max-cost", "3", RUN_DEADLINE_S="60")
    lock = document(project)
    assert ended.code == 0 and ended.stderr == "" and requests_in(bedrock.log) == []
    first, second, *_ = ended.stdout.splitlines()
    assert first == f"{LOCK}: locked, hash {lock['lock_hash']}" and second.startswith("estimate for 6 trials")
    assert [one["greeting"] for one in lock["design"]["variants"]] == ["Tell me.", "Now.", "Kindly tell me."]
    assert lock["design"]["subjects"] == [f"bedrock:{SUBJECT}"] and lock["judges"]["models"] == [f"bedrock:{JUDGE}"]
    assert lock["stopping"] == {"trials": 6, "max_cost_usd": 3.0, "run_deadline_s": 60.0}
    assert list(lock["experiment_files"]) == ["experiments/quiz.py"]
    assert lock["plan_hash"] == json.loads(project.trialbed("plan").stdout)["plan_hash"]
    assert stat.S_IMODE((project.root / LOCK).stat().st_mode) == 0o600
    assert not (project.root / "local_backups").exists()


def test_locking_the_same_again_keeps_the_file_and_another_plan_does_not_replace_it(locked: Project) -> None:
    before = (locked.root / LOCK).read_bytes()
    again = locked.trialbed("plan", "--lock")
    assert again.code == 0 and "this very plan is locked there since" in again.stderr
    other = locked.trialbed("plan", "--lock", BATCH_SIZE="3")
    assert (other.code, other.stdout) == (2, "")
    differs, what_to_do = other.stderr.splitlines()
    assert differs == "BATCH_SIZE: locked 2, is 3"
    assert LOCK in what_to_do and "move that file away" in what_to_do and "--out" in what_to_do
    assert (locked.root / LOCK).read_bytes() == before


def test_a_plan_locked_elsewhere_is_a_copy_that_no_run_is_held_to(project: Project, tmp_path: Path) -> None:
    copy = tmp_path / "registered" / "quiz.json"
    ended = project.trialbed("plan", "--lock", "--out", str(copy))
    assert ended.code == 0 and f"'run' is held to {LOCK} only" in ended.stderr
    assert json.loads(copy.read_text())["experiment"] == "quiz" and not (project.root / LOCK).exists()
    assert project.run("--dry-run", BATCH_SIZE="3").code == 0


def test_out_without_lock_is_told_in_one_line(project: Project) -> None:
    ended = project.trialbed("plan", "--out", "somewhere.json")
    assert ended.code == 2 and ended.stderr.startswith("--out: ") and ended.stderr.count("\n") == 1


def test_a_plan_whose_run_has_begun_is_not_locked_any_more(project: Project) -> None:
    assert project.run().code == 0
    ended = project.trialbed("plan", "--lock")
    assert ended.code == 2 and ended.stderr.count("\n") == 1
    assert project.the_run().folder.name in ended.stderr and not (project.root / LOCK).exists()


def test_trials_that_were_made_before_a_larger_plan_was_locked_are_told_of(project: Project) -> None:
    assert project.run(BATCH_SIZE="1").code == 0
    ended = project.trialbed("plan", "--lock")
    assert ended.code == 0 and f"run {project.the_run().folder.name} has 3 trials of this plan" in ended.stderr


def test_plan_says_whether_a_lock_is_there_and_matches(project: Project) -> None:
    assert json.loads(project.trialbed("plan").stdout)["lock"] is None
    assert project.trialbed("plan", "--lock").code == 0
    matching = json.loads(project.trialbed("plan").stdout)["lock"]
    assert matching["matches"] and matching["differences"] == [] and matching["file"] == LOCK
    other = json.loads(project.trialbed("plan", MODEL_SEED="7").stdout)["lock"]
    assert not other["matches"] and other["differences"] == ["MODEL_SEED: locked 42, is 7"]
    assert other["hash"] == document(project)["lock_hash"]


def test_no_account_number_gets_into_a_locked_plan(project: Project) -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.amazon.nova-pro-v1:0"
    ended = project.trialbed("plan", "--lock", SUBJECT_MODELS=arn, JUDGE_MODELS=arn)
    assert ended.code == 0 and "************" in (project.root / LOCK).read_text()
    assert ACCOUNT not in ended.stdout + ended.stderr + (project.root / LOCK).read_text()
    other = project.run("--dry-run", SUBJECT_MODELS=SUBJECT, JUDGE_MODELS=arn)
    assert other.code == 2 and "SUBJECT_MODELS: locked " in other.stderr and ACCOUNT not in other.stderr


# --- Refusing -------------------------------------------------------------------------------------


def test_every_variable_that_differs_is_named_with_both_values_before_anything_is_done(
    locked: Project, bedrock: Bedrock
) -> None:
    variables = {"BATCH_SIZE": "3", "MODEL_TEMPERATURE": "0.2", "MAX_COST_USD": "9", "SUBJECT_MODELS": JUDGE}
    said = refused(locked, bedrock, **variables)
    assert said[:-1] == [
        "BATCH_SIZE: locked 2, is 3",
        f"SUBJECT_MODELS: locked bedrock:{SUBJECT}, is bedrock:{JUDGE}",
        "MODEL_TEMPERATURE: locked 0.7, is 0.2",
        "MAX_COST_USD: locked not set, is 9.0",
    ]
    assert LOCK in said[-1] and "restore what differs" in said[-1] and "--deviate" in said[-1]
    assert refused(locked, bedrock, "--dry-run", **variables) == said


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--runs", "3"), "BATCH_SIZE: locked 2, is 3"),
        (("--models", JUDGE), f"SUBJECT_MODELS: locked bedrock:{SUBJECT}, is bedrock:{JUDGE}"),
        (("--variants", "baseline,curt"), "--variants: locked baseline,curt,polite, is baseline,curt"),
        (("--limit", "4"), "--limit: locked not set, is 4"),
        (("--max-cost", "9"), "MAX_COST_USD: locked not set, is 9.0"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_option_that_differs_is_named(
    locked: Project, bedrock: Bedrock, arguments: tuple[str, ...], line: str
) -> None:
    assert refused(locked, bedrock, *arguments)[:-1] == [line]


def test_a_file_that_was_edited_added_or_taken_away_is_named(locked: Project, bedrock: Bedrock) -> None:
    words = locked.root / "variants/quiz"
    (words / "polite.toml").write_text('greeting = "Would you?"\n')
    (words / "bribe.toml").write_text('greeting = "Here is money."\n')
    (words / "curt.toml").unlink()
    code = locked.root / "experiments/quiz.py"
    code.write_text(code.read_text().replace('"1.0.0"', '"1.1.0"').replace('headline = "tone"', ""))
    said = refused(locked, bedrock)
    assert said[:4] == [
        "experiments/quiz: version: locked 1.0.0, is 1.1.0",
        "variants/quiz/curt.toml removed: it is in the locked plan",
        "variants/quiz/bribe.toml added: it is not in the locked plan",
        "variants/quiz/polite.toml: greeting: locked 'Kindly tell me.', is 'Would you?'",
    ]
    assert "experiments/quiz: measures: locked headline, is ''" in said
    assert [line for line in said if line.startswith("experiments/quiz.py changed (hash:")]


def test_a_rubric_beside_an_experiments_code_is_locked_too(tmp_path: Path, bedrock: Bedrock) -> None:
    project = make_project(tmp_path, **bedrock.environment())
    assert project.trialbed("plan", "--lock").code == 0
    rubric = project.root / "experiments/dilemma/rubric.py"
    rubric.write_text(rubric.read_text() + "\n# Be strict.\n")
    (line, _) = refused(project, bedrock)
    assert line.startswith("experiments/dilemma/rubric.py changed (hash:")


@pytest.mark.parametrize(
    "how", ["a number", "a word", "the hash", "cut", "a list", "another version", "no JSON number"]
)
def test_a_damaged_or_edited_lock_is_refused_by_its_name(locked: Project, bedrock: Bedrock, how: str) -> None:
    path = locked.root / LOCK
    text = path.read_text()
    edited = {
        "a number": text.replace('"repeats": 2', '"repeats": 3'),
        "a word": text.replace("Kindly tell me.", "Tell me!"),
        "the hash": text.replace(document(locked)["lock_hash"], "0" * 20),
        "cut": text[: len(text) // 2],
        "a list": "[]",
        "another version": text.replace('"lock_version": 1', '"lock_version": 99'),
        "no JSON number": text.replace('"repeats": 2', '"repeats": NaN'),
    }[how]
    assert edited != text
    path.write_text(edited)
    for arguments in ((), ("--deviate", WHY)):
        (line,) = refused(locked, bedrock, *arguments)
        assert line.startswith(f"{LOCK}: ") and "move it away" in line
    assert locked.trialbed("plan", "--lock").code == 2 and path.read_text() == edited


# --- Running under a lock -------------------------------------------------------------------------


def test_a_run_as_it_was_locked_says_so_in_its_journal_its_records_and_its_status(locked: Project) -> None:
    ended = locked.run()
    lock = document(locked)
    assert ended.code == 0 and f"PLAN LOCK: {LOCK} (hash {lock['lock_hash']}) matches" in ended.stderr
    (start,) = started(locked)
    told = {"hash": lock["lock_hash"], "locked_at": lock["locked_at"], "file": LOCK, "matches": True}
    assert start["lock"] == told == locked.status()["lock"]
    records = locked.the_run().records().values()
    assert {record["provenance"]["lock_hash"] for record in records} == {lock["lock_hash"]}
    assert [record["deviations"] for record in records] == [[]] * 6 and locked.status()["deviations"] == []
    assert records and all(record["plan_hash"] == lock["plan_hash"] for record in records)


def test_a_run_without_a_lock_has_none_on_record(project: Project) -> None:
    ended = project.run("--deviate", WHY)
    assert ended.code == 0 and ended.stderr.splitlines()[0].startswith("--deviate: there is no locked plan of quiz")
    assert started(project)[0]["lock"] is None and project.status()["lock"] is None
    for record in project.the_run().records().values():
        assert record["provenance"]["lock_hash"] is None and record["deviations"] == []


def test_the_choices_of_the_analysis_are_in_the_plan_and_are_no_part_of_its_hash(project: Project) -> None:
    assert project.run().code == 0
    first = project.the_run().plan()
    assert first["analysis"]["primary"] == "headline" and first["analysis"]["baseline"] == "baseline"
    code = project.root / "experiments/quiz.py"
    code.write_text(code.read_text().replace('headline = "tone"', 'headline = "tone"\n    least_words = 3'))
    again = project.run()
    assert again.code == 0 and "nothing to do" in again.stderr
    assert project.run("--fresh").code == 0
    old, new = project.runs()
    assert old.plan()["plan_hash"] == new.plan()["plan_hash"]
    assert (old.plan()["analysis"]["least_words"], new.plan()["analysis"]["least_words"]) == (0, 3)
    hashes = {event["analysis_hash"] for run in (old, new) for event in run.events() if event["e"] == "run_start"}
    assert len(hashes) == 2


def test_a_plan_file_of_an_earlier_version_is_gone_on_with(project: Project) -> None:
    assert project.run(BATCH_SIZE="1").code == 0
    path = project.the_run().folder / "plan.json"
    plan = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in plan.items() if key != "analysis"}))
    assert project.status()["planned"] == 3
    assert project.run().code == 0 and len(project.the_run().records()) == 6


def test_choices_that_contradict_each_other_are_told_in_one_line(project: Project) -> None:
    code = project.root / "experiments/quiz.py"
    twice = 'measures = (Measure(name="tone", kind="category", field="tone"),) * 2'
    text = code.read_text().replace("import Experiment,", "import Experiment, Measure,")
    code.write_text(text.replace('headline = "tone"', twice))
    ended = project.trialbed("plan")
    assert ended.code == 2 and ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("experiments/quiz: measures: ") and "two measures have the same name" in ended.stderr


# --- Deviating ------------------------------------------------------------------------------------


def test_a_deviation_is_on_every_record_in_the_journal_and_on_the_screen(locked: Project) -> None:
    ended = locked.run("--deviate", f"  {WHY},\n says {SECRET} ", MODEL_TEMPERATURE="0.2", AWS_SECRET_ACCESS_KEY=SECRET)
    assert ended.code == 0, ended.stderr
    assert "PLAN LOCK: " in ended.stderr and "MODEL_TEMPERATURE: locked 0.7, is 0.2" in ended.stderr
    run = locked.the_run()
    (event,) = [event for event in run.events() if event["e"] == "deviation"]
    deviation = {name: event[name] for name in ("what", "locked", "actual", "why", "at")}
    assert deviation | {"at": ""} == {
        "what": "MODEL_TEMPERATURE",
        "locked": 0.7,
        "actual": 0.2,
        "why": f"{WHY}, says [redacted]",
        "at": "",
    }
    assert [record["deviations"] for record in run.records().values()] == [[deviation]] * 6
    assert locked.status()["deviations"] == [deviation] and not locked.status()["lock"]["matches"]
    assert "MODEL_TEMPERATURE: locked 0.7, is 0.2" in locked.trialbed("status").stdout
    for written in (run.journal.read_text(), ended.stderr, ended.stdout, (run.folder / "run.log").read_text()):
        assert SECRET not in written


@pytest.mark.parametrize("why", ["", "  \n", "x" * 501])
def test_a_deviation_without_a_reason_or_with_an_endless_one_is_refused(
    locked: Project, bedrock: Bedrock, why: str
) -> None:
    (line,) = refused(locked, bedrock, "--deviate", why, MODEL_TEMPERATURE="0.2")
    assert line.startswith("--deviate: ")


def test_a_reason_where_nothing_differs_is_no_deviation(locked: Project) -> None:
    ended = locked.run("--deviate", WHY)
    assert ended.code == 0 and ended.stderr.splitlines()[0].startswith("--deviate: nothing differs")
    assert started(locked)[0]["lock"]["matches"] and locked.status()["deviations"] == []


def test_a_dry_run_that_deviates_shows_in_what_and_writes_nothing(locked: Project) -> None:
    ended = locked.run("--dry-run", "--deviate", WHY, MODEL_TEMPERATURE="0.2")
    assert ended.code == 0 and "  MODEL_TEMPERATURE: locked 0.7, is 0.2" in ended.stdout.splitlines()
    assert not (locked.root / "local_backups").exists()


# --- Going on -------------------------------------------------------------------------------------


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Project]:
    """A locked project whose runs take long enough to be killed in their middle."""
    project = make_project(
        tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="8", MAX_CONCURRENCY="2"
    )
    with bedrock_process({"latency_s": 0.05}, log=tmp_path / "requests.jsonl", root=project.root) as standin:
        project.environment |= real_environment(standin.url)
        assert project.trialbed("plan", "--lock").code == 0
        yield project


def kill_after_some_records(project: Project, *arguments: str, **variables: str) -> set[str]:
    """Trials whose records were there when the run was killed: a few more than when it was started."""
    enough = project.journal_bytes().count(RECORD) + 4
    with running(project.start(*arguments, **variables)) as sitting:
        wait_until(lambda: sitting.is_over or project.journal_bytes().count(RECORD) >= enough, "records")
        assert not sitting.is_over, sitting.stderr
        sitting.kill()
    return set(project.the_run().records())


def test_a_locked_run_that_was_killed_goes_on_without_a_word(slow: Project) -> None:
    early = kill_after_some_records(slow)
    ended: Ended = slow.run()
    assert ended.code == 0, ended.stderr
    records = slow.the_run().records()
    assert len(records) == 24 > len(early) and all(record["deviations"] == [] for record in records.values())
    assert [start["lock"]["matches"] for start in started(slow)] == [True, True]


def test_a_deviation_stays_with_the_run_and_is_journalled_once(slow: Project) -> None:
    kill_after_some_records(slow, "--deviate", WHY, RUN_DEADLINE_S="3600")
    refused_again = slow.run(RUN_DEADLINE_S="3600")
    assert refused_again.code == 2 and "RUN_DEADLINE_S: locked not set, is 3600.0" in refused_again.stderr
    kill_after_some_records(slow, "--deviate", "said otherwise", RUN_DEADLINE_S="3600")
    ended = slow.run()
    assert ended.code == 0 and "matches" in ended.stderr
    run = slow.the_run()
    (event,) = [event for event in run.events() if event["e"] == "deviation"]
    assert event["why"] == WHY
    told = [(one["what"], one["why"], one["at"]) for record in run.records().values() for one in record["deviations"]]
    assert told == [("RUN_DEADLINE_S", WHY, event["at"])] * 24
    assert [start["lock"]["matches"] for start in started(slow)] == [False, False, True]


def test_records_made_before_a_deviation_do_not_carry_it(slow: Project) -> None:
    early = kill_after_some_records(slow)
    assert slow.run("--deviate", WHY, BATCH_SIZE="9").code == 0
    records = slow.the_run().records()
    assert len(records) == 27 and {trial for trial, one in records.items() if not one["deviations"]} == early
    (told,) = next(one["deviations"] for trial, one in records.items() if trial not in early)
    assert (told["what"], told["locked"], told["actual"]) == ("BATCH_SIZE", 8, 9)
