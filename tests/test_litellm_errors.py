"""Does each way in which a provider fails have its class, after exactly one attempt, streamed or not?"""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.standins.providers import Fault, ProviderStandIn
from tests.support.litellm import answer, key_of, opened
from trialbed.core import errors
from trialbed.providers.litellm.errors import retry_after_s

HTML = b"<!DOCTYPE html><html><body>Bad gateway</body></html>"


def openai(message: str = "said so", **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "some_error", "param": None, "code": None, **members}}


def google(status: str, *details: dict[str, Any], code: int = 400) -> dict[str, Any]:
    return {"error": {"code": code, "message": "said so", "status": status, "details": list(details)}}


def anthropic(kind: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": "said so"}, "request_id": "req_011"}


ROWS: list[tuple[str, str, Fault, type[errors.CallError]]] = [
    ("throttled", "groq", Fault(429, openai()), errors.Throttled),
    ("throttled by its words alone", "groq", Fault(429, b"insufficient_quota"), errors.Throttled),
    ("quota used up", "openai", Fault(429, openai(code="insufficient_quota")), errors.QuotaExhausted),
    ("no credit", "openrouter", Fault(402, openai()), errors.QuotaExhausted),
    ("no credit of Anthropic's", "anthropic", Fault(403, anthropic("billing_error")), errors.QuotaExhausted),
    ("wrong key", "groq", Fault(401, openai(code="invalid_api_key")), errors.ModelUnavailable),
    ("wrong key of Anthropic's", "anthropic", Fault(401, anthropic("authentication_error")), errors.ModelUnavailable),
    ("wrong key of Google's", "gemini", Fault(400, google("INVALID_ARGUMENT", {"reason": "API_KEY_INVALID"})),
     errors.ModelUnavailable),
    ("no access", "openai", Fault(403, openai()), errors.ModelUnavailable),
    ("no such model", "together", Fault(404, openai()), errors.ModelUnavailable),
    ("model taken away", "groq", Fault(400, openai(code="model_decommissioned")), errors.ModelUnavailable),
    ("token ran out", "vertex", Fault(401, google("UNAUTHENTICATED", code=401)), errors.CredentialsExpired),
    ("not taken", "mistral", Fault(400, {"object": "error", "message": "said so"}), errors.InvalidRequest),
    ("not taken either", "mistral", Fault(422, {"detail": [{"msg": "odd"}]}), errors.InvalidRequest),
    ("took too long", "cohere", Fault(408, {"message": "said so"}), errors.ModelTimedOut),
    ("fault", "fireworks", Fault(500, openai()), errors.ServiceFault),
    ("fault without a body", "azure", Fault(503), errors.ServiceFault),
    ("a gateway's page", "openai", Fault(502, HTML, {"Content-Type": "text/html"}), errors.ServiceFault),
    ("overloaded", "anthropic", Fault(529, anthropic("overloaded_error")), errors.ServiceFault),
    ("a redirect", "openai", Fault(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}), errors.ServiceFault),
    ("reset", "deepinfra", Fault(resets=True), errors.ConnectionCut),
    ("an error in a 200", "openrouter", Fault(200, openai(code=429)), errors.Throttled),
]  # fmt: skip


async def failure(
    provider: str, fault: Fault | Callable[[Any], Fault], folder: Path, *, is_timed: bool, **options: Any
) -> errors.CallError:
    """What one `converse` raised; asserts that it was one HTTP attempt, and that no key is shown."""
    answers = fault if callable(fault) else lambda _: fault
    with ProviderStandIn(answers) as standin:
        async with opened(provider, standin.url, folder, **options) as model:
            with pytest.raises(errors.CallError) as caught:
                await answer(model, is_timed=is_timed)
        assert len(standin.seen) == 1
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__} {caught.value.__context__}"
    assert key_of(provider) not in shown and "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("provider", "fault", "meaning"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_a_failure_has_its_class_after_one_attempt(
    provider: str, fault: Fault, meaning: type[errors.CallError], is_timed: bool, tmp_path: Path
) -> None:
    error = await failure(provider, fault, tmp_path, is_timed=is_timed)
    assert type(error) is meaning
    assert error.http_status in (None, fault.status, 429)
    if fault.status in (400, 401, 403) and meaning is errors.ModelUnavailable and "key" in error.detail:
        assert "_API_KEY)" in error.detail


