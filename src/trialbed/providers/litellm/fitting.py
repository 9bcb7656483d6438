"""Which of the parameters asked for does a model take? Found out without a call: by what LiteLLM would send."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from trialbed.core.model import ModelRequest, Sampling, Service
from trialbed.providers.answer_forms import AnswerMode
from trialbed.providers.litellm.library import Built, NotTaken
from trialbed.providers.litellm.wire import differences

Build = Callable[[ModelRequest, AnswerMode | None], Awaitable[Built]]

_FIRST_TO_GO = ("top_p", "temperature", "effort", "thinking")
"""Where LiteLLM takes a request only without some of its parameters, these are tried in this order."""

_OF_BEDROCK = {"service_tier": "tier", "latency": "latency"}


@dataclass(frozen=True)
class Fitted:
    """The request as the model takes it; of what it does not take, by parameter, why. `problem` is what LiteLLM says
    where it takes the request in no way."""

    sampling: Sampling
    service: Service
    refused: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None

    def applied_to(self, request: ModelRequest) -> ModelRequest:
        return replace(request, sampling=self.sampling, service=self.service) if self.refused else request


async def fit(
    request: ModelRequest,
    mode: AnswerMode | None,
    build: Build,
    *,
    takes_cache_marks: bool,
    known: Mapping[str, str],
) -> Fitted:
    """What of `request` can be sent.

    Args:
        build: makes the HTTP request, and sends nothing; raises `NotTaken`.
        takes_cache_marks: whether the provider is told by the request what to cache.
        known: what is known not to be taken, from earlier answers.
    """
    refused = dict(known) | _not_served(request.service, takes_cache_marks=takes_cache_marks)
    if request.sampling.guardrail is not None:
        refused["guardrail"] = "does not take guardrail, which is Bedrock's"
    fitting = _without(request, refused)
    told: str | None = None
    for left_out in _combinations(fitting):
        tried = _without(fitting, left_out)
        built = await _built(tried, mode, build)
        if isinstance(built, Built):
            return await _compared(tried, mode, build, built, refused | left_out)
        told = told or built
    return Fitted(fitting.sampling, fitting.service, refused, problem=told)


def _combinations(fitting: ModelRequest) -> Iterator[dict[str, str]]:
    """What may be left out, in the order in which it is tried: nothing, each parameter alone, then several."""
    asked = [name for name in _FIRST_TO_GO if name in fitting.requested]
    for size in range(len(asked) + 1):
        for names in combinations(asked, size):
            yield {name: f"does not take {name}" for name in names}


async def _compared(
    fitting: ModelRequest, mode: AnswerMode | None, build: Build, built: Built, refused: dict[str, str]
) -> Fitted:
    """What was built beside what was asked; without what differs the rest must still be the same."""
    changed = differences(fitting.sampling, built.body)
    if changed:
        refused |= changed
        fitting = _without(fitting, changed)
        again = await _built(fitting, mode, build)
        if not isinstance(again, Built):
            return Fitted(fitting.sampling, fitting.service, refused, again)
    return Fitted(fitting.sampling, fitting.service, refused)


async def _built(request: ModelRequest, mode: AnswerMode | None, build: Build) -> Built | str:
    try:
        return await build(request, mode)
    except NotTaken as error:
        return str(error)


def _not_served(service: Service, *, takes_cache_marks: bool) -> dict[str, str]:
    asked = service.as_dict()
    refused = {name: f"does not take {name}, which is Bedrock's" for name in _OF_BEDROCK if name in asked}
    if service.prompt_cache and not takes_cache_marks:
        refused["prompt_cache"] = "is not told what to cache: it caches by itself, or not at all"
    return refused


def _without(request: ModelRequest, refused: Mapping[str, str]) -> ModelRequest:
    sampling: dict[str, Any] = {name: None for name in refused if name in Sampling.__dataclass_fields__}
    sampling.pop("max_tokens", None)
    service: dict[str, Any] = {ours: None for name, ours in _OF_BEDROCK.items() if name in refused}
    if "prompt_cache" in refused:
        service["prompt_cache"] = False
    return replace(request, sampling=replace(request.sampling, **sampling), service=replace(request.service, **service))
