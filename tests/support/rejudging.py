"""What a judging must leave as it was, and what it must add, looked at in the journal and the stand-in's account."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.bedrock import Request

OF_THE_TRIAL = (
    *("run", "run_id", "trial_id", "block_id", "plan_hash", "scenario", "prompt_variant", "repeat", "conversation_log"),
    *("provider", "steward_model", "requested_parameters", "sent_parameters", "usage", "request_ids", "latency_s"),
    *("started_at", "timestamp", "stop_reason", "experiment_version", "code_commit"),
)
"""What judging never changes."""


def verdicts_in(record: Mapping[str, Any], judging: int, repeat: int = 0) -> list[dict[str, Any]]:
    return [one for one in record["verdicts"] if (one["judging"], one["repeat"]) == (judging, repeat)]


def not_kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What a judged record has lost of the one before it."""
    lost = [name for name in OF_THE_TRIAL if before[name] != after[name]]
    lost += [name for name in ("verdicts", "calls") if after[name][: len(before[name])] != before[name]]
    return lost + ([] if after["revision"] == before["revision"] + 1 else ["revision"])


def asked_of(requests: Iterable[Request], model: str) -> int:
    return sum(request.model == model for request in requests)
