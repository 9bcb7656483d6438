"""What goes wrong with a call, and how often? Pure: the same generator draws the same fault.

A `Fault` keeps an answer from arriving. What is wrong with an answer that does arrive is a `Mishap`
(`mishaps.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Rate = Field(default=0.0, ge=0.0, le=1.0)
FaultScope = Literal["all", "subject", "judge"]
MishapKind = Literal["truncate", "refuse", "filter", "surrogate", "empty", "bad_judge"]
BadJudgeKind = Literal["missing_field", "enum_outside", "plain_text", "null_input", "invented_quote"]
ALL_BAD_JUDGE_KINDS: tuple[BadJudgeKind, ...] = (
    "missing_field",
    "enum_outside",
    "plain_text",
    "null_input",
    "invented_quote",
)


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A proper error of the service. `members` join the message in the body."""

    code: str
    status: int
    message: str
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class GatewayHtml:
    """A gateway answers with HTML instead of the service."""

    status: int = 502
    name: str = field(default="gateway_html", init=False)


@dataclass(frozen=True, slots=True)
class ModelTimeout:
    """408 after the whole latency: the model has worked, and is paid."""

    name: str = field(default="ModelTimeoutException", init=False)


@dataclass(frozen=True, slots=True)
class CutBefore:
    """The connection ends before any byte of the answer, after the whole latency."""

    name: str = field(default="cut_before", init=False)


@dataclass(frozen=True, slots=True)
class CutBody:
    """Headers and half of the body arrive, then the connection ends."""

    name: str = field(default="cut_body", init=False)


@dataclass(frozen=True, slots=True)
class MalformedBody:
    """Status 200 with broken JSON; in a stream, an event whose checksum does not hold."""

    name: str = field(default="malformed_body", init=False)


@dataclass(frozen=True, slots=True)
class WrongShape:
    """Status 200 and valid JSON without `output`; in a stream, an end right after messageStart."""

    name: str = field(default="wrong_shape", init=False)


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing ever arrives, until the client gives up or the server closes."""

    name: str = field(default="hang", init=False)


@dataclass(frozen=True, slots=True)
class StreamError:
    """An exception event halfway through a stream. A plain Converse answers ModelErrorException instead."""

    code: str = "modelStreamErrorException"
    message: str = "The model returned an error while it was answering. Try your request again."
    original_status: int = 500

    @property
    def name(self) -> str:
        return self.code


Rejection = ErrorAnswer | GatewayHtml
"""The call is turned away at the door: nothing was computed."""
Disturbance = ModelTimeout | CutBefore | CutBody | MalformedBody | WrongShape | Hang | StreamError
"""The model has answered, and the answer is lost on its way: probably paid."""
Fault = Rejection | Disturbance

THROTTLED = ErrorAnswer("ThrottlingException", 429, "Too many requests, please wait before trying again.")
TOO_MANY_TOKENS = ErrorAnswer("ThrottlingException", 429, "Too many tokens, please wait before trying again.")
INTERNAL = ErrorAnswer("InternalServerException", 500, "The system encountered an unexpected error. Try again.")
UNAVAILABLE = ErrorAnswer("ServiceUnavailableException", 503, "Bedrock is unable to process your request.")
NOT_READY = ErrorAnswer("ModelNotReadyException", 429, "The model is not ready for inference. Try again later.")
MODEL_ERROR = ErrorAnswer(
    "ModelErrorException", 424, "The model returned an error. Try your request again.", {"originalStatusCode": 500}
)
EXPIRED = ErrorAnswer("ExpiredTokenException", 403, "The security token included in the request is expired")
DENIED = ErrorAnswer("AccessDeniedException", 403, "You don't have access to the model with the specified model ID.")
UNKNOWN_MODEL = ErrorAnswer(
    "ResourceNotFoundException", 404, "Could not resolve the foundation model from the provided model identifier."
)
NOT_CACHED = ErrorAnswer(
    "AccessDeniedException",
    403,
    "You invoked an unsupported model or your request did not allow prompt caching. "
    "See the documentation for more information.",
)


def invalid(message: str) -> ErrorAnswer:
    """The request will never be taken as it is."""
    return ErrorAnswer("ValidationException", 400, message)


class FaultPlan(BaseModel):
    """How often what goes wrong, as shares of the calls in `fault_scope`. At most one fault strikes a call,
    so the shares of faults add up to 1 at most, and so do those of mishaps.

    `only_trials` spares calls that name no trial, such as those that see whether a model answers; denials too.
    `bad_judge_rate` concerns judge calls whatever the scope. `stream_error_rate` becomes
    ModelErrorException when the call is no stream.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault_scope: FaultScope = "all"
    only_trials: bool = False
    throttle_rate: float = Rate
    server_error_rate: float = Rate
    gateway_html_rate: float = Rate
    model_not_ready_rate: float = Rate
    model_error_rate: float = Rate
    model_timeout_rate: float = Rate
    cut_before_rate: float = Rate
    cut_body_rate: float = Rate
    malformed_body_rate: float = Rate
    wrong_shape_rate: float = Rate
    hang_rate: float = Rate
    stream_error_rate: float = Rate

    truncate_rate: float = Rate
    refuse_rate: float = Rate
    filter_rate: float = Rate
    surrogate_rate: float = Rate
    empty_rate: float = Rate
    bad_judge_rate: float = Rate
    bad_judge_kinds: tuple[BadJudgeKind, ...] = Field(default=ALL_BAD_JUDGE_KINDS, min_length=1)

    @model_validator(mode="after")
    def _shares_fit(self) -> "FaultPlan":
        for what, rates in (("faults", list(_FAULTS)), ("mishaps", list(_MISHAPS))):
            if (total := sum(getattr(self, rate) for rate in rates)) > 1 + 1e-9:
                raise ValueError(f"the rates of {what} add up to {total:g}; at most 1 is possible")
        return self

    def concerns(self, *, is_judge: bool) -> bool:
        """Whether calls of this sort are in the scope."""
        return self.fault_scope == "all" or (self.fault_scope == "judge") == is_judge


