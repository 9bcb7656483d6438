"""Is everything there that the run will need? Every problem is named at once, before anything is spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import anyio

from trialbed.app.ingest import has_results, ingest_problems
from trialbed.app.prepare import Prepared
from trialbed.core.errors import CallError, CredentialsExpired, InvalidRequest, ModelUnavailable, QuotaExhausted
from trialbed.core.model import AnswerForm, Message, Model, ModelName, ModelRequest, Role, Sampling, Service, Usage
from trialbed.core.price import tier_billed
from trialbed.providers.names import NATIVE
from trialbed.settings import Settings

_SUBJECT: Role = "subject"
_JUDGE: Role = "judge"
_STUDENT: Role = "student"
_PREFLIGHT_TOKENS = 16
_PREFLIGHT_FORM_TOKENS = 64
_READINESS = AnswerForm(
    "readiness",
    "whether you are ready",
    {
        "type": "object",
        "properties": {"ready": {"type": "boolean"}},
        "required": ["ready"],
        "additionalProperties": False,
    },
)
_PREFLIGHT_PAUSES_S = (0.0, 0.3, 0.6)
_PREFLIGHT_S = 30.0
_LOOK_AT = "check the model's id, its region and your account's access to it"
_REFUSING = (ModelUnavailable, InvalidRequest, QuotaExhausted, CredentialsExpired)


@dataclass(frozen=True)
class ModelCheck:
    """How the small calls to a model went. `refuses` says that a run cannot work with it as it is set up.

    `paid` holds, for each that was answered, the role it was made for, its tokens and the service tier that
    the answer names (see `core.price.tier_billed`).
    """

    model: ModelName
    problem: str | None = None
    refuses: bool = False
    paid: tuple[tuple[Role, Usage, str | None], ...] = ()

    @property
    def usage(self) -> Usage | None:
        """All tokens paid for; None if nothing was."""
        return sum((usage for _, usage, _ in self.paid), Usage()) if self.paid else None


def setting_problems(prepared: Prepared) -> list[str]:
    """What can be seen without any network."""
    settings = prepared.settings
    problems = hub_problems(settings)
    if has_results(prepared.found.experiment):
        problems += ingest_problems(settings)
    if settings.on_unsupported == "refuse":
        problems += _refused_parameters(prepared)
    return problems


def hub_problems(settings: Settings) -> list[str]:
    """Both of HF_TOKEN and HF_REPO_ID, or neither; and no placeholder."""
    problems = []
    if settings.hf_token is not None and settings.hf_repo_id is None:
        problems.append(
            "HF_REPO_ID: not set although HF_TOKEN is; name your dataset, e.g. your-name/your-dataset, or unset both"
        )
    if settings.hf_repo_id is not None and settings.hf_token is None:
        problems.append("HF_TOKEN: not set although HF_REPO_ID is; set a token that may write, or unset both")
    if settings.hf_repo_id is not None:
        from trialbed.sinks.hub.target import repo_id_problem

        problem = repo_id_problem(settings.hf_repo_id)
        problems += [problem] if problem else []
    return problems


def _refused_parameters(prepared: Prepared) -> list[str]:
    from trialbed.providers.bedrock.capabilities import capabilities_of, refusals

    service = prepared.settings.service
    every = [
        refusals(sampling, capabilities_of(name.id), service, role, _options(prepared, role))
        for name, sampling, role in _speakers(prepared)
        if name.provider in NATIVE
    ]
    return [line for lines in every for line in lines]


async def check_models(models: Mapping[ModelName, Model], prepared: Prepared) -> list[ModelCheck]:
    """One small call to each model for each role it has, as the trials' calls will be made."""
    plan = prepared.plan
    limit_s = min(_PREFLIGHT_S, prepared.settings.call_deadline_s)
    found: dict[ModelName, list[ModelCheck]] = {name: [] for name in prepared.models}

    async def check(request: ModelRequest, role: Role) -> None:
        options = _options(prepared, role)
        found[request.model].append(await _check_model(models[request.model], request, role, limit_s, options))

    async with anyio.create_task_group() as group:
        for name, sampling, role in _speakers(prepared):
            if lines := await _known_refusals(models[name], sampling, role, prepared):
                found[name].append(ModelCheck(name, "\n".join(lines), refuses=True))
            else:
                group.start_soon(check, _small_question(name, prepared, sampling), role)
        for name in plan.judges:
            group.start_soon(check, _small_task(name, prepared), _JUDGE)
    return [_together(checks) for checks in found.values()]


def small_calls(prepared: Prepared) -> list[ModelRequest]:
    """The calls that `check_models` makes, as far as nothing is refused without one."""
    asked = [_small_question(name, prepared, sampling) for name, sampling, _ in _speakers(prepared)]
    return [*asked, *(_small_task(name, prepared) for name in prepared.plan.judges)]


def _speakers(prepared: Prepared) -> list[tuple[ModelName, Sampling, Role]]:
    """Who is asked in plain words, with which sampling: every subject, and the student if a model plays it."""
    plan = prepared.plan
    found: list[tuple[ModelName, Sampling, Role]] = [(name, plan.sampling, _SUBJECT) for name in prepared.subjects]
    if prepared.student is not None and plan.dialogue is not None:
        found.append((prepared.student, plan.dialogue.sampling, _STUDENT))
    return found


@runtime_checkable
class Choosy(Protocol):
    """A model that knows what it does not take, before it is asked."""

    async def refusals(
        self, sampling: Sampling, service: Service, role: Role = "subject", options: Mapping[str, str] | None = None
    ) -> list[str]:
        """One line per parameter that is known to be refused in this role."""
        ...


