"""One Socratic dialogue, as its own command asks for it: a model, a prompt, a number of turns; the rest from .env."""

from dataclasses import dataclass, replace
from pathlib import Path

from trialbed.app.checks import hub_problems
from trialbed.app.dialogue import allowed_models, choose_dialogue
from trialbed.app.prepare import Prepared, analysis_of, limit_of, not_one_kind, prices_of_project, read_project
from trialbed.choose import REHEARSAL_JUDGE, Choice, choose_plan
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.core.text import repair
from trialbed.plugins import Found
from trialbed.providers.names import parse_model
from trialbed.settings import Settings

EXPERIMENT = "socratic"


@dataclass(frozen=True)
class SocraticWanted:
    """What the command line asks for; None = the settings decide. `variant` None = the baseline."""

    model: str
    prompt: str
    turns: int | None = None
    variant: str | None = None
    max_cost_usd: float | None = None


def prepare_socratic(root: Path, wanted: SocraticWanted) -> Prepared:
    """The plan of one dialogue. No network.

    Raises:
        UserError: one line for each thing that is wrong.
    """
    settings, catalog = read_project(root)
    found = catalog.find(EXPERIMENT)
    problems = hub_problems(settings)
    subject = _subject(settings, wanted.model, problems)
    prompt = repair(wanted.prompt)[0].strip()
    if not prompt:
        problems.append("--prompt: is empty; give the words with which the student begins")
    if wanted.turns is not None and wanted.turns < 1:
        problems.append(f"--turns: must be at least 1, is {wanted.turns}")
    limit_usd = limit_of(settings, wanted.max_cost_usd, problems)
    prices = prices_of_project(settings, problems)
    judge = _judge(settings, subject)
    dialogue = choose_dialogue(settings, found.experiment, (subject,), problems, turns=wanted.turns, or_script=True)
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    if problems := not_one_kind((subject,), (judge,), dialogue):
        raise UserError("\n".join(dict.fromkeys(problems)))
    scenario = found.experiment.for_prompt(prompt)
    if scenario is None:
        raise UserError(f"experiments/{EXPERIMENT}: takes no prompt of your own; let for_prompt make a scenario of one")
    of_prompt: Found = replace(found, scenarios=(scenario,))
    choice = Choice(variants=(wanted.variant or found.baseline,), runs=1)
    plan = choose_plan(settings, of_prompt, choice, subjects=(subject,), judges=(judge,), dialogue=dialogue)
    analysis = analysis_of(found, plan)
    return Prepared(root, settings, found, plan, analysis, None, prices, limit_usd, judge_variable="RUNNER_JUDGE_MODEL")


def notices(prepared: Prepared) -> list[str]:
    """What the user has not said and should know."""
    dialogue = prepared.plan.dialogue
    if dialogue is None or dialogue.student is not None or prepared.settings.runner_student_model is not None:
        return []
    return [
        "RUNNER_STUDENT_MODEL: not set, and BEDROCK_MODEL_IDS has no model but the one under test: the student's lines "
        "are scripted; name a model to have it played"
    ]


def _subject(settings: Settings, named: str, problems: list[str]) -> ModelName:
    """The model under test, which must be one of those allowed."""
    subject = parse_model(named)
    try:
        allowed = allowed_models(settings)
    except UserError as error:
        problems.append(str(error))
        return subject
    if not allowed:
        problems.append(
            'BEDROCK_MODEL_IDS: not set; set it to a JSON array of the models that may be run, e.g. ["'
            f'{subject.public_id}"]'
        )
    elif subject not in allowed:
        ids = ", ".join(model.public_id if model.provider == "bedrock" else str(model) for model in allowed)
        problems.append(
            f"--model: Model not found in BEDROCK_MODEL_IDS: {subject.public_id!r}; name one of them, or add it: {ids}"
        )
    return subject


def _judge(settings: Settings, subject: ModelName) -> ModelName:
    """As set; a rehearsed tutor has a rehearsed judge if none is."""
    if subject.provider == "rehearsal" and "runner_judge_model" not in settings.model_fields_set:
        return REHEARSAL_JUDGE
    return parse_model(settings.runner_judge_model)
