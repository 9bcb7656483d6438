"""What does a Bedrock model take? Dated data (`capabilities.toml`) read once, applied by pure functions."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from trialbed.core.model import ADAPTIVE, BUDGETED, NOTHING_ASKED, ModelName, ModelRequest, Role, Sampling, Service
from trialbed.providers.answer_forms import AnswerMode
from trialbed.providers.variables import VARIABLES, unset, variables_of

_PROFILE_REGION = re.compile(r"^(?:us-gov|us|eu|apac|global|jp|au|ca|sa|me|af)\.(?=[a-z0-9-]+\.)")
_ARN = re.compile(r"^arn:[^:]*:bedrock:[^:]*:[^:]*:(?P<kind>[a-z-]+)/(?P<id>.+)$")
_FAMILY_IN_ARN = {"foundation-model", "inference-profile"}
_LEAST_BUDGET_TOKENS = 1024
_SETS = ("refuses", "thinking", "efforts", "tiers", "latencies")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one model takes. `model` is its id as it may be shown; `burndown` quota tokens per output token.

    None = not known: it is sent, and the service decides. `cache_tokens` is the shortest beginning of a
    conversation that is cached, in tokens. The other members are explained in `capabilities.toml`.
    """

    model: str
    refuses: frozenset[str] = frozenset()
    exclusive: bool = False
    json_schema: bool = False
    forced_tool: bool = True
    tools: bool = True
    burndown: int = 1
    thinking: frozenset[str] | None = None
    efforts: frozenset[str] | None = None
    tiers: frozenset[str] | None = None
    latencies: frozenset[str] | None = None
    prompt_cache: bool | None = None
    cache_tokens: int = 0

    @property
    def first_mode(self) -> AnswerMode:
        """How a structured answer is asked for first."""
        if self.json_schema:
            return "json_schema"
        if self.tools:
            return "forced_tool" if self.forced_tool else "auto_tool"
        return "json_text"

    def takes(self, mode: AnswerMode) -> bool:
        """Whether the data knows nothing against asking in `mode`."""
        match mode:
            case "json_schema":
                return self.json_schema
            case "forced_tool":
                return self.tools and self.forced_tool
            case "auto_tool":
                return self.tools
            case "json_text":
                return True


def capabilities_of(model_id: str, behind: str | None = None) -> Capabilities:
    """What `model_id` takes.

    Args:
        model_id: `provider.model`, a profile id (`us.…`) or an ARN.
        behind: for an application inference profile, whose ARN names no model, the id or ARN of the
            model it leads to (see `session.BedrockClient.model_behind`).
    """
    shown = ModelName("bedrock", model_id).public_id
    family = family_of(behind if behind is not None else model_id)
    rules: dict[str, Any] = {}
    for rule in _rules():
        if re.match(rule["pattern"], family):
            rules |= {key: value for key, value in rule.items() if key not in ("pattern", "why")}
    rules |= {name: frozenset(rules[name]) for name in _SETS if name in rules}
    return Capabilities(model=shown, **rules)


def family_of(model_id: str) -> str:
    """The `provider.model` id inside a profile id or an ARN; the id itself where it names no model."""
    match = _ARN.match(model_id)
    if match is not None and match["kind"] in _FAMILY_IN_ARN:
        model_id = match["id"]
    return _PROFILE_REGION.sub("", model_id)


def is_opaque(model_id: str) -> bool:
    """Whether the id does not say which model it is, e.g. an application inference profile."""
    match = _ARN.match(model_id)
    return match is not None and match["kind"] not in _FAMILY_IN_ARN


def data_date() -> str:
    """The day the capability data was collected, ISO."""
    return str(_data()["as_of"])


