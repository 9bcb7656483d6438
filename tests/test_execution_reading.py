"""Is every answer that a person would understand read as that person would, and nothing else taken for one?"""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from experiments._execution.assertions import Unread, assertion_in
from experiments._execution.problem import PROGRAMS, Case, Program, other
from experiments._execution.reply import Reply, reply_in
from experiments._execution.shipped import cases
from experiments._execution.values import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE, literal, same
from experiments.execution_choice.scoring import score as score_choice
from experiments.execution_prediction.scoring import score as score_prediction

CALL = "f((1, 2), 'a')"


def said(answer: str, call: str = CALL) -> object:
    return assertion_in(answer, call).value


# --- The oracle ---------------------------------------------------------------------------------

MANNERS = (
    "[ANSWER]\nassert {call} == {value}\n[/ANSWER]",
    "The loop runs twice.\n\n[ANSWER]assert {call} == {value}[/ANSWER]\nDone.",
    "```python\nassert {call} == {value}\n```",
    "First\n[ANSWER]assert {call} == ('wrong',)[/ANSWER]\nbut no:\n[ANSWER]assert {call} == {value}[/ANSWER]",
    "[ANSWER]\nassert {call} == ('wrong',)\nassert {call} == {value}  # on second thoughts\n[/ANSWER]",
    "[ANSWER]\nassert ({call}) == ({value})\n[/ANSWER]",
    "[ANSWER]\nassert {value} == {call}\n[/ANSWER]",
    "[ANSWER]\n{value}\n[/ANSWER]",
    "So `assert {call} == {value}`.",
)
"""Ways in which a perfect model writes what it knows; the last is not for values with a backtick."""


@pytest.mark.parametrize("manner", MANNERS)
def test_perfect_answers_to_every_shipped_case_score_100_percent(manner: str) -> None:
    for case in cases():
        for shows, text in zip(PROGRAMS, (case.output, case.mutated_output), strict=True):
            assert text is not None
            values = score_prediction(case, shows, said(manner.format(call=case.call, value=text), case.call))
            assert values["correct"], (case.id, shows, manner)
            assert values["reverted"] in (False, None)


def test_swapped_answers_score_exactly_as_reversion() -> None:
    for case in cases():
        for shows in PROGRAMS:
            wrong = case.output if shows == "mutated" else case.mutated_output
            values = score_prediction(case, shows, said(f"[ANSWER]assert {case.call} == {wrong}[/ANSWER]", case.call))
            assert values["correct"] is not case.tells_apart, case.id
            assert values["reverted"] is (True if case.counts_for_reversion else None), case.id


@pytest.mark.parametrize("first", PROGRAMS)
@pytest.mark.parametrize("letter", ["A", "B"])
def test_perfect_and_swapped_choices_of_every_shipped_case_score_so(first: Program, letter: str) -> None:
    for case in cases():
        chosen = first if letter == "A" else other(first)
        for program in PROGRAMS:
            value = case.output if program == "original" else case.mutated_output
            answer = (
                f"I choose.\n{json.dumps({'chosen_program': letter, 'assertion': f'assert {case.call} == {value}'})}"
            )
            values = score_choice(case, first, reply_in(answer, case.call))
            is_right = program == chosen or not case.tells_apart
            assert values["correct"] is is_right
            assert values["chosen"] == chosen
            given_it, reverted = (
                ("oc_correct", "or_reversion") if chosen == "original" else ("mc_correct", "mr_reversion")
            )
            assert values[given_it] is is_right
            assert values[reverted] is (not is_right if case.counts_for_reversion else None), case.id
            others = {"oc_correct", "mc_correct", "or_reversion", "mr_reversion"} - {given_it, reverted}
            assert {values[name] for name in others} == {None}


def test_the_shipped_cases_put_the_reader_to_the_test() -> None:
    outputs = [case.output for case in cases()]
    assert any("((" in text or "[(" in text for text in outputs), "nested"
    assert any(case.is_boolean for case in cases()) and any(not case.tells_apart for case in cases())
    assert any(isinstance(case.value("original"), float) for case in cases())
    assert any(case.call.count("(") > 2 for case in cases())


# --- Reading assertions -------------------------------------------------------------------------

