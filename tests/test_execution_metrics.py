"""What do the answers of a run come to? Every figure on records made by hand, scored by the code that scores a run."""

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from experiments._execution.problem import PROGRAMS, Case, Program, other
from experiments._execution.reply import Letter, Reply
from experiments._execution.values import literal
from experiments.execution_choice import Order
from experiments.execution_choice.metrics import results_of as results_of_choices
from experiments.execution_choice.scoring import score as score_choice
from experiments.execution_prediction import Shown
from experiments.execution_prediction.metrics import results_of as results_of_predictions
from experiments.execution_prediction.scoring import score as score_prediction
from trialbed.analysis.stats.clustered import clustered_share

Record = dict[str, Any]

SHOWN = [Shown(id=f"{one}-medium", shows=one, reasoning="medium", instruction="Think.") for one in PROGRAMS]
ORDERS = [Order(id=f"{one}_first-medium", first=one, reasoning="medium", instruction="Think.") for one in PROGRAMS]
LETTERS: tuple[Letter, Letter] = ("A", "B")
GIVEN_CHOICE = ("oc_correct", "mc_correct", "or_reversion", "mr_reversion")
NOTHING = {"value": None, "k": 0, "n": 0, "ci": None}


def case(name: str = "q1/r1", output: str = "2", mutated: str | None = "0") -> Case:
    question, _, row = name.partition("/")
    return Case(
        id=name,
        question_id=question,
        row=row,
        function_name="f",
        code="def f(x):\n    return x + 1\n",
        call="f(1)",
        output=output,
        mutated_code=None if mutated is None else "def f(x):\n    return x - 1\n",
        mutated_output=mutated,
    )


def record(about: Case, variant: str, evaluation: Mapping[str, Any] | None, outcome: str, repeat: int) -> Record:
    """What of a record the figures are made of."""
    return {
        "trial_id": f"{about.id}-{variant}-{repeat}",
        "block_id": f"{about.id}-{repeat}",
        "scenario": about.id,
        "prompt_variant": variant,
        "repeat": repeat,
        "outcome": outcome,
        "outcome_reason": None,
        "evaluation": evaluation,
        "conversation_log": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": f"run {repeat}"}],
        "calls": [{"role": "subject", "reasoning": "hmm"}],
        "stop_reason": "max_tokens" if outcome == "truncated" else "end_turn",
        "usage": {"output_tokens": 5},
        "latency_s": 0.5,
        "cost_usd": 0.01,
    }


def predicted(about: Case, shows: Program, said: str | None, repeat: int = 0, outcome: str = "answered") -> Record:
    """An answer that says this literal; one that came to no answer says None."""
    evaluation = None if said is None else score_prediction(about, shows, literal(said))
    return record(about, f"{shows}-medium", evaluation, outcome, repeat)


def chosen(
    about: Case, first: Program, letter: Letter | None, said: str = "7", repeat: int = 0, outcome: str = "answered"
) -> Record:
    """A choice of the program of this letter; one that came to no answer has no letter."""
    evaluation = None if letter is None else score_choice(about, first, Reply(letter, literal(said)))
    return record(about, f"{first}_first-medium", evaluation, outcome, repeat)


def predictions(records: Sequence[Record], *cases: Case) -> dict[str, Any]:
    found = results_of_predictions(cases or [case()], SHOWN, records)
    orjson.dumps(found)
    summary: dict[str, Any] = found["metrics_summary"]
    return summary


def choices(records: Sequence[Record], *cases: Case) -> dict[str, Any]:
    found = results_of_choices(cases or [case()], ORDERS, records)
    orjson.dumps(found)
    return found


def told(share: Mapping[str, Any]) -> tuple[int, int]:
    return share["k"], share["n"]


# --- Prediction: the four figures ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("shows", "said", "correct", "reverted"),
    [
        ("original", "2", 1, 0),
        ("original", "0", 0, 1),
        ("original", "7", 0, 0),
        ("original", "2.0", 0, 0),
        ("mutated", "0", 1, 0),
        ("mutated", "2", 0, 1),
        ("mutated", "False", 0, 0),
    ],
)
def test_an_answer_is_right_about_the_shown_program_or_reverts_to_the_other_or_neither(
    shows: Program, said: str, correct: int, reverted: int
) -> None:
    found = predictions([predicted(case(), shows, said)])
    names, others = (("OC", "OR"), ("MC", "MR")) if shows == "original" else (("MC", "MR"), ("OC", "OR"))
    assert [told(found[name]) for name in names] == [(correct, 1), (reverted, 1)]
    assert [told(found[name]) for name in others] == [(0, 0), (0, 0)]