async def _known_refusals(model: Model | Choosy, sampling: Sampling, role: Role, prepared: Prepared) -> list[str]:
    """What is known without any call, and only since the model was opened: of the model behind a profile, which no id
    says, and of what LiteLLM would send."""
    if not isinstance(model, Choosy):
        return []
    return await model.refusals(sampling, prepared.settings.service, role, _options(prepared, role))


def _options(prepared: Prepared, role: Role) -> Mapping[str, str]:
    return prepared.options if role == _SUBJECT else {}


def _small_question(name: ModelName, prepared: Prepared, asked: Sampling) -> ModelRequest:
    """As a subject or student is asked, with room for few words; what it thinks before them must have its room too."""
    service = prepared.settings.service
    budget = asked.thinking if isinstance(asked.thinking, int) else 0
    return ModelRequest(
        model=name,
        messages=(Message("user", "Answer with the one word: ready"),),
        sampling=replace(asked, max_tokens=min(asked.max_tokens, budget + _PREFLIGHT_TOKENS)),
        # A cache point stands behind a system text; there is none for models that take no such text.
        system="Answer briefly." if service.prompt_cache else None,
        metadata=_metadata(prepared),
        service=service,
        stands_for_tokens=asked.max_tokens,
    )


def _small_task(name: ModelName, prepared: Prepared) -> ModelRequest:
    """As a judge is asked: for a structured answer, so that the way of asking for one is found before the run."""
    asked = prepared.plan.judge_sampling
    return ModelRequest(
        model=name,
        messages=(Message("user", "Are you ready?"),),
        sampling=replace(asked, max_tokens=min(asked.max_tokens, _PREFLIGHT_FORM_TOKENS)),
        system="Answer briefly.",
        form=_READINESS,
        metadata=_metadata(prepared),
        service=prepared.settings.service,
        stands_for_tokens=asked.max_tokens,
    )


def _metadata(prepared: Prepared) -> dict[str, str]:
    """No trial: nothing of these calls belongs to one."""
    return {"trialbed_run": "preflight", "trialbed_plan": prepared.plan.plan_hash}


def _together(checks: Sequence[ModelCheck]) -> ModelCheck:
    """One finding per model: what refuses comes first, and a line is not said twice."""
    refuses = any(check.refuses for check in checks)
    lines = dict.fromkeys(check.problem for check in checks if check.problem and check.refuses == refuses)
    paid = tuple(paid for check in checks for paid in check.paid)
    return ModelCheck(checks[0].model, "\n".join(lines) or None, refuses, paid)


async def _check_model(
    model: Model, request: ModelRequest, role: Role, limit_s: float, options: Mapping[str, str]
) -> ModelCheck:
    name = request.model
    problem = f"no answer within {limit_s:.0f} s"
    with anyio.move_on_after(limit_s):
        for pause_s in _PREFLIGHT_PAUSES_S:
            await anyio.sleep(pause_s)
            try:
                reply = await model.converse(request)
                return ModelCheck(name, paid=((role, reply.usage, tier_billed(reply)),))
            except _REFUSING as error:
                return ModelCheck(name, _refusal(error, request, role, options), refuses=True)
            except CallError as error:
                # A throttled or faltering service is there all the same; the run's own retries deal with it.
                problem = str(error)
    return ModelCheck(name, f"{name}: {problem}; it may pass, the run goes on")


def _refusal(error: CallError, request: ModelRequest, role: Role, options: Mapping[str, str]) -> str:
    """What, where and what to do: a parameter that the service names, by its variable or option; else the model."""
    from trialbed.providers.bedrock.learning import refused_in, refuses_streaming
    from trialbed.providers.variables import unset, variables_of

    if refuses_streaming(error):
        return f"BEDROCK_STREAM: {request.model}: {error}; set BEDROCK_STREAM=auto or never"
    every = variables_of(role) | dict(options)
    if names := [name for parameter, name in every.items() if parameter in refused_in(error, request)]:
        return f"{', '.join(names)}: {request.model}: {error}; {unset(names[0])}, or ON_UNSUPPORTED=drop"
    if request.sampling.guardrail is not None and "guardrail" in error.detail.lower():
        return f"BEDROCK_GUARDRAIL: {request.model}: {error}; check its id, its version and its region"
    return f"{request.model}: {error}; {_what_to_do(error, request.model)}"


def _what_to_do(error: CallError, model: ModelName) -> str:
    is_native = model.provider in NATIVE
    match error:
        case CredentialsExpired():
            return "renew the AWS credentials" if is_native else "renew the credentials"
        case ModelUnavailable() if not is_native:
            return "check the key, the model's id and your account's access to it"
        case ModelUnavailable() if "InvokeModelWithResponseStream" in error.detail:
            return "allow the user or role this action, which streams need, or set BEDROCK_STREAM=never"
        case ModelUnavailable() if "AccessDenied" in (error.code or ""):
            return f"{_LOOK_AT}; the user or role needs bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream"
        case ModelUnavailable():
            return _LOOK_AT
        case QuotaExhausted() if not is_native:
            return "see to the account's credit, or ask for a higher quota"
        case QuotaExhausted():
            return "wait, or ask for a higher quota"
        case _:
            named = "MODEL_*, BEDROCK_*" if is_native else "MODEL_*"
            return f"correct the parameter it names ({named}), or set ON_UNSUPPORTED=drop"


def refusing(checks: Sequence[ModelCheck]) -> list[str]:
    """The lines of models a run cannot work with."""
    return [check.problem for check in checks if check.refuses and check.problem is not None]
