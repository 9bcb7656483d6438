"""Which plan do the settings, the command line and the catalog make together? Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trialbed.core.errors import UserError
from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import ModelName
from trialbed.core.plan import Plan
from trialbed.core.student import Dialogue
from trialbed.plugins import Found
from trialbed.settings import Settings

REHEARSAL_SUBJECT = ModelName("rehearsal", "subject")
REHEARSAL_JUDGE = ModelName("rehearsal", "judge")
REHEARSAL_STUDENT = ModelName("rehearsal", "student")

ItemT = TypeVar("ItemT", Scenario, Variant)


@dataclass(frozen=True)
class Choice:
    """What the command line adds to the settings; None = not said there."""

    scenarios: tuple[str, ...] | None = None
    variants: tuple[str, ...] | None = None
    runs: int | None = None
    limit: int | None = None


def choose_plan(
    settings: Settings,
    found: Found,
    choice: Choice,
    *,
    subjects: Sequence[ModelName],
    judges: Sequence[ModelName],
    dialogue: Dialogue | None = None,
) -> Plan:
    """The plan of a run. `dialogue` counts where the experiment has a student.

    Without batch mode and without a choice on the command line it is one trial of the baseline variant.

    Raises:
        UserError: an unknown scenario or variant was named, a number is not positive, or two subjects
            cannot be told apart.
    """
    experiment = found.experiment
    if len({str(subject) for subject in subjects}) < len(subjects):
        raise UserError(
            "SUBJECT_MODELS: two models differ only in their account number, which no record holds; run one"
        )
    for name, number in (("--runs", choice.runs), ("--limit", choice.limit)):
        if number is not None and number < 1:
            raise UserError(f"{name}: must be at least 1, is {number}")
    batch = is_batch(settings, runs=choice.runs, limit=choice.limit)
    variants = _named("--variants", choice.variants, found.variants)
    if variants is None:
        variants = found.variants if batch else tuple(v for v in found.variants if v.id == found.baseline)
    baseline = found.baseline if any(v.id == found.baseline for v in variants) else variants[0].id
    return Plan(
        experiment=experiment.name,
        version=experiment.version,
        scenarios=_scenarios(found, choice),
        variants=variants,
        baseline=baseline,
        subjects=tuple(subjects),
        sampling=settings.sampling,
        repeats=choice.runs or (settings.batch_size if batch else 1),
        seed=settings.model_seed,
        judges=tuple(judges) if experiment.needs_judge else (),
        judge_sampling=experiment.judge_sampling,
        limit=choice.limit,
        judge_repeat_share=settings.judge_repeat_share if experiment.needs_judge else 0.0,
        dialogue=dialogue if experiment.has_student else None,
    )


def is_batch(settings: Settings, *, runs: int | None, limit: int | None) -> bool:
    """Whether all variants are run BATCH_SIZE times, not the baseline once; numbers on the command line say so too."""
    return settings.batch_mode or runs is not None or limit is not None


def _scenarios(found: Found, choice: Choice) -> tuple[Scenario, ...]:
    named = _named("--scenarios", choice.scenarios, found.scenarios)
    if named is not None:
        return named
    default = found.experiment.default_scenarios
    return found.scenarios if default is None else tuple(one for one in found.scenarios if one.id in default)


def _named(option: str, names: tuple[str, ...] | None, known: Iterable[ItemT]) -> tuple[ItemT, ...] | None:
    if names is None:
        return None
    by_id = {item.id: item for item in known}
    unknown = [name for name in names if name not in by_id]
    if unknown or not names:
        raise UserError(f"{option}: no such name: {', '.join(unknown) or '(empty)'}; there is: {', '.join(by_id)}")
    return tuple(by_id[name] for name in dict.fromkeys(names))
