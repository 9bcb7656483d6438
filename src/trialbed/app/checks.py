"""Is everything there that the run will need? Every problem is named at once, before anything is spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio

from trialbed.app.prepare import Prepared
from trialbed.core.errors import CallError, CredentialsExpired, InvalidRequest, ModelUnavailable, QuotaExhausted
from trialbed.core.model import Message, Model, ModelName, ModelRequest, Sampling
from trialbed.settings import Settings

_PREFLIGHT_TOKENS = 16
_PREFLIGHT_PAUSES_S = (0.0, 0.3, 0.6)
_PREFLIGHT_S = 30.0
_REFUSING = (ModelUnavailable, InvalidRequest, QuotaExhausted, CredentialsExpired)


@dataclass(frozen=True)
class ModelCheck:
    """How one small call went. `refuses` says that a run cannot work with this model as it is set up."""

    model: ModelName
    problem: str | None = None
    refuses: bool = False


def setting_problems(prepared: Prepared) -> list[str]:
    """What can be seen without any network."""
    settings = prepared.settings
    problems = hub_problems(settings)
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

    subjects = [model for model in prepared.plan.subjects if model.provider == "bedrock"]
    return [line for model in subjects for line in refusals(prepared.plan.sampling, capabilities_of(model.id))]


async def check_models(models: Mapping[ModelName, Model], prepared: Prepared) -> list[ModelCheck]:
    """One small call to each model, with the sampling that trials will be asked with."""
    plan = prepared.plan
    results: dict[ModelName, ModelCheck] = {}

    async def check(name: ModelName, sampling: Sampling) -> None:
        limit_s = min(_PREFLIGHT_S, prepared.settings.call_deadline_s)
        results[name] = await _check_model(models[name], name, sampling, limit_s)

    async with anyio.create_task_group() as group:
        for name in prepared.models:
            # A judge does without the parameters its model refuses, so it is not turned away for them here.
            sampling = plan.sampling if name in plan.subjects else Sampling(plan.judge_sampling.max_tokens)
            group.start_soon(check, name, sampling)
    return [results[name] for name in prepared.models]


async def _check_model(model: Model, name: ModelName, sampling: Sampling, limit_s: float) -> ModelCheck:
    small = Sampling(min(sampling.max_tokens, _PREFLIGHT_TOKENS), sampling.temperature, sampling.top_p)
    request = ModelRequest(model=name, messages=(Message("user", "Answer with the one word: ready"),), sampling=small)
    problem = f"no answer within {limit_s:.0f} s"
    with anyio.move_on_after(limit_s):
        for pause_s in _PREFLIGHT_PAUSES_S:
            await anyio.sleep(pause_s)
            try:
                await model.converse(request)
                return ModelCheck(name)
            except _REFUSING as error:
                return ModelCheck(name, f"{name}: {error}; {_what_to_do(error)}", refuses=True)
            except CallError as error:
                # A throttled or faltering service is there all the same; the run's own retries deal with it.
                problem = str(error)
    return ModelCheck(name, f"{name}: {problem}; it may pass, the run goes on")


def _what_to_do(error: CallError) -> str:
    match error:
        case CredentialsExpired():
            return "renew the AWS credentials"
        case ModelUnavailable():
            return "check the model's id, its region and your account's access to it"
        case QuotaExhausted():
            return "wait, or ask for a higher quota"
        case _:
            return "correct the parameter it names (MODEL_*), or set ON_UNSUPPORTED=drop"


def refusing(checks: Sequence[ModelCheck]) -> list[str]:
    """The lines of models a run cannot work with."""
    return [check.problem for check in checks if check.refuses and check.problem is not None]