def test_an_answer_between_two_outputs_that_are_close_is_right_and_no_reversion() -> None:
    """Floats are compared with a tolerance, so that it may lie within that of both."""
    close = case(output="1.0", mutated="1.0000015")
    assert close.counts_for_reversion
    found = predictions([predicted(close, shows, "1.0000008") for shows in PROGRAMS], close)
    assert {name: told(found[name]) for name in found} == {"OC": (1, 1), "OR": (0, 1), "MC": (1, 1), "MR": (0, 1)}
    given = choices([chosen(close, "original", letter, "1.0000008") for letter in LETTERS], close)["summary"]
    assert [told(given[name]) for name in GIVEN_CHOICE] == [(1, 1), (1, 1), (0, 1), (0, 1)]


def test_shares_are_over_all_answers_of_their_own_program() -> None:
    records = [predicted(case(), "original", said, place) for place, said in enumerate(["2", "2", "0", "7"])]
    records += [predicted(case(), "mutated", said, place) for place, said in enumerate(["0", "2", "2", "2", "9"])]
    found = predictions(records)
    assert {name: told(found[name]) for name in found} == {"OC": (2, 4), "OR": (1, 4), "MC": (1, 5), "MR": (3, 5)}
    assert [found[name]["value"] for name in ("OC", "OR", "MC", "MR")] == [0.5, 0.25, 0.2, 0.6]


@pytest.mark.parametrize(
    ("output", "mutated", "counts"),
    [
        ("2", "0", True),
        ("2", "2", False),
        ("[1, 2]", "[1,2]", False),
        ("1", "1.0", True),
        ("(1,)", "[1]", True),
        ("0.1", "0.10000000001", False),
        ("True", "False", False),
        ("True", "0", False),
        ("1", "True", False),
        ("[True]", "[False]", True),
        ("'True'", "'False'", True),
        ("2", None, False),
    ],
)
def test_a_reversion_counts_where_the_outputs_differ_and_neither_is_a_boolean(
    output: str, mutated: str | None, counts: bool
) -> None:
    about = case(output=output, mutated=mutated)
    shown: list[Program] = ["original"] if mutated is None else [*PROGRAMS]
    records = [predicted(about, shows, "'neither'") for shows in shown]
    if mutated is not None:
        records.append(predicted(about, "original", mutated, 1))
    found = predictions(records, about)
    of_original = len(records) - (mutated is not None)
    assert found["OC"]["n"] == of_original
    assert told(found["OR"]) == ((1, of_original) if counts else (0, 0))
    assert found["MR"]["n"] == int(counts)
    assert (found["OR"]["value"] is None) is not counts
    if mutated is not None and not about.tells_apart:
        assert found["OC"]["k"] == 1, "what both programs return is right, and no reversion"


def test_each_figure_has_a_denominator_of_its_own() -> None:
    cases = [case("q1/r1"), case("q2/r2", "5", "5"), case("q3/r3", "True", "False"), case("q4/r4", mutated=None)]
    records = [predicted(one, "original", "'neither'") for one in cases]
    records += [predicted(one, "mutated", "'neither'") for one in cases[:3]]
    found = predictions(records, *cases)
    assert {name: found[name]["n"] for name in found} == {"OC": 4, "OR": 1, "MC": 3, "MR": 1}
    counts = results_of_predictions(cases, SHOWN, records)["metrics_counts"]
    assert (counts["cases"], counts["cases_that_count_for_reversion"]) == (4, 1)
    assert (counts["cases_with_a_boolean"], counts["cases_with_equal_outputs"]) == (1, 1)
    assert counts["original"] == {"trials": 4, "outcomes": {"answered": 4}}


def test_where_nothing_counts_there_is_no_figure_and_no_interval() -> None:
    for found in predictions([]).values():
        assert found.items() >= NOTHING.items()
        assert (found["value_all"], found["truncation_rate"], found["completed"]) == (None, None, 0)
    only_truncated = predictions([predicted(case(), "original", None, outcome="truncated")])["OC"]
    assert only_truncated.items() >= NOTHING.items()
    assert (only_truncated["value_all"], only_truncated["n_all"], only_truncated["truncation_rate"]) == (0.0, 1, 1.0)


