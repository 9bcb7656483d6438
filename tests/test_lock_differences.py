"""Is every way in which a configuration can differ from a locked plan named, under the name its user would change?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbed.core.canonical import canonical_json
from trialbed.core.choices import Choices
from trialbed.core.difference import DEVIATION, Difference, deviations_so_far
from trialbed.core.experiment import Scenario, Variant
from trialbed.core.lock import Lock, UnderLock, hash_of, judging_deviation, make_lock
from trialbed.core.lock_differences import lock_differences
from trialbed.core.measure import Measure
from trialbed.core.model import ModelName, Sampling
from trialbed.core.plan import Plan
from trialbed.core.redact import Redactor

ACCOUNT = "482915730164"
AT = "2026-11-20T12:00:00.000Z"
LATER = "2026-11-21T12:00:00.000Z"
quickly = settings(deadline=None, max_examples=60)


class Framing(Variant):
    greeting: str = ""
    prompts: tuple[str, ...] = ()


def variant(name: str, greeting: str = "Hello.", **more: Any) -> Framing:
    return Framing(id=name, greeting=greeting, prompts=("A line of a Surveyor. " * 20, "Another."), **more)


def model(name: str) -> ModelName:
    return ModelName("bedrock", name)


BROKE = Measure(name="broke", kind="binary", field="outcome", positive=("BROKEN",))
TONE = Measure(name="tone", kind="category", field="tone")
PLAN = Plan(
    experiment="probe",
    version="1.0.0",
    scenarios=(Scenario(id="vault", system="You guard a vault."),),
    variants=(variant("baseline"), variant("curt"), variant("polite")),
    baseline="baseline",
    subjects=(model("maker.a"), model("maker.b")),
    sampling=Sampling(500, 0.7, 0.95),
    repeats=30,
    seed=42,
    judges=(model("maker.judge"),),
    judge_sampling=Sampling(1024, 0.0),
)
CHOICES = Choices(measures=(BROKE, TONE), primary="broke", category="tone", baseline="baseline", seed=42)
FILES = {"experiments/probe/__init__.py": "a" * 64, "experiments/probe/rubric.py": "b" * 64}


@dataclass(frozen=True)
class Set:
    """Everything that a lock is made of."""

    plan: Plan = PLAN
    analysis: Choices = CHOICES
    files: Mapping[str, str] | None = None
    max_cost_usd: float | None = 5.0
    run_deadline_s: float | None = None

    def lock(self, locked_at: str = AT) -> Lock:
        return make_lock(
            self.plan,
            analysis=self.analysis,
            files=FILES if self.files is None else self.files,
            max_cost_usd=self.max_cost_usd,
            run_deadline_s=self.run_deadline_s,
            locked_at=locked_at,
        )


THERE = ("baseline", "curt", "polite")


def lines(now: Set, *, there: tuple[str, ...] = THERE, is_single: bool = False) -> list[str]:
    """What differs from the usual lock."""
    found = lock_differences(Set().lock(), now.lock(LATER), there=there, is_single=is_single)
    return [difference.line() for difference in found]


def planned(**changed: Any) -> Set:
    return Set(plan=replace(PLAN, **changed))


def analysed(**changed: Any) -> Set:
    return Set(analysis=CHOICES.model_copy(update=changed))


CHANGED = {
    "version": (planned(version="1.1.0"), "experiments/probe: version: locked 1.0.0, is 1.1.0"),
    "repeats": (planned(repeats=5), "BATCH_SIZE: locked 30, is 5"),
    "seed": (planned(seed=7), "MODEL_SEED: locked 42, is 7"),
    "limit": (planned(limit=10), "--limit: locked not set, is 10"),
    "subjects": (
        planned(subjects=(model("maker.b"),)),
        "SUBJECT_MODELS: locked bedrock:maker.a,bedrock:maker.b, is bedrock:maker.b",
    ),
    "judges": (
        planned(judges=(model("maker.other"),)),
        "JUDGE_MODELS: locked bedrock:maker.judge, is bedrock:maker.other",
    ),
    "temperature": (planned(sampling=Sampling(500, 0.2, 0.95)), "MODEL_TEMPERATURE: locked 0.7, is 0.2"),
    "no temperature": (planned(sampling=Sampling(500, None, 0.95)), "MODEL_TEMPERATURE: locked 0.7, is not set"),
    "top_p": (planned(sampling=Sampling(500, 0.7, 1.0)), "MODEL_TOP_P: locked 0.95, is 1.0"),
    "max_tokens": (planned(sampling=Sampling(50, 0.7, 0.95)), "MODEL_MAX_TOKENS: locked 500, is 50"),
    "thinking": (
        planned(sampling=Sampling(500, 0.7, 0.95, thinking=2048)),
        "MODEL_THINKING: locked not set, is 2048",
    ),
    "adaptive": (
        planned(sampling=Sampling(500, 0.7, 0.95, thinking="adaptive")),
        "MODEL_THINKING: locked not set, is adaptive",
    ),
    "effort": (planned(sampling=Sampling(500, 0.7, 0.95, effort="low")), "MODEL_EFFORT: locked not set, is low"),
    "guardrail": (
        planned(sampling=Sampling(500, 0.7, 0.95, guardrail="abc:1")),
        "BEDROCK_GUARDRAIL: locked not set, is abc:1",
    ),
    "judge sampling": (
        planned(judge_sampling=Sampling(1024, 0.5)),
        "experiments/probe: judge_sampling.temperature: locked 0.0, is 0.5",
    ),
    "scenarios": (
        planned(scenarios=(*PLAN.scenarios, Scenario(id="other"))),
        "--scenarios: locked vault, is vault,other",
    ),
    "a variant fewer, its file there": (
        planned(variants=PLAN.variants[:2]),
        "--variants: locked baseline,curt,polite, is baseline,curt",
    ),
    "their order": (
        planned(variants=(PLAN.variants[0], *PLAN.variants[:0:-1])),
        "--variants: locked baseline,curt,polite, is baseline,polite,curt",
    ),
    "a short word": (
        planned(variants=(*PLAN.variants[:2], variant("polite", "Would you?"))),
        "variants/probe/polite.toml: greeting: locked Hello., is 'Would you?'",
    ),
    "a label": (
        planned(variants=(*PLAN.variants[:2], variant("polite", label="Kind"))),
        "variants/probe/polite.toml: label: locked polite, is Kind",
    ),
    "the baseline": (planned(baseline="curt"), "variants/probe/: baseline: locked baseline, is curt"),
    "primary": (analysed(primary="tone"), "experiments/probe: primary: locked broke, is tone"),
    "alpha": (analysed(alpha=0.01), "experiments/probe: alpha: locked 0.05, is 0.01"),
    "correction": (analysed(correction="bh"), "experiments/probe: correction: locked holm, is bh"),
    "least words": (analysed(least_words=10), "experiments/probe: least_words: locked 0, is 10"),
    "margin": (analysed(equivalence_margin=0.1), "experiments/probe: equivalence_margin: locked not set, is 0.1"),
    "what counts": (
        analysed(measures=(BROKE.model_copy(update={"positive": ("BROKEN", "BENT")}), TONE)),
        "experiments/probe: measures: broke.positive: locked BROKEN, is BROKEN,BENT",
    ),
    "measures": (analysed(measures=(TONE, BROKE)), "experiments/probe: measures: locked broke,tone, is tone,broke"),
    "a spending limit": (Set(max_cost_usd=50.0), "MAX_COST_USD: locked 5.0, is 50.0"),
    "no spending limit": (Set(max_cost_usd=None), "MAX_COST_USD: locked 5.0, is not set"),
    "a deadline": (Set(run_deadline_s=3600.0), "RUN_DEADLINE_S: locked not set, is 3600.0"),
    "code": (
        Set(files=FILES | {"experiments/probe/rubric.py": "c" * 64}),
        "experiments/probe/rubric.py changed (hash:bbbbbbbbbbbb → hash:cccccccccccc)",
    ),
    "more code": (
        Set(files=FILES | {"experiments/probe/voice.py": "c" * 64}),
        "experiments/probe/voice.py added: it is not in the locked plan",
    ),
    "less code": (
        Set(files={"experiments/probe/__init__.py": "a" * 64}),
        "experiments/probe/rubric.py removed: it is in the locked plan",
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_one_thing_that_changed_is_one_line_with_its_name_and_both_values(name: str) -> None:
    now, line = CHANGED[name]
    assert lines(now) == [line]


def test_all_differences_are_said_at_once() -> None:
    now = Set(
        plan=replace(PLAN, repeats=5, seed=7, subjects=PLAN.subjects[:1]),
        analysis=CHOICES.model_copy(update={"alpha": 0.01}),
        max_cost_usd=None,
    )
    names = [line.partition(": locked")[0] for line in lines(now)]
    assert names == ["BATCH_SIZE", "SUBJECT_MODELS", "MODEL_SEED", "experiments/probe: alpha", "MAX_COST_USD"]


def test_a_long_text_is_shown_as_its_hash_even_if_only_its_end_is_another() -> None:
    edited = variant("polite").model_copy(update={"prompts": ("A line of a Surveyor. " * 20, "Another!")})
    (line,) = lines(planned(variants=(*PLAN.variants[:2], edited)))
    assert line.startswith("variants/probe/polite.toml: prompts changed (hash:") and len(line) < 120
    before, _, after = line.partition("(")[2].rstrip(")").partition(" → ")
    assert before != after


def test_a_scenario_whose_words_changed_is_named() -> None:
    (line,) = lines(planned(scenarios=(Scenario(id="vault", system="You guard nothing."),)))
    assert line.startswith("experiments/probe: scenario vault changed (hash:")


def test_a_variant_file_that_came_or_went_is_named_as_that_file() -> None:
    bribe = variant("bribe", "Here is money.")
    came = planned(variants=(*PLAN.variants, bribe))
    assert lines(came, there=(*THERE, "bribe")) == [
        "variants/probe/bribe.toml added: it is not in the locked plan",
    ]
    went = planned(variants=PLAN.variants[:2])
    assert lines(went, there=THERE[:2]) == ["variants/probe/polite.toml removed: it is in the locked plan"]
    both = planned(variants=(*PLAN.variants[:2], bribe))
    assert [line.split()[1] for line in lines(both, there=("baseline", "curt", "bribe"))] == ["removed:", "added:"]


def test_a_new_variant_that_an_option_chose_is_a_matter_of_that_option() -> None:
    chosen = planned(variants=(PLAN.variants[0], variant("bribe")))
    assert lines(chosen, there=(*THERE, "bribe")) == ["--variants: locked baseline,curt,polite, is baseline,bribe"]


def test_a_batch_that_was_left_off_is_one_line_that_names_batch_mode() -> None:
    single = planned(variants=PLAN.variants[:1], repeats=1)
    assert lines(single, is_single=True) == [
        "BATCH_MODE: locked 'true (variants: 3, runs of each: 30)', is 'false (variants: 1, runs of each: 1)'"
    ]


def test_account_numbers_are_in_no_lock_and_make_no_difference() -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.maker.model-v1:0"
    guarded = Sampling(guardrail=f"arn:aws:bedrock:us-east-1:{ACCOUNT}:guardrail/abc123:1")
    plan = replace(PLAN, subjects=(model(arn),), judges=(model(arn),), sampling=guarded)
    lock = Set(plan=plan).lock()
    assert ACCOUNT not in json.dumps(lock.as_dict())
    other = replace(plan, subjects=(model(arn.replace(ACCOUNT, "1" * 12)),))
    assert lock_differences(lock, Set(plan=other).lock()) == ()


# --- Whatever it is -------------------------------------------------------------------------------

models = st.lists(st.sampled_from([model(f"maker.{n}") for n in range(4)]), min_size=1, max_size=3, unique=True)
words = st.text(st.characters(codec="utf-8"), max_size=80)
variants = st.lists(
    st.builds(variant, st.sampled_from(["baseline", "curt", "polite", "bribe"]), words, label=words),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.id,
)
samplings = st.builds(
    Sampling,
    st.integers(1, 4),
    st.none() | st.floats(0, 2),
    st.none() | st.floats(0.1, 1),
    thinking=st.none() | st.just("adaptive") | st.integers(1, 3),
)
plans = st.builds(
    lambda variants, subjects, judges, **rest: replace(
        PLAN, variants=tuple(variants), subjects=tuple(subjects), judges=tuple(judges), baseline=variants[0].id, **rest
    ),
    variants,
    models,
    models,
    sampling=samplings,
    judge_sampling=samplings,
    repeats=st.integers(1, 3),
    seed=st.integers(0, 2),
    limit=st.none() | st.integers(1, 3),
    version=st.sampled_from(["1", "2"]),
)
sets = st.builds(
    Set,
    plan=plans,
    analysis=st.builds(
        Choices,
        measures=st.sampled_from([(), (BROKE,), (BROKE, TONE), (TONE, BROKE)]),
        baseline=st.just("baseline"),
        alpha=st.sampled_from([0.05, 0.01]),
        least_words=st.integers(0, 2),
    ),
    files=st.dictionaries(st.sampled_from(sorted(FILES)), st.sampled_from(["a" * 64, "b" * 64]), min_size=1),
    max_cost_usd=st.none() | st.floats(0.1, 9),
    run_deadline_s=st.none() | st.floats(0.1, 9),
)
on_disk = st.sets(st.sampled_from(["baseline", "curt", "polite", "bribe"]))


@quickly
@given(sets, on_disk, st.booleans())
def test_the_same_configuration_has_no_difference_whenever_it_is_locked(one: Set, there: Any, is_single: bool) -> None:
    lock, now = one.lock(AT), one.lock(LATER)
    assert lock.lock_hash == now.lock_hash
    assert lock_differences(lock, now, there=there, is_single=is_single) == ()


@quickly
@given(sets, sets, on_disk, st.booleans())
def test_another_configuration_has_another_hash_and_at_least_one_line(
    one: Set, other: Set, there: Any, is_single: bool
) -> None:
    lock, now = one.lock(), other.lock()
    found = lock_differences(lock, now, there=there, is_single=is_single)
    assert (lock.lock_hash == now.lock_hash) == (found == ())
    assert len({difference.what for difference in found}) == len(found)
    for difference in found:
        assert "\n" not in difference.line() and difference.locked != difference.actual
        canonical_json([difference.locked, difference.actual])


@quickly
@given(sets)
def test_a_lock_read_back_is_the_same_lock_and_has_its_hash(one: Set) -> None:
    lock = one.lock()
    document = json.loads(json.dumps(lock.as_dict()))
    assert hash_of(document) == document["lock_hash"] == lock.lock_hash
    assert Lock.model_validate(document) == lock


# --- Deviations -----------------------------------------------------------------------------------

COOLER = Difference("MODEL_TEMPERATURE", 0.7, 0.2)
FEWER = Difference("BATCH_SIZE", 30, 5)


def deviations(journalled: list[dict[str, Any]], *differences: Difference, why: str, at: str) -> list[dict[str, Any]]:
    return deviations_so_far(journalled, differences, why=why, at=at, redact=Redactor(["a-secret-of-mine"]))


def test_a_deviation_keeps_its_first_time_and_reason_and_is_there_once() -> None:
    first = deviations([], COOLER, why="the provider caps it", at=AT)
    assert first == [dict(zip(DEVIATION, ["MODEL_TEMPERATURE", 0.7, 0.2, "the provider caps it", AT], strict=True))]
    assert deviations(first, COOLER, why="as before", at=LATER) == first
    grown = deviations(first, COOLER, FEWER, why="no money", at=LATER)
    assert grown == [*first, dict(zip(DEVIATION, ["BATCH_SIZE", 30, 5, "no money", LATER], strict=True))]
    assert deviations(grown, why="", at=LATER) == grown, "also when the configuration is back to the locked one"


def test_no_secret_gets_into_a_deviation() -> None:
    told = deviations([], Difference("X", "a-secret-of-mine", 1), why="see a-secret-of-mine", at=AT)
    assert "a-secret-of-mine" not in json.dumps(told)
    assert deviations(told, Difference("X", "a-secret-of-mine", 1), why="again", at=LATER) == told


def test_judging_with_other_judges_than_the_locked_ones_is_a_deviation() -> None:
    lock = Set().lock()
    assert judging_deviation(lock, PLAN.judges) is None
    told = judging_deviation(lock, [*PLAN.judges, model("maker.other")])
    assert told == Difference("JUDGE_MODELS", "bedrock:maker.judge", "bedrock:maker.judge,bedrock:maker.other")


def test_what_is_shown_at_the_start_says_whether_it_matches_and_if_not_in_what() -> None:
    lock = Set().lock()
    matching = UnderLock("plans/probe.lock.json", lock)
    assert matching.as_dict()["matches"] and matching.lines() == [
        f"PLAN LOCK: plans/probe.lock.json (hash {lock.lock_hash}) matches"
    ]
    head, *rest = UnderLock("plans/probe.lock.json", lock, (COOLER,), "the provider caps it").lines()
    assert head.endswith("the provider caps it") and rest == ["  MODEL_TEMPERATURE: locked 0.7, is 0.2"]


def test_a_measure_over_time_differs_from_one_that_is_none_whichever_was_locked() -> None:
    speed = Measure(name="speed", kind="score", field="speed")
    over_time = speed.model_copy(update={"over_time": True, "better": "higher"})
    said = []
    for before, after in ((speed, over_time), (over_time, speed)):
        one, other = (
            Set(analysis=CHOICES.model_copy(update={"measures": (*CHOICES.measures, m)})) for m in (before, after)
        )
        found = lock_differences(one.lock(), other.lock(LATER), there=THERE, is_single=False)
        said.append([difference.line() for difference in found])
    where = "experiments/probe: measures: speed"
    assert said[0] == [f"{where}.over_time: locked not set, is true", f"{where}.better: locked not set, is higher"]
    assert said[1] == [f"{where}.over_time: locked true, is not set", f"{where}.better: locked higher, is not set"]
