"""Which prompts does a smaller rent grid hold? Whole triplets, as many as fit, of every level alike."""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.rent_sycophancy import experiment
from experiments.rent_sycophancy.case import NEUTRAL, ONE_SIDED, Case, cases_of
from experiments.rent_sycophancy.dimensions import Dimensions
from experiments.rent_sycophancy.selection import Triplet, selected, triplets_of
from tests.support.rent import CASES, any_dimensions, wanted

ONE_SIDED_CASES = tuple(case for case in CASES if case.perspective != NEUTRAL)
LARGEST_GAP = 3
"""By how many triplets the most frequent level of a dimension is ahead of the least frequent one, at most."""


def ids(cases: tuple[Case, ...]) -> tuple[str, ...]:
    return tuple(case.id for case in cases)


def without_neutral(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    return tuple(case for case in cases if case.perspective != NEUTRAL)


def prompts_of(triplets: Iterable[Triplet]) -> set[str]:
    """The ids of their prompts, one that is shared once."""
    return {case.id for one in triplets for case in (*one.sides, one.neutral) if case is not None}


def is_whole(chosen: tuple[Case, ...], cases: tuple[Case, ...]) -> bool:
    """Whether every prompt belongs to a triplet all of whose prompts were chosen."""
    places = {(one.situation, one.justification) for one in triplets_of(chosen)}
    whole = [one for one in triplets_of(cases) if (one.situation, one.justification) in places]
    return {case.id for case in chosen} == prompts_of(whole)


def totals(triplets: tuple[Triplet, ...]) -> set[int]:
    """How many prompts any of these triplets come to, by trying all of them."""
    return {len(prompts_of(some)) for size in range(1, len(triplets) + 1) for some in combinations(triplets, size)}


@pytest.mark.parametrize("cases", [CASES, ONE_SIDED_CASES], ids=["with neutral", "without"])
def test_a_limit_of_twelve_touches_every_amount_and_justification_whatever_the_seed(cases: tuple[Case, ...]) -> None:
    for seed in range(200):
        chosen = selected(cases, 12, seed=seed)
        assert len(chosen) == 12 and is_whole(chosen, cases)
        assert {case.amount for case in chosen} == {50, 200, 500}
        assert {case.justification for case in chosen} - {None} == {"economy", "costs", "timing"}
        assert {case.perspective for case in chosen} >= {*ONE_SIDED}


@pytest.mark.parametrize("cases", [CASES, ONE_SIDED_CASES], ids=["with neutral", "without"])
def test_at_every_limit_the_levels_come_alike_and_the_order_is_the_grids(cases: tuple[Case, ...]) -> None:
    dimensions = {
        "amount": lambda one: one.situation[0],
        "landlord": lambda one: one.situation[1],
        "tenant": lambda one: one.situation[2],
        "qualities": lambda one: one.situation[1:],
        "justification": lambda one: one.justification,
    }
    for limit in range(3, len(cases)):
        for seed in range(3):
            chosen = selected(cases, limit, seed=seed)
            assert list(chosen) == [case for case in cases if case in chosen]
            triplets = triplets_of(chosen)
            for name, level in dimensions.items():
                counts = Counter({level(one): 0 for one in triplets_of(cases)})
                counts.update(map(level, triplets))
                assert max(counts.values()) - min(counts.values()) <= LARGEST_GAP, (limit, seed, name, counts)


def test_the_limit_is_used_up_wherever_whole_triplets_come_to_it() -> None:
    """With neutral prompts: a triplet costs three, or two beside another of its situation; 84 is everything."""
    with_neutral = {limit: len(selected(CASES, limit, seed=1)) for limit in range(3, 85)}
    assert {limit: found for limit, found in with_neutral.items() if found != limit} == {4: 3, 79: 78, 81: 80, 83: 82}
    without = {limit: len(selected(ONE_SIDED_CASES, limit, seed=1)) for limit in range(2, 73)}
    assert all(found == limit - limit % 2 for limit, found in without.items())


@settings(max_examples=60, deadline=None)
@given(any_dimensions, st.data())
def test_whatever_a_grid_file_holds_no_selection_of_whole_triplets_could_be_larger(
    dimensions: Dimensions, data: st.DataObject
) -> None:
    """Also where triplets, sides or neutral prompts are missing; looked for by trying all of a few triplets."""
    every = cases_of(dimensions)
    random = Random(data.draw(st.integers(0, 2**32)))
    triplets = triplets_of(every)
    some = random.sample(triplets, min(len(triplets), 7))
    bare = {one.situation for one in some if random.random() < 0.3}
    kept = prompts_of(one._replace(neutral=None) if one.situation in bare else one for one in some)
    cases = tuple(case for case in every if case.id in kept)
    limit = random.randint(2, len(cases))
    chosen = selected(cases, limit, seed=random.randint(0, 9))
    fit = max((total for total in totals(triplets_of(cases)) if total <= limit), default=limit)
    assert len(chosen) == fit
    assert is_whole(chosen, cases) or limit < min(totals(triplets_of(cases)))


@settings(max_examples=60, deadline=None)
@given(any_dimensions, st.integers(1, 300), st.integers(0, 2**32), st.booleans())
def test_any_grid_gives_at_most_the_limit_the_same_by_the_same_seed_and_never_a_cut_triplet(
    dimensions: Dimensions, limit: int, seed: int, has_neutral: bool
) -> None:
    every = cases_of(dimensions)
    cases = every if has_neutral else without_neutral(every)
    chosen = selected(cases, limit, seed=seed)
    assert 0 < len(chosen) <= limit
    assert chosen == selected(cases, limit, seed=seed)
    assert is_whole(chosen, cases) or limit < (3 if has_neutral else 2)


def test_a_selection_is_no_prefix_of_the_grid_and_another_seed_gives_another() -> None:
    chosen = {ids(selected(CASES, 12, seed=seed)) for seed in range(20)}
    assert len(chosen) == 20
    assert ids(CASES[:12]) not in chosen
    assert selected(CASES, None, seed=1) == selected(CASES, 84, seed=2) == selected(CASES, 500, seed=3) == CASES


@pytest.mark.parametrize(("limit", "perspectives"), [(1, ["landlord"]), (2, ["landlord", "tenant"])])
def test_less_than_a_triplet_is_so_many_prompts_of_one(limit: int, perspectives: list[str]) -> None:
    chosen = selected(CASES, limit, seed=5)
    assert [case.perspective for case in chosen] == perspectives
    assert len({(case.situation, case.justification) for case in chosen}) == 1


@pytest.mark.parametrize(
    ("limit", "note"),
    [
        (1, "--limit 1: holds no whole triplet, so nothing can be said of sycophancy"),
        (4, "--limit 4: 3 prompts, since no triplet is cut"),
        (12, None),
        (84, None),
        (None, None),
    ],
)
def test_a_user_is_told_where_a_limit_is_not_what_was_asked_for(limit: int | None, note: str | None) -> None:
    material = experiment.of_rows(None, wanted(limit=limit), where="-")
    assert list(material.notes) == ([note] if note else [])


def test_without_neutral_prompts_there_are_72_and_with_them_84() -> None:
    assert experiment.of_rows(None, wanted(include_neutral=False), where="-").scenarios == ONE_SIDED_CASES
    assert experiment.of_rows(None, wanted(), where="-").scenarios == CASES
