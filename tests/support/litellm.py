"""The models of providers reached through LiteLLM, opened the way the program does, at a stand-in."""

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from trialbed.core.model import Message, ModelName, ModelReply, ModelRequest, Sampling
from trialbed.providers.litellm.model import LiteLlmModel
from trialbed.providers.litellm.opening import open_provider
from trialbed.providers.litellm.table import PROVIDERS

MODEL_IDS = {
    "openai": "gpt-4o",
    "anthropic": "claude-sonnet-4-5",
    "vertex": "gemini-2.5-flash",
    "gemini": "gemini-2.5-flash",
    "openrouter": "meta-llama/llama-3.3-70b-instruct",
    "huggingface": "meta-llama/Llama-3.3-70B-Instruct",
    "cohere": "command-a-03-2025",
    "mistral": "mistral-large-latest",
}
"""Ids of which something is known; others are served under any name."""

PATHS = {"openai": "/v1", "gemini": "/v1beta", "anthropic": "", "azure": "", "vertex": "", "cohere": ""}


def key_of(provider: str) -> str:
    return f"sk-planted-{provider}-key-0123456789abcdef"


def model_name(provider: str) -> ModelName:
    return ModelName(provider, MODEL_IDS.get(provider, f"{provider}-model"))


def environment_of(provider: str, url: str, folder: Path) -> dict[str, str]:
    """The variables that point `provider` at a stand-in."""
    table = PROVIDERS[provider]
    variables = {table.bases[0]: url + PATHS.get(provider, "/v1")}
    if table.keys:
        variables[table.keys[0]] = key_of(provider)
    if provider == "vertex":
        variables |= {"VERTEXAI_PROJECT": "lab", "VERTEXAI_LOCATION": "us-central1"}
        variables["GOOGLE_APPLICATION_CREDENTIALS"] = str(service_account(folder, url))
    return variables


def service_account(folder: Path, url: str) -> Path:
    """A key file of an account whose tokens the stand-in gives out."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    path = folder / "service-account.json"
    account = {
        "type": "service_account",
        "project_id": "lab",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "ada@lab.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{url}/token",
    }
    path.write_text(json.dumps(account))
    return path


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Of this process: these variables, and of the providers' no others."""
    theirs = {name: "" for table in PROVIDERS.values() for name in table.variables}
    before = dict(os.environ)
    os.environ.update(theirs | dict(variables))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@asynccontextmanager
async def opened(
    provider: str,
    url: str,
    folder: Path,
    *,
    on_unsupported: Literal["refuse", "drop"] = "refuse",
    model_id: str | None = None,
    read_timeout_s: float = 30.0,
    is_timed: bool = False,
    **variables: str,
) -> AsyncIterator[LiteLlmModel]:
    """One model of `provider` at a stand-in."""
    name = model_name(provider) if model_id is None else ModelName(provider, model_id)
    with environment(environment_of(provider, url, folder) | variables):
        async with open_provider(
            [name],
            on_unsupported=on_unsupported,
            most_connections=10,
            read_timeout_s=read_timeout_s,
            is_timed=is_timed,
        ) as models:
            yield models[name]


def question(model: LiteLlmModel, *, sampling: Sampling | None = None, **members: Any) -> ModelRequest:
    return ModelRequest(
        model.name,
        (Message("user", "Which town?"),),
        sampling or Sampling(64, 0.3),
        system="Answer briefly.",
        **members,
    )


async def answer(model: LiteLlmModel, **members: Any) -> ModelReply:
    return await model.converse(question(model, **members))
