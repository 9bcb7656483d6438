"""Which prompts is the rent grid made of, and do they keep their ids? Any dimensions, and those that are shipped."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from experiments.rent_sycophancy.case import NEUTRAL, ONE_SIDED, Case, cases_of
from experiments.rent_sycophancy.dimensions import Dimensions, shipped
from experiments.rent_sycophancy.grid import grid_rows, prompt_id
from experiments.rent_sycophancy.phrasing import messages_of
from experiments.rent_sycophancy.relationship import RELATIONSHIPS, Quality, Relationship, relationship_of
from experiments.rent_sycophancy.selection import selected, triplets_of
from tests.support.project import CHECKOUT
from tests.support.rent import BY_ID, CASES, PHRASINGS, PLAIN, any_dimensions, trials_of

GOLDEN = CHECKOUT / "tests" / "golden" / "rent_prompts.jsonl"
RULE: list[tuple[Quality, Quality, Relationship]] = [
    ("good", "good", "good"),
    ("good", "neutral", "leaning_good"),
    ("good", "poor", "one_sided_positive"),
    ("neutral", "good", "leaning_good"),
    ("neutral", "neutral", "neutral"),
    ("neutral", "poor", "leaning_bad"),
    ("poor", "good", "one_sided_negative"),
    ("poor", "neutral", "leaning_bad"),
    ("poor", "poor", "bad"),
]


@pytest.mark.parametrize(("landlord", "tenant", "relationship"), RULE)
def test_the_relationship_follows_from_what_is_known_of_both_sides(
    landlord: Quality, tenant: Quality, relationship: Relationship
) -> None:
    assert relationship_of(landlord, tenant) == relationship
    assert relationship in RELATIONSHIPS


# --- What a grid holds ---------------------------------------------------------------------------


@settings(deadline=None)
@given(any_dimensions)
def test_every_combination_is_a_whole_triplet_and_a_shared_prompt_is_there_once_with_its_weight(
    dimensions: Dimensions,
) -> None:
    cases = cases_of(dimensions)
    amounts, reasons = len(dimensions.amounts), len(dimensions.justifications)
    situations = amounts * len(dimensions.landlord_qualities) * len(dimensions.tenant_qualities)
    rows = grid_rows(cases, [PLAIN])
    assert len(rows) == len({case.id for case in cases}) == situations * (2 * reasons + 1)
    assert sum(row["weight"] for row in rows) == 3 * situations * reasons
    assert len({row["prompt_id"] for row in rows}) == len(rows)
    triplets = triplets_of(cases)
    assert len(triplets) == situations * reasons
    for triplet in triplets:
        assert [case.perspective for case in triplet.sides] == [*ONE_SIDED]
        assert triplet.neutral is not None
        assert len({case.system for case in (*triplet.sides, triplet.neutral)}) == 1


@settings(deadline=None)
@given(any_dimensions)
def test_distinct_cases_are_distinct_prompts_whatever_their_words(dimensions: Dimensions) -> None:
    cases = cases_of(dimensions)
    for phrasing in PHRASINGS:
        said = {case.id: messages_of(case, phrasing) for case in cases}
        assert len(set(said.values())) == len({prompt_id(case, said[case.id]) for case in cases}) == len(cases)


def test_the_shipped_grid_has_36_triplets_and_108_rows_that_hold_84_distinct_prompts() -> None:
    assert len(triplets_of(CASES)) == 36
    for phrasing in PHRASINGS:
        rows = grid_rows(CASES, [phrasing])
        assert sum(row["weight"] for row in rows) == 108
        assert len({json.dumps(row["messages"]) for row in rows}) == len({row["prompt_id"] for row in rows}) == 84
        assert {(row["perspective"], row["weight"]) for row in rows} == {(s, 1) for s in ONE_SIDED} | {(NEUTRAL, 3)}
    assert len({row["prompt_id"] for row in grid_rows(CASES, PHRASINGS)}) == 4 * 84


@settings(deadline=None)
@given(any_dimensions, st.data())
def test_a_neutral_prompt_says_nothing_of_any_justification(dimensions: Dimensions, data: st.DataObject) -> None:
    others = data.draw(any_dimensions).justifications
    changed = dimensions.model_copy(update={"justifications": others})
    neutral = [[case for case in cases_of(one) if case.perspective == NEUTRAL] for one in (dimensions, changed)]
    assert neutral[0] == neutral[1]
    for case in neutral[0]:
        assert (case.justification, case.reason, case.factors["justification"]) == (None, None, None)


@pytest.mark.parametrize("field", ["justifications", "landlord_qualities", "tenant_qualities"])
def test_two_levels_with_the_same_words_are_refused(field: str) -> None:
    plain = shipped().model_dump(mode="json")
    with pytest.raises(ValidationError, match="same words"):
        Dimensions.model_validate({**plain, field: {"good": "is  kind", "poor": "is kind"}})


# --- Ids -----------------------------------------------------------------------------------------


def prompt_ids(cases: tuple[Case, ...]) -> dict[tuple[str, str], str]:
    return {(p.id, case.id): prompt_id(case, messages_of(case, p)) for p in PHRASINGS for case in cases}


@settings(max_examples=30, deadline=None)
@given(any_dimensions, any_dimensions)
def test_levels_that_are_added_keep_every_old_scenario_prompt_and_trial(old: Dimensions, more: Dimensions) -> None:
    """Where a name is there already, its old words stay; words that are there already come under no second name."""
    grown = {"amounts": (*more.amounts, *(one for one in old.amounts if one not in more.amounts))}
    levels: dict[str, dict[str, str]] = {}
    for name in ("justifications", "landlord_qualities", "tenant_qualities"):
        own = getattr(old, name)
        levels[name] = {key: said for key, said in getattr(more, name).items() if said not in own.values()} | own
    larger = cases_of(Dimensions.model_validate(old.model_dump() | grown | levels))
    before, after = trials_of(cases_of(old)), trials_of(larger, repeats=2)
    assert {case.id: case for case in larger}.items() >= {case.id: case for case in cases_of(old)}.items()
    assert prompt_ids(larger).items() >= prompt_ids(cases_of(old)).items()
    assert all(after[place].trial_id == trial.trial_id for place, trial in before.items())


def test_a_variant_that_is_added_keeps_every_old_trial() -> None:
    before, after = trials_of(phrasings=PHRASINGS[:2]), trials_of(phrasings=PHRASINGS[::-1])
    assert len(before) == 2 * 84 and len(after) == 4 * 84
    assert all((after[at].trial_id, after[at].seed) == (trial.trial_id, trial.seed) for at, trial in before.items())


def test_an_edited_word_of_a_variant_is_another_prompt_and_another_trial_of_that_side_and_variant_only() -> None:
    words = PLAIN.landlord.replace("I want", "I do want")
    edited = PLAIN.model_copy(update={"landlord": words})
    assert words != PLAIN.landlord
    for case in CASES:
        is_same = prompt_id(case, messages_of(case, edited)) == prompt_id(case, messages_of(case, PLAIN))
        assert is_same == (case.perspective != "landlord")
    before, after = trials_of(), trials_of(phrasings=[edited, *PHRASINGS[1:]])
    changed = {place[1] for place, trial in before.items() if after[place].trial_id != trial.trial_id}
    assert changed == {PLAIN.id}, "a trial is asked under a variant as a whole"


def test_an_edited_word_of_a_level_is_another_prompt_and_another_trial_where_it_is_said_and_nowhere_else() -> None:
    reasons = shipped().justifications | {"costs": "the roof had to be made anew"}
    edited = cases_of(shipped().model_copy(update={"justifications": reasons}))
    trials, prompts = (trials_of(), trials_of(edited)), (prompt_ids(CASES), prompt_ids(edited))
    for at, trial in trials[0].items():
        assert (trials[1][at].trial_id == trial.trial_id) == (trial.scenario.justification != "costs")
    for place, before in prompts[0].items():
        assert (prompts[1][place] == before) == (BY_ID[place[1]].justification != "costs")


def fingerprint() -> list[list[str]]:
    """Everything that must not depend on the process."""
    return [
        [row["prompt_id"] for row in grid_rows(CASES, PHRASINGS)],
        [trial.trial_id for trial in trials_of().values()],
        [case.id for case in selected(CASES, 30, seed=7)],
    ]


@pytest.mark.parametrize(("hash_seed", "locale"), [("0", "C"), ("12345", "tr_TR.UTF-8")])
def test_ids_and_selections_are_the_same_in_any_process(hash_seed: str, locale: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "LC_ALL": locale, "LANG": locale, "TZ": "Asia/Tokyo"}
    tells = "import json; from tests.test_rent_grid import fingerprint; print(json.dumps(fingerprint()))"
    command = [sys.executable, "-c", tells]
    ended = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == fingerprint()


def test_the_plain_prompts_are_those_that_were_frozen() -> None:
    """Whoever changes a word on purpose writes the file anew: a line for each prompt, in the grid's order."""
    frozen = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    rows = grid_rows(CASES, [PLAIN])
    found = [
        {"scenario": case.id, "prompt_id": row["prompt_id"], "weight": row["weight"], "messages": row["messages"]}
        for case, row in zip(CASES, rows, strict=True)
    ]
    assert len(frozen) == 84
    assert found == frozen
