"""What is going to be run, and with which models? Settings, catalog and command line made into a plan."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trialbed.app.dialogue import choose_dialogue
from trialbed.app.roster import Roster, named_models
from trialbed.choose import REHEARSAL_JUDGE, REHEARSAL_SUBJECT, Choice, choose_plan
from trialbed.core.choices import Choices, choices_of
from trialbed.core.errors import UserError
from trialbed.core.lock import UnderLock
from trialbed.core.model import ModelName
from trialbed.core.plan import Plan
from trialbed.core.student import Dialogue
from trialbed.engine.attempts import NO_BOUNDS, PerCall
from trialbed.plugins import Catalog, Found, scan
from trialbed.providers.bedrock.credentials import has_credentials_offline
from trialbed.providers.bedrock.prices import PriceList, price_list
from trialbed.settings import Settings, load_settings


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for; None = the settings decide."""

    experiment: str | None = None
    scenarios: tuple[str, ...] | None = None
    variants: tuple[str, ...] | None = None
    models: str | None = None
    runs: int | None = None
    limit: int | None = None
    max_cost_usd: float | None = None


@dataclass(frozen=True)
class Prepared:
    """A plan and what it was made of. `why_rehearsal` is set when nothing was configured.

    `max_cost_usd` is the limit that holds: the command line's, else the settings'; None = no limit. `lock` says how the
    run stands to the locked plan of its experiment, once that has been looked at (see `app.lock.hold_to_lock`); None =
    there is none. Without `asks_subjects` the answers of the plan's subjects are there already, and only its judges
    are asked. `judge_variable` is the one by which the user has named them, `options` have, by parameter of the
    subjects, the option of a command that sets it in the place of a variable. `ceilings` are the most calls in flight
    of single models, as a roster file gives them. `per_call` are bounds of a command's own on every call.
    """

    root: Path
    settings: Settings
    found: Found
    plan: Plan
    analysis: Choices
    why_rehearsal: str | None
    prices: PriceList
    max_cost_usd: float | None = None
    lock: UnderLock | None = None
    asks_subjects: bool = True
    judge_variable: str = "JUDGE_MODELS"
    options: Mapping[str, str] = field(default_factory=dict)
    ceilings: Mapping[ModelName, int] = field(default_factory=dict)
    per_call: PerCall = NO_BOUNDS

    @property
    def subjects(self) -> tuple[ModelName, ...]:
        """The subjects that will be asked."""
        return self.plan.subjects if self.asks_subjects else ()

    @property
    def student(self) -> ModelName | None:
        """The model that will play the other side; None if there is none, or a script."""
        return None if self.plan.dialogue is None or not self.asks_subjects else self.plan.dialogue.student

    @property
    def models(self) -> tuple[ModelName, ...]:
        """All models that will be asked."""
        student = () if self.student is None else (self.student,)
        return tuple(dict.fromkeys((*self.subjects, *self.plan.judges, *student)))

    @property
    def is_rehearsal(self) -> bool:
        """Whether any part of the records is rehearsed: such records are never uploaded."""
        student = () if self.plan.dialogue is None else (self.plan.dialogue.student,)
        every = (*self.plan.subjects, *self.plan.judges, *student)
        return any(model is not None and model.provider == "rehearsal" for model in every)


def prepare(root: Path, wanted: Wanted, also: Callable[[Settings], list[str]] = lambda _: []) -> Prepared:
    """Read settings and files and make the plan. No network. `also` adds problems that the caller would mind.

    Raises:
        UserError: one line for each thing that is wrong.
    """
    settings, catalog = read_project(root)
    problems = also(settings)
    limit_usd = limit_of(settings, wanted.max_cost_usd, problems)
    prices = prices_of_project(settings, problems)
    found = catalog.find(wanted.experiment or settings.experiment)
    asked = _asked(settings, wanted, root, problems)
    subjects, judges, why = _models(asked, problems, needs_judge=found.experiment.needs_judge)
    dialogue = choose_dialogue(settings, found.experiment, subjects, problems) if subjects else None
    problems += not_one_kind(subjects, judges, dialogue)
    if problems:
        raise UserError("\n".join(problems))
    choice = Choice(wanted.scenarios, wanted.variants, wanted.runs, wanted.limit)
    plan = choose_plan(settings, found, choice, subjects=subjects, judges=judges, dialogue=dialogue)
    analysis = analysis_of(found, plan)
    return Prepared(root, settings, found, plan, analysis, why, prices, limit_usd, ceilings=asked.ceilings)