# --- Which answers are in which denominator ------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "in_all", "completed", "unreadable", "truncated"),
    [
        ("truncated", 1, 0, 0, 1),
        ("refused", 1, 0, 0, 0),
        ("filtered", 1, 0, 0, 0),
        ("parse_failed", 1, 1, 1, 0),
        ("provider_error", 0, 0, 0, 0),
        ("judge_error", 0, 0, 0, 0),
    ],
)
@pytest.mark.parametrize("shows", PROGRAMS)
def test_what_came_to_no_answer_is_never_wrong_but_lowers_the_figure_over_all(
    shows: Program, outcome: str, in_all: int, completed: int, unreadable: int, truncated: int
) -> None:
    own = case().output if shows == "original" else "0"
    good = [predicted(case(), shows, own, repeat) for repeat in range(3)]
    found = predictions([*good, predicted(case(), shows, None, 3, outcome)])
    correct = found["OC" if shows == "original" else "MC"]
    assert told(correct) == (3, 3) and correct["value"] == 1.0
    assert (correct["k_all"], correct["n_all"]) == (3, 3 + in_all)
    assert (correct["completed"], correct["unreadable"]) == (3 + completed, unreadable)
    assert (correct["truncated"], correct["truncation_rate"]) == (truncated, truncated / (3 + in_all))
    reverted = found["OR" if shows == "original" else "MR"]
    assert (told(reverted), reverted["n_all"]) == ((0, 3), 3 + in_all)


def test_the_figure_over_all_of_a_reversion_keeps_to_the_cases_that_count() -> None:
    counts, equal = case("q1/r1"), case("q2/r2", "5", "5")
    records = [
        predicted(counts, "original", "0"),
        predicted(counts, "original", None, 1, "truncated"),
        predicted(equal, "original", "5"),
        predicted(equal, "original", None, 1, "truncated"),
    ]
    found = predictions(records, counts, equal)
    assert (told(found["OR"]), found["OR"]["n_all"], found["OR"]["value_all"]) == ((1, 1), 2, 0.5)
    assert (told(found["OC"]), found["OC"]["n_all"]) == ((1, 2), 4)


def test_truncated_answers_that_were_once_counted_as_wrong_are_told_apart() -> None:
    """Of 1100 answers 379 were called wrong, and 347 of those had only been cut off: 65.5 %, where among the answers
    that were completed 95.8 % are right."""
    cases = [case(f"q{number}/r{number}") for number in range(220)]
    places = list(product(cases, range(5)))
    Random(347).shuffle(places)
    said = [("2", "answered")] * 721 + [("7", "answered")] * 32 + [(None, "truncated")] * 347
    records = [
        predicted(about, "original", text, repeat, outcome)
        for (about, repeat), (text, outcome) in zip(places, said, strict=True)
    ]
    found = predictions(records, *cases)["OC"]
    assert (round(found["value_all"], 3), round(found["value"], 3)) == (0.655, 0.958)
    assert (found["k_all"], found["n_all"], found["k"], found["n"]) == (721, 1100, 721, 753)
    assert (found["truncated"], found["completed"], round(found["truncation_rate"], 3)) == (347, 753, 0.315)
    assert found["ci_all"][1] < found["ci"][0], "the two figures are told apart by their intervals too"


# --- Choice --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "letter", "said", "is_original", "given"),
    [
        ("original", "A", "2", True, (1, None, 0, None)),
        ("original", "A", "0", True, (0, None, 1, None)),
        ("original", "A", "7", True, (0, None, 0, None)),
        ("original", "B", "0", False, (None, 1, None, 0)),
        ("original", "B", "2", False, (None, 0, None, 1)),
        ("mutated", "A", "0", False, (None, 1, None, 0)),
        ("mutated", "A", "2", False, (None, 0, None, 1)),
        ("mutated", "B", "2", True, (1, None, 0, None)),
        ("mutated", "B", "0", True, (0, None, 1, None)),
    ],
)
def test_a_choice_is_of_the_program_behind_the_letter_and_is_scored_by_what_that_one_returns(
    first: Program, letter: Letter, said: str, is_original: bool, given: tuple[int | None, ...]
) -> None:
    found = choices([chosen(case(), first, letter, said)])["summary"]
    assert found["preference_original"]["value"] == float(is_original)
    assert found["preference_mutated"]["value"] == float(not is_original)
    assert found["letter_bias"]["value"] == float(letter == "A")
    for name, hits in zip(GIVEN_CHOICE, given, strict=True):
        assert told(found[name]) == ((0, 0) if hits is None else (hits, 1)), name


