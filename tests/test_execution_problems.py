"""Are the shipped problems what their programs really do, and made as documented? What does the command tell a user?"""

import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from experiments._execution.calls import call_of
from experiments._execution.making import as_line, made_of
from experiments._execution.mutator import KINDS, mutations
from experiments._execution.sandbox import Gave, run
from experiments._execution.selection import tells_apart

FOLDER = Path(__file__).parents[1] / "experiments" / "_execution"
COMMAND = FOLDER / "make_mutants.py"
SEED = 1
"""What the shipped file was made with."""
SOURCE = (FOLDER / "problems_source.jsonl").read_text(encoding="utf-8")
SHIPPED = (FOLDER / "problems.jsonl").read_text(encoding="utf-8")
PROBLEMS: list[dict[str, Any]] = [json.loads(line) for line in SHIPPED.splitlines()]
ONE_CASE = [
    "id", "question_id", "function_name", "code", "input", "output", "mutated_code", "mutated_output", "difficulty",
    "mutation_info",
]  # fmt: skip
MANY_CASES = [f"{name}s" if name.endswith("put") else name for name in ONE_CASE]


def cases(problem: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Of each test case the call, the original's output and the mutant's."""
    if "inputs" in problem:
        found = zip(problem["inputs"], problem["outputs"], problem["mutated_outputs"], strict=True)
    else:
        found = zip([problem["input"]], [problem["output"]], [problem["mutated_output"]], strict=True)
    return [(call_of(problem["function_name"], text), own, other) for text, own, other in found]


def literals(value: object) -> list[object]:
    """A value and all that is in it."""
    match value:
        case list() | tuple() | set():
            inner = list(value)
        case dict():
            inner = [*value.keys(), *value.values()]
        case _:
            inner = []
    return [value, *(one for part in inner for one in literals(part))]


# What is shipped


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem["id"])
def test_both_programs_of_a_shipped_row_still_give_what_is_recorded(problem: dict[str, Any]) -> None:
    calls = [call for call, _, _ in cases(problem)]
    assert run(problem["code"], calls) == tuple(Gave(own) for _, own, _ in cases(problem))
    assert run(problem["mutated_code"], calls) == tuple(Gave(other) for _, _, other in cases(problem))


def test_the_shipped_file_is_what_the_mutator_makes_of_its_source() -> None:
    made = [problem for _, problem in made_of(SOURCE, seed=SEED)]
    assert "".join(as_line(problem) for problem in made if isinstance(problem, dict)) == SHIPPED
    assert len(made) == len(PROBLEMS)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem["id"])
def test_a_shipped_mutant_is_one_of_the_documented_edits(problem: dict[str, Any]) -> None:
    (edit,) = [edit for edit in mutations(problem["code"]) if edit.info() == problem["mutation_info"]]
    code = problem["code"]
    assert code[: edit.start] + edit.after + code[edit.start + len(edit.before) :] == problem["mutated_code"]


def test_every_row_has_the_fields_and_no_others() -> None:
    for problem in PROBLEMS:
        assert list(problem) == (MANY_CASES if "inputs" in problem else ONE_CASE), problem["id"]
        assert problem["difficulty"] in {"easy", "medium", "hard"}


def test_every_program_is_short_and_clean_and_defines_its_function() -> None:
    for problem in PROBLEMS:
        for code in (problem["code"], problem["mutated_code"]):
            lines = code.split("\n")
            assert lines.pop() == "" and lines[-1] != "" and 5 <= len(lines) <= 25, problem["id"]
            assert code.isascii() and "\t" not in code and all(line == line.rstrip() for line in lines), problem["id"]
            assert max(map(len, lines)) <= 110, problem["id"]
            tree = ast.parse(code)
            assert problem["function_name"] in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_ids_are_unique_and_some_questions_have_several_programs() -> None:
    assert len({problem["id"] for problem in PROBLEMS}) == len(PROBLEMS) >= 45
    per_question = Counter(problem["question_id"] for problem in PROBLEMS)
    assert len(per_question) >= 30 and sum(count > 1 for count in per_question.values()) >= 8
    assert len({problem["code"] for problem in PROBLEMS}) == len(PROBLEMS)


def test_all_kinds_and_difficulties_are_well_represented() -> None:
    kinds = Counter(problem["mutation_info"]["mutation_type"] for problem in PROBLEMS)
    assert set(kinds) == set(KINDS) and min(kinds.values()) >= 8
    difficulties = Counter(problem["difficulty"] for problem in PROBLEMS)
    assert min(difficulties[name] for name in ("easy", "medium", "hard")) >= 8


def test_outputs_and_inputs_are_of_many_types() -> None:
    outputs = [ast.literal_eval(text) for problem in PROBLEMS for _, *both in cases(problem) for text in both]
    found = [one for output in outputs for one in literals(output)]
    assert {type(one) for one in found} == {int, float, bool, str, type(None), list, tuple, dict, set}
    assert [] in outputs and any(type(one) is int and one < 0 for one in found if one is not None)
    assert sum(any(type(one) is float for one in literals(output)) for output in outputs) >= 8
    booleans = [problem for problem in PROBLEMS if any(own in {"True", "False"} for _, own, _ in cases(problem))]
    assert len(booleans) >= 6
    calls = [call for problem in PROBLEMS for call, _, _ in cases(problem)]
    texts = " ".join(
        node.value for call in calls for node in ast.walk(ast.parse(call))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )  # fmt: skip
    assert all(sign in texts for sign in ("'", '"', "(", ")", ",", "==", "#"))


def test_both_forms_of_input_and_several_cases_occur() -> None:
    texts = [text for problem in PROBLEMS for text in problem.get("inputs", [problem.get("input")])]
    calls = [call for problem in PROBLEMS for call, _, _ in cases(problem)]
    assert sum(text != call for text, call in zip(texts, calls, strict=True)) >= 4
    several = sum("inputs" in problem for problem in PROBLEMS)
    assert 15 <= several <= len(PROBLEMS) - 15


def test_a_mutant_tells_itself_apart_on_every_case_but_for_few() -> None:
    alike = [[own == other for _, own, other in cases(problem)] for problem in PROBLEMS]
    assert 2 <= sum(map(any, alike)) <= 5 and not any(map(all, alike))
    for problem in PROBLEMS:
        assert all(own == other or tells_apart(own, other) for _, own, other in cases(problem))


# The command


def row(**changes: Any) -> dict[str, Any]:
    program = "def f(x):\n    # one more\n    return x + 1\n"
    return {"id": "a", "question_id": "q", "function_name": "f", "code": program, "input": "f(1)"} | changes


def command(folder: Path, *rows: Any, seed: int = 0) -> subprocess.CompletedProcess[str]:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in rows]
    (folder / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    arguments = [sys.executable, str(COMMAND), "in.jsonl", "out.jsonl", "--seed", str(seed)]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=60)


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_command_makes_a_problem_of_a_program_of_ones_own(tmp_path: Path) -> None:
    done = command(tmp_path, row(), row(id="b", input="41", difficulty="easy", source="ours"))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "out.jsonl: 2 rows, 0 of them without a mutant\n"
    first, second = written(tmp_path)
    assert first["output"] == "2" and first["difficulty"] is None and list(first) == ONE_CASE
    assert second["output"] == "42" and second["mutated_output"] in {"40", "41", "43"}
    assert second["difficulty"] == "easy" and second["source"] == "ours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_the_same_seed_writes_the_same_bytes_whatever_stands_around_a_row(tmp_path: Path) -> None:
    command(tmp_path, row(), row(id="b"), seed=5)
    first = (tmp_path / "out.jsonl").read_bytes()
    command(tmp_path, row(), row(id="b"), seed=5)
    assert (tmp_path / "out.jsonl").read_bytes() == first
    command(tmp_path, row(id="b"), seed=5)
    assert (tmp_path / "out.jsonl").read_bytes() == first.splitlines(keepends=True)[1]


def test_rows_without_a_mutant_are_written_and_counted(tmp_path: Path) -> None:
    plain = "def f(x):\n    return x\n"
    done = command(tmp_path, row(code=plain), row(id="b", code=plain, inputs=["1", "2"], input=None), row(id="c"))
    assert done.returncode == 2 and "give either" in done.stderr
    many = {name: value for name, value in row(id="b", code=plain, inputs=["1", "2"]).items() if name != "input"}
    done = command(tmp_path, row(code=plain), many, "", row(id="c"))
    assert done.returncode == 0 and "3 rows, 2 of them without a mutant" in done.stderr
    first, second, third = written(tmp_path)
    assert first["output"] == "1"
    assert [first[name] for name in ("mutated_code", "mutated_output", "mutation_info")] == [None] * 3
    assert second["outputs"] == ["1", "2"] and second["mutated_code"] is None and second["mutated_outputs"] is None
    assert third["mutated_code"] is not None


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "in.jsonl:2: no JSON"),
        ("[1]", "in.jsonl:2: no JSON object; write one a line"),
        (row(id="a"), "in.jsonl:2: id: 'a' is that of line 1 already; give each row its own"),
        ({"id": "b"}, "in.jsonl:2: question_id: is missing; give one to each row"),
        (row(id="b", code=7), "in.jsonl:2: code: must be text; give one to each row"),
        (row(id="b", inputs=["1"]), "in.jsonl:2: input: give either `input`, one text, or `inputs`"),
        (row(id="b", input=[1]), "in.jsonl:2: input: must be text; write calls as source text"),
        (row(id="b", input="(1"), "in.jsonl:2: input: '(1' is neither a call of f nor arguments for one"),
        (row(id="b", function_name="f g"), "in.jsonl:2: input: 'f g' is no name of a function"),
        (row(id="b", input="'x'"), "in.jsonl:2: code: on f('x') the program raised TypeError"),
        (row(id="b", code="def f(x): return object()"), "the program gave something that is no literal: object"),
        (row(id="b", code="def f(x): return open('/etc/hostname')"), "the program tried what it may not: open"),
        (row(id="b", code="def f("), "the program cannot be run: SyntaxError"),
        (row(id="b", code="def f(x): return __import__('random').random()"), "does not always give the same"),
        (row(id="b", mutation_types=["odd"]), "in.jsonl:2: mutation_types: must be a list of some of arithmetic"),
        ('{"id": "\\ud800"}', "in.jsonl:2: half of a surrogate pair"),
        (row(id="b\x1b[31m", input="f("), "in.jsonl:2: input: 'f(' is neither"),
    ],
)
def test_what_is_wrong_is_said_on_one_line_and_nothing_is_written(tmp_path: Path, bad: Any, said: str) -> None:
    done = command(tmp_path, row(), bad)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr and done.stderr.rstrip("\n").isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_an_older_file_stays_when_a_row_is_wrong(tmp_path: Path) -> None:
    command(tmp_path, row())
    before = (tmp_path / "out.jsonl").read_bytes()
    assert command(tmp_path, row(), row()).returncode == 2
    assert (tmp_path / "out.jsonl").read_bytes() == before


def test_every_wrong_row_is_told_at_once(tmp_path: Path) -> None:
    done = command(tmp_path, row(code=1), row(id="b"), row(id="c", input="("))
    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == ["in.jsonl:1:", "in.jsonl:3:"]


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(row()))
    for arguments, said in (
        (["none.jsonl", "out.jsonl"], "none.jsonl: cannot be read"),
        (["in.jsonl", "no/such/out.jsonl"], "no/such/out.jsonl: cannot be written"),
        (["in.jsonl", "."], ".: cannot be written"),
    ):
        done = subprocess.run([sys.executable, str(COMMAND), *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
