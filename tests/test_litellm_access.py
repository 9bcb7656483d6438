"""With which key and at which address is a provider called, and what is said where it cannot be?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.litellm import environment_of
from trialbed.core.errors import UserError
from trialbed.providers.litellm.access import access_to
from trialbed.providers.litellm.table import PROVIDERS

KEY = "sk-0123456789abcdef"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_without_any_variable_every_missing_one_is_named(provider: str) -> None:
    with pytest.raises(UserError) as caught:
        access_to(provider, {})
    table = PROVIDERS[provider]
    wanted = [*table.keys[:1], *(table.bases[:1] if table.base is None else ())]
    wanted += ["VERTEXAI_PROJECT"] if provider == "vertex" else []
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == wanted


@pytest.mark.parametrize("provider", [name for name, table in PROVIDERS.items() if table.keys])
def test_each_name_of_a_key_will_do_and_the_first_wins(provider: str) -> None:
    table = PROVIDERS[provider]
    base = {} if table.base is not None else {table.bases[0]: "https://api.example.com/v1"}
    for name in table.keys:
        access = access_to(provider, {**base, name: f" {KEY}\n"})
        assert (access.api_key, access.key_variable) == (KEY, name)
    assert access_to(provider, {**base, **dict.fromkeys(table.keys, "x" * 20), table.keys[0]: KEY}).api_key == KEY
    assert KEY not in repr(access_to(provider, {**base, table.keys[0]: KEY}))


@pytest.mark.parametrize("key", ["sk-ab cd", "sk-ä", "sk-a\nb: c"])
def test_what_cannot_be_a_header_is_no_key(key: str) -> None:
    with pytest.raises(UserError, match=r"^GROQ_API_KEY: holds a character that no key has") as caught:
        access_to("groq", {"GROQ_API_KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000/v1", "http://localhost/v1", "http://[::1]:1/v1", "https://x.y"]
)
def test_plain_http_is_for_this_machine_alone(address: str) -> None:
    assert access_to("groq", {"GROQ_API_KEY": KEY, "GROQ_API_BASE": f"{address}/"}).api_base == address


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1.example.com", "http://localhost.example.com", "http://192.168.0.1", "file:///x", "//x", "https://",
     "https://a:b@x", "https://x/?k=v", "http://[::1"],
)  # fmt: skip
def test_any_other_address_without_tls_or_with_more_than_an_address_is_refused(address: str) -> None:
    with pytest.raises(UserError, match=r"^GROQ_API_BASE: "):
        access_to("groq", {"GROQ_API_KEY": KEY, "GROQ_API_BASE": address})


def test_coheres_route_is_added_to_an_address_without_it() -> None:
    for given in ("https://x.y", "https://x.y/", "https://x.y/v2/chat"):
        assert access_to("cohere", {"COHERE_API_KEY": KEY, "COHERE_API_BASE": given}).api_base == "https://x.y/v2/chat"


def test_loading_litellm_reads_no_env_file_opens_no_connection_and_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=of-the-env-file\n")
    code = """
import asyncio, os, sys
tried = []
sys.addaudithook(lambda event, args: tried.append(args) if event in ("socket.connect", "socket.getaddrinfo") else None)
from trialbed.core.model import Message, ModelName, ModelRequest, Sampling, AnswerForm
from trialbed.providers.litellm.opening import open_provider
assert "litellm" not in sys.modules
async def main():
    name = ModelName("anthropic", "claude-sonnet-4-5")
    opening = open_provider([name], on_unsupported="refuse", most_connections=1, read_timeout_s=1, is_timed=False)
    async with opening as opened:
        model = opened[name]
        form = AnswerForm("verdict", "what is right", {"type": "object", "properties": {}})
        built = await model._build(ModelRequest(name, (Message("user", "hi"),), Sampling(9), form=form), "json_schema")
        assert built.url == "https://api.anthropic.com/v1/messages"
asyncio.run(main())
assert not tried, tried
assert "OPENAI_API_KEY" not in os.environ
"""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**kept, "ANTHROPIC_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_stand_ins_variables_are_among_those_that_are_documented(tmp_path: Path) -> None:
    for provider, table in PROVIDERS.items():
        assert environment_of(provider, "http://127.0.0.1:1", tmp_path).keys() <= set(table.variables)
