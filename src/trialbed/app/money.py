"""What may a run spend, and what has it spent? Prices and the limit put together with a run's journal."""

from collections.abc import Iterable, Mapping

from trialbed.app.checks import ModelCheck
from trialbed.app.models import Models
from trialbed.app.prepare import Prepared
from trialbed.app.pricing import price_of
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName, ModelRequest
from trialbed.core.outcome import SETTLED, Outcome
from trialbed.core.price import OPTIMIZED, Price, tier_asked, usd
from trialbed.engine.drain import Drain
from trialbed.engine.spending import Spending
from trialbed.providers.bedrock.capabilities import is_opaque
from trialbed.providers.names import NATIVE
from trialbed.sinks.journal.state import JournalState
from trialbed.sinks.journal.writer import Journal

BUDGET = "budget"
"""The reason with which a drain begins when the limit is reached."""


def prices_of(prepared: Prepared, models: Models) -> dict[ModelName, Price | None]:
    """The price of each model of the run. A rehearsed model has that of the model whose id it bears.

    Raises:
        UserError: the limit cannot hold for one of them (see `price_problems`).
    """
    prices = {model: price_of(prepared.prices, model, models.behind.get(model)) for model in prepared.models}
    if problems := _unpriced(prepared, [model for model, price in prices.items() if price is None]):
        raise UserError("\n".join(problems))
    return prices


def price_problems(prepared: Prepared) -> list[str]:
    """A limit cannot hold for a real model whose price is not known: one line for each.

    As far as can be seen before any is opened: what is behind an application inference profile cannot, nor the prices
    that come with LiteLLM.
    """
    offline = [model for model in prepared.models if model.provider in NATIVE and not is_opaque(model.id)]
    return _unpriced(prepared, [model for model in offline if price_of(prepared.prices, model) is None])


def _unpriced(prepared: Prepared, models: Iterable[ModelName]) -> list[str]:
    if prepared.max_cost_usd is None:
        return []
    tier = tier_asked(prepared.settings.service)
    if tier is not None and tier != "default" and tier not in prepared.prices.tiers:
        variable = "BEDROCK_LATENCY" if tier == OPTIMIZED else "BEDROCK_SERVICE_TIER"
        return [
            f"MAX_COST_USD: the price of {variable}={tier} is not known, so no limit can hold; give its factor in the "
            "[tiers] of a PRICES_FILE, or unset one of the two"
        ]
    unpriced = [model for model in models if model.provider != "rehearsal"]
    return [
        f"MAX_COST_USD: the price of {model} is not known, so no limit can hold; give it in a PRICES_FILE, or unset "
        "MAX_COST_USD"
        for model in unpriced
    ]


def limit_notice(prepared: Prepared, prices: Mapping[ModelName, Price | None]) -> str | None:
    """What to say of a limit that concerns nothing, or only some of the models."""
    unpriced = [str(model) for model, price in prices.items() if price is None]
    if prepared.max_cost_usd is None or not unpriced:
        return None
    if len(unpriced) == len(prices):
        return "MAX_COST_USD: rehearsed models without a price cost nothing, so there is nothing to limit"
    return f"MAX_COST_USD: {', '.join(unpriced)} has no price and counts as free, being rehearsed"


def open_spending(
    prepared: Prepared, prices: Mapping[ModelName, Price | None], journal: Journal, drain: Drain
) -> Spending:
    """The account of a sitting, with what earlier ones have cost in it. Reaching the limit begins the drain."""
    state = journal.state

    def exhausted() -> None:
        journal.post(
            "budget",
            None,
            limit_usd=spending.limit_usd,
            spent_usd=spending.spent_usd,
            presumed_usd=spending.presumed_usd,
            needed_usd=spending.refused_usd,
        )
        # Nobody waits at the terminal: what is in flight is paid for, so it may take its time.
        drain.begin(BUDGET, grace_s=prepared.settings.call_deadline_s)

    spending = Spending(prices=prices, limit_usd=prepared.max_cost_usd, on_exhausted=exhausted)
    costs = state.costs
    presumed_usd = costs.presumed_usd + costs.unheard_usd
    spending.resumed(spent_usd=costs.spent_usd, presumed_usd=presumed_usd, unknown=costs.unknown)
    return spending


def check_room(spending: Spending, state: JournalState, planned: int, first: Iterable[ModelRequest]) -> None:
    """`first` are the small calls that are made before the run goes on: they must fit too.

    Raises:
    UserError: an earlier sitting has used the limit up, and it has not been raised enough since.
    """
    if spending.limit_usd is None:
        return
    # What was refused then is asked again first.
    needed_usd = 0.0 if state.budget is None else float(state.budget.get("needed_usd") or 0.0)
    needed_usd += sum(spending.most_usd(request) for request in first)
    if spending.counted_usd >= spending.limit_usd or spending.counted_usd + needed_usd > spending.limit_usd:
        raise UserError(used_up(spending, left_of(state, planned), planned))


def left_of(state: JournalState, planned: int) -> int:
    """Trials that a further sitting would take up."""
    return sum(count for name, count in state.outcomes(planned).items() if Outcome(name) not in SETTLED)


def used_up(spending: Spending, left: int, planned: int) -> str:
    """The line that ends a sitting whose limit is reached."""
    assert spending.limit_usd is not None
    presumed = spending.presumed_usd
    besides = f" and up to {usd(presumed)} on attempts that brought no answer" if presumed else ""
    return (
        f"MAX_COST_USD: {usd(spending.spent_usd)} of {usd(spending.limit_usd)} is spent{besides}, and the next call "
        f"may cost more than is left; {left} of {planned} trials are left: raise it, and the same command goes on"
    )


def preflight_paid(spending: Spending, journal: Journal, checks: Iterable[ModelCheck]) -> None:
    """Count and journal the small calls that were made before the run."""
    for check in checks:
        for role, usage, tier in check.paid:
            cost = spending.paid(check.model, usage, tier)
            journal.post("preflight", None, model=str(check.model), role=role, usage=usage.as_dict(), cost_usd=cost)
