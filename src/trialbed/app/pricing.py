"""Which price has a model, whoever serves it?"""

from trialbed.core.model import ModelName
from trialbed.core.price import Price
from trialbed.providers.bedrock.prices import PriceList
from trialbed.providers.litellm import prices as elsewhere
from trialbed.providers.names import NATIVE


def price_of(prices: PriceList, model: ModelName, behind: str | None = None) -> Price | None:
    """The price of a model: the user's, else the one that comes with trialbed or LiteLLM; None if it is not known.

    A rehearsed model has that of the Bedrock model whose id it bears. What comes with LiteLLM is looked at only once a
    model of such a provider has been opened.

    Args:
        behind: for an application inference profile, whose ARN names no model, what it leads to.
    """
    if model.provider in NATIVE:
        return prices.price_of(model.id, behind)
    return prices.price_elsewhere(str(model)) or elsewhere.price_of(model)
