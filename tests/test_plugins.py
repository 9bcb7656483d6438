"""Is adding a file all it takes to add a variant or an experiment, and is a broken file always named?"""

import shutil
from pathlib import Path

import pytest

from tests.support.experiments import POLITENESS
from tests.support.project import CHECKOUT, Project, make_project
from trialbed.core.errors import UserError
from trialbed.plugins import scan

ONLY = '[Scenario(id="only")]'
SMALLEST = """from trialbed import Experiment, Scenario
class Smallest(Experiment):
    name, version = "smallest", "1"
    def scenarios(self): return [Scenario(id="only")]
experiment = Smallest()
"""
PROMPTS = "prompts = [" + ", ".join(f'"line {n}"' for n in range(1, 6)) + "]\n"


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def problems(root: Path, files: dict[str, str | bytes]) -> list[str]:
    """What the user is told when these files are there."""
    with pytest.raises(UserError) as caught:
        scan(write(root, files))
    return str(caught.value).splitlines()


@pytest.fixture
def dilemma(tmp_path: Path) -> Path:
    """A project with the checkout's experiment and variants."""
    for name in ("experiments", "variants"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def evaluations(project: Project) -> list[tuple[str, object]]:
    return sorted((r["prompt_variant"], r["evaluation"]) for r in project.the_run().records().values())


def test_adding_one_file_adds_a_variant(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    write(project.root, {"variants/dilemma/bribe.toml": 'label = "A bribe"\n' + PROMPTS})
    ended = project.run("--runs", "1")
    assert ended.code == 0, ended.stderr
    assert "Testing 6 variants: baseline, authority_emphasis, bribe," in ended.stderr
    said = [
        r["conversation_log"][1]["content"]
        for r in project.the_run().records().values()
        if r["prompt_variant"] == "bribe"
    ]
    assert said == ["line 1"]


def test_the_politeness_experiment_runs_as_written_from_one_new_file(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    write(project.root, {"experiments/politeness.py": POLITENESS})
    ended = project.run("politeness", "--runs", "3")
    assert ended.code == 0, ended.stderr
    assert "no file in variants/politeness/" in ended.stderr
    assert [variant for variant, _ in evaluations(project)] == ["baseline"] * 3
    assert all(evaluation in ({"right": True}, {"right": False}) for _, evaluation in evaluations(project))
    logs = [record["conversation_log"] for record in project.the_run().records().values()]
    assert {(log[0]["content"], log[1]["content"]) for log in logs} == {("Answer in one word.", " capital of France?")}


def test_the_politeness_experiment_runs_with_variants_of_its_own(tmp_path: Path) -> None:
    files = {
        "experiments/politeness.py": POLITENESS,
        "variants/politeness/curt.toml": 'baseline = true\ngreeting = "Tell me the"\n',
        "variants/politeness/kind.toml": 'greeting = "Would you kindly tell me the"\n',
    }
    project = make_project(tmp_path, experiments=files, EXPERIMENT="politeness", BATCH_MODE="true", BATCH_SIZE="2")
    ended = project.run()
    assert ended.code == 0 and ended.stderr.count("no file in variants/") == 0
    assert [variant for variant, _ in evaluations(project)] == ["curt", "curt", "kind", "kind"]
    asked = {r["conversation_log"][1]["content"] for r in project.the_run().records().values()}
    assert asked == {"Tell me the capital of France?", "Would you kindly tell me the capital of France?"}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("from trialbed import Experiment\n\nclass Broken(Experiment:\n", ":3: SyntaxError: "),
        ("import trialbed\nimport no_such_module_anywhere\n", ":2: ModuleNotFoundError: No module named 'no_such_"),
        ("from trialbed import Experiments\n", ":1: ImportError: cannot import name 'Experiments'"),
        ("def build():\n    return 1 / 0\n\nexperiment = build()\n", ":2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(0)\n", ":2: SystemExit: 0"),
        ("x = 1\n", ": must end with 'experiment = YourExperiment()'"),
        (SMALLEST.replace("Smallest()", "Smallest"), ": must end with 'experiment = YourExperiment()'"),
        (SMALLEST.replace('"smallest"', '"two words"'), ": name must be a short text without spaces, is 'two words'"),
        (SMALLEST.replace('"smallest", "1"', '"smallest", 1'), ": version must be a short text without spaces, is 1"),
        (SMALLEST.replace('name, version = "smallest", "1"', "pass"), ": name must be a short text without spaces"),
        (SMALLEST.replace('"1"\n', '"1"\n    variant = dict\n'), ": variant must be a subclass of trialbed.Variant"),
        (SMALLEST.replace(ONLY, "1 / 0"), ":4: ZeroDivisionError: division by zero"),
        (SMALLEST.replace(ONLY, "[]"), ": scenarios() names no scenario"),
        (SMALLEST.replace(ONLY, '["only"]'), ": scenarios() must give Scenario objects"),
        (SMALLEST.replace(ONLY, '[Scenario(id="a"), Scenario(id="a")]'), ": two scenarios are named 'a'"),
        (SMALLEST.replace('"1"\n', '"1"\n    default_scenarios = ("any",)\n'), ": default_scenarios: no such scena"),
        (b"\xff\xfe", ": SyntaxError: "),
        ("x = 1\0", ": SyntaxError: "),
    ],
)  # fmt: skip
def test_a_broken_experiment_file_is_named_with_its_line(tmp_path: Path, source: str | bytes, told: str) -> None:
    (line,) = problems(tmp_path, {"experiments/broken.py": source, "experiments/good.py": SMALLEST})
    assert line.startswith("experiments/broken.py") and told in line, line
    assert ":None" not in line and str(tmp_path) not in line


def test_an_error_inside_an_experiment_package_names_the_file_it_is_in(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "experiments/big/__init__.py": "from .parts import experiment\n",
        "experiments/big/parts.py": SMALLEST + "raise ValueError('first\\nsecond')\n",
    }
    assert problems(tmp_path, files) == ["experiments/big/parts.py:6: ValueError: first"]


def test_a_folder_that_is_no_package_is_named_not_skipped(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"experiments/big/parts.py": SMALLEST, "experiments/good.py": SMALLEST}
    assert problems(tmp_path, files) == ["experiments/big/: holds Python files but no __init__.py; add one"]


def test_files_and_folders_that_begin_with_an_underscore_are_no_experiments(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "experiments/_shared.py": "1 / 0",
        "experiments/__pycache__/x.py": "1 / 0",
        "experiments/_old/x.py": "1 / 0",
        "experiments/good.py": SMALLEST,
    }
    assert list(scan(write(tmp_path, files)).experiments) == ["smallest"]


def test_experiments_share_code_of_a_folder_that_begins_with_an_underscore(tmp_path: Path) -> None:
    uses = SMALLEST.replace('[Scenario(id="only")]', "[Scenario(id=NAME)]")
    files: dict[str, str | bytes] = {
        "experiments/_shared/words.py": "NAME = 'shared'\n",
        "experiments/file.py": f"from ._shared.words import NAME\n{uses}",
        "experiments/folder/__init__.py": f"from .._shared.words import NAME\n{uses.replace('smallest', 'other')}",
    }
    found = scan(write(tmp_path / "one", files)).experiments
    assert [one.scenarios[0].id for one in found.values()] == ["shared", "shared"]

    files["experiments/_shared/words.py"] = "NAME = 'of another project'\n"
    other = scan(write(tmp_path / "two", files)).experiments
    assert [one.scenarios[0].id for one in other.values()] == ["of another project"] * 2


def test_two_experiments_of_one_name_are_refused(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, {"experiments/a.py": SMALLEST, "experiments/b.py": SMALLEST})
    assert line == "experiments/b.py: there is another experiment named 'smallest'; rename one"


def test_a_folder_without_experiments_is_told_so(tmp_path: Path) -> None:
    assert problems(tmp_path, {"README": "nothing here"})[0].startswith("experiments/: no experiment found")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('label = "Bribe"\n', "variants/dilemma/bribe.toml: prompts: field required"),
        (PROMPTS + 'mood = "sour"\n', "variants/dilemma/bribe.toml:2: mood: extra inputs are not permitted"),
        ('label = "x"\nprompts = "one"\n', "variants/dilemma/bribe.toml:2: prompts: input should be a valid tuple"),
        ('prompts = ["a", "b"]\n', "variants/dilemma/bribe.toml:1: prompts: tuple should have at least 5 items"),
        (PROMPTS.replace("line 3", " "), "variants/dilemma/bribe.toml:1: prompts.2: string should match pattern"),
        (PROMPTS + 'line_5 = "never"\n', "variants/dilemma/bribe.toml:2: line_5: input should be 'always' or"),
        (PROMPTS + "label = Bribe\n", "variants/dilemma/bribe.toml:2: not readable as TOML: "),
        (PROMPTS + 'id = "other"\n', "variants/dilemma/bribe.toml: id: leave it out, the file's name is the id"),
        (b"label = \"\xe9\"\n", "variants/dilemma/bribe.toml: not readable as TOML: "),
        ("", "variants/dilemma/bribe.toml: prompts: field required"),
    ],
)  # fmt: skip
def test_a_broken_variant_file_is_named_with_its_line(dilemma: Path, text: str | bytes, told: str) -> None:
    line, *more = problems(dilemma, {"variants/dilemma/bribe.toml": text})
    assert line.startswith(told) and all(line.startswith("variants/dilemma/bribe.toml:1: ") for line in more)


