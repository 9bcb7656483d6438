"""Which plan and which trials does a run on disk have? Its plan.json and records, read with today's experiment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from trialbed.core.errors import UserError
from trialbed.core.experiment import Experiment, Scenario, Variant
from trialbed.core.model import Message, ModelName
from trialbed.core.plan import Plan
from trialbed.core.stored_plan import plan_of
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.plugins import Found


@dataclass(frozen=True)
class StoredPlan:
    """A plan made anew of a plan.json, whose own hash is `plan_hash`. `is_changed` says that a scenario reads otherwise
    in today's experiment, or that its version is another one."""

    plan: Plan
    plan_hash: str
    is_changed: bool

    def trial_of(self, record: Mapping[str, Any]) -> Trial:
        """The trial of a record: what identifies it is the record's, whatever today's code would make of it.

        Raises:
            UserError: the record names a scenario or variant that plan.json does not have.
        """
        scenario = self._scenarios.get(record["scenario"])
        variant = self._variants.get(record["prompt_variant"])
        if scenario is None or variant is None:
            raise UserError(
                f"{record['run']}/plan.json: does not have scenario {record['scenario']!r} and variant "
                f"{record['prompt_variant']!r} of record {record['run_id']}; put back the plan.json of this run"
            )
        return Trial(
            trial_id=record["trial_id"],
            block_id=record["block_id"],
            scenario=scenario,
            variant=variant,
            subject=ModelName(record["provider"], record["steward_model"]),
            sampling=variant.sampling(self.plan.sampling),
            repeat=record["repeat"],
            index=int(record["run_id"].rpartition("_")[2]),
            seed=record["model_config"]["seed"],
        )

    def has_made(self, trial_ids: Iterable[str]) -> bool:
        """Whether all of these are ids that the plan gives its trials today."""
        return {trial.trial_id for trial in self.plan.trials()} >= set(trial_ids)

    @cached_property
    def _scenarios(self) -> dict[str, Scenario]:
        return {scenario.id: scenario for scenario in self.plan.scenarios}

    @cached_property
    def _variants(self) -> dict[str, Variant]:
        return {variant.id: variant for variant in self.plan.variants}


def stored_plan(document: Mapping[str, Any], found: Found) -> StoredPlan:
    """The plan in a plan.json (see `engine.folder.plan_document`). Account numbers in it stay masked.

    Raises:
        UserError: today's experiment cannot read a scenario of it.
    """
    plan = document["plan"]
    scenarios = tuple(_scenario(content, found) for content in plan["scenarios"])
    variants = tuple(_variant(content, found) for content in plan["variants"])
    rebuilt = replace(plan_of(plan), scenarios=scenarios, variants=variants)
    is_changed = plan["version"] != found.experiment.version or not all(_is_todays(one, found) for one in scenarios)
    return StoredPlan(rebuilt, document["plan_hash"], is_changed)


def transcript_of(log: Iterable[Mapping[str, str]]) -> Transcript:
    """A record's `conversation_log` as the dialogue it was."""
    system = next((said["content"] for said in log if said["role"] == "system"), None)
    roles: dict[str, Any] = {"user": "user", "assistant": "assistant"}
    messages = [Message(roles[said["role"]], said["content"]) for said in log if said["role"] in roles]
    return Transcript(system, tuple(messages))


def _is_todays(scenario: Scenario, found: Found) -> bool:
    """Whether today's experiment has this very scenario, or would make it of its prompt, or takes those of others."""
    takes_others = type(found.experiment).of_rows is not Experiment.of_rows
    if takes_others and all(scenario.id != own.id for own in found.scenarios):
        return True
    prompt = getattr(scenario, "prompt", None)
    return scenario in found.scenarios or (prompt is not None and found.experiment.for_prompt(prompt) == scenario)


def _scenario(content: Mapping[str, Any], found: Found) -> Scenario:
    """Today's scenario if it has the same content; else the stored content, in the class of today's."""
    today = next((scenario for scenario in found.scenarios if scenario.id == content["id"]), None)
    if today is not None and today.model_dump(mode="json") == content:
        return today
    kind = type(today or found.scenarios[0])
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"plan.json: scenario {content['id']!r}: {field}: {first['msg']}: experiments/ has changed since this run; "
            "judge it with the version that ran it"
        ) from None


def _variant(content: Mapping[str, Any], found: Found) -> Variant:
    """As it was run. A judge is blind to it, so it need not fit what today's experiment asks of a variant."""
    kind = found.experiment.variant
    try:
        return kind.model_validate(content)
    except ValidationError:
        return kind.model_construct(**content)
