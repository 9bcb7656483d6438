"""Which test cases do the rows of a file or of a data set on the Hub make? What is said of those passed over?"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from hypothesis import given
from hypothesis import strategies as st

from experiments._execution.loading import Loaded, Wanted, load
from experiments.execution_choice import experiment as choice
from experiments.execution_prediction import experiment as prediction
from tests.standins.hub import HubStandIn
from tests.support.project import Ended, make_project
from trialbed.core.cluster import cluster_of
from trialbed.core.errors import UserError
from trialbed.material import rows_of

Row = dict[str, Any]

CODE, MUTANT = "def f(x):\n    return x + 1\n", "def f(x):\n    return x - 1\n"
COLUMNS = ("id", "question_id", "function_name", "code", "input", "output", "mutated_code", "mutated_output")
LISTED = {"input": "inputs", "output": "outputs", "mutated_output": "mutated_outputs"}
NO_MUTANT = "rows without mutated_code were passed over"
NO_CODE = "rows without code or function_name were passed over"
NOT_AS_MANY = "rows whose inputs and outputs are not as many were passed over"
NO_CASE = "rows without a test case were passed over"
NO_LITERAL = "test cases whose input is no call or whose output is no Python literal were passed over"
BOOLEAN = "test cases with a boolean output were left out"
OF_ROWS = (NO_MUTANT, NO_CODE, NOT_AS_MANY, NO_CASE)


def row(name: Any = "r1", question: Any = "q1", **changes: Any) -> Row:
    """A row of one test case that can be used."""
    usable = {
        "id": name,
        "question_id": question,
        "function_name": "f",
        "code": CODE,
        "input": "f(1)",
        "output": "2",
        "mutated_code": MUTANT,
        "mutated_output": "0",
    }
    return usable | changes


def listed(name: str = "r1", question: str = "q1", **changes: Any) -> Row:
    """A row of three test cases that can be used."""
    singles = row(name, question)
    for single in LISTED:
        del singles[single]
    lists = {"inputs": ["f(1)", "f(2)", "3"], "outputs": ["2", "3", "4"], "mutated_outputs": ["0", "1", "2"]}
    return singles | lists | changes


def without(one: Row, *names: str) -> Row:
    return {name: value for name, value in one.items() if name not in names}


def loaded(*rows: Row, **wanted: Any) -> Loaded:
    return load(rows, Wanted(**wanted), where="mine.jsonl")


def refused(*rows: Row, **wanted: Any) -> str:
    with pytest.raises(UserError) as raised:
        loaded(*rows, **wanted)
    text = str(raised.value)
    assert text.startswith("mine.jsonl: ") and len(text.splitlines()) == 1
    return text


# --- What a row may look like --------------------------------------------------------------------


def test_a_row_becomes_one_case_with_all_it_says() -> None:
    (case,) = loaded(row(difficulty="hard", mutation_info={"mutation_type": "arithmetic", "line": 2})).cases
    assert (case.id, case.question_id, case.row) == ("q1/r1", "q1", "r1")
    assert (case.call, case.code, case.output) == ("f(1)", CODE, "2")
    assert (case.mutated_code, case.mutated_output) == (MUTANT, "0")
    assert (case.difficulty, case.mutation_type) == ("hard", "arithmetic")


def test_every_test_case_of_lists_is_a_case_of_its_own_with_a_number() -> None:
    found = loaded(listed())
    assert [case.id for case in found.cases] == ["q1/r1#0", "q1/r1#1", "q1/r1#2"]
    assert [case.call for case in found.cases] == ["f(1)", "f(2)", "f(3)"]
    assert [(case.output, case.mutated_output) for case in found.cases] == [("2", "0"), ("3", "1"), ("4", "2")]
    assert found.problems == 1 and found.notes == []


def test_lists_of_one_are_the_same_as_no_lists() -> None:
    assert loaded(listed(inputs=["f(1)"], outputs=["2"], mutated_outputs=["0"])).cases == loaded(row()).cases


def test_original_code_stands_for_code_and_names_may_be_mixed_between_rows() -> None:
    other = without(row("r2"), "code") | {"original_code": CODE}
    first, second = loaded(row("r1", original_code=None), other | {"code": None}).cases
    assert first.code == second.code == CODE


@pytest.mark.parametrize(
    ("given", "call"),
    [
        ("f(1)", "f(1)"),
        (" f(1)\n", "f(1)"),
        ("1", "f(1)"),
        ("(1, 2)", "f((1, 2))"),
        ("1, x=2", "f(1, x=2)"),
        ("", "f()"),
        ("g(1)", "f(g(1))"),
        ("1  # one", "f(\n1  # one\n)"),
    ],
)
def test_an_input_is_a_call_or_its_arguments(given: str, call: str) -> None:
    assert [case.call for case in loaded(row(input=given)).cases] == [call]


@pytest.mark.parametrize(
    ("output", "text"),
    [(2, "2"), ([1, "a"], "[1, 'a']"), (True, "True"), ("'a'", "'a'"), ("None", "None"), ({"a": 1.5}, "{'a': 1.5}")],
)
def test_an_output_that_is_no_text_is_written_as_python_writes_it(output: Any, text: str) -> None:
    assert [case.output for case in loaded(row(output=output)).cases] == [text]


@pytest.mark.parametrize("value", ["x + 1", "f(1)", "", "two", float("nan"), None, "[1, 2"])
@pytest.mark.parametrize("column", ["output", "mutated_output"])
def test_an_output_that_is_no_literal_is_passed_over_counted_and_named(column: str, value: Any) -> None:
    """Null too: as an answer, None is written "None"; a cell left empty must not become a right answer."""
    found = loaded(row("bad", **{column: value}), row("good"))
    assert [case.row for case in found.cases] == ["good"]
    assert found.notes == [f"1 {NO_LITERAL} (bad)"]


@pytest.mark.parametrize("value", ["f(1", "1; 2", "lambda: (", 7, None, ["f(1)"]])
def test_an_input_that_is_no_call_is_passed_over_counted_and_named(value: Any) -> None:
    found = loaded(row("bad", input=value), row("good"))
    assert [case.row for case in found.cases] == ["good"]
    assert found.notes == [f"1 {NO_LITERAL} (bad)"]


def test_of_a_list_only_the_test_case_that_cannot_be_used_is_passed_over() -> None:
    found = loaded(listed(outputs=["2", "oops", "4"]))
    assert [case.id for case in found.cases] == ["q1/r1#0", "q1/r1#2"]
    assert found.notes == [f"1 {NO_LITERAL} (r1#1)"]


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": ["2", "3"]},
        {"mutated_outputs": ["0", "1", "2", "3"]},
        {"inputs": ["f(1)"]},
        {"outputs": []},
        {"mutated_outputs": None},
        {"outputs": "2"},
    ],
)
def test_a_row_whose_lists_are_not_as_long_as_each_other_is_passed_over_whole(change: Row) -> None:
    found = loaded(listed("bad", **change), row("good"))
    assert [case.row for case in found.cases] == ["good"]
    assert found.notes == [f"1 {NOT_AS_MANY} (bad)"]


def test_a_row_of_empty_lists_is_not_lost_in_silence() -> None:
    found = loaded(listed("bad", inputs=[], outputs=[], mutated_outputs=[]), row("good"))
    assert found.notes == [f"1 {NO_CASE} (bad)"]


@pytest.mark.parametrize("change", [{"code": None}, {"code": "  \n"}, {"code": 7}, {"function_name": None}])
def test_a_row_without_its_program_or_its_functions_name_is_passed_over(change: Row) -> None:
    found = loaded(row("bad", **change), row("good"))
    assert found.notes == [f"1 {NO_CODE} (bad)"]


# --- Rows without a mutant -----------------------------------------------------------------------

NO_MUTANTS = [row("null", mutated_code=None), row("empty", mutated_code=" "), without(row("absent"), "mutated_code")]


def test_rows_without_a_mutant_are_passed_over_with_a_count_and_named() -> None:
    found = loaded(*NO_MUTANTS[:2], row("good"), NO_MUTANTS[2])
    assert [case.row for case in found.cases] == ["good"]
    assert found.notes == [f"3 {NO_MUTANT} (null, empty, absent)"]


def test_of_many_rows_passed_over_three_are_named_and_all_are_counted() -> None:
    found = loaded(row("good"), *(row(f"bad{number}", mutated_code=None) for number in range(7)))
    assert found.notes == [f"7 {NO_MUTANT} (bad0, bad1, bad2, …)"]


def test_they_are_kept_where_that_is_asked_and_then_have_neither_program_nor_output_of_a_mutant() -> None:
    found = loaded(*NO_MUTANTS, row("good"), takes_unmutated=True)
    assert [case.has_mutant for case in found.cases] == [False, False, False, True]
    assert {(case.mutated_code, case.mutated_output) for case in found.cases[:3]} == {(None, None)}
    assert not any(case.tells_apart or case.counts_for_reversion for case in found.cases[:3])
    assert found.notes == []


def test_kept_rows_need_no_column_of_mutants_at_all() -> None:
    only_original = without(row(), "mutated_code", "mutated_output")
    assert len(loaded(only_original, takes_unmutated=True).cases) == 1
    assert "no column mutated_code;" in refused(only_original)


def test_a_prediction_asks_the_original_only_of_a_row_without_a_mutant_and_a_choice_never_asks_it() -> None:
    rows, wanted = [*NO_MUTANTS, row("good")], {"include_missing_mutations": True}
    kept = prediction.of_rows(rows, wanted, where="mine")
    assert [case.row for case in kept.scenarios] == ["good"]
    assert [case.row for case in kept.baseline_only] == ["null", "empty", "absent"]
    assert kept.notes == ()
    chosen = choice.of_rows(rows, wanted, where="mine")
    assert [case.row for case in chosen.scenarios] == ["good"] and chosen.baseline_only == ()
    assert chosen.notes == (f"mine: 3 {NO_MUTANT} (null, empty, absent)",)
    assert chosen.counts == {"problems": 1, "test_cases": 1, "skipped": {NO_MUTANT: 3}}


# --- Columns and ids -----------------------------------------------------------------------------


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_no_row_has_is_named_with_those_that_are_there(column: str) -> None:
    said = refused(without(row("r1"), column), without(row("r2"), column))
    also = {"code": " (or original_code)", **{name: f" (or {several})" for name, several in LISTED.items()}}
    assert f"no column {column}{also.get(column, '')}; it has: " in said
    assert all(other in said.partition("it has: ")[2] for other in COLUMNS if other != column)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_one_row_has_is_no_absent_column(column: str) -> None:
    assert loaded(row("r1"), without(row("r2"), column)).problems >= 1


def test_two_rows_of_one_id_are_refused_even_if_one_of_them_cannot_be_used() -> None:
    assert "two rows are named 'r1'" in refused(row("r1"), row("r1", "q2"))
    assert "two rows are named 'r1'" in refused(row("r1"), row("r1", mutated_code=None))
    assert "two rows are named '7'" in refused(row(7), row("7"))


def test_slashes_in_ids_cannot_be_mistaken_for_the_one_between_question_and_row() -> None:
    (case,) = loaded(row("a/b/c", "contest/1")).cases
    assert (case.id, case.question_id, case.row) == ("contest_1/a_b_c", "contest_1", "a/b/c")
    assert cluster_of(case.id) == case.question_id


@pytest.mark.parametrize(
    "rows",
    [
        (row("a/b"), row("a_b")),
        (row("b", "x/y"), row("b/", "x_y"), row("b_", "x_y")),
        (listed("a"), row("a#1")),
    ],
)
def test_rows_that_would_come_to_one_test_case_are_refused_by_both_their_names(rows: tuple[Row, ...]) -> None:
    said = refused(*rows)
    assert "make one test case" in said and repr(rows[-1]["id"]) in said


def test_rows_of_one_question_are_one_cluster_and_a_row_without_question_is_one_by_itself() -> None:
    rows = [row("r1", "q"), listed("r2", "q"), row("r3", None), row("r4", ""), listed("r5", None)]
    clusters = [cluster_of(case.id) for case in loaded(*rows).cases]
    assert clusters == ["q"] * 4 + ["r3", "r4"] + ["r5"] * 3


def test_a_question_may_be_a_number_also_nought() -> None:
    assert [case.id for case in loaded(row(0, 0), row(1, 0), row(2, 1)).cases] == ["0/0", "0/1", "1/2"]


def test_a_row_without_id_is_named_for_its_question_else_for_its_place() -> None:
    rows = [row(None, "q"), row("", None), row(None, "")]
    assert [case.id for case in loaded(*rows).cases] == ["q/q", "row-2/row-2", "row-3/row-3"]


# --- Which of them are wanted --------------------------------------------------------------------

TEN = [listed(f"r{number}") if number % 2 else row(f"r{number}") for number in range(10)]


@pytest.mark.parametrize(
    ("most", "start", "chosen"),
    [
        (3, 0, [0, 1, 2]),
        (3, 2, [2, 3, 4]),
        (20, 8, [8, 9]),
        (0, 0, [*range(10)]),
        (-1, 7, [7, 8, 9]),
        (None, 0, [*range(10)]),
    ],
)
def test_problems_are_counted_not_their_test_cases(most: int | None, start: int, chosen: list[int]) -> None:
    wanted = {"num_problems": most, "start_index": start}
    found = prediction.of_rows(TEN, wanted, where="mine")
    assert list(dict.fromkeys(case.row.partition("#")[0] for case in found.scenarios)) == [f"r{n}" for n in chosen]
    assert found.counts["problems"] == len(chosen)
    assert found.counts["test_cases"] == sum(3 if number % 2 else 1 for number in chosen) == len(found.scenarios)


def test_the_start_index_counts_usable_problems_only() -> None:
    rows = [row("bad", mutated_code=None), row("r0"), row("bad2", output="oops"), row("r1"), row("r2")]
    assert [case.row for case in loaded(*rows, start=1, most=1).cases] == ["r1"]


def test_boolean_outputs_can_be_left_out_by_test_case_and_are_counted() -> None:
    rows = [
        row("r1", output="True"),
        row("r2", mutated_output="False"),
        listed("r3", outputs=["2", "True", "4"]),
        row("r4", output="[True]"),
        row("r5", output="1", mutated_output="0"),
    ]
    found = loaded(*rows, skips_boolean=True)
    assert [case.row for case in found.cases] == ["r3#0", "r3#2", "r4", "r5"]
    assert found.notes == [f"3 {BOOLEAN} (r1, r2, r3#1)"]
    assert found.problems == 3
    assert len(loaded(*rows).cases) == 7 and loaded(*rows).notes == []


def test_nothing_left_is_one_line_that_says_why() -> None:
    assert "no problem is left to ask about (it has no rows); choose others" in refused()
    said = refused(*NO_MUTANTS, row("r1", output="True"), skips_boolean=True)
    assert f"(3 {NO_MUTANT}; 1 {BOOLEAN}; 0 of 4 rows can be used, and the start index is 0)" in said
    assert "(2 of 2 rows can be used, and the start index is 5)" in refused(row("r1"), row("r2"), start=5)


# --- Nothing is lost -----------------------------------------------------------------------------

DEFECTS: list[tuple[str | None, Row]] = [
    (None, {}),
    (None, {"mutation_info": {"mutation_type": "number"}}),
    (NO_MUTANT, {"mutated_code": None}),
    (NO_MUTANT, {"mutated_code": ""}),
    (NO_CODE, {"code": None}),
    (NO_CODE, {"function_name": None}),
    (NO_LITERAL, {"input": "f("}),
    (NO_LITERAL, {"output": "oops"}),
    (NO_LITERAL, {"mutated_output": None}),
    (NOT_AS_MANY, {"inputs": ["1", "2"]}),
    (NOT_AS_MANY, {"inputs": ["1", "2"], "outputs": ["1"], "mutated_outputs": ["1", "2"]}),
    (NO_CASE, {"inputs": [], "outputs": [], "mutated_outputs": []}),
    (BOOLEAN, {"output": "True"}),
    (None, {"inputs": ["1", "2"], "outputs": ["1", "2"], "mutated_outputs": ["2", "3"]}),
]
"""Why a row is passed over when booleans are left out, and what is wrong with it; None = nothing."""


@given(
    st.lists(st.tuples(st.sampled_from(DEFECTS), st.integers(0, 3)), max_size=12),
    st.booleans(),
    st.booleans(),
    st.integers(0, 4),
    st.one_of(st.none(), st.integers(1, 4)),
)
def test_what_is_not_passed_over_is_loaded_and_the_counts_add_up_to_the_rows(
    drawn: list[tuple[tuple[str | None, Row], int]], skips: bool, unmutated: bool, start: int, most: int | None
) -> None:
    rows = [row("whole"), *(row(f"r{n}", f"q{question}", **change) for n, ((_, change), question) in enumerate(drawn))]
    reasons = [None, *(why for (why, _), _ in drawn)]
    passed = [
        why if why not in (NO_MUTANT if unmutated else None, None if skips else BOOLEAN) else None for why in reasons
    ]
    usable = [one["id"] for one, why in zip(rows, passed, strict=True) if why is None]
    wanted = Wanted(most=most, start=start, skips_boolean=skips, takes_unmutated=unmutated)
    if not usable[start:]:
        with pytest.raises(UserError, match="no problem is left"):
            load(rows, wanted, where="mine")
        return
    found = load(rows, wanted, where="mine")
    assert found.skipped == {why: passed.count(why) for why in dict.fromkeys(passed) if why is not None}
    assert len(usable) + sum(found.skipped.values()) == len(rows)
    assert list(dict.fromkeys(case.row.partition("#")[0] for case in found.cases)) == usable[start:][:most]
    assert found.problems == len(usable[start:][:most])
    assert len({case.id for case in found.cases}) == len(found.cases)
    assert {why: len(names) for why, names in found.examples.items()} == {
        why: min(3, count) for why, count in found.skipped.items()
    }
    for case in found.cases:
        assert case.id.count("/") == 1 and cluster_of(case.id) == case.question_id
        assert skips is False or not case.is_boolean


# --- From a file ---------------------------------------------------------------------------------

ROWS = [row("r1"), listed("r2"), row("r3", note="a\u2028b\u2029c\u0085d")]


def file_of(folder: Path, text: str | bytes, name: str = "mine.jsonl") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def read(path: str) -> list[Mapping[str, Any]]:
    return rows_of(path, split=None, token=None)


def refused_file(path: str) -> str:
    with pytest.raises(UserError) as raised:
        read(path)
    text = str(raised.value)
    assert text.startswith(f"--dataset: {path}") and len(text.splitlines()) == 1
    return text.removeprefix(f"--dataset: {path}")


LINES = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in ROWS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine.jsonl", LINES),
        ("mine.ndjson", LINES.replace("\n", "\r\n")),
        ("mine.jsonl", "\n" + LINES.replace("\n", "\n\n")),
        ("mine.jsonl", LINES.removesuffix("\n")),
        ("mine.jsonl", "\ufeff" + LINES),
        ("mine.json", LINES),
        ("mine.json", json.dumps(ROWS)),
        ("mine.json", "\ufeff" + json.dumps(ROWS, indent=2, ensure_ascii=False)),
        ("mine.json", json.dumps({"data": ROWS})),
        ("mine.json", json.dumps({"version": 1, "rows": ROWS}, indent=1)),
        ("mine.json", json.dumps({"problems": ROWS})),
        ("mine.json", json.dumps({"examples": ROWS})),
        ("rows-without-suffix", LINES),
    ],
)
def test_the_same_rows_come_from_every_form_of_file(tmp_path: Path, name: str, text: str) -> None:
    """Separators that Python takes for line ends may stand inside of strings."""
    found = read(file_of(tmp_path, text, name))
    assert found == ROWS
    assert [case.id for case in load(found, Wanted(), where=name).cases][-1] == "q1/r3"


def test_a_file_of_one_line_is_one_row_and_an_empty_list_has_none(tmp_path: Path) -> None:
    assert read(file_of(tmp_path, json.dumps(ROWS[0]))) == ROWS[:1]
    assert read(file_of(tmp_path, "[]", "mine.json")) == []


@pytest.mark.parametrize("name", ["mine.jsonl", "mine.json"])
def test_a_broken_line_is_named_with_its_number_and_with_no_other(tmp_path: Path, name: str) -> None:
    lines = LINES.split("\n")
    lines[2] = lines[2][:20]
    said = refused_file(file_of(tmp_path, "\n".join(lines), name))
    assert said.startswith(":3: not JSON (") and "line 1" not in said and "correct the line" in said


@pytest.mark.parametrize("whole", [ROWS, {"data": ROWS}])
def test_a_mistake_in_a_list_over_many_lines_is_named_where_it_stands(tmp_path: Path, whole: Any) -> None:
    lines = json.dumps(whole, indent=2).split("\n")
    broken = next(number for number, line in enumerate(lines, 1) if "mutated_code" in line)
    lines[broken - 1] = lines[broken - 1].replace(":", "")
    assert refused_file(file_of(tmp_path, "\n".join(lines), "mine.json")).startswith(f":{broken}: not JSON (")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", ": is neither JSON nor JSON Lines"),
        (b"id,code\n1,x\n", ": is neither JSON nor JSON Lines"),
        (LINES.encode("utf-16"), ": not UTF-8 text; save it as UTF-8"),
        (b'{"id": "\xff"}\n', ": not UTF-8 text; save it as UTF-8"),
        (b'{"id": 1}\n[1, 2]\n', ": row 2 is no object but list"),
        (b'{"id": 1}\n"x"\n', ": row 2 is no object but str"),
        (b'[{"id": 1}, null]', ": row 2 is no object but NoneType"),
        (b"[" * 100_000, ": is nested too deeply"),
        (b'{"a": 1}\n{"b": ' + b"[" * 100_000 + b"\n", ":2: is nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}\n", ":1: not JSON ("),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, text: bytes, said: str) -> None:
    assert refused_file(file_of(tmp_path, text)).startswith(said)


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    assert ": cannot be read (No such file or directory)" in refused_file(str(tmp_path / "none.jsonl"))
    (tmp_path / "folder.json").mkdir()
    assert ": cannot be read (Is a directory)" in refused_file(str(tmp_path / "folder.json"))


# --- From the Hub --------------------------------------------------------------------------------

REPO = "user/problems"
READ = """
import json, sys
from trialbed.core.cluster import cluster_of
from trialbed.core.errors import UserError
from trialbed.material import rows_of
try:
    print(json.dumps(rows_of(sys.argv[1], split=sys.argv[2] or None, token=sys.argv[3] or None)))
