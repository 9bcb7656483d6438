"""Which trials did a plan hold that is only known as data? Makes a `Plan` of what plan.json says.

The experiment's own classes are not needed: an id is made of content, and all of it is in the data.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict

from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import BUDGETED, ModelName, Sampling
from trialbed.core.plan import Plan
from trialbed.core.student import SCRIPTED, Dialogue


class StoredScenario(Scenario):
    """A scenario with whatever fields its experiment gave it."""

    model_config = ConfigDict(frozen=True, extra="allow")


class StoredVariant(Variant):
    """A variant with whatever words its experiment gave it."""

    model_config = ConfigDict(frozen=True, extra="allow")


def plan_of(stored: Mapping[str, Any]) -> Plan:
    """The plan that `Plan.as_dict` gave; subjects and judges bear masked account numbers where they had some.

    Raises:
        KeyError, TypeError, ValueError: it is no such data.
    """
    variants = tuple(StoredVariant.model_validate(variant) for variant in stored["variants"])
    optional = {name: stored[name] for name in ("judge_repeat_share",) if name in stored}
    return Plan(
        experiment=stored["experiment"],
        version=stored["version"],
        scenarios=tuple(StoredScenario.model_validate(scenario) for scenario in stored["scenarios"]),
        variants=variants,
        baseline=next((variant.id for variant in variants if variant.baseline), variants[0].id),
        subjects=tuple(_model(name) for name in stored["subjects"]),
        sampling=sampling_of(stored["sampling"]),
        repeats=stored["repeats"],
        seed=stored["seed"],
        judges=tuple(_model(name) for name in stored["judges"]),
        judge_sampling=sampling_of(stored["judge_sampling"]),
        limit=stored["limit"],
        dialogue=_dialogue(stored.get("dialogue")),
        **optional,
    )


def _dialogue(stored: Mapping[str, Any] | None) -> Dialogue | None:
    if stored is None:
        return None
    if stored["student"] == SCRIPTED:
        return Dialogue(None, stored["turns"])
    return Dialogue(_model(stored["student"]), stored["turns"], sampling_of(stored["student_sampling"]))


def _model(name: str) -> ModelName:
    provider, _, model_id = name.partition(":")
    return ModelName(provider, model_id)


def sampling_of(stored: Mapping[str, Any]) -> Sampling:
    """The inverse of `Sampling.as_dict`."""
    members = {name: value for name, value in stored.items() if name not in ("thinking", "thinking_tokens")}
    thinking = stored.get("thinking_tokens") if stored.get("thinking") == BUDGETED else stored.get("thinking")
    return Sampling(**members, thinking=thinking)
