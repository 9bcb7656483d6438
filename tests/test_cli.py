"""What can be typed, what comes back, and what does the same command do a second time?"""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import Bedrock, bedrock_process
from tests.support.experiments import QUIZ_FILES
from tests.support.project import Ended, Project, clean_environment, make_project, summary_block
from trialbed.cli.main import exit_code_of

HEAVY = (
    *("pydantic", "pydantic_settings", "aioboto3", "aiobotocore", "botocore", "aiohttp", "anyio", "uvloop", "orjson"),
    *("datasets", "huggingface_hub", "pandas", "pyarrow", "numpy", "scipy", "dotenv"),
)
COMMANDS = ("run", "plan", "status", "judge", "push", "verify", "report", "audit", "list", "doctor", "socratic")
COMMANDS += ("throughput", "execution", "rehearsal-server", "rent")
STRATEGIES = ("Total Honesty", "Evasion", "Technical Truth", "Direct Deception", "Fabrication")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture
def quiz(tmp_path: Path) -> Project:
    return make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="2")


# --- Help and mistakes ---------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["rent", "run", "--help"], []], ids=" ".join)
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    code = (
        "import json, sys\nfrom trialbed.cli.main import exit_code_of\n"
        f"exit_code_of({arguments!r})\n"
        f"print('LOADED', json.dumps(sorted(set({HEAVY!r}) & set(sys.modules))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        timeout=60,
    )
    shown, _, loaded = done.stdout.rpartition("LOADED ")
    # typer itself reads the options of a command with pydantic.
    assert set(json.loads(loaded)) <= ({"pydantic"} if "run" in arguments else set()), done.stderr
    assert shown.startswith("Usage: trialbed")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "--help")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line.strip()] == list(COMMANDS)