def test_preferences_are_over_valid_answers_and_those_given_the_choice_over_their_own() -> None:
    cases = [case(f"q{number}/r{number}") for number in range(5)] + [case("q5/r5", "True", "False")]
    letters: list[Letter | None] = ["A", "A", "A", "B", None, "A"]
    said = ["2", "2", "0", "2", "7", "True"]
    records = [
        chosen(one, "original", letter, text, outcome="answered" if letter else "parse_failed")
        for one, letter, text in zip(cases, letters, said, strict=True)
    ]
    found = choices(records, *cases)
    summary = found["summary"]
    assert told(summary["preference_original"]) == (4, 5)
    assert told(summary["preference_mutated"]) == (1, 5)
    assert (summary["preference_original"]["n_all"], summary["preference_original"]["value_all"]) == (6, 4 / 6)
    assert [told(summary[name]) for name in GIVEN_CHOICE] == [(3, 4), (0, 1), (1, 3), (1, 1)]
    assert told(summary["invalid_rate"]) == (1, 6)
    counts = found["counts"]
    assert (counts["trials"], counts["valid"], counts["invalid"]) == (6, 5, 1)
    assert [counts[f"chose_{which}"] for which in ("original", "mutated", "a", "b")] == [4, 1, 4, 1]
    assert counts["outcomes"] == {"answered": 5, "parse_failed": 1}


@pytest.mark.parametrize("outcome", ["truncated", "refused", "filtered", "parse_failed", "provider_error"])
def test_only_an_answer_that_could_not_be_read_is_invalid(outcome: str) -> None:
    records = [chosen(case(), "original", "A"), chosen(case(), "mutated", None, outcome=outcome)]
    found = choices(records)
    unread = int(outcome == "parse_failed")
    assert (found["counts"]["invalid"], told(found["summary"]["invalid_rate"])) == (unread, (unread, 1 + unread))
    assert told(found["summary"]["preference_original"]) == (1, 1)
    assert {found["summary"][name]["n_all"] for name in ("letter_bias", "oc_correct", "or_reversion")} == {1}
    assert found["summary"]["preference_original"]["truncated"] == int(outcome == "truncated")


def pair(about: Case, letters: str, repeat: int = 0) -> list[Record]:
    """Both orders of a run, the original first and then the mutant; `-` is an answer that could not be read."""
    return [
        chosen(about, first, None, repeat=repeat, outcome="parse_failed")
        if letter == "-"
        else chosen(about, first, "A" if letter == "A" else "B", repeat=repeat)
        for first, letter in zip(PROGRAMS, letters, strict=True)
    ]


@pytest.mark.parametrize(
    ("letters", "consistent", "chose_a"),
    [("AB", (1, 1), 1), ("BA", (1, 1), 1), ("AA", (0, 1), 2), ("BB", (0, 1), 0), ("A-", (0, 0), 1), ("--", (0, 0), 0)],
)
def test_a_pair_is_consistent_if_both_orders_choose_one_program_and_counts_if_both_are_valid(
    letters: str, consistent: tuple[int, int], chose_a: int
) -> None:
    found = choices(pair(case(), letters))
    assert told(found["summary"]["order_consistency"]) == consistent
    assert told(found["summary"]["letter_bias"]) == (chose_a, 2 - letters.count("-"))
    assert (found["counts"]["pairs"], found["counts"]["pairs_that_flipped"]) == (
        consistent[1],
        consistent[1] - consistent[0],
    )


def test_pairs_are_of_one_run_never_of_two() -> None:
    half, other_half = pair(case(), "AB", 0)[:1], pair(case(), "AB", 1)[1:]
    assert told(choices([*half, *other_half])["summary"]["order_consistency"]) == (0, 0)
    whole = [*pair(case(), "AA", 0), *pair(case(), "AB", 1), *pair(case(), "BB", 2)]
    assert told(choices(whole)["summary"]["order_consistency"]) == (1, 3)


