"""By which names does a backend know our facts? OpenTelemetry's GenAI conventions; what they lack is `trialbed.*`.

Source: github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md and aws-bedrock.md
(development status, as of 1.42.0).
"""

from collections.abc import Mapping
from typing import Any

from trialbed.core.errors import CallError, GaveUp
from trialbed.core.model import ModelName, ModelReply, ModelRequest, Role, Usage, masked
from trialbed.core.outcome import Outcome
from trialbed.core.trial import Trial
from trialbed.tracing.span import Value

SCHEMA_URL = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"
OPERATION = "chat"
CUT = "cancelled"
"""`error.type` of a call that was cut with the run: no provider said anything."""

QUOTING = frozenset({Outcome.PARSE_FAILED, Outcome.JUDGE_ERROR})
"""Outcomes whose reasons may repeat what a model said."""

_PROVIDERS = {
    "bedrock": "aws.bedrock",
    "rehearsal": "trialbed.rehearsal",
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
}
"""Those that the conventions call otherwise than we do."""
_SPEAKS_AWS = ("bedrock", "rehearsal")


def trial_attributes(trial: Trial) -> dict[str, Value]:
    return {
        "trialbed.trial_id": trial.trial_id,
        "trialbed.block_id": trial.block_id,
        "trialbed.scenario": str(trial.scenario.id),
        "trialbed.variant": str(trial.variant.id),
        "trialbed.subject": str(trial.subject),
        "trialbed.repeat": trial.repeat,
    }


def outcome_attributes(outcome: Outcome, reason: str | None, replayed: int) -> dict[str, Value]:
    """`replayed` calls were answered in an earlier sitting and have no span in this one."""
    found: dict[str, Value] = {"trialbed.outcome": outcome.value, "trialbed.replayed_calls": replayed}
    if reason is not None:
        found["trialbed.outcome_reason"] = reason
    if outcome is not Outcome.ANSWERED:
        found["error.type"] = outcome.value
    return found


def call_name(model: ModelName) -> str:
    return f"{OPERATION} {model.public_id}"


def request_attributes(request: ModelRequest, role: Role, trial_id: str, waited_s: float) -> dict[str, Value]:
    """What was asked for. `waited_s` is how long the call waited for its turn before its first attempt."""
    sampling = request.sampling
    maybe: dict[str, Value | None] = {
        "gen_ai.operation.name": OPERATION,
        "gen_ai.provider.name": _PROVIDERS.get(request.model.provider, request.model.provider),
        "gen_ai.request.model": request.model.public_id,
        "gen_ai.conversation.id": trial_id,
        "gen_ai.output.type": None if request.form is None else "json",
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.top_p": sampling.top_p,
        "aws.bedrock.guardrail.id": masked(sampling.guardrail),
        "trialbed.trial_id": trial_id,
        "trialbed.role": role,
        "trialbed.turn": request.turn,
        "trialbed.waited_s": round(waited_s, 6),
    }
    return _set_ones(maybe)


def reply_attributes(reply: ModelReply, cost_usd: float | None) -> dict[str, Value]:
    maybe: dict[str, Value | None] = {
        "gen_ai.response.finish_reasons": (reply.stop_reason,),
        "gen_ai.response.id": reply.request_id,
        "trialbed.cost_usd": cost_usd,
    }
    return _set_ones(maybe) | usage_attributes(reply.usage)


def usage_attributes(usage: Usage) -> dict[str, Value]:
    """The conventions count what came from a cache, or went into one, among the input; Bedrock does not."""
    found: dict[str, Value] = {
        "gen_ai.usage.input_tokens": usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
    }
    if usage.cache_read_tokens:
        found["gen_ai.usage.cache_read.input_tokens"] = usage.cache_read_tokens
    if usage.cache_write_tokens:
        found["gen_ai.usage.cache_creation.input_tokens"] = usage.cache_write_tokens
    return found


def attempt_attributes(number: int, why: str) -> dict[str, Value]:
    """Without usage: a backend that adds it up over all spans would count every token twice."""
    return {"trialbed.attempt.number": number, "trialbed.attempt.why": why}


def failure_attributes(failure: Mapping[str, Any], provider: str) -> dict[str, Value]:
    maybe: dict[str, Value | None] = {
        "error.type": failure["code"] or failure["error"],
        "http.response.status_code": failure["http_status"],
        _request_id(provider): failure["request_id"],
        "trialbed.error": failure["error"],
    }
    return _set_ones(maybe)


def success_attributes(reply: ModelReply, provider: str) -> dict[str, Value]:
    found: dict[str, Value] = {"http.response.status_code": 200}
    return found if reply.request_id is None else {**found, _request_id(provider): reply.request_id}


def _request_id(provider: str) -> str:
    return "aws.request_id" if provider in _SPEAKS_AWS else "trialbed.request_id"


def error_type(error: BaseException) -> str:
    """A few words of a closed set, never a message: what a provider says may hold anything."""
    if isinstance(error, GaveUp):
        error = error.last
    if isinstance(error, CallError):
        return error.code or type(error).__name__
    return type(error).__name__ if isinstance(error, Exception) else CUT


def _set_ones(maybe: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in maybe.items() if value is not None}
