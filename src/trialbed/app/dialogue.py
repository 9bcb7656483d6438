"""Who plays the student, and for how many turns? Settings, and what may be run, made into a dialogue."""

import json
from collections.abc import Sequence

from trialbed.app.instruments import self_judged
from trialbed.choose import REHEARSAL_STUDENT
from trialbed.core.errors import UserError
from trialbed.core.experiment import Experiment
from trialbed.core.model import ModelName, Sampling
from trialbed.core.student import SCRIPTED, Dialogue
from trialbed.providers.names import parse_models
from trialbed.settings import Settings

_WHOM_TO_NAME = (
    "RUNNER_STUDENT_MODEL: this experiment needs a student, and the model under test does not play it unasked; name "
    "another model, or scripted"
)


def choose_dialogue(
    settings: Settings,
    experiment: Experiment,
    subjects: Sequence[ModelName],
    problems: list[str],
    *,
    turns: int | None = None,
    or_script: bool = False,
) -> Dialogue | None:
    """The other side of the dialogues; None where the experiment has none. What is wrong is added to `problems`.

    Args:
        turns: instead of RUNNER_DEFAULT_TURNS.
        or_script: without any model to play it the student is scripted, instead of there being a problem.
    """
    if not experiment.has_student:
        return None
    most = settings.runner_default_turns if turns is None else turns
    student = _student(settings, subjects, problems)
    if student is None:
        if not (or_script or settings.runner_student_model == SCRIPTED):
            problems.append(_WHOM_TO_NAME)
        return Dialogue(None, most)
    return Dialogue(student, most, _sampling(settings, experiment))


def allowed_models(settings: Settings) -> tuple[ModelName, ...]:
    """The models of BEDROCK_MODEL_IDS; none if it is not set.

    Raises:
        UserError: it is no JSON array of ids.
    """
    if not settings.bedrock_model_ids.strip():
        return ()
    try:
        ids = json.loads(settings.bedrock_model_ids)
    except ValueError:
        ids = None
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) and one.strip() for one in ids):
        shown = settings.bedrock_model_ids[:60]
        raise UserError(
            f"BEDROCK_MODEL_IDS: is no JSON array of model ids (is {shown!r}); write it like "
            '["amazon.nova-pro-v1:0", "amazon.nova-lite-v1:0"]'
        )
    return tuple(model for one in ids for model in parse_models(one))


def _student(settings: Settings, subjects: Sequence[ModelName], problems: list[str]) -> ModelName | None:
    """The model named, else one that is no subject; None if there is none, or a script is wanted."""
    named = settings.runner_student_model
    if named == SCRIPTED:
        return None
    if named is not None:
        models = parse_models(named)
        if len(models) != 1:
            problems.append(f"RUNNER_STUDENT_MODEL: must name one model, or {SCRIPTED} (is {named!r}); correct it")
        return models[0] if models else None
    if all(subject.provider == "rehearsal" for subject in subjects):
        return REHEARSAL_STUDENT
    try:
        allowed = allowed_models(settings)
    except UserError as error:
        problems.append(str(error))
        return None
    return next((model for model in allowed if not self_judged(subjects, [model])), None)


def _sampling(settings: Settings, experiment: Experiment) -> Sampling:
    return Sampling(experiment.student_sampling.max_tokens, settings.runner_student_temperature)