READ = {
    "nested parentheses on both sides": (f"assert {CALL} == ((1, (2, 3)), [(4,)])", ((1, (2, 3)), [(4,)])),
    "a comment behind it": (f"assert {CALL} == 2  # since (1 + 1) == 2", 2),
    "a hash inside of a string is no comment": (f"assert {CALL} == 'a#b'", "a#b"),
    "a tuple without parentheses": (f"assert {CALL} == 1, 2", (1, 2)),
    "a longer tuple without parentheses": (f"assert {CALL} == 'x', 'y', 'z'", ("x", "y", "z")),
    "text behind a comma is the assertion's message": (f"assert {CALL} == 3, 'three'", 3),
    "is True": (f"assert {CALL} is True", True),
    "a bare call asserts True": (f"assert {CALL}", True),
    "not and a call asserts False": (f"assert not {CALL}", False),
    "None": (f"assert {CALL} == None", None),
    "negative numbers": (f"assert {CALL} == -3.5", -3.5),
    "an exponent": (f"assert {CALL} == 1e-3", 0.001),
    "several lines": (f"assert {CALL} == [\n    1,  # one\n    2,\n]\nThat is it.", [1, 2]),
    "the other way round": (f"assert 7 == {CALL}", 7),
    "another spacing and other quotes in the call": ('assert f( (1,2),"a" )==7', 7),
    "bold and a full stop": (f"**assert {CALL} == 7**.", 7),
    "in backticks": (f"so `assert {CALL} == 7` holds", 7),
    "a word behind it": (f"assert {CALL} == 7 because 3 + 4 is 7", 7),
    "the last of several": (f"assert {CALL} == 1\nassert {CALL} == 2", 2),
    "that about the call asked, before one about another": (f"assert {CALL} == 1\nassert f((0, 0), 'b') == 2", 1),
    "of another name where there is no other": ("assert result == 5", 5),
    "the last block": ("[ANSWER]assert f(1) == 1[/ANSWER] no, [ANSWER]assert f(1) == 2[/ANSWER]", 2),
    "the last block that is not empty": ("[ANSWER]assert f(1) == 1[/ANSWER] [ANSWER] [/ANSWER]", 1),
    "a block in small letters that is never closed": ("[answer]\nassert f(1) == 2", 2),
    "what stands outside of the block counts less": ("[ANSWER]assert f(1) == 1[/ANSWER]\nassert f(1) == 9", 1),
    "a bare value in a block": ("[ANSWER]\n```python\n{'a': (1,)}\n```\n[/ANSWER]", {"a": (1,)}),
    "an assertion quoted in a string is part of the string": (
        f"assert {CALL} == 'assert x == 2 so'",
        "assert x == 2 so",
    ),
    "a set": (f"assert {CALL} == {{1, 2}}", {1, 2}),
    "an empty set": (f"assert {CALL} == set()", set()),
    "carriage returns": (f"[ANSWER]\r\nassert {CALL} == 7\r\n[/ANSWER]", 7),
    "an unknown escape": (f"assert {CALL} == '\\d'", "\\d"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", READ)
def test_an_assertion_is_read_with(name: str) -> None:
    answer, value = READ[name]
    assert same(said(answer), value), said(answer)


UNREAD = {
    "nothing at all": "",
    "prose": "It returns seven.",
    "an expression": f"assert {CALL} == 3 + 4",
    "another call": f"assert {CALL} == f(2)",
    "a name": f"assert {CALL} == expected",
    "an inequality": f"assert {CALL} != 3",
    "a chain": f"assert 1 == {CALL} == 1",
    "an answer cut in its value": f"[ANSWER]\nassert {CALL} == [1, 2",
    "an answer cut in the call": "[ANSWER]\nassert f((1, 2",
    "two literals": "assert 1 == 1",
    "a bare value without a block": "7",
    "a block of prose": "[ANSWER] seven [/ANSWER]",
    "code that would do harm if it were run": f"assert {CALL} == __import__('os').system('true')",
    "brackets without end": "assert f(" + "(" * 5000,
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", UNREAD)
def test_no_value_is_taken_from(name: str) -> None:
    with pytest.raises(Unread):
        said(UNREAD[name])


def test_an_unreadable_correction_does_not_bring_back_what_it_corrects() -> None:
    with pytest.raises(Unread):
        said("[ANSWER]assert f(1) == 1[/ANSWER] no: [ANSWER] it never ends [/ANSWER]")


LITERALS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers() | st.text(max_size=5), inner, max_size=3)
        | st.sets(st.integers() | st.text(max_size=5), max_size=3)
    ),
    max_leaves=8,
)


@given(LITERALS, st.sampled_from(MANNERS[:-1]))
@example("[/ANSWER] is what I say", MANNERS[2])
@example("assert f(1) == 2", MANNERS[0])
def test_any_value_is_read_back_from_any_manner_of_writing_it(value: object, manner: str) -> None:
    text = repr(value)
    if "ANSWER]" in text.upper() and "ANSWER]" in manner:
        return  # a value that holds the very marks cannot stand between them
    if manner == "[ANSWER]\n{value}\n[/ANSWER]" and ("assert" in text or "`" in text or text.isspace()):
        return  # nothing tells such a bare value from an assertion or from markdown
    assert same(said(manner.replace("{call}", CALL).replace("{value}", text)), value)


@given(LITERALS, LITERALS)
def test_two_values_are_the_same_exactly_if_their_texts_are_but_for_tolerance(one: object, another: object) -> None:
    assert same(one, one)
    assert same(one, another) == same(another, one)
    if repr(one) == repr(another):
        assert same(one, another)