_FAULTS: Mapping[str, Callable[[Random], Fault]] = {
    "throttle_rate": lambda rng: THROTTLED,
    "server_error_rate": lambda rng: rng.choice((INTERNAL, UNAVAILABLE)),
    "gateway_html_rate": lambda rng: GatewayHtml(),
    "model_not_ready_rate": lambda rng: NOT_READY,
    "model_error_rate": lambda rng: MODEL_ERROR,
    "model_timeout_rate": lambda rng: ModelTimeout(),
    "cut_before_rate": lambda rng: CutBefore(),
    "cut_body_rate": lambda rng: CutBody(),
    "malformed_body_rate": lambda rng: MalformedBody(),
    "wrong_shape_rate": lambda rng: WrongShape(),
    "hang_rate": lambda rng: Hang(),
    "stream_error_rate": lambda rng: StreamError(),
}
_MISHAPS: Mapping[str, MishapKind] = {
    "bad_judge_rate": "bad_judge",
    "truncate_rate": "truncate",
    "refuse_rate": "refuse",
    "filter_rate": "filter",
    "surrogate_rate": "surrogate",
    "empty_rate": "empty",
}


def choose(plan: FaultPlan, rng: Random, *, is_judge: bool) -> Fault | None:
    """The fault that strikes one attempt, or None. One draw decides, so every rate is met exactly."""
    if not plan.concerns(is_judge=is_judge):
        return None
    point = rng.random()
    for rate, make in _FAULTS.items():
        share = getattr(plan, rate)
        if point < share:
            return make(rng)
        point -= share
    return None


def choose_mishap(plan: FaultPlan, rng: Random, *, is_judge: bool) -> MishapKind | None:
    """What is wrong with one answer, or None."""
    in_scope = plan.concerns(is_judge=is_judge)
    point = rng.random()
    for rate, kind in _MISHAPS.items():
        if not (is_judge if kind == "bad_judge" else in_scope):
            continue
        share = getattr(plan, rate)
        if point < share:
            return kind
        point -= share
    return None
