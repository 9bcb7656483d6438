"""With which key and at which address is a provider called? Read from an environment; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from trialbed.core.errors import UserError
from trialbed.core.http_rules import is_header_value, is_loopback_host
from trialbed.providers.litellm.table import PROVIDERS, Provider


@dataclass(frozen=True, slots=True)
class Access:
    """What LiteLLM must be told of one provider. `key_variable` is where the key came from, or what stands for one."""

    provider: str
    key_variable: str
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> Provider:
        return PROVIDERS[self.provider]

    def parameters(self) -> dict[str, Any]:
        """As parameters of a LiteLLM call."""
        own = {"api_key": self.api_key, "api_base": self.api_base, **self.settings}
        return {name: value for name, value in own.items() if value}


def access_to(provider: str, environment: Mapping[str, str]) -> Access:
    """How `provider` is reached with these variables.

    Raises:
        UserError: one line for each variable that is missing or wrong.
    """
    table = PROVIDERS[provider]
    problems: list[str] = []
    key_variable, key = _first(table.keys, environment)
    if table.keys and not key:
        problems.append(f"{table.keys[0]}: not set, and {table.title} takes no call without a key; set it in .env")
    elif key and not is_header_value(key):
        problems.append(f"{key_variable}: holds a character that no key has; copy it again, in one line")
    base = _base(table, environment, problems)
    settings = _settings(provider, environment, problems)
    if problems:
        raise UserError("\n".join(problems))
    return Access(provider, key_variable or _instead_of_a_key(table), key, base, settings)


def _first(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str | None]:
    """The first of the variables that is set, and its value; else the first name, and None."""
    for name in names:
        if value := environment.get(name, "").strip():
            return name, value
    return (names[0] if names else ""), None


def _instead_of_a_key(table: Provider) -> str:
    return table.settings["vertex_credentials"][0][0] if "vertex_credentials" in table.settings else ""


def _base(table: Provider, environment: Mapping[str, str], problems: list[str]) -> str | None:
    name, given = _first(table.bases, environment)
    if given is None and table.base is None:
        problems.append(f"{name}: not set, and {table.title} has no address of its own; set it, e.g. {table.example}")
    if given is None:
        given = table.base
    elif problem := _address_problem(given):
        problems.append(f"{name}: {problem}")
    if not given:
        return None
    base = given.rstrip("/")
    return base if base.endswith(table.route) else base + table.route


def _address_problem(address: str) -> str | None:
    """Why no call can be made there, without the address itself: it may hold a password."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return "is no address; give one like https://host/v1"
    if parts.scheme not in ("http", "https") or not host:
        return "is no address; give one like https://host/v1"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "holds more than an address; give one like https://host/v1"
    if parts.scheme == "http" and not is_loopback_host(host):
        return f"http to {host} would show the key to everyone on the way; use https"
    return None


def _settings(provider: str, environment: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for parameter, (names, default) in PROVIDERS[provider].settings.items():
        name, given = _first(names, environment)
        value = default if given is None else given
        if value is None:
            problems.append(f"{name}: not set, and {PROVIDERS[provider].title} takes no call without; set it in .env")
        elif value:
            found[parameter] = value
    return found
