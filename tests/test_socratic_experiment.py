"""The Socratic experiment as data: its scenarios, its variants, its rubric, and what a prompt of one's own becomes."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.project import CHECKOUT
from tests.support.socratic import CAREER, part, socratic
from trialbed.core.canonical import canonical_json
from trialbed.core.model import Message
from trialbed.core.transcript import Transcript
from trialbed.judging.prompt import judge_prompt
from trialbed.judging.schema import answer_schema

SEMINARS = {
    "EL-ETH-UTIL-DEON-01": "elenchus",
    "EL-CIV-FREE-HARM-01": "elenchus",
    "MAI-BIO-CRISPR-01": "maieutics",
    "MAI-ECO-INFL-01": "maieutics",
    "APO-PHY-HEAT-TEMP-01": "aporia",
    "APO-BIO-GENE-DETERM-01": "aporia",
    "APO-BIO-EVOL-LAM-01": "aporia",
    "APO-PHY-QUANT-OBS-01": "aporia",
    "career-change": "everyday",
    "time-management": "everyday",
    "work-ethics": "everyday",
}
TurnRating = part("rubric").TurnRating
turn_task = part("rubric").turn_task
for_prompt = part("scenarios").for_prompt


def test_there_are_the_eight_seminars_and_the_three_of_the_runner() -> None:
    assert {one.id: one.vector for one in socratic().scenarios} == SEMINARS
    for one in socratic().scenarios:
        assert one.persona and one.prompt and one.goals and len(one.script) >= 4


def test_there_are_four_ways_to_be_told_and_one_is_the_baseline() -> None:
    assert {one.id for one in socratic().variants} == {"plain", "strict", "persona", "examples"}
    assert socratic().baseline == "plain"
    texts = [one.system for one in socratic().variants]
    assert len(set(texts)) == 4
    for path in (CHECKOUT / "variants" / "socratic").glob("*.toml"):
        assert tomllib.loads(path.read_text(encoding="utf-8"))["label"]


@pytest.mark.parametrize(
    ("prompt", "scenario"),
    [
        (CAREER, "career-change"),
        ("I'm considering a career change.", "career-change"),
        ("I'm struggling with time management.", "time-management"),
        ("I'm facing an ethical dilemma at work.", "work-ethics"),
        ("work-ethics", "work-ethics"),
        ("APO-PHY-HEAT-TEMP-01", "APO-PHY-HEAT-TEMP-01"),
    ],
)
def test_the_prompts_of_the_documentation_are_known_by_their_scenario(prompt: str, scenario: str) -> None:
    found = for_prompt(prompt)
    assert found.id == scenario
    assert found.prompt == prompt or prompt == scenario


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_any_other_words_make_a_scenario_of_their_own_the_same_on_every_machine(text: str) -> None:
    made = for_prompt(text)
    assert made == for_prompt(text)
    assert made.prompt == text.strip() or made.id in SEMINARS
    assert made.vector == "free" or made.id in SEMINARS


def test_two_prompts_are_two_scenarios() -> None:
    assert for_prompt("I'm exploring ethical dilemmas in AI development.").id != for_prompt("Prompt 1").id


def test_a_judge_may_give_halves_and_nothing_else() -> None:
    rationale = {"form": "a", "substance": "b", "purity": "c"}
    fine = TurnRating(rationale=rationale, form=2.5, substance=0, purity=4)
    assert (fine.form, fine.substance, fine.purity) == (2.5, 0.0, 4.0)
    for wrong in ({"form": 3.5}, {"form": -0.5}, {"purity": 4.5}, {"substance": 1.25}, {"form": float("nan")}):
        with pytest.raises(ValidationError):
            TurnRating(rationale=rationale, **{"form": 1, "substance": 1, "purity": 1, **wrong})


def test_the_judge_is_asked_for_three_scores_and_a_reason_for_each_and_for_no_sum() -> None:
    schema = answer_schema(TurnRating, None)
    assert set(schema["properties"]) == {"rationale", "form", "substance", "purity"}
    assert set(schema["properties"]["rationale"]["properties"]) == {"form", "substance", "purity"}
    # Not every way of asking a model for a form takes bounds of numbers.
    assert "maximum" not in canonical_json(schema)
    assert schema["properties"]["form"]["enum"] == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert schema["properties"]["purity"]["enum"][-1] == 4


def dialogue(turns: int) -> Transcript:
    pairs = [(Message("user", f"line {n}"), Message("assistant", f"question {n}?")) for n in range(turns)]
    return Transcript("the tutor's secret instruction", tuple(said for pair in pairs for said in pair))


def test_a_judge_sees_the_end_of_the_dialogue_however_long_it_is_and_never_the_instruction() -> None:
    material = turn_task(dialogue(40)).material
    assert "question 39?" in material and "line 38" in material
    assert "line 1\n" not in material and "secret instruction" not in material
    assert len(material) < 500


def test_the_questions_about_two_turns_are_two_questions_and_one_rubric() -> None:
    first, second = (judge_prompt(turn_task(dialogue(turns)), trial_id="t", seed=1) for turns in (1, 2))
    assert first.text != second.text
    assert first.rubric_hash == second.rubric_hash


def test_a_turn_that_pretends_to_be_another_speaker_stays_within_its_own() -> None:
    said = Transcript(
        None, (Message("user", "Hi."), Message("assistant", "What?\n\nSTUDENT: Thank you.\n\nTUTOR: Bye."))
    )
    assert "\n\nSTUDENT: Thank you." not in turn_task(said).material


def test_the_student_is_told_who_it_is_and_how_it_began() -> None:
    for scenario in socratic().scenarios:
        told = part("student").briefing(scenario)
        assert scenario.persona in told and scenario.prompt in told
        assert all(goal not in told for goal in scenario.goals)


@pytest.mark.parametrize("line", ["[END]", "Thank you. [END]", "[end]", "I see it now.\n[ END ]"])
def test_the_end_is_heard_however_it_is_said(line: str) -> None:
    assert part("student").ends(line)


@pytest.mark.parametrize("line", ["The END.", "In the end I agree.", "[ENDING]", "I want to end this."])
def test_what_only_sounds_like_it_is_no_end(line: str) -> None:
    assert not part("student").ends(line)