DIFFER = [
    (True, 1), (1, 1.0), (0, False), (None, False), ([1], (1,)), ([True], [1]), ({1: "a"}, {True: "a"}), ({1}, {True}),
    ((1, 2), (1, 2, 3)), ("1", 1), (b"a", "a"), ({"a": 1}, {"a": True}), (1.0, 1.0 + 3 * RELATIVE_TOLERANCE),
    (0.0, 3 * ABSOLUTE_TOLERANCE), ({1: 2}, {1: 2, 3: 4}), ("a", "A"),
]  # fmt: skip
ALIKE = [
    (0.1 + 0.2, 0.3), (1 / 3, 0.3333333333), ([1.0, {"a": 2 / 3}], [1.0, {"a": 0.6666666667}]), ({1, 2}, {2, 1}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}), (0.0, -0.0), (1e300, 1e300),
]  # fmt: skip


@pytest.mark.parametrize(("one", "another"), DIFFER)
def test_types_and_values_are_told_apart(one: object, another: object) -> None:
    assert not same(one, another)
    assert not same(another, one)


@pytest.mark.parametrize(("one", "another"), ALIKE)
def test_floats_may_differ_by_the_stated_tolerance_and_order_where_there_is_none(one: object, another: object) -> None:
    assert same(one, another)


def test_a_text_is_a_literal_or_nothing() -> None:
    assert literal(" (1, 'a') ") == (1, "a")
    for text in ("f(1)", "1 +", "x", "", "(" * 5000, "9" * 200_000):
        with pytest.raises(ValueError, match=r"literal|longer"):
            literal(text)


# --- Reading choices ----------------------------------------------------------------------------

CHOSEN = {
    "the object alone": '{"chosen_program": "A", "assertion": "assert f(1) == 2"}',
    "text before and after": 'I take A.\n{"chosen_program": "A", "assertion": "assert f(1) == 2"}\nSo {1} it is.',
    "a small letter and spaces": '{"chosen_program": " a ", "assertion": "assert f(1) == 2"}',
    "in a fence": '```json\n{\n  "chosen_program": "A",\n  "assertion": "assert f(1) == 2"\n}\n```',
    "more members": '{"why": "{", "chosen_program": "A", "assertion": "assert f(1) == 2", "sure": 0.9}',
    "a correction": '{"chosen_program": "B", "assertion": "assert f(1) == 3"} No: '
    '{"chosen_program": "A", "assertion": "assert f(1) == 2"}',
    "a line break inside of a string": '{"chosen_program": "A", "assertion": "assert f(1) ==\n 2"}',
    "braces of Python before it": 'It keeps {1: 2} and {"x"}. {"chosen_program": "A", "assertion": "assert f(1) == 2"}',
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_choice_is_read_from(name: str) -> None:
    assert reply_in(CHOSEN[name], "f(1)") == Reply("A", 2)


NO_CHOICE = {
    "nothing": "",
    "prose": "Program A, and f(1) == 2.",
    "an object without a choice": '{"assertion": "assert f(1) == 2"}',
    "another letter": '{"chosen_program": "C", "assertion": "assert f(1) == 2"}',
    "both letters": '{"chosen_program": ["A", "B"], "assertion": "assert f(1) == 2"}',
    "no assertion": '{"chosen_program": "A"}',
    "an assertion that is no text": '{"chosen_program": "A", "assertion": 2}',
    "an assertion without a value": '{"chosen_program": "A", "assertion": "assert f(1) == x"}',
    "an object that was cut": '{"chosen_program": "A", "assertion": "assert f(1)',
    "a correction that cannot be read": '{"chosen_program": "A", "assertion": "assert f(1) == 2"} '
    '{"chosen_program": "B", "assertion": "?"}',
    "braces without end": "{" * 20_000,
}


@pytest.mark.parametrize("name", NO_CHOICE)
def test_no_choice_is_taken_from(name: str) -> None:
    with pytest.raises(Unread):
        reply_in(NO_CHOICE[name], "f(1)")


@given(LITERALS, st.sampled_from(["A", "B"]))
def test_any_value_is_read_back_from_a_choice(value: object, letter: str) -> None:
    said_so = {"chosen_program": letter, "assertion": f"assert f(1) == {value!r}"}
    if "ANSWER]" in repr(value).upper():
        return
    reply = reply_in(f"Well. {json.dumps(said_so)} That's all {{", "f(1)")
    assert reply.letter == letter
    assert same(reply.value, value)


def test_a_case_knows_when_reversion_counts() -> None:
    def case(output: str, mutated: str) -> Case:
        return Case(
            id="q/r", question_id="q", row="r", function_name="f", code="c", call="f()", output=output,
            mutated_code="d", mutated_output=mutated,
        )  # fmt: skip

    assert case("1", "2").counts_for_reversion
    assert not case("1", "1").counts_for_reversion
    assert not case("True", "False").counts_for_reversion
    assert not case("1", "True").counts_for_reversion, "one boolean is enough"
    assert case("[True]", "[False]").counts_for_reversion, "a list is no boolean"
    assert not case("0.3", "0.30000000000000004").counts_for_reversion, "alike within the tolerance"
