"""What does a call cost, and what can it cost at most? Pure; which model has which price is the provider's to say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from trialbed.core.model import AnswerForm, ModelReply, ModelRequest, Service, Usage

_PER = 1_000_000
_PER_REQUEST_TOKENS = 64
_PER_MESSAGE_TOKENS = 16
_PER_FORM_TOKENS = 1_000
"""A form makes the service add a prompt of its own about tool use: 300 to 700 tokens where it is documented."""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens; None = not known, which is never taken for nothing.

    `tiers` has the factor for each service tier; a tier that is not in it has no known price.
    """

    input_usd: float
    output_usd: float
    cache_read_usd: float | None = None
    cache_write_usd: float | None = None
    tiers: Mapping[str, float] = field(default_factory=dict)

    def factor(self, tier: str | None) -> float | None:
        """What the price is multiplied by; None = the tier's price is not known."""
        return 1.0 if tier is None or tier == "default" else self.tiers.get(tier)

    def in_tier(self, tier: str | None) -> "Price | None":
        """What the model costs where all calls are served in that tier; None = not known."""
        factor = self.factor(tier)
        if factor is None:
            return None
        read, write = self.cache_read_usd, self.cache_write_usd
        return Price(
            self.input_usd * factor,
            self.output_usd * factor,
            None if read is None else read * factor,
            None if write is None else write * factor,
        )


def cost_usd(usage: Usage, price: Price | None, tier: str | None = None) -> float | None:
    """What `usage` costs in US dollars, or None if any part of it has no known price.

    Args:
        usage: its four counts do not overlap: cached input is not in `input_tokens`.
        tier: the service tier that the answer says it was served in; None = the ordinary one.
    """
    factor = None if price is None else price.factor(tier)
    if price is None or factor is None:
        return None
    cost = usage.input_tokens * price.input_usd + usage.output_tokens * price.output_usd
    for tokens, usd in (
        (usage.cache_read_tokens, price.cache_read_usd),
        (usage.cache_write_tokens, price.cache_write_usd),
    ):
        if tokens:
            if usd is None:
                return None
            cost += tokens * usd
    return cost * factor / _PER


OPTIMIZED = "optimized"
"""Latency-optimized inference has a price of its own, like a tier."""


def tier_asked(service: Service) -> str | None:
    """The tier, as prices know it, that calls ask for."""
    return OPTIMIZED if service.latency == OPTIMIZED else service.tier


def tier_billed(reply: ModelReply) -> str | None:
    """The tier, as prices know it, in which a reply says it was served; None if it says nothing."""
    if _member(reply, "performance_config", "latency") == OPTIMIZED:
        return OPTIMIZED
    return _member(reply, "service_tier", "type")


def _member(reply: ModelReply, name: str, key: str) -> str | None:
    echoed = reply.echoed.get(name)
    value = echoed.get(key) if isinstance(echoed, Mapping) else None
    return value if isinstance(value, str) else None


def most_usd(request: ModelRequest, price: Price) -> float:
    """What the call can cost at most.

    The answer may be served in the ordinary tier whichever was asked for, and input may be billed as
    written to a cache. A tier without a known price counts as the dearest one known.
    """
    known = price.factor(tier_asked(request.service))
    factor = max(1.0, known if known is not None else max(price.tiers.values(), default=1.0))
    input_usd = max(price.input_usd, price.cache_write_usd or 0.0, price.cache_read_usd or 0.0)
    return (most_input_tokens(request) * input_usd + request.sampling.max_tokens * price.output_usd) * factor / _PER


def most_input_tokens(request: ModelRequest) -> int:
    """More tokens than the request can have.

    A token is at least one byte of UTF-8: the tokenizers in use merge bytes and never split one. What the
    service adds around messages and tools is not documented for all models and generously allowed for.
    """
    texts = _bytes(request.system or "") + sum(_bytes(message.text) for message in request.messages)
    around = _PER_REQUEST_TOKENS + _PER_MESSAGE_TOKENS * (len(request.messages) + 1)
    return texts + around + (0 if request.form is None else _form_tokens(request.form))


def _form_tokens(form: AnswerForm) -> int:
    """The schema counts twice: some services rewrite it before the model sees it."""
    schema = len(json.dumps(dict(form.schema)))
    return _PER_FORM_TOKENS + 2 * (schema + _bytes(form.name) + _bytes(form.description))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def usd(amount: float) -> str:
    """An amount as people read it: cents, and more decimals below a dime."""
    return f"${amount:.2f}" if amount >= 0.1 or not amount else f"${amount:.4f}" if amount >= 0.01 else f"${amount:.6f}"