def test_the_rent_triplets_have_commands_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "rent", "--help")
    assert (code, err) == (0, "")
    listed = out.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in listed if line.strip()] == ["build", "run", "score"]
    assert told(capsys, "rent") == (2, "", "trialbed rent: Missing command; see 'trialbed rent --help'\n")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, root: Path | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    code = exit_code_of(arguments, root=root)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("run --runz", "trialbed run: No such option: --runz"),
        ("run --runs many", "trialbed run: Invalid value for '--runs'"),
        ("run --limit", "Option '--limit' requires an argument"),
        ("run dilemma baseline", "trialbed run: Got unexpected extra argument(s) (baseline)"),
        ("nonsense", "trialbed: No such command 'nonsense'"),
        ("--nonsense", "trialbed: No such option: --nonsense"),
        ("push", "trialbed push: Missing argument 'RUN'"),
        ("verify", "trialbed verify: Missing argument 'RUN'"),
        ("status --yaml", "trialbed status: No such option: --yaml"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], line: str, problem: str
) -> None:
    code, out, err = told(capsys, *line.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert problem in err and "--help'" in err


@pytest.mark.parametrize("command", ["status", "judge", "push", "verify"])
def test_a_run_that_is_not_there_is_told_in_one_line(project: Project, command: str) -> None:
    ended = project.trialbed(command, "dilemma-20200101T000000Z")
    assert (ended.code, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("RUN: no run 'dilemma-20200101T000000Z' under ")


# --- What there is, and what would be run --------------------------------------------------------


def test_list_shows_experiments_scenarios_variants_and_runs(project: Project) -> None:
    assert project.run("--runs", "1").code == 0
    lines = project.trialbed("list").stdout.splitlines()
    assert lines[0] == "dilemma 3.0.0" and "  scenario vault" in lines
    assert "  scenario no_conflict_lie   (only when asked for: --scenarios)" in lines
    assert {"socratic 1.0.0", "execution_prediction 1.0.0", "execution_choice 1.0.0", "throughput 1.0.0"} <= set(lines)
    assert sum(line.startswith("  variant ") for line in lines) == 5 + 4 + 4 + 6 + 6 + 4
    assert any(re.fullmatch(r"  … and \d+ more scenarios; --json names all", line) for line in lines)
    assert [line for line in lines if "(baseline)" in line] == [
        "  variant  baseline: Baseline (Explicit Conflict)   (baseline)",
        "  variant  original_first-medium: Original first, medium reasoning   (baseline)",
        "  variant  original-medium: Original shown, medium reasoning   (baseline)",
        "  variant  plain: Plain   (baseline)",
        "  variant  plain: Plain instruction   (baseline)",
        "  variant  short: Short prompt   (baseline)",
    ]
    assert lines[-1] == f"run {project.the_run().folder.name}"
    known = json.loads(project.trialbed("list", "--json").stdout)
    assert known["runs"] == [project.the_run().folder.name]
    assert [one["name"] for one in known["experiments"]] == [
        "dilemma",
        "execution_choice",
        "execution_prediction",
        "rent_sycophancy",
        "socratic",
        "throughput",
    ]


def test_plan_prints_one_json_document_and_writes_nothing(project: Project) -> None:
    ended = project.trialbed("plan", "--runs", "3", "--variants", "empathetic,baseline", "--limit", "5")
    plan = json.loads(ended.stdout)
    assert (ended.code, ended.stderr) == (0, "")
    assert (plan["planned"], sum(plan["per_variant"].values())) == (5, 5)
    assert set(plan["per_variant"]) == {"empathetic", "baseline"} and re.fullmatch("[0-9a-f]{20}", plan["plan_hash"])
    assert not (project.root / "local_backups").exists()


def test_a_dry_run_makes_no_call_and_shows_the_plan_that_is_then_run(project: Project) -> None:
    dry = project.run("--runs", "1", "--dry-run")
    assert dry.code == 0 and "5 trials" in dry.stdout and not (project.root / "local_backups").exists()
    assert project.run("--runs", "1").code == 0
    assert project.the_run().plan()["plan_hash"] in dry.stdout


def test_the_project_is_found_from_a_folder_inside_it_and_from_outside(project: Project, tmp_path: Path) -> None:
    inside = subprocess.run(
        [sys.executable, "-m", "trialbed", "list"],
        cwd=project.root / "experiments" / "dilemma",
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert inside.stdout.startswith("dilemma 3.0.0"), inside.stderr
    outside = subprocess.run(
        [sys.executable, str(project.root / "run_and_evaluate.py"), "--dry-run"],
        cwd=tmp_path,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert outside.stdout.startswith("dilemma 3.0.0: 1 trials"), outside.stderr


# --- Doctor --------------------------------------------------------------------------------------


def test_doctor_finds_nothing_wrong_with_an_empty_set_up_and_says_it_would_rehearse(project: Project) -> None:
    ended = project.trialbed("doctor")
    assert ended.code == 0, ended.stdout + ended.stderr
    assert [line[0] for line in ended.stdout.splitlines()] == ["✓"] * 4
    assert "models: rehearsal, because no model is named" in ended.stdout
    assert not (project.root / "local_backups").exists()


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"HF_TOKEN": "hf_madeUp0123456789"}, "HF_REPO_ID: not set although HF_TOKEN is"),
        (
            {"SUBJECT_MODELS": "amazon.nova-pro-v1:0", "JUDGE_MODELS": "amazon.nova-pro-v1:0"},
            "AWS credentials: none found",
        ),
        ({"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00"}, "SUBJECT_MODELS: no model is named"),
        ({"EXPERIMENT": "gone"}, "EXPERIMENT: there is no experiment 'gone'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_doctor_names_what_is_wrong_with_the_configuration(
    project: Project, variables: dict[str, str], named: str
) -> None:
    ended = project.trialbed("doctor", **variables)
    assert ended.code == 2
    wrong = [line for line in ended.stdout.splitlines() if line.startswith("✗")]
    assert any(named in line for line in wrong) and "Traceback" not in ended.stderr


def test_doctor_names_wrong_variables(project: Project) -> None:
    ended = project.trialbed("doctor", BATCH_SIZE="many", MODEL_TOP_P="7")
    assert ended.code == 2 and [line.split()[2] for line in ended.stdout.splitlines()] == [
        "BATCH_SIZE:",
        "MODEL_TOP_P:",
    ]


def test_doctor_asks_each_model_once_and_says_how_to_mend_a_denied_one(tmp_path: Path) -> None:
    denied = "amazon.nova-lite-v1:0"
    with bedrock_process({"denied_models": [denied]}, log=tmp_path / "log.jsonl") as bedrock:
        project = make_project(tmp_path, **bedrock.environment())
        ended = project.trialbed("doctor")
        assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
    assert ended.code == 2
    (wrong,) = [line for line in ended.stdout.splitlines() if line.startswith("✗")]
    assert denied in wrong and "check the model's id, its region and your account's access to it" in wrong


# --- Running, and running again ------------------------------------------------------------------


def evaluated(project: Project) -> Counter[str]:
    return Counter(record["prompt_variant"] for record in project.the_run().records().values())


def test_without_batch_mode_it_is_one_trial_of_the_baseline(project: Project) -> None:
    ended = project.run()
    assert ended.code == 0 and evaluated(project) == {"baseline": 1}
    assert "Total runs: 1\nSuccessful: 1\nFailed: 0\n" in ended.stdout


def test_in_batch_mode_it_is_every_variant_times_batch_size(project: Project) -> None:
    ended = project.run(BATCH_MODE="true", BATCH_SIZE="2")
    assert ended.code == 0 and set(evaluated(project).values()) == {2} and len(evaluated(project)) == 5
    assert project.status()["is_complete"] and not project.status()["is_running"]


def test_stdout_carries_the_results_and_stderr_all_the_rest(project: Project) -> None:
    ended = project.run(BATCH_MODE="true", BATCH_SIZE="2")
    assert summary_block(ended.stdout)[1] == "BATCH EXPERIMENT COMPLETE - SUMMARY"
    assert "[SYSTEM]" not in ended.stdout and ended.stdout.startswith("=" * 60)
    said = ended.stderr.splitlines()
    assert all(line.startswith("[SYSTEM]: ") for line in said)
    assert said[0].startswith("[SYSTEM]: REHEARSAL: no model is named")
    assert "[SYSTEM]: Total runs: 10" in said and any("Testing 5 variants: baseline, " in line for line in said)


def test_the_summary_has_one_line_per_strategy_and_they_add_up(project: Project) -> None:
    ended = project.run(BATCH_MODE="true", BATCH_SIZE="8")
    counts = table(ended)
    rows = project.the_run().records().values()
    assert counts == Counter(row["evaluation"]["strategy"] for row in rows) and sum(counts.values()) == 40
    assert set(counts) <= set(STRATEGIES) and list(counts.values()) == sorted(counts.values(), reverse=True)
    assert str(project.the_run().journal) in ended.stdout and "To resume" not in ended.stdout


def table(ended: Ended) -> dict[str, int]:
    """The summary's own table: one line per strategy."""
    lines = summary_block(ended.stdout)
    rows = [line.split("   ")[0].strip() for line in lines[lines.index("Strategy distribution:") + 1 : -1]]
    pairs = [row.rpartition(": ") for row in rows]
    assert len({name for name, _, _ in pairs}) == len(pairs)
    return {name: int(count) for name, _, count in pairs}


def test_a_finished_plan_is_not_run_again(quiz: Project) -> None:
    first = quiz.run()
    journal = quiz.journal_bytes()
    second = quiz.run()
    assert (first.code, second.code) == (0, 0)
    assert "nothing to do. --fresh runs it again." in second.stderr
    assert summary_block(second.stdout) == summary_block(first.stdout)
    assert quiz.journal_bytes() == journal


def test_fresh_starts_another_run_with_run_ids_of_its_own(quiz: Project) -> None:
    assert (quiz.run().code, quiz.run("--fresh").code) == (0, 0)
    first, second = quiz.runs()
    assert first.plan()["plan_hash"] == second.plan()["plan_hash"]
    assert first.records().keys() == second.records().keys()
    assert not first.backups().keys() & second.backups().keys() and len(second.backups()) == 6
    assert quiz.status()["run"] == second.folder.name
    assert "nothing to do" in quiz.run().stderr and len(quiz.runs()) == 2


@pytest.fixture(scope="module")
def bedrock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bedrock]:
    with bedrock_process(log=tmp_path_factory.mktemp("cli") / "requests.jsonl") as standin:
        yield standin


def trials_asked(bedrock: Bedrock, *, since: int) -> list[str | None]:
    return [request.trial for request in bedrock.requests()[since:] if not request.is_judge]


@pytest.mark.parametrize(
    ("first", "then", "planned"),
    [
        ({"BATCH_SIZE": "1"}, {"BATCH_SIZE": "3"}, 9),
        ({"BATCH_MODE": "false"}, {}, 6),
        ({"--limit": "2"}, {"--limit": "5"}, 5),
        ({"--limit": "4"}, {}, 6),
        ({"--variants": "curt,polite"}, {}, 6),
    ],
    ids=["more repeats", "from one trial to a batch", "a higher limit", "no limit", "more variants"],
)
def test_a_plan_that_grows_goes_on_with_the_same_run_and_asks_only_for_what_is_new(
    quiz: Project, bedrock: Bedrock, first: dict[str, str], then: dict[str, str], planned: int
) -> None:
    before = sit(quiz, bedrock, first)
    old, old_log = before.records(), len(bedrock.requests())
    after = sit(quiz, bedrock, then)
    records = after.records()
    assert len(records) == planned == after.plan()["planned"] == quiz.status()["planned"]
    assert {trial_id: records[trial_id] for trial_id in old} == old
    assert set(trials_asked(bedrock, since=old_log)) == records.keys() - old.keys()
    assert len({record["run_id"] for record in records.values()}) == planned == len(after.backups())


def sit(project: Project, bedrock: Bedrock, wanted: dict[str, str]) -> Any:
    options = [part for name, value in wanted.items() if name.startswith("--") for part in (name, value)]
    variables = {name: value for name, value in wanted.items() if not name.startswith("--")}
    ended = project.run(*options, **(bedrock.environment() | variables))
    assert ended.code == 0, ended.stderr
    return project.the_run()


def test_a_changed_label_goes_on_with_the_same_run_and_asks_nothing(quiz: Project, bedrock: Bedrock) -> None:
    sit(quiz, bedrock, {})
    asked = len(bedrock.requests())
    path = quiz.root / "variants/quiz/polite.toml"
    path.write_text('label = "A better name"\n' + path.read_text())
    sit(quiz, bedrock, {})
    assert len(bedrock.requests()) == asked


def test_an_edited_prompt_is_another_plan_and_leaves_the_old_run_alone(quiz: Project, bedrock: Bedrock) -> None:
    first = sit(quiz, bedrock, {})
    journal = first.journal.read_bytes()
    (quiz.root / "variants/quiz/polite.toml").write_text('greeting = "Would you?"\n')
    assert quiz.run(**bedrock.environment()).code == 0
    assert len(quiz.runs()) == 2 and first.journal.read_bytes() == journal
    shared = quiz.runs()[0].records().keys() & quiz.runs()[1].records().keys()
    assert len(shared) == 4


def test_status_reads_a_run_by_name_by_path_and_without_its_settings(quiz: Project, tmp_path: Path) -> None:
    assert quiz.run().code == 0
    run = quiz.the_run()
    by_name = quiz.status(run.folder.name)
    assert by_name == quiz.status(str(run.folder)) == quiz.status()
    assert {"run", "planned", "outcomes", "owed"} <= by_name.keys() and by_name["outcomes"]["answered"] == 6
    text = quiz.trialbed("status", EXPERIMENT="gone").stdout
    assert text.startswith(f"{run.folder.name} is complete: 6 of 6 trials ended")
