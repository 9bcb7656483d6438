"""Which models does a list on the web say are to be measured? Read with a bearer token; a copy serves while it is away.

A list that refuses (4xx) is the user's to mend: nothing goes on. One that fails (5xx, no connection, no list in the
answer) is replaced by its last copy, for six hours.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trialbed.core.errors import UserError
from trialbed.core.http_rules import is_loopback_host
from trialbed.engine.folder import write_whole

_OLDEST = timedelta(hours=6)
_ANSWER_S = 15.0
_MOST_BYTES = 1 << 20
_WRAPPERS = ("models", "data")
_NAMES = ("id", "model_id", "model", "model_name", "name")

Entry = tuple[str | None, str]
"""A provider, if the list names one, and a model's id."""


class NoList(Exception):
    """The list cannot be had now, and there is no copy that is young enough; the text says why."""


@dataclass(frozen=True)
class RemoteList:
    """Where the list is, who may read it, and where its copy lies."""

    url: str
    token: str | None
    copies: Path

    def problem(self) -> str | None:
        """What is wrong with the address, in one line."""
        parts = urlsplit(self.url)
        is_local = is_loopback_host(parts.hostname or "")
        if parts.scheme == "https" or (parts.scheme == "http" and is_local):
            return None
        return "BENCHMARK_MODELS_URL: must begin with https:// (plain http only on this machine); correct it"

    async def read(self, say: Callable[[str], None], now: datetime) -> list[Entry]:
        """The entries of the list, or of its copy.

        Raises:
            UserError: the list refuses.
            NoList: it is away, and so is its copy.
        """
        try:
            found = await self._fetch()
        except _Away as away:
            entries = self._copied(now)
            if entries is None:
                raise NoList(f"the list of models cannot be had ({away}), and no copy is younger than 6 h") from None
            say(f"the list of models cannot be had ({away}); its last copy is used")
            return entries
        self._keep(found, now)
        return found

    async def _fetch(self) -> list[Entry]:
        import aiohttp

        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self.url, headers=headers, allow_redirects=False) as response,
            ):
                status, body = response.status, await response.content.read(_MOST_BYTES + 1)
                while body and len(body) <= _MOST_BYTES and (more := await response.content.read(_MOST_BYTES)):
                    body += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Away(type(error).__name__) from None
        if 400 <= status < 500:
            raise UserError(
                f"BENCHMARK_MODELS_URL: the list of models is refused (HTTP {status}); check the address and "
                "BENCHMARK_MODELS_TOKEN"
            )
        if status != 200:
            raise _Away(f"HTTP {status}")
        return _entries(body)

    @property
    def _copy(self) -> Path:
        return self.copies / f".models-{hashlib.sha256(self.url.encode()).hexdigest()[:16]}.json"

    def _keep(self, entries: list[Entry], now: datetime) -> None:
        self.copies.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"fetched_at": now.isoformat(), "models": entries})
        write_whole(self._copy, text.encode("ascii"), durable=False)

    def _copied(self, now: datetime) -> list[Entry] | None:
        try:
            data = json.loads(self._copy.read_bytes())
            fetched_at = datetime.fromisoformat(data["fetched_at"]).astimezone(UTC)
            entries = [(provider, str(model)) for provider, model in data["models"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return entries if timedelta(0) <= now - fetched_at <= _OLDEST else None


class _Away(Exception):
    """There is no list in what came; the text says what did."""


def _entries(body: bytes) -> list[Entry]:
    """A list of ids, or of objects with an id and perhaps a provider; those with `enabled: false` are left out."""
    if len(body) > _MOST_BYTES:
        raise _Away("its answer is over 1 MB")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise _Away("its answer is no JSON") from None
    if isinstance(data, dict):
        data = next((data[name] for name in _WRAPPERS if isinstance(data.get(name), list)), None)
    if not isinstance(data, list):
        raise _Away("its answer holds no list of models")
    return [entry for item in data if (entry := _entry(item)) is not None]


def _entry(item: Any) -> Entry | None:
    if isinstance(item, str) and item.strip():
        return None, item.strip()
    if isinstance(item, dict):
        if item.get("enabled") is False:
            return None
        model = next((item[name] for name in _NAMES if isinstance(item.get(name), str) and item[name].strip()), None)
        provider = item.get("provider")
        if model is not None and (provider is None or isinstance(provider, str)):
            return (provider or None), model.strip()
    raise _Away("an entry of it is neither a model's id nor an object with one")