except UserError as error:
    sys.exit(str(error))
"""
HUB_ROWS = [listed("r1", "q1"), listed("r2", "q2", mutated_code=None), listed("r3", "q2")]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubStandIn]:
    """Holds a private data set with a split of two rows and one of a single row."""
    with HubStandIn(seed=7) as stand_in:
        api = HfApi(endpoint=stand_in.endpoint, token=stand_in.token)
        api.create_repo(REPO, repo_type="dataset", private=True)
        splits = {"train": HUB_ROWS[:2], "test": HUB_ROWS[2:]}
        files = {
            f"data/{split}.jsonl": "".join(json.dumps(one) + "\n" for one in rows) for split, rows in splits.items()
        }
        api.create_commit(
            REPO,
            [CommitOperationAdd(path, text.encode()) for path, text in files.items()],
            repo_type="dataset",
            commit_message="rows",
        )
        yield stand_in


def read_from(hub: HubStandIn, home: Path, *, repo: str = REPO, split: str = "", token: str = "") -> Ended:
    """What `rows_of` gives in a process of its own, whose surroundings hold no token."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), **hub.client_environment(home, token=None)}
    done = subprocess.run(
        [sys.executable, "-c", READ, repo, split, token],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(("split", "rows"), [("", HUB_ROWS[:2]), ("train", HUB_ROWS[:2]), ("test", HUB_ROWS[2:])])
def test_a_private_data_set_is_read_with_its_token_by_split(
    hub: HubStandIn, tmp_path: Path, split: str, rows: list[Row]
) -> None:
    ended = read_from(hub, tmp_path, split=split, token=hub.read_only_token)
    assert ended.code == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found == rows
    assert [case.row for case in load(found, Wanted(), where=REPO).cases] == [
        f"{one['id']}#{number}" for one in rows if one["mutated_code"] for number in range(3)
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"repo": "user/no-such-thing", "token": HubStandIn.token}, "user/no-such-thing (split train)"),
        ({"split": "validation", "token": HubStandIn.token}, "user/problems (split validation)"),
        ({}, "user/problems (split train)"),
        ({"token": "hf_not_a_token_of_anybody_000000"}, "user/problems (split train)"),
        ({"token": "hf_standin\nwrite_token_000000000000"}, "user/problems (split train)"),
    ],
)
def test_what_the_hub_does_not_give_is_named_in_one_line_without_the_token(
    hub: HubStandIn, tmp_path: Path, asked: dict[str, str], said: str
) -> None:
    ended = read_from(hub, tmp_path, **asked)
    assert ended.code == 1 and ended.stdout == ""
    line = ended.stderr.splitlines()[-1]
    assert line.startswith(f"--dataset: {said}: cannot be read (") and "--split and HF_TOKEN" in line
    assert "Traceback" not in ended.stderr
    for part in asked.get("token", "").split("\n"):
        assert not part or part not in ended.stderr