def analysis_of(found: Found, plan: Plan) -> Choices:
    """What the experiment's author has chosen for the analysis of this plan.

    Raises:
        UserError: the choices contradict each other.
    """
    try:
        return choices_of(found.experiment, baseline=plan.baseline, seed=plan.seed)
    except ValidationError as error:
        where = f"experiments/{found.experiment.name}"
        lines = [f"{where}: {_attribute(problem)}{problem['msg']}; correct it" for problem in error.errors()]
        raise UserError("\n".join(lines)) from None


def _attribute(problem: Any) -> str:
    """The attribute of the experiment's class that a problem is about, if it is about one alone."""
    return f"{'.'.join(map(str, problem['loc']))}: " if problem["loc"] else "measures: "


def limit_of(settings: Settings, asked_usd: float | None, problems: list[str]) -> float | None:
    """The spending limit that holds: the command line's, else the settings'. A wrong one is added to `problems`."""
    limit_usd = settings.max_cost_usd if asked_usd is None else asked_usd
    if limit_usd is not None and not 0 < limit_usd < math.inf:
        problems.append(f"--max-cost: must be an amount in US dollars above 0, is {limit_usd:g}")
    return limit_usd


def prices_of_project(settings: Settings, problems: list[str]) -> PriceList:
    """The prices that hold here; what is wrong with the user's file is added to `problems`."""
    try:
        return price_list(settings.prices_file)
    except UserError as error:
        problems.append(str(error))
        return price_list()


def read_project(root: Path) -> tuple[Settings, Catalog]:
    """Settings and catalog; what is wrong with either is said together."""
    problems: list[str] = []
    settings = catalog = None
    try:
        settings = load_settings(root)
    except UserError as error:
        problems.append(str(error))
    try:
        catalog = scan(root)
    except UserError as error:
        problems.append(str(error))
    if settings is None or catalog is None:
        raise UserError("\n".join(problems))
    return settings, catalog


@dataclass(frozen=True)
class _Asked:
    """The models that are named, as far as any are."""

    subjects: Roster
    judges: Roster

    @property
    def ceilings(self) -> dict[ModelName, int]:
        """The most calls in flight of each model; of one that both name, the fewer."""
        found: dict[ModelName, int] = {}
        for model, most in (*self.judges.ceilings.items(), *self.subjects.ceilings.items()):
            found[model] = min(most, found.get(model, most))
        return found


def _asked(settings: Settings, wanted: Wanted, root: Path, problems: list[str]) -> _Asked:
    """What the settings and the command line name. Adds to `problems`."""
    named = wanted.models if wanted.models is not None else settings.subject_models
    found: list[Roster] = []
    for text in (named, settings.judge_models):
        try:
            found.append(named_models(text, root))
        except UserError as error:
            problems.append(str(error))
    if problems and len(found) < 2:
        raise UserError("\n".join(problems))
    return _Asked(*found)


def _models(
    asked: _Asked, problems: list[str], *, needs_judge: bool
) -> tuple[tuple[ModelName, ...], tuple[ModelName, ...], str | None]:
    """Subjects, judges and, if the run is rehearsed for want of any configuration, why. Adds to `problems`."""
    subjects, judges = asked.subjects.models, asked.judges.models
    if not subjects and not judges and not has_credentials_offline():
        return (REHEARSAL_SUBJECT,), (REHEARSAL_JUDGE,), "no model is named and no AWS credentials are set"
    if not subjects:
        problems.append(
            "SUBJECT_MODELS: no model is named, and nothing falls back to a rehearsal when credentials or a judge are "
            "set; name one, e.g. SUBJECT_MODELS=amazon.nova-pro-v1:0, or rehearsal:subject"
        )
    if needs_judge and not judges:
        if subjects and all(model.provider == "rehearsal" for model in subjects):
            judges = (REHEARSAL_JUDGE,)
        else:
            problems.append(
                "JUDGE_MODELS: this experiment needs a judge; name a model, e.g. JUDGE_MODELS=amazon.nova-pro-v1:0"
            )
    return subjects, judges, None


def not_one_kind(subjects: Sequence[ModelName], judges: Sequence[ModelName], dialogue: Dialogue | None) -> list[str]:
    """A line if real answers would be mixed with rehearsed ones."""
    student = () if dialogue is None or dialogue.student is None else (dialogue.student,)
    is_real = [model.provider != "rehearsal" for model in subjects]
    is_mixed = not all(is_real) or any(model.provider == "rehearsal" for model in (*judges, *student))
    if not (any(is_real) and is_mixed):
        return []
    names = "SUBJECT_MODELS, JUDGE_MODELS" + (", RUNNER_STUDENT_MODEL" if student else "")
    return [f"{names}: real answers must not be mixed with rehearsed ones; name one kind"]
