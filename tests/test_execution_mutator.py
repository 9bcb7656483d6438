"""Is a mutant its program but for one edit, where the edit says, and which one is chosen?"""

import ast
import difflib
import io
import json
import tokenize
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments._execution.calls import call_of
from experiments._execution.mutator import KINDS, Kind, Mutation, mutant, mutations
from experiments._execution.sandbox import Limits, Raised
from experiments._execution.selection import Failed, Unsteady, choose, outputs_of, tells_apart

SHIPPED = Path(__file__).parents[1] / "experiments" / "_execution" / "problems_source.jsonl"
PROGRAMS = [json.loads(line)["code"] for line in SHIPPED.read_text(encoding="utf-8").splitlines()]
SHORT = Limits(wall_s=5.0, cpu_s=1)
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def tokens(program: str) -> list[str]:
    """Of a program without its layout; `not in` and `is not` are one operator, as in the grammar."""
    found = [
        token.string for token in tokenize.generate_tokens(io.StringIO(program).readline) if token.type not in LAYOUT
    ]
    joined: list[str] = []
    for token in found:
        if joined and (joined[-1], token) in {("not", "in"), ("is", "not")}:
            joined[-1] += f" {token}"
        else:
            joined.append(token)
    return joined


def edits(program: str) -> list[tuple[Kind, str, str]]:
    return [(edit.kind, edit.before, edit.after) for edit in mutations(program)]


def check_edit(program: str, edit: Mutation) -> None:
    text = mutant(program, edit)
    lines = program.split("\n")
    assert edit.start == sum(len(line) + 1 for line in lines[: edit.line - 1]) + edit.column
    assert program[: edit.start] == text[: edit.start]
    assert program[edit.start :].removeprefix(edit.before) == text[edit.start :].removeprefix(edit.after)
    assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(program))
    before, after = tokens(program), tokens(text)
    (changed,) = [
        code
        for code in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if code[0] != "equal"
    ]
    _, first, last, new_first, new_last = changed
    assert max(last - first, new_last - new_first) == 1
    assert " ".join(before[first:last]) == " ".join(edit.before.split())
    assert " ".join(after[new_first:new_last]) == edit.after.strip()


# The edits


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_exactly_one_token_of_a_shipped_program_differs_where_the_edit_says(program: str) -> None:
    found = mutations(program)
    assert found and list(found) == sorted(set(found)) and found == mutations(program)
    for edit in found:
        check_edit(program, edit)


PARTS = st.sampled_from(
    [
        "a", "b", "é", "max", "any", "0", "1", "10", "2.5", "True", "False", "None", "'a # b'", '"("', "[]", "0x1f",
        "1_0", "1e3",
    ]
)  # fmt: skip
SIGNS = st.sampled_from(
    [
        "+", "-", "*", "//", "%", "/", "**", "<<", ">>", "&", "|", "^", "<", "<=", ">", ">=", "==", "!=", " in ",
        " not  in ", " is ", " is not ", " and ", " or ", "\\\n+", " # +\n - ",
    ]
)  # fmt: skip
EXPRESSIONS = st.recursive(
    PARTS,
    lambda inner: st.one_of(
        st.tuples(inner, SIGNS, inner).map(lambda parts: f"({parts[0]}{parts[1]}({parts[2]}))"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"(not({part}))"),
        inner.map(lambda part: f"(-{part})"),
        st.tuples(inner, inner).map(lambda parts: f"min({parts[0]}, {parts[1]})"),
        inner.map(lambda part: f"all(é for é in a if {part})"),
        st.tuples(inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else 'ż'.upper())"),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, st.sampled_from(["\n", "\r\n"]))
def test_exactly_one_token_of_any_program_differs_where_the_edit_says(expression: str, newline: str) -> None:
    program = (
        f"def f(a, b, é=1):\n    # a comment, ż\n    while {expression}:\n        a += 1\n        break\n    return a\n"
    )
    program = program.replace("\n", newline)
    for edit in mutations(program):
        check_edit(program, edit)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("a + b", [("arithmetic", "+", "-")]),
        ("a * b // c", [("arithmetic", "*", "//"), ("arithmetic", "//", "*")]),
        ("a % b", [("arithmetic", "%", "//")]),
        ("a /= b", [("arithmetic", "/=", "*=")]),
        ("a ** b", [("arithmetic", "**", "*")]),
        ("a < b", [("relational", "<", "<="), ("relational", "<", ">=")]),
        ("a <= b != c", [("relational", "<=", "<"), ("relational", "<=", ">"), ("relational", "!=", "==")]),
        ("a not in b", [("relational", "not in", "in")]),
        ("a is  not b", [("relational", "is  not", "is")]),
        ("a and b or c", [("logical", "and", "or"), ("logical", "or", "and")]),
        ("not a", [("logical", "not ", "")]),
        ("not(a)", [("logical", "not", "")]),
        ("if a: b", [("logical", "", "not ")]),
        ("[a for a in b if a()]", [("logical", "", "not ")]),
        ("True", [("keyword", "True", "False")]),
        ("min(a)", [("keyword", "min", "max")]),
        ("a.rfind(b)", [("keyword", "rfind", "find")]),
        ("while a():\n  break", [("logical", "", "not "), ("keyword", "break", "continue")]),
        ("7", [("number", "7", "6"), ("number", "7", "8")]),
        ("0.25", [("number", "0.25", "1.25")]),
        ("-1", [("number", "1", "0"), ("number", "1", "2")]),
    ],
)
def test_each_kind_of_edit_is_found(program: str, expected: list[tuple[Kind, str, str]]) -> None:
    assert edits(program) == expected


