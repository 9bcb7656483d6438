"""What does a Bedrock model take? Dated data (`capabilities.toml`) read once, applied by pure functions."""

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from trialbed.core.errors import CallError, InvalidRequest
from trialbed.core.model import ModelName, Sampling
from trialbed.providers.bedrock.forms import AnswerMode

_PROFILE_REGION = re.compile(r"^(?:us-gov|us|eu|apac|global|jp|au|ca|sa|me|af)\.(?=[a-z0-9-]+\.)")
_ARN = re.compile(r"^arn:[^:]*:bedrock:[^:]*:[^:]*:(?P<kind>[a-z-]+)/(?P<id>.+)$")
_FAMILY_IN_ARN = {"foundation-model", "inference-profile"}
_REFUSAL = "is not taken by this model"
_EXCLUSIVE = "temperature or top_p, not both"
_PARAMETERS = {"temperature": re.compile(r"(?i)\btemperature\b"), "top_p": re.compile(r"(?i)\btop_?p\b")}
_ONE_ONLY = re.compile(r"(?i)cannot both|only one|not both")
_NOT_TAKEN = re.compile(r"(?i)deprecated|unsupported|not supported|n.t support|not support|not permitted|not allowed")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one model takes. `model` is its id as it may be shown; `burndown` quota tokens per output token."""

    model: str
    refuses: frozenset[str] = frozenset()
    exclusive: bool = False
    json_schema: bool = False
    forced_tool: bool = True
    tools: bool = True
    burndown: int = 1

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
    rules["refuses"] = frozenset(rules.get("refuses", ()))
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
    """The sampling the model takes, and what of `sampling` it refuses with the reason.

    Where it takes temperature or top_p but not both, top_p is left out.
    """
    asked = [name for name, value in sampling.as_dict().items() if value is not None]
    refused: dict[str, str] = {name: _REFUSAL for name in asked if name in capabilities.refuses}
    if capabilities.exclusive and not refused and sampling.temperature is not None and sampling.top_p is not None:
        refused["top_p"] = _EXCLUSIVE
    fitting = Sampling(
        max_tokens=sampling.max_tokens,
        temperature=None if "temperature" in refused else sampling.temperature,
        top_p=None if "top_p" in refused else sampling.top_p,
    )
    return fitting, refused


def learnt(capabilities: Capabilities, error: CallError, sent: Sampling) -> Capabilities | None:
    """The capabilities with what `error` says against a parameter of `sent`; None if it says nothing of it.

    For models newer than the data, in the service's words ("`temperature` is deprecated for this model").
    """
    if not isinstance(error, InvalidRequest) or error.code != "ValidationException":
        return None
    named = frozenset(name for name, pattern in _PARAMETERS.items() if pattern.search(error.detail))
    if len(named) == 2 and _ONE_ONLY.search(error.detail):
        known = replace(capabilities, exclusive=True)
    elif _NOT_TAKEN.search(error.detail):
        known = replace(capabilities, refuses=capabilities.refuses | named)
    else:
        return None
    return known if fit(sent, known)[1] else None


def refusals(sampling: Sampling, capabilities: Capabilities) -> list[str]:
    """One line for the user per parameter that the model will not take: what, where, what to do."""
    lines = []
    for name, reason in fit(sampling, capabilities)[1].items():
        variable = f"MODEL_{name.upper()}"
        problem = f"takes {reason}" if reason == _EXCLUSIVE else f"does not take {name}"
        lines.append(f"{variable}: {capabilities.model} {problem}; set {variable}= empty, or ON_UNSUPPORTED=drop")
    return lines


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "capabilities.toml").read_text(encoding="utf-8"))


def _rules() -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = _data()["rule"]
    return rules
