"""What went wrong in a trial, as its record tells? In words that a results server can count. Pure.

A trial that was never answered has its reason as text only: "Code: detail (after 3 attempts)", where the code is the
provider's, or the name of our class of the error (see `core.errors.CallError`). This is the one place that reads it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trialbed.core.outcome import Outcome

Stage = Literal["preflight", "generate", "validate"]
"""Before anything could be asked, while the answer came, or when it was looked at."""

ErrorKind = Literal[
    "throttled",
    "quota_exhausted",
    "unavailable",
    "not_set_up",
    "invalid_request",
    "credentials",
    "timeout",
    "connection",
    "service_fault",
    "empty_answer",
    "bad_metrics",
    "malformed_answer",
    "truncated",
    "refused",
    "filtered",
    "judge_failed",
    "program_error",
    "other",
]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`exc_type` is the provider's code of the error, the class of an exception, or the reason why a reply ended."""

    stage: Stage
    exc_type: str
    error_kind: ErrorKind


_OF_ENDS: dict[Outcome, ErrorKind] = {
    Outcome.TRUNCATED: "truncated",
    Outcome.REFUSED: "refused",
    Outcome.FILTERED: "filtered",
}
_NEVER_ASKED = frozenset({"UnsupportedProvider", "NotSetUp"})
_UNREADABLE = "the answer cannot be read: "
_EMPTY = "the reply is empty"
_STOPPED = "stop reason "
_PROGRAM = re.compile(r"[^:\s]+\.py:\d+: (?P<exc_type>\w+)")
_CODE = re.compile(r"(?P<code>HTTP \d{3}|[A-Za-z][\w.-]*)(?=: | \(after \d+ attempts?\)|$)")

_KINDS: tuple[tuple[ErrorKind, str], ...] = (
    ("not_set_up", r"unsupportedprovider|notsetup"),
    ("quota_exhausted", r"quota|billing|balance|http 402"),
    ("filtered", r"contentpolicy|contentfilter|guardrail"),
    ("throttled", r"throttl|ratelimit|toomanyrequests|resourceexhausted|http 429|http 498"),
    ("timeout", r"(?<!connect)time(d?)out|deadline|http 408|http 504"),
    (
        "credentials",
        r"credential|signature|(?:expired|invalid|client|security)token|authentication|unauthor|unauthenticated|"
        r"unrecognizedclient|accesskey|apikey|http 401",
    ),
    (
        "unavailable",
        r"accessdenied|permission|forbidden|notfound|notready|warmingup|modelunavailable|"
        r"endoflife|decommissioned|notactive|http 40[34]|http 410",
    ),
    (
        "invalid_request",
        r"validation|unsupported|nottaken|invalid(?:request|argument)|badrequest|unprocessable|context(?:window|length)|"
        r"http 4(?:00|13|22)",
    ),
    ("malformed_answer", r"malformed|parse|jsondecode|unicodedecode"),
    ("connection", r"connect|httpclient|unreachable|endpoint|ssl|disconnected|payload|incompleteread|oserror"),
    (
        "service_fault",
        r"^unavailable$|serviceunavailable|internal|servicefault|servererror|apierror|modelfault|modelerror|stream|"
        r"overloaded|http 5",
    ),
)
"""By what is found first in a code without its underscores, whatever its case; a pattern relies on those before it."""


def diagnosis_of(record: Mapping[str, Any]) -> Diagnosis:
    """Of a record whose outcome is not `answered`."""
    outcome, reason = Outcome(record["outcome"]), record["outcome_reason"] or ""
    if outcome in _OF_ENDS:
        return Diagnosis("generate", record["stop_reason"] or outcome.value, _OF_ENDS[outcome])
    if program := _PROGRAM.match(reason):
        return Diagnosis("validate", program["exc_type"], "program_error")
    if outcome is Outcome.PROVIDER_ERROR:
        code = code_in(reason)
        stage: Stage = "preflight" if code in _NEVER_ASKED else "generate"
        return Diagnosis(stage, code or "ProviderError", kind_of(code))
    if outcome is Outcome.JUDGE_ERROR:
        return Diagnosis("validate", "JudgeFailed", "judge_failed")
    return _of_answer(record, reason)


def _of_answer(record: Mapping[str, Any], reason: str) -> Diagnosis:
    """Of an answer that came and is not what was asked for."""
    if reason.startswith(_UNREADABLE):
        return Diagnosis("validate", "AnswerUnreadable", "bad_metrics")
    if reason.startswith(_EMPTY):
        return Diagnosis("validate", "EmptyAnswer", "empty_answer")
    if reason.startswith(_STOPPED):
        return Diagnosis("validate", record["stop_reason"] or "unknown", "malformed_answer")
    return Diagnosis("validate", record["outcome"], "other")


def code_in(reason: str) -> str | None:
    """The code that the text of an error of a call begins with; None if it begins with other words."""
    match = _CODE.match(reason)
    return None if match is None else match["code"]


def kind_of(code: str | None) -> ErrorKind:
    """Our class of an error that a provider, an SDK or we ourselves call by this name."""
    if code is None:
        return "other"
    plain = code.replace("_", "").replace("-", "")
    return next((kind for kind, pattern in _KINDS if re.search(pattern, plain, re.IGNORECASE)), "other")
