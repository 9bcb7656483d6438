"""Which provider does a model name mean? The closed table of provider keys. Pure; imports no provider."""

from trialbed.core.errors import UserError
from trialbed.core.model import ModelName

DEFAULT = "bedrock"

RUNNABLE = frozenset({"bedrock", "rehearsal"})
"""Providers that calls can be made to."""

NAMED_ONLY = frozenset(
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
"""Served through LiteLLM: known as names, so that no such name is taken for a Bedrock id; not yet runnable."""

KNOWN = RUNNABLE | NAMED_ONLY


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
