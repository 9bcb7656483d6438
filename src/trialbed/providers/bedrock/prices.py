"""Which price has a Bedrock model? Dated data (`prices.toml`), and a file of the user's that wins over it."""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from trialbed.core.errors import UserError
from trialbed.core.price import Price
from trialbed.providers.bedrock.capabilities import family_of

_NUMBERS = frozenset(
    {"input", "output", "cache_read", "cache_write", "cache_read_share", "cache_write_share", "surcharge"}
)
_KEYS = _NUMBERS | {"pattern", "why", "profiles"}


@dataclass(frozen=True)
class PriceList:
    """Rules in the order in which they are applied; `as_of` is the day of the newest data in it."""

    as_of: str
    rules: Sequence[Mapping[str, Any]]
    tiers: Mapping[str, float]

    def price_of(self, model_id: str, behind: str | None = None) -> Price | None:
        """The price of a model, or None if it is not known.

        Args:
            model_id: `provider.model`, a profile id (`us.…`) or an ARN.
            behind: for an application inference profile, whose ARN names no model, what it leads to.
        """
        whole = behind if behind is not None else model_id
        family = family_of(whole)
        return self._price(family, whole.rpartition("/")[2].removesuffix(family).rstrip("."), self.tiers)

    def price_elsewhere(self, name: str) -> Price | None:
        """The price of another provider's model by its whole name, `provider:id`; of Bedrock's rules none matches."""
        return self._price(name, "", {})

    def _price(self, text: str, profile: str, tiers: Mapping[str, float]) -> Price | None:
        found: dict[str, Any] = {}
        for rule in self.rules:
            if re.match(rule["pattern"], text) and profile in rule.get("profiles", (profile,)):
                found |= {key: value for key, value in rule.items() if key in _NUMBERS}
        if "input" not in found or "output" not in found:
            return None
        return _price(found, tiers)


def price_list(override: Path | None = None) -> PriceList:
    """The prices that come with trialbed, with those of `override` on top.

    Raises:
        UserError: the file cannot be read or is not of this form; one line.
    """
    own = _own()
    if override is None:
        return own
    given = _read(override)
    return PriceList(
        as_of=max(own.as_of, given.as_of) if given.as_of else own.as_of,
        rules=(*own.rules, *given.rules),
        tiers={**own.tiers, **given.tiers},
    )


def _price(found: Mapping[str, Any], tiers: Mapping[str, float]) -> Price:
    surcharge = found.get("surcharge", 1.0)

    def cached(kind: str) -> float | None:
        share = found.get(f"{kind}_share")
        usd = found.get(kind, None if share is None else share * found["input"])
        return None if usd is None else float(usd * surcharge)

    return Price(
        input_usd=float(found["input"] * surcharge),
        output_usd=float(found["output"] * surcharge),
        cache_read_usd=cached("cache_read"),
        cache_write_usd=cached("cache_write"),
        tiers=tiers,
    )


@cache
def _own() -> PriceList:
    data = tomllib.loads((files(__package__) / "prices.toml").read_text(encoding="utf-8"))
    return PriceList(str(data["as_of"]), data["rule"], data["tiers"])


def _read(path: Path) -> PriceList:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"PRICES_FILE: {path}: {error.strerror}; name a TOML file, or unset it") from None
    except ValueError as error:
        raise UserError(f"PRICES_FILE: {path}: not TOML ({_one_line(error)}); correct it, or unset it") from None
    if problem := _problem(data):
        raise UserError(f"PRICES_FILE: {path}: {problem}; correct it, or unset it")
    return PriceList(str(data.get("as_of", "")), data.get("rule", []), data.get("tiers", {}))


def _problem(data: Mapping[str, Any]) -> str | None:
    """What is wrong with the content of a file, if anything."""
    if unknown := sorted(data.keys() - {"as_of", "tiers", "rule"}):
        return f"{unknown[0]} is not known; there is: as_of, tiers, rule"
    tiers = data.get("tiers", {})
    if not isinstance(tiers, dict) or not all(_is_price(factor) for factor in tiers.values()):
        return "tiers: must be a table of factors, 0 or more"
    rules = data.get("rule", [])
    if not isinstance(rules, list):
        return "rule: must be a list of tables, each under [[rule]]"
    problems = (f"rule {number}: {said}" for number, rule in enumerate(rules, 1) if (said := _rule_problem(rule)))
    return next(problems, None)


def _rule_problem(rule: Any) -> str | None:
    if not isinstance(rule, dict) or not isinstance(rule.get("pattern"), str):
        return "must be a table with a pattern"
    if unknown := sorted(rule.keys() - _KEYS):
        return f"{unknown[0]} is not known; there is: {', '.join(sorted(_KEYS))}"
    try:
        re.compile(rule["pattern"])
    except re.error as error:
        return f"pattern: {_one_line(error)}"
    if wrong := sorted(key for key in _NUMBERS & rule.keys() if not _is_price(rule[key])):
        return f"{wrong[0]}: must be a number, 0 or more"
    profiles = rule.get("profiles", [])
    is_list = isinstance(profiles, list) and all(isinstance(name, str) for name in profiles)
    return None if is_list else 'profiles: must be a list like ["us", "eu"]'


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
