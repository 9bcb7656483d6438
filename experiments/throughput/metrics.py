"""How fast was one answer? The times of its call made into rates, each checked to be possible.

Rates are of tokens as the provider counts them. What comes as the first piece of text may hold several tokens, so the
rate after it is of the tokens that came later, by their share of the characters: where every piece is one token that is
(n - 1) / (time from the first to the last), the inverse of the time per output token in the sense of the MLPerf
inference rules.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from trialbed import AnswerUnreadable

_PROVIDER = "provider"
_REQUIRED = ("output_tokens", "generate_time", "tokens_per_second", "time_to_first_token")
_DECIMALS = 6


def measured(call: Mapping[str, Any]) -> dict[str, Any]:
    """What an answered call comes to, by the names the results have.

    `time_to_first_token` and `generate_time` are seconds since the request was sent: to the first visible text, to the
    end of the stream. `tokens_per_second` is of the whole call, `decode_tokens_per_second` of what came after the first
    piece of text; null where all came at once. `times_between_tokens` are the seconds between pieces.

    Raises:
        AnswerUnreadable: a metric that is needed is missing, not finite or not positive.
    """
    timing: Mapping[str, Any] = call.get("timing") or {}
    usage, requested = call["usage"], call["requested_parameters"]
    at_s: Sequence[float] = timing.get("text_at_s", ())
    total_s, tokens = timing.get("total_s"), usage["output_tokens"]
    found = {
        "time_to_first_token": at_s[0] if at_s else None,
        "generate_time": total_s,
        "tokens_per_second": None if not total_s else tokens / total_s,
        "decode_tokens_per_second": _decode_rate(tokens, timing, call.get("reasoning_chars", 0)),
        "output_tokens": tokens,
        "requested_tokens": requested.get("max_tokens"),
        "input_tokens": usage["input_tokens"],
        "cache_read_tokens": usage["cache_read_tokens"],
        "cache_write_tokens": usage["cache_write_tokens"],
        "token_source": call["echoed_parameters"].get("token_source", _PROVIDER),
        "pieces": len(at_s),
        "connect_s": timing.get("connect_s"),
        "reasoning_chars": call.get("reasoning_chars", 0),
        "attempts": len(call["attempts"]),
        "times_between_tokens": [round(later - earlier, _DECIMALS) for earlier, later in pairwise(at_s)],
    }
    if problems := [problem for name in _REQUIRED if (problem := _problem(name, found[name]))]:
        raise AnswerUnreadable("; ".join(problems))
    return {name: round(value, _DECIMALS) if isinstance(value, float) else value for name, value in found.items()}


def _decode_rate(tokens: int, timing: Mapping[str, Any], reasoning_chars: int) -> float | None:
    """Tokens per second after the first piece of text; thoughts, which come before it, have their share of them."""
    at_s: Sequence[float] = timing.get("text_at_s", ())
    chars: Sequence[int] = timing.get("text_chars", ())
    if len(at_s) < 2 or at_s[-1] <= at_s[0]:
        return None
    later = float(tokens * sum(chars[1:]) / (sum(chars) + reasoning_chars))
    return later / (at_s[-1] - at_s[0])


def _problem(name: str, value: Any) -> str | None:
    if value is None:
        return f"missing required metric {name!r}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return f"metric {name!r} is {value}, not a positive number"
    return None