@pytest.mark.parametrize("provider", ["openai", "deepinfra", "cerebras", "anthropic", "gemini", "cohere"])
@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
async def test_nothing_below_us_asks_again(provider: str, status: int, is_timed: bool, tmp_path: Path) -> None:
    error = await failure(provider, Fault(status, openai()), tmp_path, is_timed=is_timed)
    assert error.http_status == status


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
async def test_silence_is_a_cut_connection_after_one_attempt(is_timed: bool, tmp_path: Path) -> None:
    error = await failure("openai", Fault(hangs=True), tmp_path, is_timed=is_timed, read_timeout_s=0.3)
    assert type(error) is errors.ConnectionCut


@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
async def test_where_nobody_listens_nothing_was_asked(is_timed: bool, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with opened("groq", url, tmp_path) as model:
            with pytest.raises(errors.Unreachable):
                await answer(model, is_timed=is_timed)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, 1.5),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("is_timed", [False, True], ids=["whole", "streamed"])
async def test_a_throttle_says_how_long_to_wait(
    headers: dict[str, str], wait_s: float | None, is_timed: bool, tmp_path: Path
) -> None:
    error = await failure("groq", Fault(429, openai(), headers), tmp_path, is_timed=is_timed)
    assert error.retry_after_s == wait_s


async def test_google_says_in_the_body_how_long_to_wait(tmp_path: Path) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
    error = await failure("gemini", Fault(429, google("RESOURCE_EXHAUSTED", info)), tmp_path, is_timed=False)
    assert (type(error), error.retry_after_s) == (errors.Throttled, 34.0)


def test_a_date_is_read_by_the_providers_own_clock() -> None:
    said_at = datetime(2001, 1, 1, tzinfo=UTC)
    dates = {
        "date": format_datetime(said_at, True),
        "retry-after": format_datetime(said_at + timedelta(seconds=9), True),
    }
    assert retry_after_s(dates) == 9.0
    assert retry_after_s({"retry-after": dates["retry-after"]}) == 0.0


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b'"x"', b"null", b"[" * 50_000, b"{}", HTML])
@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "cohere"])
async def test_a_200_without_an_answer_is_malformed(provider: str, body: bytes, tmp_path: Path) -> None:
    error = await failure(provider, Fault(200, body), tmp_path, is_timed=False)
    assert type(error) is errors.MalformedBody and error.http_status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"message": {"content": 5}, "finish_reason": "stop"}]},
        {"choices": [{"message": {"content": "x"}}]},
        {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": "a",
         "completion_tokens": 1}},
        {"choices": [{"message": {"content": "x", "tool_calls": {}}, "finish_reason": "stop"}]},
        {"choices": {}},
    ],
)  # fmt: skip
async def test_an_answer_of_other_types_is_malformed(body: Any, tmp_path: Path) -> None:
    assert type(await failure("openai", Fault(200, body), tmp_path, is_timed=False)) is errors.MalformedBody


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "cohere"])
@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        ({"ends": True}, errors.BrokenStream),
        ({"cuts": True}, errors.ConnectionCut),
        ({"body": openai("went wrong")}, errors.BrokenStream),
        ({"body": anthropic("overloaded_error")}, errors.BrokenStream),
        ({"body": openai(code="rate_limit_exceeded")}, errors.Throttled),
        ({"body": b"data: {no json\n\n"}, errors.BrokenStream),
    ],
    ids=["ends", "cut", "error", "overloaded", "throttled", "no JSON"],
)
async def test_only_a_whole_stream_is_an_answer(
    provider: str, after: int, fault: dict[str, Any], meaning: type[errors.CallError], tmp_path: Path
) -> None:
    error = await failure(provider, Fault(after=after, **fault), tmp_path, is_timed=True)
    assert type(error) is meaning


async def test_a_body_that_is_cut_is_a_cut_connection(tmp_path: Path) -> None:
    error = await failure("openai", Fault(200, b'{"choices"', {"Content-Length": "999"}), tmp_path, is_timed=False)
    assert type(error) is errors.ConnectionCut


async def test_what_a_provider_repeats_of_the_key_is_cut_out(tmp_path: Path) -> None:
    fault = Fault(401, openai(f"Incorrect API key provided: {key_of('openai')}\nsee the page"))
    error = await failure("openai", fault, tmp_path, is_timed=False)
    assert "[redacted] see the page" in error.detail and "OPENAI_API_KEY" in error.detail
