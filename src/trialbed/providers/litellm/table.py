"""Which providers are there beside Bedrock, and how is each reached? A table; imports nothing of LiteLLM."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Protocol = Literal["chat", "anthropic", "gemini", "cohere"]
"""What is spoken: OpenAI's chat completions, Anthropic's messages, Gemini's generateContent, Cohere's chat v2."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    Args:
        title: its name as users know it.
        prefix: what LiteLLM calls it.
        keys: variables that hold its API key; the first that is set counts, the first of all is named when none is.
        bases: the same for the address of its API.
        base: the address where none is set; None = the user must name one.
        protocol: what it speaks.
        route: what is added to an address that does not end in it.
        asks_usage: whether a stream tells the tokens only if asked to (`stream_options`).
        example: an address that shows what is wanted, where the user must name one.
        settings: further variables, each with the LiteLLM parameter that it sets and its default.
    """

    title: str
    prefix: str
    keys: tuple[str, ...]
    bases: tuple[str, ...]
    base: str | None = None
    protocol: Protocol = "chat"
    route: str = ""
    asks_usage: bool = True
    example: str = ""
    settings: Mapping[str, tuple[tuple[str, ...], str | None]] = field(default_factory=dict)

    @property
    def signs_with_tokens(self) -> bool:
        """Whether it takes tokens that expire, made from credentials in a file, instead of a key."""
        return not self.keys

    @property
    def variables(self) -> tuple[str, ...]:
        """All variables that are read for it."""
        further = (name for names, _ in self.settings.values() for name in names)
        return (*self.keys, *self.bases, *further)


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "openai": Provider(
            "OpenAI", "openai", ("OPENAI_API_KEY",), ("OPENAI_API_BASE", "OPENAI_BASE_URL"), "https://api.openai.com/v1"
        ),
        "anthropic": Provider(
            "Anthropic",
            "anthropic",
            ("ANTHROPIC_API_KEY",),
            ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
            "https://api.anthropic.com",
            "anthropic",
            asks_usage=False,
        ),
        "vertex": Provider(
            "Google Vertex AI",
            "vertex_ai",
            (),
            ("VERTEXAI_API_BASE",),
            "",
            "gemini",
            asks_usage=False,
            settings={
                "vertex_project": (("VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"), None),
                "vertex_location": (("VERTEXAI_LOCATION", "GOOGLE_CLOUD_LOCATION"), "us-central1"),
                "vertex_credentials": (("GOOGLE_APPLICATION_CREDENTIALS",), ""),
            },
        ),
        "azure": Provider(
            "Azure OpenAI",
            "azure",
            ("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
            ("AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"),
            example="https://NAME.openai.azure.com",
            settings={"api_version": (("AZURE_API_VERSION", "OPENAI_API_VERSION"), "2024-10-21")},
        ),
        "anyscale": Provider(
            "Anyscale", "openai", ("ANYSCALE_API_KEY",), ("ANYSCALE_API_BASE",), example="https://SERVICE/v1"
        ),
        "together": Provider(
            "Together AI",
            "together_ai",
            ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
            ("TOGETHER_API_BASE",),
            "https://api.together.xyz/v1",
        ),
        "openrouter": Provider(
            "OpenRouter",
            "openrouter",
            ("OPENROUTER_API_KEY",),
            ("OPENROUTER_API_BASE",),
            "https://openrouter.ai/api/v1",
        ),
        "runpod": Provider(
            "RunPod",
            "openai",
            ("RUNPOD_API_KEY",),
            ("RUNPOD_API_BASE",),
            example="https://api.runpod.ai/v2/ENDPOINT/openai/v1",
        ),
        "fireworks": Provider(
            "Fireworks AI",
            "fireworks_ai",
            ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
            ("FIREWORKS_API_BASE",),
            "https://api.fireworks.ai/inference/v1",
        ),
        "deepinfra": Provider(
            "DeepInfra",
            "deepinfra",
            ("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
            ("DEEPINFRA_API_BASE",),
            "https://api.deepinfra.com/v1/openai",
        ),
        "groq": Provider("Groq", "groq", ("GROQ_API_KEY",), ("GROQ_API_BASE",), "https://api.groq.com/openai/v1"),
        "databricks": Provider(
            "Databricks",
            "databricks",
            ("DATABRICKS_API_KEY", "DATABRICKS_TOKEN"),
            ("DATABRICKS_API_BASE",),
            asks_usage=False,
            example="https://WORKSPACE.cloud.databricks.com/serving-endpoints",
        ),
        "lambda": Provider(
            "Lambda", "lambda_ai", ("LAMBDA_API_KEY",), ("LAMBDA_API_BASE",), "https://api.lambda.ai/v1"
        ),
        "cerebras": Provider(
            "Cerebras", "cerebras", ("CEREBRAS_API_KEY",), ("CEREBRAS_API_BASE",), "https://api.cerebras.ai/v1"
        ),
        "gemini": Provider(
            "Google AI Studio",
            "gemini",
            ("GOOGLE_AI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
            ("GEMINI_API_BASE",),
            "https://generativelanguage.googleapis.com/v1beta",
            "gemini",
            asks_usage=False,
        ),
        "huggingface": Provider(
            "Hugging Face",
            "huggingface",
            ("HUGGINGFACE_API_KEY",),
            ("HUGGINGFACE_API_BASE",),
            "https://router.huggingface.co/v1",
        ),
        "mistral": Provider(
            "Mistral AI",
            "mistral",
            ("MISTRAL_API_KEY",),
            ("MISTRAL_API_BASE",),
            "https://api.mistral.ai/v1",
            asks_usage=False,
        ),
        "cohere": Provider(
            "Cohere",
            "cohere_chat",
            ("COHERE_API_KEY", "CO_API_KEY"),
            ("COHERE_API_BASE",),
            "https://api.cohere.com",
            "cohere",
            route="/v2/chat",
            asks_usage=False,
        ),
    }
)
"""Provider key -> provider. Anyscale and RunPod are not known to LiteLLM: they are asked as OpenAI is."""
