"""Is an answer to come as a stream? Pure.

An HTTP connection on which nothing is sent for about 350 seconds is cut without a word by NAT gateways and load
balancers, and the SDK's HTTP client sends no keep-alives. Such a call waits for its deadline, has been paid, and is
made again. In a stream something is sent all the time. So what may take longer than five minutes is streamed,
judged by the most tokens it may have, thoughts included, at the pace of a slow model. What is short is not: a
stream needs a permission of its own (bedrock:InvokeModelWithResponseStream), and some models have none.
"""

from typing import Literal

Streaming = Literal["auto", "always", "never"]

_LONGEST_SILENCE_S = 300
SLOW_TOKENS_PER_S = 30
"""Of large models, and of those that think (2026-11)."""

MOST_TOKENS_UNSTREAMED = _LONGEST_SILENCE_S * SLOW_TOKENS_PER_S
"""9,000: an answer of so many tokens is there in time without a stream."""


def is_streamed(streaming: Streaming, max_tokens: int) -> bool:
    """Whether a call whose answer may have `max_tokens` is made as a stream."""
    return streaming == "always" or (streaming == "auto" and max_tokens > MOST_TOKENS_UNSTREAMED)
