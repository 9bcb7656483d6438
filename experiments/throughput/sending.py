"""What is a results server sent of one measurement? The names are those that such servers know."""

from collections.abc import Mapping
from typing import Any

_FROM_EVALUATION = (
    *("requested_tokens", "output_tokens", "generate_time", "tokens_per_second", "time_to_first_token"),
    *("times_between_tokens", "decode_tokens_per_second", "token_source"),
)
_MISC_FROM_EVALUATION = (
    *("input_tokens", "cache_read_tokens", "cache_write_tokens", "pieces", "connect_s", "reasoning_chars", "attempts"),
)


def body_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The body, of an answered trial's record. Times of day are UTC, durations seconds."""
    found = record["evaluation"]
    call = [call for call in record["calls"] if call["role"] == "subject"][-1]
    echoed = call["echoed_parameters"]
    return {
        "provider": record["provider"],
        "model_name": record["steward_model"],
        "run_ts": record["started_at"],
        "gen_ts": call["started_at"],
        "temperature": call["sent_parameters"].get("temperature"),
        **{name: found[name] for name in _FROM_EVALUATION},
        "misc": {
            **{name: found[name] for name in _MISC_FROM_EVALUATION},
            "variant": record["prompt_variant"],
            "region": record["provenance"].get("aws_region") if record["provider"] == "bedrock" else None,
            "requested_model": record["steward_model"],
            "effective_model": echoed.get("model", record["steward_model"]),
            "request_id": call["request_id"],
            "stop_reason": call["stop_reason"],
            "unsupported": call["unsupported"],
            "run": record["run"],
            "trial_id": record["trial_id"],
            "cycle": record["repeat"],
            "cost_usd": record["cost_usd"],
        },
    }
