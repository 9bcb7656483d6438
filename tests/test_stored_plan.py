"""A plan that is only known as data holds the same trials."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import ModelName, Sampling
from trialbed.core.plan import Plan
from trialbed.core.stored_plan import plan_of


class Situation(Scenario):
    facts: str


class Words(Variant):
    prompts: tuple[str, ...]


names = st.text("abcxyz_", min_size=1, max_size=6)
samplings = st.builds(
    Sampling,
    max_tokens=st.integers(1, 4000),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0.1, 1),
    thinking=st.none() | st.just("adaptive") | st.integers(1024, 4096),
    effort=st.none() | st.sampled_from(["low", "high"]),
    guardrail=st.none() | st.just("abc:1"),
)
plans = st.builds(
    lambda scenarios, variants, subjects, baseline, **others: Plan(
        experiment="e",
        version="1.0.0",
        scenarios=tuple(Situation(id=name, system="S", facts=f"facts of {name} \u2028") for name in scenarios),
        variants=tuple(
            Words(id=name, prompts=("a", f"{name}?"), label="L" * (n % 2)) for n, name in enumerate(variants)
        ),
        baseline=variants[baseline % len(variants)],
        subjects=tuple(ModelName("bedrock", f"model.{name}") for name in subjects),
        judges=(ModelName("bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.judge"),),
        **others,
    ),
    scenarios=st.lists(names, min_size=1, max_size=3, unique=True),
    variants=st.lists(names, min_size=1, max_size=4, unique=True),
    subjects=st.lists(names, min_size=1, max_size=3, unique=True),
    baseline=st.integers(0, 3),
    sampling=samplings,
    judge_sampling=samplings,
    repeats=st.integers(1, 4),
    seed=st.integers(0, 2**53),
    limit=st.none() | st.integers(1, 20),
)


@given(plans)
@settings(max_examples=60, deadline=None)
def test_a_stored_plan_has_the_hash_and_the_trials_of_the_one_it_was_written_from(plan: Plan) -> None:
    stored = plan_of(json.loads(json.dumps(plan.as_dict())))
    assert stored.plan_hash == plan.plan_hash and stored.size == plan.size and stored.baseline == plan.baseline
    assert [(t.trial_id, t.block_id, t.index, t.seed) for t in stored.trials()] == [
        (t.trial_id, t.block_id, t.index, t.seed) for t in plan.trials()
    ]