@pytest.mark.parametrize(
    "program",
    [
        '"""1 + 1 < 2 and True"""',
        "# a + b",
        "f'{a + 1}'",
        "@cache(1)\ndef f(a: 1 + 1) -> 2: pass",
        "a: list[1] = b",
        "0x10, 1_000, 1e5, 2j",
        "min = a\nmin(b)",
        "def any(a): pass\nany(b)",
        "min",
        "if a @ b: pass",
        "max.b",
    ],
)
def test_what_is_left_alone(program: str) -> None:
    assert edits(program) == []


def test_an_edit_of_another_program_is_not_made() -> None:
    (edit,) = mutations("a + b")
    with pytest.raises(ValueError, match=r"line 1 of the program: there is no '\+' at 2"):
        mutant("a - b", edit)


def test_an_edit_says_where_it_is() -> None:
    (edit,) = mutations("ż = 'ó'\nx = 'é' + y\n")
    assert edit.info() == {"mutation_type": "arithmetic", "line": 2, "column": 8, "before": "+", "after": "-"}


def test_text_that_is_no_program_is_turned_down() -> None:
    with pytest.raises(SyntaxError):
        mutations("def f(:")
    with pytest.raises(ValueError, match="carriage return"):
        mutations("a + b\rc - d")


def test_a_sum_of_a_thousand_terms_is_no_trouble() -> None:
    assert len(mutations(" + ".join(["a"] * 800))) == 799


# The choice


def chosen_kinds(program: str, calls: Sequence[str], kinds: Sequence[Kind] = KINDS, seeds: int = 4) -> set[str]:
    outputs = outputs_of(program, calls, limits=SHORT)
    assert isinstance(outputs, tuple)
    found = set()
    for seed in range(seeds):
        chosen = choose(program, calls, outputs, chance=Random(seed), kinds=kinds, limits=SHORT)
        found.add(chosen.mutation.kind if chosen else "none")
    return found


def test_the_same_seed_chooses_the_same_mutant() -> None:
    program, calls = PROGRAMS[0], ["full_cups(500, 100)"]
    outputs = outputs_of(program, calls, limits=SHORT)
    assert isinstance(outputs, tuple)
    first, second = (choose(program, calls, outputs, chance=Random(7), limits=SHORT) for _ in range(2))
    assert first == second and first is not None


def test_a_mutant_that_differs_everywhere_comes_before_one_that_differs_somewhere() -> None:
    # `>` → `>=` tells one case apart, `+` → `-` and `1` → `0`, `2` both.
    program = "def f(x):\n    return (x + 1, x > 3)\n"
    assert chosen_kinds(program, ["f(3)", "f(5)"], seeds=6) <= {"arithmetic", "number", "relational"}
    for seed in range(6):
        outputs = ("(4, False)", "(6, True)")
        chosen = choose(program, ["f(3)", "f(5)"], outputs, chance=Random(seed), limits=SHORT)
        assert chosen is not None and all(one != other for one, other in zip(outputs, chosen.outputs, strict=True))


