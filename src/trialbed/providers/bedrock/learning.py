"""What does a refusal teach about a model? For models newer than the data, in the service's own words. Pure."""

import re
from dataclasses import replace

from trialbed.core.errors import CallError, InvalidRequest, ModelUnavailable
from trialbed.core.model import ModelRequest
from trialbed.providers.bedrock.capabilities import Capabilities, fit_request

_PARAMETERS = {
    "temperature": re.compile(r"(?i)\btemperature\b"),
    "top_p": re.compile(r"(?i)\btop_?p\b"),
    "thinking": re.compile(r"(?i)\bthinking\b|\bbudget_?tokens\b"),
    "effort": re.compile(r"(?i)\beffort\b"),
    "guardrail": re.compile(r"(?i)\bguardrail"),
    "service_tier": re.compile(r"(?i)\bservice[ _-]?tier"),
    "latency": re.compile(r"(?i)\bperformance[ _-]?config|\blatency\b"),
    "prompt_cache": re.compile(r"(?i)\bcache[ _-]?point|\bprompt[ _-]?cach"),
}
_ONE_ONLY = re.compile(r"(?i)cannot both|only one|not both")
_NOT_TAKEN = re.compile(
    r"(?i)deprecated|unsupported|not supported|n.t support|not support|not permitted|not allow|n.t allow"
)
_STREAMING = re.compile(r"(?i)\bstreaming\b|\bstreamed\b|converse_?stream\b|response_?stream\b")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def learnt(capabilities: Capabilities, error: CallError, request: ModelRequest) -> Capabilities | None:
    """The capabilities with what `error` says against a parameter of `request`; None if it says nothing of it."""
    sampling = request.sampling
    if _is_refusal(error) and _ONE_ONLY.search(error.detail) and {"temperature", "top_p"} <= _named(error.detail):
        known = replace(capabilities, exclusive=True)
        return known if sampling.temperature is not None and sampling.top_p is not None else None
    refused = refused_in(error, request)
    known = replace(capabilities, refuses=capabilities.refuses | refused)
    return known if refused and fit_request(request, known)[1] else None


def refused_in(error: CallError, request: ModelRequest) -> frozenset[str]:
    """The parameters of `request` that the service says the model does not take."""
    if not _is_refusal(error):
        return frozenset()
    against = [part for part in _SENTENCE_END.split(error.detail) if _NOT_TAKEN.search(part)]
    # "thinking.type.enabled is not supported. Use effort": what the next sentence recommends is not refused.
    named = frozenset().union(*map(_named, against)) or (_named(error.detail) if against else frozenset())
    if isinstance(error, ModelUnavailable):
        # The service denies access to cache points in the words in which it denies access to a model.
        named &= {"prompt_cache"}
    return named & request.requested.keys()


def refuses_streaming(error: CallError) -> bool:
    """Whether the service says that the model answers in no stream, or not with tools."""
    return (
        isinstance(error, InvalidRequest)
        and _is_refusal(error)
        and any(_STREAMING.search(part) and _NOT_TAKEN.search(part) for part in _SENTENCE_END.split(error.detail))
    )


def _is_refusal(error: CallError) -> bool:
    if isinstance(error, InvalidRequest):
        return error.code == "ValidationException"
    return isinstance(error, ModelUnavailable) and error.code == "AccessDeniedException"


def _named(text: str) -> frozenset[str]:
    return frozenset(name for name, pattern in _PARAMETERS.items() if pattern.search(text))
