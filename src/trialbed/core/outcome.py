"""How can a trial end? A closed set: every planned trial is in exactly one."""

from enum import StrEnum


class Outcome(StrEnum):
    ANSWERED = "answered"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    FILTERED = "filtered"
    PARSE_FAILED = "parse_failed"
    PROVIDER_ERROR = "provider_error"
    JUDGE_ERROR = "judge_error"
    CANCELLED = "cancelled"
    BUDGET_STOPPED = "budget_stopped"
    PENDING = "pending"


SETTLED = frozenset({Outcome.ANSWERED, Outcome.TRUNCATED, Outcome.REFUSED, Outcome.FILTERED, Outcome.PARSE_FAILED})
"""What the subject did is known: asking again would select answers. All others are taken up on resume."""

RECORDED = SETTLED | {Outcome.PROVIDER_ERROR, Outcome.JUDGE_ERROR}
"""Outcomes that leave a record. The rest say that a trial has not come to its end yet."""

_BY_STOP_REASON = {
    "end_turn": Outcome.ANSWERED,
    "stop_sequence": Outcome.ANSWERED,
    "max_tokens": Outcome.TRUNCATED,
    "model_context_window_exceeded": Outcome.TRUNCATED,
    "refusal": Outcome.REFUSED,
    "guardrail_intervened": Outcome.FILTERED,
    "content_filtered": Outcome.FILTERED,
}


def outcome_of_stop(stop_reason: str) -> Outcome:
    """What a stop reason means for a subject's turn.

    An unknown reason (the set is open: malformed_model_output, malformed_tool_use, …) is never taken
    for an answer.
    """
    return _BY_STOP_REASON.get(stop_reason, Outcome.PARSE_FAILED)
