"""What becomes of a call? Pure: configuration, personas and call decide; nothing else does.

The answer, mishaps included, depends on (seed, trial, content), so that a retry gets what was lost; a call
that names no trial takes the number of times it was seen in the trial's place, so that repeats differ. The
fault depends on that number always, so that a retry may get through.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from trialbed.core.canonical import seed_from
from trialbed.providers.rehearsal.answer import Answer, fit
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import (
    DENIED,
    EXPIRED,
    MODEL_ERROR,
    NOT_CACHED,
    UNKNOWN_MODEL,
    Disturbance,
    ErrorAnswer,
    Fault,
    GatewayHtml,
    MishapKind,
    Rejection,
    StreamError,
    choose,
    choose_mishap,
    invalid,
)
from trialbed.providers.rehearsal.mishaps import spoil
from trialbed.providers.rehearsal.personas import Persona, persona_for

_log = logging.getLogger(__name__)

_REFUSALS = {
    "temperature": "`temperature` is deprecated for this model.",
    "topP": "`top_p` is deprecated for this model.",
    "temperature+topP": "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    "toolChoice": "This model doesn't support the toolConfig.toolChoice field. Remove it and try again.",
    "toolConfig": "This model doesn't support tool use.",
    "outputConfig": "This model doesn't support the outputConfig field. Remove it and try again.",
    "serviceTier": "The provided service tier is not supported for this model. Use a supported tier and try again.",
    "performanceConfig": "Latency performance configuration is not supported for this model.",
    "guardrailConfig": "Guardrails are not supported for this model. Remove guardrailConfig and try again.",
    "thinking": "This model does not support thinking. Remove thinking and try again.",
    "budget_tokens": (
        '"thinking.type.enabled" is not supported for this model. '
        'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
    ),
    "effort": "This model does not support the effort parameter.",
    "stream": "The model is unsupported for streaming.",
    "stream+toolConfig": "This model doesn't support tool use in streaming mode.",
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing was computed."""

    fault: Rejection


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer exists; `disturbance` says how it is lost on its way, None = it arrives."""

    answer: Answer
    latency_s: float
    disturbance: Disturbance | None = None
    mishap: MishapKind | None = None


def decide(call: RehearsalCall, config: RehearsalConfig, personas: Sequence[Persona]) -> Rejected | Accepted:
    """Script first, then what the service checks, then chance."""
    try:
        return _decide(call, config, personas)
    except Exception as error:  # personas and scripts are foreign code: their bugs stop the model, saying so
        _log.exception("a rehearsal persona or script failed")
        return Rejected(invalid(f"The rehearsal's persona or script failed: {type(error).__name__}: {error}"))


def _decide(call: RehearsalCall, config: RehearsalConfig, personas: Sequence[Persona]) -> Rejected | Accepted:
    chance = Random(seed_from(["attempt", config.seed, call.trial, call.content_hash, call.seen]))
    scripted = config.scripted(call) if config.scripted else None
    if isinstance(scripted, Answer):
        return Accepted(fit(scripted, call), _latency_s(scripted, config, chance))
    fault = scripted or at_the_door(call, config) or _fault(config, chance, call)
    if isinstance(fault, StreamError) and not call.streaming:
        fault = replace(MODEL_ERROR, members={"originalStatusCode": fault.original_status})
    if isinstance(fault, ErrorAnswer | GatewayHtml):
        return Rejected(fault)
    return _answered(call, config, personas, fault, chance)


def _answered(
    call: RehearsalCall, config: RehearsalConfig, personas: Sequence[Persona], fault: Disturbance | None, chance: Random
) -> Accepted:
    repeat = call.seen if call.trial is None else None
    rng = Random(seed_from(["answer", config.seed, call.trial, call.content_hash, repeat]))
    # drawn first: how many numbers a persona takes must not decide what goes wrong
    mishap = None if _is_spared(call, config) else choose_mishap(config, rng, is_judge=call.is_judge)
    answer = persona_for(call, personas).answer(call, rng)
    if mishap is not None:
        answer = spoil(answer, mishap, call, rng, config.bad_judge_kinds)
    return Accepted(fit(answer, call), _latency_s(answer, config, chance), fault, mishap)


def _fault(config: RehearsalConfig, chance: Random, call: RehearsalCall) -> Fault | None:
    return None if _is_spared(call, config) else choose(config, chance, is_judge=call.is_judge)


def _is_spared(call: RehearsalCall, config: RehearsalConfig) -> bool:
    return config.only_trials and call.trial is None


def at_the_door(call: RehearsalCall, config: RehearsalConfig) -> ErrorAnswer | None:
    """What the service checks before anything else: credentials, model, parameters."""
    if config.expired_credentials:
        return EXPIRED
    if call.model_id in config.denied_models and not _is_spared(call, config):
        return DENIED
    if call.model_id in config.unknown_models:
        return UNKNOWN_MODEL
    for names in sorted(config.refuses.get(call.model_id, config.refuses.get("*", frozenset()))):
        if all(_is_sent(name, call) for name in names.split("+")):
            if names == "cachePoint":
                return NOT_CACHED
            return invalid(
                _REFUSALS.get(names, f"This model doesn't support the {names} field. Remove it and try again.")
            )
    return None


def _is_sent(parameter: str, call: RehearsalCall) -> bool:
    if parameter == "stream":
        return call.streaming
    body: Any = call.body
    places = (body, body.get("inferenceConfig") or {}, body.get("toolConfig") or {})
    extra = body.get("additionalModelRequestFields") or {}
    places = (*places, body.get("outputConfig") or {}, extra, extra.get("thinking") or {}, *_all_blocks(body))
    return any(parameter in place for place in places)


def _all_blocks(body: Any) -> list[Any]:
    return [*(body.get("system") or ()), *(block for message in body["messages"] for block in message["content"])]


def _latency_s(answer: Answer, config: RehearsalConfig, chance: Random) -> float:
    if answer.latency_s is not None:
        return answer.latency_s
    return config.latency_s * math.exp(config.latency_spread * chance.gauss(0.0, 1.0))
