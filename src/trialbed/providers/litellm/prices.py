"""Which price has a model of another provider? As the map that comes with LiteLLM says, once LiteLLM is loaded."""

import math
import sys
from collections.abc import Mapping
from typing import Any

from trialbed.core.model import ModelName
from trialbed.core.price import Price
from trialbed.providers.litellm import library
from trialbed.providers.litellm.table import PROVIDERS

_PER = 1_000_000


def price_of(model: ModelName) -> Price | None:
    """The price of a model, or None if it is not known, or LiteLLM is not loaded: that takes seconds."""
    if "litellm" not in sys.modules or model.provider not in PROVIDERS:
        return None
    table = PROVIDERS[model.provider]
    entry = library.price_entry(table.prefix, model.id) if model.provider not in _NOT_IN_THE_MAP else None
    return None if entry is None else _price(entry)


def _price(entry: Mapping[str, Any]) -> Price | None:
    read, write = _usd(entry, "cache_read_input_token_cost"), _usd(entry, "cache_creation_input_token_cost")
    given, made = _usd(entry, "input_cost_per_token"), _usd(entry, "output_cost_per_token")
    # The map has 0 for what it does not know, as for what is free.
    if given is None or made is None or not (given or made):
        return None
    return Price(given, made, read, write)


def _usd(entry: Mapping[str, Any], name: str) -> float | None:
    """US dollars per million tokens."""
    value = entry.get(name)
    is_price = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    return float(value) * _PER if is_price and value is not None else None


_NOT_IN_THE_MAP = frozenset({"anyscale", "runpod", "azure"})
"""Asked as OpenAI is, at prices of their own; and Azure's ids are names that its users give."""
