"""What is said to a model and what comes back? Provider-neutral values and the one-verb seam."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from trialbed.core.canonical import digest
from trialbed.core.redact import ACCOUNT_IN_ARN, ACCOUNT_MASK

Role = Literal["subject", "judge", "student"]


@dataclass(frozen=True)
class ModelName:
    """`provider` is a known provider key, `id` what that provider calls the model."""

    provider: str
    id: str

    @cached_property
    def public_id(self) -> str:
        """The id as it may be published: the account number inside an ARN is masked."""
        return ACCOUNT_IN_ARN.sub(ACCOUNT_MASK, self.id)

    def __str__(self) -> str:
        return f"{self.provider}:{self.public_id}"


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters as asked for; None = leave it to the model."""

    max_tokens: int = 500
    temperature: float | None = None
    top_p: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """A structured answer that is wanted: one JSON object of this schema."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class ModelRequest:
    """One call. `metadata` travels with it (run and trial id) and is no part of its content."""

    model: ModelName
    messages: tuple[Message, ...]
    sampling: Sampling
    system: str | None = None
    form: AnswerForm | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def content_hash(self) -> str:
        """Two requests with this hash in common ask the same model the same thing."""
        form = None if self.form is None else [self.form.name, self.form.description, dict(self.form.schema)]
        return digest(
            [
                str(self.model),
                self.system,
                [[message.role, message.text] for message in self.messages],
                self.sampling.as_dict(),
                form,
            ]
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )

    def as_dict(self) -> dict[str, int]:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "total_tokens": self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens,
        }


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What one successful attempt brought back.

    `data` is the structured answer when the model used the form, else None. `sent` and `echoed` hold
    parameters as they stood on the wire and in the response; `unsupported` what was left out on purpose.
    `repairs` counts characters that had to be replaced (see `core.text.repair`).
    """

    text: str
    stop_reason: str
    usage: Usage = Usage()
    data: Mapping[str, Any] | None = None
    request_id: str | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)
    echoed: Mapping[str, Any] = field(default_factory=dict)
    unsupported: tuple[str, ...] = ()
    reasoning: str | None = None
    repairs: int = 0


class Model(Protocol):
    """One model at one provider."""

    async def converse(self, request: ModelRequest) -> ModelReply:
        """Make exactly one attempt.

        Raises:
            CallError: the subclass names what went wrong (see `core.errors`).
        """
        ...
