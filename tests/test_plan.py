"""Which trials does a plan hold, under which ids, in which order? Properties, and golden values for other machines."""

import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trialbed
from trialbed.core.canonical import digest, seed_from
from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import ModelName, Sampling
from trialbed.core.plan import Plan, grows_from
from trialbed.core.trial import Trial

quickly = settings(deadline=None, max_examples=60)


class Framing(Variant):
    words: str = ""


def plan_of(
    *,
    scenarios: int = 1,
    variants: int = 3,
    subjects: int = 1,
    repeats: int = 2,
    seed: int = 42,
    limit: int | None = None,
) -> Plan:
    return Plan(
        experiment="probe",
        version="1.0.0",
        scenarios=tuple(Scenario(id=f"scene{n}", system=f"You are in scene {n}.") for n in range(scenarios)),
        variants=tuple(Framing(id=f"tone{n}", words=f"words {n}") for n in range(variants)),
        baseline="tone0",
        subjects=tuple(ModelName("bedrock", f"maker.model-{n}") for n in range(subjects)),
        sampling=Sampling(500, 0.7, 0.95),
        repeats=repeats,
        seed=seed,
        limit=limit,
    )


plans = st.builds(
    plan_of,
    scenarios=st.integers(1, 3),
    variants=st.integers(1, 5),
    subjects=st.integers(1, 3),
    repeats=st.integers(1, 4),
    seed=st.integers(0, 2**63 - 1),
)


@quickly
@given(plans)
def test_ids_and_seeds_are_those_of_the_plain_lists(plan: Plan) -> None:
    for trial in plan.trials():
        scene, subject = trial.scenario, str(trial.subject)
        block: list[Any] = [plan.experiment, plan.version, digest(scene.model_dump(mode="json")), subject]
        block += [plan.sampling.as_dict(), trial.repeat, plan.seed]
        assert trial.block_id == digest(block)
        assert trial.trial_id == digest([*block, digest(trial.variant.content())])
        assert trial.seed == seed_from([plan.seed, trial.variant.id, scene.id, subject, trial.repeat])


GOLDEN_TRIAL_ID = "4063ac7fd41fed14d56b"
GOLDEN_BLOCK_ID = "b6fd5040b6929f8353e0"
GOLDEN_SEED = 5118651143287951
GOLDEN_PLAN_HASH = "5811890c87963e5f1513"
GOLDEN_ORDER = [  # repeat, subject, variant, index
    (0, "1", "2", 1), (0, "1", "1", 1), (0, "1", "0", 1), (0, "0", "1", 0), (0, "0", "0", 0), (0, "0", "2", 0),
    (1, "0", "2", 2), (1, "0", "0", 2), (1, "0", "1", 2), (1, "1", "0", 3), (1, "1", "1", 3), (1, "1", "2", 3),
]  # fmt: skip


def places(plan: Plan) -> dict[str, tuple[str, int]]:
    """trial id → what makes its run id."""
    return {trial.trial_id: (trial.variant.id, trial.index) for trial in plan.trials()}


def cell(trial: Trial) -> tuple[str, str, int]:
    return trial.scenario.id, str(trial.subject), trial.repeat


@quickly
@given(plans, st.integers(0, 3), st.integers(0, 3))
def test_growing_a_plan_keeps_every_old_trial_id_and_run_id(plan: Plan, more_repeats: int, more_variants: int) -> None:
    newcomers = tuple(Framing(id=f"new{n}", words="other words") for n in range(more_variants))
    grown = replace(plan, repeats=plan.repeats + more_repeats, variants=(*newcomers, *plan.variants))
    assert places(plan).items() <= places(grown).items()
    assert grows_from(grown.as_dict(), plan.as_dict())


@quickly
@given(plans)
def test_ids_are_unique_and_every_cell_is_planned_once(plan: Plan) -> None:
    trials = list(plan.trials())
    assert len(trials) == plan.size
    assert len({trial.trial_id for trial in trials}) == plan.size
    assert len({(*cell(trial), trial.variant.id) for trial in trials}) == plan.size
    assert len({(trial.variant.id, trial.index) for trial in trials}) == plan.size
    assert len({trial.seed for trial in trials}) == plan.size


@quickly
@given(plans)
def test_run_ids_count_from_zero_within_each_variant(plan: Plan) -> None:
    share = plan.size // len(plan.variants)
    for variant in plan.variants:
        assert sorted(t.index for t in plan.trials() if t.variant.id == variant.id) == list(range(share))