def test_every_broken_file_is_named_at_once(dilemma: Path) -> None:
    files: dict[str, str | bytes] = {
        "experiments/broken.py": "import no_such_module_anywhere\n",
        "variants/dilemma/bribe.toml": "",
        "variants/dilemma/threat.toml": "=",
    }
    named = [line.partition(": ")[0] for line in problems(dilemma, files)]
    assert named == ["experiments/broken.py:1", "variants/dilemma/bribe.toml", "variants/dilemma/threat.toml:1"]


def test_a_file_name_that_is_no_id_is_refused(dilemma: Path) -> None:
    (line,) = problems(dilemma, {"variants/dilemma/my variant.toml": PROMPTS})
    assert line.startswith("variants/dilemma/my variant.toml: the file's name becomes the variant's id")


def test_two_baselines_are_refused(dilemma: Path) -> None:
    two = {f"variants/dilemma/{name}.toml": PROMPTS + "baseline = true\n" for name in ("one", "two")}
    (line,) = problems(dilemma, dict(two))
    assert line.startswith("variants/dilemma/: only one file may say 'baseline = true': ") and "one, two" in line


def test_without_a_marked_baseline_the_first_is_taken_and_said(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "experiments/politeness.py": POLITENESS,
        "variants/politeness/kind.toml": 'greeting = "Please"',
        "variants/politeness/curt.toml": 'greeting = "Now"',
    }
    found = scan(write(tmp_path, files)).find("politeness")
    assert found.baseline == "curt" and "'curt' is taken as the baseline" in found.notes[0]


def test_variants_that_need_more_than_text_cannot_be_left_out(tmp_path: Path) -> None:
    source = POLITENESS.replace("greeting: str", "greeting: str\n    volume: int")
    (line,) = problems(tmp_path, {"experiments/politeness.py": source})
    assert line == "variants/politeness/: no variant found, and volume has no default; add a TOML file"


@pytest.mark.parametrize("command", ["run", "plan", "list", "doctor"])
def test_every_command_that_needs_the_files_refuses_a_broken_one(tmp_path: Path, command: str) -> None:
    project = make_project(tmp_path)
    write(project.root, {"variants/dilemma/bribe.toml": 'label = "Bribe"\n'})
    ended = project.trialbed(command)
    assert ended.code == 2
    assert "variants/dilemma/bribe.toml: prompts: field required" in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr and not (project.root / "local_backups").exists()
