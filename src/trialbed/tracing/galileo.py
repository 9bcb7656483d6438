"""Where does Galileo take traces, and where does it show them? Its OTLP endpoint, its headers, its links.

Sources: Galileo's Python SDK (github.com/rungalileo/galileo-python, src/galileo/otel.py, constants/routes.py) and its
examples, which print the links the same way.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import aiohttp

CONSOLE_URL = "https://app.galileo.ai"
_LINKS_WITHIN_S = 2.0


@dataclass(frozen=True)
class Galileo:
    """One log stream of one project. `console_url` without a slash at its end."""

    api_key: str
    project: str
    log_stream: str
    console_url: str = CONSOLE_URL

    @property
    def api_url(self) -> str:
        """The console's address with `api` in the place of its `app` or `console`; a host with neither is both."""
        parts = urlsplit(self.console_url)
        first, dot, rest = parts.netloc.partition(".")
        if first == "app":
            first = "api"
        elif "console" in first:
            first = first.replace("console", "api")
        return urlunsplit(parts._replace(netloc=f"{first}{dot}{rest}")).rstrip("/")

    @property
    def endpoint(self) -> str:
        return f"{self.api_url}/otel/traces"

    @property
    def headers(self) -> dict[str, str]:
        return {"Galileo-API-Key": self.api_key, "project": self.project, "logstream": self.log_stream}

    @property
    def resource(self) -> dict[str, str]:
        return {"galileo.project.name": self.project, "galileo.logstream.name": self.log_stream}


async def links(galileo: Galileo) -> list[str]:
    """Where to look, in lines for the user; within two seconds, and without the exact place if Galileo is slower."""
    try:
        found = await _ids(galileo)
    except (aiohttp.ClientError, TimeoutError, LookupError, TypeError, ValueError):
        found = None
    if found is None:
        return [f"Galileo: {galileo.console_url} (project {galileo.project}, log stream {galileo.log_stream})"]
    project_id, stream_id = found
    project_url = f"{galileo.console_url}/project/{quote(project_id, safe='')}"
    return [
        f"Galileo project: {project_url}",
        f"Galileo log stream: {project_url}/log-streams/{quote(stream_id, safe='')}",
    ]


async def _ids(galileo: Galileo) -> tuple[str, str]:
    """The ids of the project and of the log stream.

    Raises:
        aiohttp.ClientError, TimeoutError: Galileo did not answer.
        LookupError, TypeError, ValueError: it answered something else than we know, or has neither.
    """
    timeout = aiohttp.ClientTimeout(total=_LINKS_WITHIN_S / 3)
    async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True, trust_env=True) as session:
        async with session.post(f"{galileo.api_url}/login/api_key", json={"api_key": galileo.api_key}) as answer:
            token = (await answer.json())["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        asked = {"project_name": galileo.project, "type": "gen_ai"}
        async with session.get(f"{galileo.api_url}/projects", params=asked, headers=bearer) as answer:
            project_id = _id_of(galileo.project, await answer.json())
        streams = f"{galileo.api_url}/projects/{quote(project_id, safe='')}/log_streams"
        async with session.get(streams, headers=bearer) as answer:
            return project_id, _id_of(galileo.log_stream, await answer.json())


def _id_of(name: str, listed: list[dict[str, Any]]) -> str:
    """Raises:
    LookupError: none of those listed is called so.
    """
    found = next((one["id"] for one in listed if one["name"] == name), None)
    if found is None:
        raise LookupError(name)
    return str(found)