def test_half_of_all_pairs_may_flip_while_a_preference_looks_plain() -> None:
    """A reader who follows the letter A in half of the problems and the original in the others."""
    cases = [case(f"q{number}/r{number}") for number in range(10)]
    records = [one for number, about in enumerate(cases) for one in pair(about, "AA" if number % 2 else "AB")]
    found = choices(records, *cases)["summary"]
    assert (found["preference_original"]["value"], found["order_consistency"]["value"]) == (0.75, 0.5)
    assert found["letter_bias"]["value"] == 0.75


def test_without_any_choice_every_figure_is_null() -> None:
    found = choices([])
    assert all(share.items() >= NOTHING.items() for share in found["summary"].values())
    assert found["counts"]["trials"] == found["counts"]["pairs"] == 0


# --- Symmetries ----------------------------------------------------------------------------------

OUTPUTS = [("2", "0"), ("5", "5"), ("True", "False"), ("[1]", "(1,)"), ("1", "True")]
OUTCOMES = ["answered"] * 5 + ["truncated", "refused", "parse_failed", "provider_error"]
Says = Literal["original", "mutated", "neither"]
says = st.sampled_from(["original", "mutated", "neither"])
answers = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(0, 2), st.sampled_from(PROGRAMS)),
    st.tuples(says, st.sampled_from(LETTERS), st.sampled_from(OUTCOMES)),
    max_size=40,
)
"""By case, repeat and program shown (or shown first): what is said, the letter chosen, and how the trial ended."""
Answers = Mapping[tuple[int, int, Program], tuple[Says, Letter, str]]


def numbered(number: int, outputs: tuple[str, str]) -> Case:
    return case(f"q{number // 2}/r{number}", *outputs)


def swapped(about: Case) -> Case:
    assert about.mutated_code is not None and about.mutated_output is not None
    changes = {
        "code": about.mutated_code,
        "mutated_code": about.code,
        "output": about.mutated_output,
        "mutated_output": about.output,
    }
    return about.model_copy(update=changes)


def text_of(about: Case, what: Says) -> str:
    return "'neither'" if what == "neither" else (about.output if what == "original" else about.mutated_output) or ""


def predictions_of(cases: Sequence[Case], given: Answers, *, swap: bool = False) -> dict[str, Any]:
    """With `swap` all programs change places, and what is shown and said stays the same text."""
    records = []
    for (number, repeat, shows), (what, _, outcome) in given.items():
        said = text_of(cases[number], what) if outcome == "answered" else None
        about, program = (swapped(cases[number]), other(shows)) if swap else (cases[number], shows)
        records.append(predicted(about, program, said, repeat, outcome))
    return predictions(records, *(map(swapped, cases) if swap else cases))


def choices_of(cases: Sequence[Case], given: Answers, *, swap: bool = False, turn: bool = False) -> dict[str, Any]:
    """With `swap` as above; with `turn` every pair is shown the other way round, and the same programs are chosen."""
    records = []
    for (number, repeat, first), (what, letter, outcome) in given.items():
        said = text_of(cases[number], what)
        about, program = (swapped(cases[number]), other(first)) if swap else (cases[number], first)
        if turn:
            program, letter = other(program), LETTERS[1 - LETTERS.index(letter)]
        records.append(chosen(about, program, letter if outcome == "answered" else None, said, repeat, outcome))
    summary: dict[str, Any] = choices(records, *(map(swapped, cases) if swap else cases))["summary"]
    return summary


some_cases = st.lists(st.sampled_from(OUTPUTS), min_size=8, max_size=8).map(
    lambda drawn: [numbered(number, outputs) for number, outputs in enumerate(drawn)]
)


@given(some_cases, answers)
def test_with_the_programs_swapped_the_figures_of_one_are_those_of_the_other(cases: list[Case], given: Answers) -> None:
    before, after = (predictions_of(cases, given, swap=swap) for swap in (False, True))
    roles = {"OC": "MC", "OR": "MR", "MC": "OC", "MR": "OR"}
    assert {name: after[name] for name in roles} == {name: before[role] for name, role in roles.items()}