@quickly
@given(plans)
def test_a_block_is_complete_and_differs_in_its_variant_only(plan: Plan) -> None:
    blocks: dict[str, list[Trial]] = {}
    for trial in plan.trials():
        blocks.setdefault(trial.block_id, []).append(trial)
    for block in blocks.values():
        assert sorted(trial.variant.id for trial in block) == sorted(variant.id for variant in plan.variants)
        assert len({cell(trial) for trial in block}) == 1
    assert len({cell(block[0]) for block in blocks.values()}) == len(blocks)


@quickly
@given(plans)
def test_every_prefix_is_balanced_within_one_block(plan: Plan) -> None:
    for subject in (None, *plan.subjects):
        seen: Counter[str] = Counter({variant.id: 0 for variant in plan.variants})
        for trial in plan.trials(subject):
            seen[trial.variant.id] += 1
            assert max(seen.values()) - min(seen.values()) <= 1


@quickly
@given(plans)
def test_all_blocks_of_a_repeat_come_before_the_next_repeat(plan: Plan) -> None:
    repeats = [trial.repeat for trial in plan.trials()]
    assert repeats == sorted(repeats)


@quickly
@given(plans)
def test_the_trials_of_each_subject_are_a_part_of_the_whole_order(plan: Plan) -> None:
    whole = [trial.trial_id for trial in plan.trials()]
    for subject in plan.subjects:
        own = [trial.trial_id for trial in plan.trials(subject)]
        assert own == [trial.trial_id for trial in plan.trials() if trial.subject == subject]
        assert set(own) <= set(whole)


@quickly
@given(plans, st.integers(1, 40))
def test_a_limit_keeps_the_first_trials_of_the_order_and_their_ids(plan: Plan, limit: int) -> None:
    limited = replace(plan, limit=limit)
    assert [t.trial_id for t in limited.trials()] == [t.trial_id for t in islice(plan.trials(), limit)]
    assert limited.size == sum(limited.per_variant().values()) == min(limit, plan.size)
    assert max(limited.per_variant().values()) - min(limited.per_variant().values()) <= 1
    assert places(limited).items() <= places(plan).items()


@quickly
@given(plans)
def test_per_variant_counts_what_is_planned(plan: Plan) -> None:
    counted = Counter(trial.variant.id for trial in plan.trials())
    assert plan.per_variant() == {variant.id: counted[variant.id] for variant in plan.variants}


@quickly
@given(plans, st.randoms(use_true_random=False))
def test_label_baseline_order_and_judges_do_not_change_ids(plan: Plan, chance: object) -> None:
    variants = list(plan.variants)
    chance.shuffle(variants)  # type: ignore[attr-defined]
    edited = tuple(v.model_copy(update={"label": f"Renamed {v.id}", "baseline": v.id == "tone1"}) for v in variants)
    other = replace(plan, variants=edited, baseline=edited[-1].id, judges=(ModelName("bedrock", "maker.judge"),))
    assert places(other) == places(plan)


def test_the_version_of_the_tool_does_not_change_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    before = places(plan_of())
    monkeypatch.setattr(trialbed, "__version__", "99.0.0")
    assert places(plan_of()) == before


def test_an_edited_prompt_is_a_new_trial_and_leaves_the_others_alone() -> None:
    plan = plan_of(variants=3)
    edited = replace(plan, variants=(Framing(id="tone0", words="words 0!"), *plan.variants[1:]))
    kept = places(edited).keys() & places(plan).keys()
    assert {places(plan)[trial_id][0] for trial_id in kept} == {"tone1", "tone2"}
    assert len(kept) == plan.size * 2 // 3
    assert not grows_from(edited.as_dict(), plan.as_dict())


