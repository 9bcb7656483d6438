"""Which models are measured: named on the command line, in the environment, or by a list on the web?"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.standins.model_list import TOKEN, ModelList
from trialbed.app.throughput.expected import listed_models, named_models
from trialbed.app.throughput.remote import NoList, RemoteList
from trialbed.core.errors import UserError

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def names(*models: Any) -> list[str]:
    return [str(model) for model in models]


def remote(listed: ModelList, tmp_path: Path) -> RemoteList:
    return RemoteList(listed.url, TOKEN, tmp_path / "backups")


async def read(listed: ModelList, tmp_path: Path, *, at: datetime = NOW) -> tuple[list[Any], list[str]]:
    said: list[str] = []
    return await remote(listed, tmp_path).read(said.append, at), said


def test_ids_with_colons_are_of_the_provider_that_is_named() -> None:
    csv = "us.anthropic.claude-opus-4-5-20251101-v1:0, amazon.nova-pro-v1:0,,amazon.nova-pro-v1:0"
    assert names(*named_models(csv, "bedrock", Path()).models) == [
        "bedrock:us.anthropic.claude-opus-4-5-20251101-v1:0",
        "bedrock:amazon.nova-pro-v1:0",
    ]


def test_a_known_provider_before_the_first_colon_wins_and_an_unknown_one_is_part_of_the_id() -> None:
    assert names(*named_models("groq:llama,nosuch:model,google:g", "openai", Path()).models) == [
        "groq:llama",
        "openai:nosuch:model",
        "gemini:g",
    ]


def test_an_entry_of_a_list_may_say_its_provider_even_one_that_nobody_knows() -> None:
    entries = [("nosuch", "model:1"), (None, "groq:llama"), ("groq", "gemini:x")]
    assert names(*listed_models(entries, "bedrock")) == ["nosuch:model:1", "groq:llama", "groq:gemini:x"]


@pytest.mark.parametrize(
    ("models", "entries"),
    [
        (["a", " b "], [(None, "a"), (None, "b")]),
        ({"models": [{"id": "a", "provider": "groq"}, {"model_id": "b"}]}, [("groq", "a"), (None, "b")]),
        ({"data": [{"name": "a", "enabled": False}, {"model_name": "b", "enabled": True}]}, [(None, "b")]),
    ],
)
async def test_usual_forms_of_a_list_are_read(models: Any, entries: list[Any], tmp_path: Path) -> None:
    with ModelList(models) as listed:
        assert await read(listed, tmp_path) == (entries, [])
        assert listed.tokens == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
async def test_a_list_that_refuses_is_the_users_to_mend_also_when_there_is_a_copy(status: int, tmp_path: Path) -> None:
    with ModelList(["a"]) as listed:
        await read(listed, tmp_path)
        listed.status = status
        with pytest.raises(UserError, match=f"BENCHMARK_MODELS_URL: the list of models is refused .HTTP {status}"):
            await read(listed, tmp_path)


@pytest.mark.parametrize(
    "fails",
    [
        {"status": 500},
        {"status": 503},
        {"status": 302, "location": "http://127.0.0.1:1/elsewhere"},
        {"body": b"<html>"},
        {"body": b'{"models": "none"}'},
        {"body": b"[1]"},
        {"body": b"[" + b" " * (1 << 20) + b"]"},
    ],
    ids=lambda fails: json.dumps({k: str(v)[:20] for k, v in fails.items()}),
)
async def test_a_list_that_fails_is_replaced_by_its_copy_for_six_hours(fails: dict[str, Any], tmp_path: Path) -> None:
    with ModelList(["a"]) as listed:
        await read(listed, tmp_path)
        for name, value in fails.items():
            setattr(listed, name, value)
        entries, said = await read(listed, tmp_path, at=NOW + timedelta(hours=6))
        assert entries == [(None, "a")]
        assert len(said) == 1 and "its last copy is used" in said[0]
        with pytest.raises(NoList, match="no copy is younger than 6 h"):
            await read(listed, tmp_path, at=NOW + timedelta(hours=6, seconds=1))


async def test_a_list_that_is_not_there_at_all_and_never_was_is_said(tmp_path: Path) -> None:
    with ModelList(["a"]) as listed:
        pass
    with pytest.raises(NoList, match="cannot be had"):
        await read(listed, tmp_path)


async def test_the_copy_of_another_address_is_none_of_this_one(tmp_path: Path) -> None:
    with ModelList(["a"]) as one, ModelList(["b"], status=500) as other:
        await read(one, tmp_path)
        with pytest.raises(NoList):
            await read(other, tmp_path)


def test_a_token_never_travels_in_the_clear(tmp_path: Path) -> None:
    for url in ("http://models.example.com/list", "ftp://127.0.0.1/list", "models.example.com"):
        problem = RemoteList(url, TOKEN, tmp_path).problem()
        assert problem is not None and problem.startswith("BENCHMARK_MODELS_URL: must begin with https://")
    assert RemoteList("https://models.example.com/list", TOKEN, tmp_path).problem() is None
    assert RemoteList("http://127.0.0.1:8000/list", TOKEN, tmp_path).problem() is None


async def test_the_copy_holds_no_token(tmp_path: Path) -> None:
    with ModelList(["a"]) as listed:
        await read(listed, tmp_path)
    (copy,) = (tmp_path / "backups").iterdir()
    assert TOKEN not in copy.read_text(encoding="utf-8")