@given(answers)
def test_with_every_answer_turned_into_the_other_programs_right_and_reverted_change_places(given: Answers) -> None:
    cases = [numbered(number, ("2", "0")) for number in range(8)]
    turned: dict[Says, Says] = {"original": "mutated", "mutated": "original", "neither": "neither"}
    before = predictions_of(cases, given)
    after = predictions_of(
        cases, {place: (turned[what], letter, outcome) for place, (what, letter, outcome) in given.items()}
    )
    roles = {"OC": "OR", "OR": "OC", "MC": "MR", "MR": "MC"}
    assert {name: after[name] for name in roles} == {name: before[role] for name, role in roles.items()}


@given(some_cases, answers)
def test_with_the_programs_swapped_a_choice_is_of_the_other_and_letters_mean_the_same(
    cases: list[Case], given: Answers
) -> None:
    before, after = (choices_of(cases, given, swap=swap) for swap in (False, True))
    roles = {
        "preference_original": "preference_mutated",
        "oc_correct": "mc_correct",
        "or_reversion": "mr_reversion",
    }
    roles |= {role: name for name, role in roles.items()}
    roles |= {name: name for name in ("order_consistency", "letter_bias", "invalid_rate")}
    assert before.keys() == roles.keys()
    assert {name: after[name] for name in roles} == {name: before[role] for name, role in roles.items()}


@given(some_cases, answers)
def test_with_every_pair_turned_round_only_the_letters_change(cases: list[Case], given: Answers) -> None:
    before, after = (choices_of(cases, given, turn=turn) for turn in (False, True))
    letters, turned = before.pop("letter_bias"), after.pop("letter_bias")
    assert before == after
    assert_complements(letters, turned)


@given(some_cases, answers)
def test_one_programs_preference_is_what_the_other_leaves(cases: list[Case], given: Answers) -> None:
    found = choices_of(cases, given)
    assert_complements(found["preference_original"], found["preference_mutated"])
    valid = found["preference_original"]["n"]
    assert valid == found["oc_correct"]["n"] + found["mc_correct"]["n"] == found["letter_bias"]["n"]
    assert 2 * found["order_consistency"]["n"] <= valid


def assert_complements(one: Mapping[str, Any], another: Mapping[str, Any]) -> None:
    assert (one["n"], one["k"]) == (another["n"], another["n"] - another["k"])
    if one["value"] is not None:
        assert one["value"] == pytest.approx(1 - another["value"])
    assert (one["ci"] is None) is (another["ci"] is None)
    if one["ci"] is not None:
        assert one["ci"] == pytest.approx([1 - end for end in reversed(another["ci"])])


@given(some_cases, answers, st.randoms(use_true_random=False))
def test_the_order_in_which_records_arrive_changes_no_figure(cases: list[Case], given: Answers, chance: Random) -> None:
    shuffled = dict(chance.sample(list(given.items()), len(given)))
    assert predictions_of(cases, given) == predictions_of(cases, shuffled)
    assert choices_of(cases, given) == choices_of(cases, shuffled)


@given(some_cases, answers)
def test_every_figure_is_within_its_interval_and_counts_never_exceed_those_over_all(
    cases: list[Case], given: Answers
) -> None:
    found = predictions_of(cases, given)
    for share in found.values():
        assert 0 <= share["k"] <= share["n"] <= share["n_all"] and share["k"] == share["k_all"]
        assert share["value"] is None or share["value_all"] <= share["value"]
        assert share["unreadable"] <= share["completed"] and share["n"] <= share["completed"]
        for suffix in ("", "_all"):
            if share[f"ci{suffix}"] is not None:
                lo, hi = share[f"ci{suffix}"]
                assert 0 <= lo <= share[f"value{suffix}"] <= hi <= 1
    for name, reverted in (("OC", "OR"), ("MC", "MR")):
        assert found[reverted]["n"] <= found[name]["n"]
        assert found[name]["k"] + found[reverted]["k"] <= found[name]["n"]


# --- Intervals -----------------------------------------------------------------------------------

SPREAD = {"q0": 5, "q1": 4, "q2": 1, "q3": 0, "q4": 5, "q5": 3}
"""Question -> how many of its five generations are right."""


def spread_out(times: int = 1) -> tuple[list[Case], list[Record]]:
    cases = [case(f"{question}/r") for question in SPREAD]
    records = [
        predicted(about, "original", "2" if place < SPREAD[about.question_id] * times else "7", place)
        for about in cases
        for place in range(5 * times)
    ]
    return cases, records