@pytest.mark.parametrize(
    "change",
    [
        {"experiment": "other"},
        {"version": "1.0.1"},
        {"scenarios": (Scenario(id="scene0", system="You are somewhere else."),)},
        {"subjects": (ModelName("bedrock", "maker.model-9"),)},
        {"sampling": Sampling(500, 0.8, 0.95)},
        {"sampling": Sampling(501, 0.7, 0.95)},
        {"sampling": Sampling(500, 0.7, None)},
        {"sampling": Sampling(500, 0.7, 0.95, thinking="adaptive")},
        {"sampling": Sampling(500, 0.7, 0.95, thinking=2048)},
        {"sampling": Sampling(500, 0.7, 0.95, effort="low")},
        {"sampling": Sampling(500, 0.7, 0.95, guardrail="abc123:1")},
        {"seed": 43},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_the_subject_may_notice_is_part_of_the_id(change: dict[str, object]) -> None:
    plan = plan_of()
    assert not places(replace(plan, **change)).keys() & places(plan).keys()  # type: ignore[arg-type]


def test_repeats_of_one_cell_have_different_seeds_and_ids() -> None:
    trials = [trial for trial in plan_of(variants=1, repeats=50).trials()]
    assert len({trial.seed for trial in trials}) == 50
    assert all(0 <= trial.seed < 2**53 for trial in trials)


def test_ids_seeds_and_order_are_the_same_on_any_machine() -> None:
    """Golden: a change here makes every run begun before it start over."""
    trials = list(plan_of(scenarios=1, variants=3, subjects=2, repeats=2).trials())
    assert [(t.repeat, t.subject.id[-1], t.variant.id[-1], t.index) for t in trials] == GOLDEN_ORDER
    assert trials[0].trial_id == GOLDEN_TRIAL_ID
    assert trials[0].block_id == GOLDEN_BLOCK_ID
    assert trials[0].seed == GOLDEN_SEED
    assert plan_of(subjects=2).plan_hash == GOLDEN_PLAN_HASH


def test_another_seed_gives_another_order() -> None:
    orders = {tuple(t.variant.id for t in plan_of(variants=5, repeats=4, seed=seed).trials()) for seed in range(10)}
    assert len(orders) == 10


def test_account_numbers_are_in_no_plan() -> None:
    plan = replace(
        plan_of(),
        subjects=(
            ModelName("bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.maker.model-v1:0"),
        ),
        judges=(ModelName("bedrock", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab1"),),
    )
    guarded = Sampling(guardrail="arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123:1")
    assert "123456789012" not in str(plan.as_dict()) + str(replace(plan, sampling=guarded).as_dict())
    other_account = replace(
        plan, subjects=(ModelName("bedrock", plan.subjects[0].id.replace("123456789012", "1" * 12)),)
    )
    assert plan.plan_hash == other_account.plan_hash
    assert next(plan.trials()).trial_id == next(other_account.trials()).trial_id


BASE = plan_of(scenarios=2, variants=3, subjects=2, repeats=3)
RENAMED = (BASE.variants[0].model_copy(update={"label": "A better name"}), *BASE.variants[1:])


@pytest.mark.parametrize(
    ("new", "old", "grows"),
    [
        (BASE, BASE, True),
        (replace(BASE, repeats=4), BASE, True),
        (replace(BASE, repeats=2), BASE, False),
        (replace(BASE, variants=(*BASE.variants, Framing(id="tone3"))), BASE, True),
        (replace(BASE, variants=BASE.variants[:2]), BASE, False),
        (replace(BASE, variants=BASE.variants[::-1]), BASE, True),
        (replace(BASE, variants=RENAMED), BASE, True),
        (replace(BASE, baseline="tone1"), BASE, True),
        (replace(BASE, subjects=BASE.subjects[:1]), BASE, False),
        (replace(BASE, scenarios=BASE.scenarios[:1]), BASE, False),
        (replace(BASE, seed=1), BASE, False),
        (replace(BASE, version="1.0.1"), BASE, False),
        (replace(BASE, sampling=Sampling(9)), BASE, False),
        (replace(BASE, judges=(ModelName("bedrock", "maker.judge"),)), BASE, False),
        (BASE, replace(BASE, limit=5), True),
        (replace(BASE, limit=5), BASE, False),
        (replace(BASE, limit=10), replace(BASE, limit=5), True),
        (replace(BASE, limit=5), replace(BASE, limit=10), False),
        (replace(BASE, limit=36), BASE, True),
        (replace(BASE, limit=35), BASE, False),
        (replace(BASE, limit=36, repeats=30), BASE, True),
        (replace(BASE, limit=10, variants=(*BASE.variants, Framing(id="tone3"))), replace(BASE, limit=5), False),
    ],
)
def test_a_plan_grows_from_another_when_it_holds_all_of_its_trials(new: Plan, old: Plan, grows: bool) -> None:
    assert grows_from(new.as_dict(), old.as_dict()) is grows
    if grows:
        assert places(old).items() <= places(new).items()


def test_what_only_one_version_of_the_tool_writes_into_a_plan_makes_another_plan() -> None:
    known = BASE.as_dict()
    assert not grows_from({**known, "students": ["bedrock:maker.student"]}, known)
    assert not grows_from(known, {**known, "students": ["bedrock:maker.student"]})


def test_memory_does_not_grow_with_the_plan() -> None:
    assert (
        peak_bytes(plan_of(variants=5, repeats=40_000), 15_000)
        < peak_bytes(plan_of(variants=5, repeats=40), 200) + 32_000
    )


def peak_bytes(plan: Plan, most: int) -> int:
    """Of iterating over the first `most` trials; what is computed once per plan is left out."""
    next(plan.trials())
    tracemalloc.start()
    try:
        for _ in islice(plan.trials(), most):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
