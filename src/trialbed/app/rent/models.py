"""Which models answer, and which one scores? Command line and settings together."""

from pathlib import Path

from trialbed.app.roster import Roster, named_models, read_roster
from trialbed.choose import REHEARSAL_JUDGE, REHEARSAL_SUBJECT
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.providers.bedrock.credentials import has_credentials_offline
from trialbed.providers.names import ALIASES, KNOWN, parse_model
from trialbed.settings import Settings

_NO_MODEL = (
    "--model: no model is named, and nothing falls back to a rehearsal when credentials are set; name one, e.g. "
    "--model google/gemini-2.0-flash-exp, or a roster file with --models"
)


def subjects_of(settings: Settings, models: str | None, model: str | None, root: Path) -> tuple[Roster, str | None]:
    """The models under test and, if they are rehearsed for want of any configuration, why.

    Raises:
        UserError: a name or a roster cannot be used, or no model is named although something is configured.
    """
    roster = None if models is None else read_roster(Path(models).expanduser())
    if model is not None:
        return _single(model, roster, models), None
    if roster is None:
        roster = named_models(settings.subject_models, root)
    if roster.models:
        return roster, None
    if has_credentials_offline():
        raise UserError(_NO_MODEL)
    return Roster((REHEARSAL_SUBJECT,)), "no model is named and no AWS credentials are set"


def scorer_of(
    settings: Settings, named: str | None, root: Path, *, is_rehearsed: bool, otherwise: tuple[ModelName, ...] = ()
) -> Roster:
    """The model that scores, or several: as named, else JUDGE_MODELS, else `otherwise`, else the rehearsal's.

    Raises:
        UserError: none is named, or a name cannot be used.
    """
    if named is not None:
        return Roster((bench_model(named),))
    roster = named_models(settings.judge_models, root)
    if roster.models:
        return roster
    if otherwise:
        return Roster(otherwise)
    if is_rehearsed:
        return Roster((REHEARSAL_JUDGE,))
    raise UserError("--scorer-model: no scorer is named; name one, e.g. --scorer-model bedrock:amazon.nova-pro-v1:0")


def bench_model(text: str) -> ModelName:
    """A model as `provider:id` or, as benchmarks write it, `provider/id`: google/gemini-2.0-flash-exp.

    Raises:
        UserError: there is no id.
    """
    name = text.strip()
    head, slash, rest = name.partition("/")
    provider = ALIASES.get(head.lower(), head.lower())
    if slash and provider in KNOWN and rest.strip():
        return ModelName(provider, rest.strip())
    return parse_model(name)


def _single(model: str, roster: Roster | None, file: str | None) -> Roster:
    """One model; of a roster that is given too, its entry."""
    name = bench_model(model)
    if roster is None:
        return Roster((name,))
    entry = next((one for one in roster.models if model.strip() in (one.id, str(one)) or one == name), None)
    if entry is None:
        raise UserError(f"--model: {file} has no {model!r}; there is: {', '.join(map(str, roster.models))}")
    return Roster((entry,), {entry: roster.labels[entry]}, {entry: roster.ceilings[entry]})