def test_an_interval_is_that_of_the_questions_not_of_the_answers() -> None:
    cases, records = spread_out()
    found = predictions(records, *cases)["OC"]
    hits = [place < right for right in SPREAD.values() for place in range(5)]
    by_hand = clustered_share(hits, [question for question in SPREAD for _ in range(5)]).interval
    assert by_hand is not None and found["ci"] == [by_hand.lo, by_hand.hi]
    naive = proportion_confint(sum(SPREAD.values()), 30, method="wilson")
    assert found["ci"][0] < naive[0] and naive[1] < found["ci"][1]


def test_rows_and_test_cases_of_one_question_are_one_cluster() -> None:
    apart = [case(f"q{number}/r{number}") for number in range(12)]
    together = [case(f"q{number % 3}/r{number}#{number // 3}") for number in range(12)]
    found = [
        predictions(
            [predicted(one, "original", "2" if number % 3 else "7") for number, one in enumerate(cases)], *cases
        )
        for cases in (apart, together)
    ]
    assert told(found[0]["OC"]) == told(found[1]["OC"]) == (8, 12)
    wide, narrow = (ends[1] - ends[0] for ends in (found[1]["OC"]["ci"], found[0]["OC"]["ci"]))
    assert wide > 1.5 * narrow


def test_more_generations_that_say_the_same_again_make_no_interval_narrower() -> None:
    """But for the degrees of freedom of the correction for few clusters, it stays where it is."""
    once, twice, often = (predictions(*_turned(spread_out(times)))["OC"]["ci"] for times in (1, 2, 20))
    assert twice == pytest.approx(once, abs=0.01) and often == pytest.approx(once, abs=0.01)
    assert once[1] - once[0] <= twice[1] - twice[0] <= often[1] - often[0]


def _turned(made: tuple[list[Case], list[Record]]) -> tuple[Any, ...]:
    cases, records = made
    return (records, *cases)


def test_one_question_has_a_figure_and_no_interval() -> None:
    found = predictions([predicted(case(), "original", "2", repeat) for repeat in range(5)])["OC"]
    assert (found["value"], found["ci"], found["ci_all"]) == (1.0, None, None)


def test_pairs_of_a_choice_are_clustered_by_question_too() -> None:
    letters = ["AB", "AB", "AA", "AB", "BB", "BA"]
    cases = [case(f"q{number}/r") for number in range(6)]
    records = [
        one for number, about in enumerate(cases) for repeat in range(3) for one in pair(about, letters[number], repeat)
    ]
    found = choices(records, *cases)["summary"]
    agree = [letters[number] in ("AB", "BA") for number in range(6) for _ in range(3)]
    by_hand = clustered_share(agree, [f"q{number}" for number in range(6) for _ in range(3)]).interval
    assert by_hand is not None and found["order_consistency"]["ci"] == [by_hand.lo, by_hand.hi]


# --- Traces --------------------------------------------------------------------------------------


def test_every_case_has_a_trace_with_its_answers_in_their_order_whatever_became_of_them() -> None:
    about = case("q1/r1")
    records = [predicted(about, "original", None, 2, "truncated"), predicted(about, "original", "2", 0)]
    found = results_of_predictions([about, case("q2/r2")], SHOWN, records)["results"]
    assert [(one["question_id"], one["original"]["output"], one["mutated"]["output"]) for one in found] == [
        ("q1", "2", "0"),
        ("q2", "2", "0"),
    ]
    told_of = found[0]["original"]["generations"]
    assert [(one["repeat"], one["outcome"], one["answer"]) for one in told_of] == [
        (0, "answered", "run 0"),
        (2, "truncated", "run 2"),
    ]
    assert [one["reasoning_chars"] for one in told_of] == [3, 3]
    assert told_of[0]["evaluation"]["said"] == "2" and told_of[1]["evaluation"] is None
    assert found[0]["mutated"]["generations"] == found[1]["original"]["generations"] == []


def test_a_trace_of_choices_says_which_program_stood_first() -> None:
    found = results_of_choices([case()], ORDERS, pair(case(), "AB")[::-1])["results"]
    assert [(one["first"], one["evaluation"]["letter"]) for one in found[0]["choices"]] == [
        ("mutated", "B"),
        ("original", "A"),
    ]
    assert (found[0]["output"], found[0]["mutated_output"]) == ("2", "0")
