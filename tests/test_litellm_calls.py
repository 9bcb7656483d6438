"""Does a call to each provider arrive as it is on record, with its key, once, whole or as a stream?"""

from pathlib import Path
from typing import Any

import pytest

from tests.standins.providers import ProviderStandIn, Said
from tests.support.litellm import answer, key_of, opened
from trialbed.core.model import Sampling, Usage
from trialbed.providers.litellm.table import PROVIDERS

HEADER_OF = {"anthropic": "x-api-key", "azure": "api-key", "gemini": "x-goog-api-key"}
TELL_UNASKED = ("mistral", "databricks")
"""Their streams end with the tokens by themselves."""
WAYS = [(provider, is_timed) for provider in PROVIDERS for is_timed in (False, True)]


def key_seen(provider: str, headers: dict[str, str]) -> str:
    lower = {name.lower(): value for name, value in headers.items()}
    return lower[HEADER_OF.get(provider, "authorization")].removeprefix("Bearer ")


def most_tokens_in(body: dict[str, Any]) -> Any:
    inside = body.get("generationConfig", body)
    return inside.get("max_output_tokens", inside.get("max_completion_tokens", inside.get("max_tokens")))


@pytest.mark.parametrize(("provider", "is_timed"), WAYS)
async def test_a_call_arrives_once_with_its_key_and_its_answer_is_read(
    provider: str, is_timed: bool, tmp_path: Path
) -> None:
    with ProviderStandIn(lambda _: Said("Paris it is.", cached_tokens=7)) as standin:
        async with opened(provider, standin.url, tmp_path, is_timed=is_timed) as model:
            reply = await answer(model, is_timed=is_timed)
    (seen,) = standin.seen
    assert seen.is_streamed == is_timed
    token = "ya29.of-the-stand-in" if provider == "vertex" else key_of(provider)
    assert key_seen(provider, dict(seen.headers)) == token
    inside = seen.body.get("generationConfig", seen.body)
    assert reply.sent == {"temperature": inside["temperature"], "max_tokens": most_tokens_in(seen.body)}
    assert reply.sent == {"temperature": 0.3, "max_tokens": 64}
    assert (reply.text, reply.stop_reason, reply.unsupported) == ("Paris it is.", "end_turn", ())
    must_ask = is_timed and seen.protocol == "chat" and provider not in TELL_UNASKED
    assert seen.body.get("stream_options") == ({"include_usage": True} if must_ask else None)
    if is_timed and provider in TELL_UNASKED:
        # The stand-in speaks as OpenAI does, which tells nothing unasked.
        assert reply.echoed["token_source"] == "estimated"
    else:
        assert reply.usage == Usage(12, 5, cache_read_tokens=7) and "token_source" not in reply.echoed
    assert reply.request_id == ("req-stream" if is_timed else "req-1")
    assert (reply.timing is not None) == is_timed
    if reply.timing is not None:
        assert sum(reply.timing.text_chars) == len("Paris it is.") and reply.timing.connect_s is not None


async def test_only_what_is_asked_for_is_sent(tmp_path: Path) -> None:
    with ProviderStandIn() as standin:
        async with opened("groq", standin.url, tmp_path) as model:
            reply = await answer(model, sampling=Sampling(9))
    (seen,) = standin.seen
    assert seen.path == "/v1/chat/completions" and reply.sent == {"max_tokens": 9}
    assert set(seen.body) == {"model", "messages", "max_tokens"}
    assert seen.body["messages"] == [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": "Which town?"},
    ]
