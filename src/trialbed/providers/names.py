"""Which provider does a model name mean? The closed table of provider keys. Pure; imports no provider."""

from trialbed.core.errors import UserError
from trialbed.core.model import ModelName

DEFAULT = "bedrock"

NATIVE = frozenset({"bedrock", "rehearsal"})
"""Providers whose protocol is spoken here from end to end."""

THROUGH_LITELLM = frozenset(
    {
        "openai",
        "anthropic",
        "vertex",
        "azure",
        "anyscale",
        "together",
        "openrouter",
        "runpod",
        "fireworks",
        "deepinfra",
        "groq",
        "databricks",
        "lambda",
        "cerebras",
        "gemini",
        "huggingface",
        "mistral",
        "cohere",
    }
)
"""Providers whose requests LiteLLM makes: see `providers.litellm.table`."""

KNOWN = NATIVE | THROUGH_LITELLM
ALIASES = {"google": "gemini"}
"""Other names of the same; records and runs have the key."""


def parse_model(text: str) -> ModelName:
    """The model that `text` names: `provider:id`, or an id or ARN of the default provider.

    What stands before the first colon is a provider only if it is a known one, since Bedrock's own ids
    hold colons (`amazon.nova-pro-v1:0`, `arn:aws:bedrock:…`).

    Raises:
        UserError: nothing, or only a provider, is named.
    """
    name = text.strip()
    head, colon, rest = name.partition(":")
    provider, model_id = (head.strip().lower(), rest.strip()) if colon else (DEFAULT, name)
    provider = ALIASES.get(provider, provider)
    if provider not in KNOWN:
        provider, model_id = DEFAULT, name
    if not model_id:
        raise UserError(f"model name {text!r}: no model id; write provider:model, e.g. bedrock:amazon.nova-pro-v1:0")
    return ModelName(provider, model_id)


def parse_models(csv: str) -> tuple[ModelName, ...]:
    """The models a comma-separated list names: in order, each once, empty entries left out.

    Raises:
        UserError: an entry names only a provider.
    """
    return tuple(dict.fromkeys(parse_model(part) for part in csv.split(",") if part.strip()))