def test_a_mutant_that_differs_somewhere_is_better_than_none() -> None:
    program = "def f(x):\n    if x:\n        return 'much'\n    return x + 0\n"
    outputs = outputs_of(program, ["f(0)", "f('a')"], limits=SHORT)
    assert isinstance(outputs, tuple)
    chosen = choose(program, ["f(0)", "f('a')"], outputs, chance=Random(0), kinds=["number"], limits=SHORT)
    assert chosen is not None and chosen.outputs == ("1", "'much'")


@pytest.mark.parametrize(
    ("program", "calls"),
    [
        ("def f(x):\n    return x\n", ["f(1)"]),  # there is nothing to edit
        ("def f(x):\n    return x + 0 * x\n", ["f(0.0)"]),  # no edit that runs makes a difference
        ("def f(x):\n    return 'a' + x\n", ["f('b')"]),  # the only mutant raises
        ("def f(x):\n    while x > 0:\n        x -= 1\n    return 'end'\n", ["f(1)"]),  # some never end
        ("def f(x):\n    return {0: 'a', 2: 'a', 1: 'a'}[x]\n", ["f(3 - 2)"]),
    ],
)
def test_a_program_whose_mutants_all_fail_or_agree_has_none(program: str, calls: list[str]) -> None:
    outputs = outputs_of(program, calls, limits=SHORT)
    assert isinstance(outputs, tuple)
    assert choose(program, calls, outputs, chance=Random(0), limits=SHORT) is None


def test_only_the_kinds_that_are_wanted_are_chosen() -> None:
    assert chosen_kinds("def f(x):\n    return x + 1 < 2\n", ["f(1)"], ["relational"]) == {"relational"}


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("1", "2", True),
        ("1", "1.0", False),
        ("1", "True", False),
        ("0.1", "0.10000000001", False),
        ("100.0", "100.1", True),
        ("[1.0, 'a']", "[1.0000000001, 'a']", False),
        ("[1]", "(1,)", True),
        ("(1, 2)", "(1, 2, 3)", True),
        ("{'a': 1}", "{'a': 1.0}", False),
        ("{'a': 1}", "{'b': 1}", True),
        ("{1, 2}", "{2, 1}", False),
        ("'1'", "1", True),
        ("None", "False", True),
    ],
)
def test_two_outputs_are_apart_if_no_reader_takes_them_for_one(one: str, other: str, apart: bool) -> None:
    assert tells_apart(one, other) is apart and tells_apart(other, one) is apart


def test_a_program_of_chance_is_unsteady() -> None:
    program = "import random\n\ndef f():\n    return random.random()\n"
    assert outputs_of(program, ["f()"], limits=SHORT) == Unsteady(0)


def test_a_program_that_keeps_something_between_calls_is_unsteady() -> None:
    program = "import math\n\ndef f(x):\n    math.seen = getattr(math, 'seen', 0) + x\n    return math.seen\n"
    assert outputs_of(program, ["f(1)", "f(2)"], limits=SHORT) == Unsteady(0)


def test_a_case_that_gives_nothing_is_named() -> None:
    program = "def f(x):\n    return 1 // x\n"
    found = outputs_of(program, ["f(1)", "f(0)"], limits=SHORT)
    assert isinstance(found, Failed) and found.case == 1 and isinstance(found.failure, Raised)


# Calls


@pytest.mark.parametrize(
    ("given_text", "call"),
    [
        ("f((1, 2))", "f((1, 2))"),
        (" f(a=[1], b=')') ", "f(a=[1], b=')')"),
        ("(1, 2), 3", "f((1, 2), 3)"),
        ("1, b=2", "f(1, b=2)"),
        ("", "f()"),
        ("'f(1)'", "f('f(1)')"),
        ("f(1), 2", "f(f(1), 2)"),
        ("g(1)", "f(g(1))"),
        ("1  # one", "f(\n1  # one\n)"),
        ("f(1)  # one", "f(1)  # one"),
        ("*[1, 2]", "f(*[1, 2])"),
    ],
)
def test_an_input_is_a_call_or_its_arguments(given_text: str, call: str) -> None:
    assert call_of("f", given_text) == call


@pytest.mark.parametrize(
    ("name", "given_text"), [("f", "(1"), ("f", "1)"), ("f", "1) + f(2"), ("f", "x = 1; y"), ("f()", "1")]
)
def test_an_input_that_is_neither_is_turned_down(name: str, given_text: str) -> None:
    with pytest.raises(ValueError):
        call_of(name, given_text)