def ask(hub: HubStandIn, root: Path, *arguments: str, env_file: str, **variables: str) -> Ended:
    """`trialbed execution` about a data set of the Hub, rehearsed; the token is in the project's `.env` only."""
    project = make_project(root, **hub.client_environment(root / "hf", token=None), **variables)
    (project.root / ".env").write_text(env_file, encoding="utf-8")
    command = ("execution", "--model-id", "rehearsal:subject", "--pred-generations", "1", *arguments)
    return project.trialbed(*command, timeout_s=120.0)


def test_the_command_reads_a_private_data_set_with_the_token_of_the_env_file(hub: HubStandIn, tmp_path: Path) -> None:
    ended = ask(hub, tmp_path, "--dataset", REPO, env_file=f"HF_TOKEN={hub.token}\n")
    assert ended.code == 0, ended.stderr
    assert f"{REPO}: 1 {NO_MUTANT} (r2)" in ended.stderr
    assert "HF_TOKEN reads the data set; nothing is uploaded" in ended.stderr and hub.repo_ids == [REPO]
    (path,) = (line.removeprefix("Results: ") for line in ended.stdout.splitlines() if line.startswith("Results: "))
    written = (tmp_path / "project" / path).read_text(encoding="utf-8")
    assert json.loads(written)["config"]["loaded"]["test_cases"] == 3
    assert hub.token not in written + ended.stdout + ended.stderr


def test_the_command_says_in_one_line_that_a_data_set_is_not_there(hub: HubStandIn, tmp_path: Path) -> None:
    ended = ask(hub, tmp_path, "--dataset", "user/nowhere", env_file=f"HF_TOKEN={hub.token}\n")
    assert (ended.code, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("--dataset: user/nowhere (split train): cannot be read (") and hub.token not in line
