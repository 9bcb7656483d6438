"""What is told of one trial in the file of a command? Pure."""

from collections.abc import Mapping
from typing import Any


def trace(record: Mapping[str, Any]) -> dict[str, Any]:
    """Its answer, how long it thought, what became of it and what it cost; the whole of it is in the run's journal."""
    asked = [call for call in record["calls"] if call["role"] == "subject"]
    said = [part["content"] for part in record["conversation_log"] if part["role"] == "assistant"]
    return {
        "trial_id": record["trial_id"],
        "variant": record["prompt_variant"],
        "repeat": record["repeat"],
        "outcome": record["outcome"],
        "outcome_reason": record["outcome_reason"],
        "stop_reason": record["stop_reason"],
        "answer": said[-1] if said else None,
        "evaluation": record["evaluation"],
        "reasoning_chars": sum(call.get("reasoning_chars", len(call.get("reasoning") or "")) for call in asked),
        "usage": record["usage"],
        "latency_s": record["latency_s"],
        "cost_usd": record["cost_usd"],
    }