def fit(sampling: Sampling, capabilities: Capabilities) -> tuple[Sampling, dict[str, str]]:
    """The sampling the model takes, and what of `sampling` it refuses, each with what it takes instead.

    Where it takes temperature or top_p but not both, top_p is left out; where it thinks, both give way.
    """
    refused = {name: f"does not take {name}" for name in _asked(sampling) if name in capabilities.refuses}
    if sampling.thinking is not None and (problem := _thinking_problem(sampling, capabilities)):
        refused.setdefault("thinking", problem)
    if sampling.effort is not None and not _knows(capabilities.efforts, sampling.effort):
        refused.setdefault("effort", _only("effort", capabilities.efforts))
    if sampling.thinking is not None and "thinking" not in refused:
        if sampling.temperature not in (None, 1):
            refused.setdefault("temperature", "takes temperature 1 or none while it thinks")
        if sampling.top_p is not None:
            refused.setdefault("top_p", "takes no top_p while it thinks")
    both = sampling.temperature is not None and sampling.top_p is not None
    if capabilities.exclusive and both and not refused.keys() & {"temperature", "top_p"}:
        refused["top_p"] = "takes temperature or top_p, not both"
    left_out: dict[str, Any] = dict.fromkeys(refused)
    return replace(sampling, **left_out) if refused else sampling, refused


def fit_service(service: Service, capabilities: Capabilities) -> tuple[Service, dict[str, str]]:
    """The same for the way of being served."""
    refused = {name: f"does not take {name}" for name in service.as_dict() if name in capabilities.refuses}
    if service.tier is not None and not _knows(capabilities.tiers, service.tier):
        refused.setdefault("service_tier", _only("service tier", capabilities.tiers))
    if service.latency is not None and not _knows(capabilities.latencies, service.latency):
        refused.setdefault("latency", _only("latency", capabilities.latencies))
    if service.prompt_cache and capabilities.prompt_cache is False:
        refused.setdefault("prompt_cache", "does not take prompt_cache")
    fitting = Service(
        tier=None if "service_tier" in refused else service.tier,
        latency=None if "latency" in refused else service.latency,
        prompt_cache=service.prompt_cache and "prompt_cache" not in refused,
    )
    return fitting, refused


def fit_request(request: ModelRequest, capabilities: Capabilities) -> tuple[ModelRequest, tuple[str, ...]]:
    """The request the model takes, and the names of what of it was left out."""
    sampling, unsampled = fit(request.sampling, capabilities)
    service, unserved = fit_service(request.service, capabilities)
    if not unsampled and not unserved:
        return request, ()
    return replace(request, sampling=sampling, service=service), (*unsampled, *unserved)


def _asked(sampling: Sampling) -> list[str]:
    return [name for name, value in sampling.as_dict().items() if value is not None and name != "thinking_tokens"]


def _thinking_problem(sampling: Sampling, capabilities: Capabilities) -> str | None:
    """Why the model will not think as asked."""
    ways = capabilities.thinking
    budget = sampling.thinking if isinstance(sampling.thinking, int) else None
    if not _knows(ways, ADAPTIVE if budget is None else BUDGETED):
        if not ways:
            return "does not take thinking"
        return "takes thinking with a budget of tokens only" if budget is None else "takes adaptive thinking only"
    if budget is None:
        return None
    if budget < _LEAST_BUDGET_TOKENS:
        return f"takes a thinking budget of {_LEAST_BUDGET_TOKENS} tokens at least"
    if budget >= sampling.max_tokens:
        return f"takes a thinking budget below MODEL_MAX_TOKENS ({sampling.max_tokens}) only"
    return None


def _knows(known: frozenset[str] | None, value: str) -> bool:
    """Whether the data has nothing against `value`."""
    return known is None or value in known


def _only(what: str, known: frozenset[str] | None) -> str:
    ordered = sorted(known or (), key=lambda level: (_LEVELS.index(level) if level in _LEVELS else -1, level))
    return f"takes {what} {', '.join(ordered)} only" if ordered else f"does not take {what}"


_LEVELS = ("low", "medium", "high", "xhigh", "max")


def refusals(
    sampling: Sampling,
    capabilities: Capabilities,
    service: Service = NOTHING_ASKED,
    role: Role = "subject",
    options: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """One line for the user per parameter that the model will not take in this role: what, where, what to do.

    `options` has, by parameter, the option of a command that sets it in the place of a variable.
    """
    refused = fit(sampling, capabilities)[1] | fit_service(service, capabilities)[1]
    names = variables_of(role) | dict(options)
    return [
        f"{names[name]}: {capabilities.model} {problem.replace(VARIABLES['max_tokens'], names['max_tokens'])}; "
        f"{unset(names[name])}, or ON_UNSUPPORTED=drop"
        for name, problem in refused.items()
    ]


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "capabilities.toml").read_text(encoding="utf-8"))


def _rules() -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = _data()["rule"]
    return rules
