"""What is said to a model and what comes back? Provider-neutral values and the one-verb seam."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal, Protocol

from trialbed.core.canonical import digest
from trialbed.core.redact import ACCOUNT_IN_ARN, ACCOUNT_MASK
from trialbed.core.timing import StreamTiming

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


ADAPTIVE: Final = "adaptive"
BUDGETED: Final = "enabled"


@dataclass(frozen=True, slots=True)
class Sampling:
    """What decides an answer beside the words, as asked for; None = leave it to the model.

    `thinking` is "adaptive", or the most tokens the model may think (its budget). `effort` is the
    provider's word for it. `guardrail` is `id:version`; the id may be an ARN.
    """

    max_tokens: int = 500
    temperature: float | None = None
    top_p: float | None = None
    thinking: int | Literal["adaptive"] | None = None
    effort: str | None = None
    guardrail: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As plain data; account numbers are masked.

        The last members are shown only when set: what was asked for without them keeps its hash.
        """
        shown = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}
        return shown | thinking_shown(self.thinking) | _only_set(effort=self.effort, guardrail=masked(self.guardrail))


def thinking_shown(thinking: int | str | None) -> dict[str, Any]:
    """Thinking as plain data: in which way, and with a budget its tokens."""
    if isinstance(thinking, int):
        return {"thinking": BUDGETED, "thinking_tokens": thinking}
    return _only_set(thinking=thinking)


def masked(text: str | None) -> str | None:
    """The same text with the account number inside an ARN masked."""
    return None if text is None else ACCOUNT_IN_ARN.sub(ACCOUNT_MASK, text)


@dataclass(frozen=True, slots=True)
class Service:
    """How a call is served: its price and its speed, never its answer. None = not asked for.

    `prompt_cache` asks for the shared beginning of a conversation to be cached.
    """

    tier: str | None = None
    latency: str | None = None
    prompt_cache: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What is asked for, under the names a record has for it."""
        return _only_set(service_tier=self.tier, latency=self.latency, prompt_cache=self.prompt_cache or None)


NOTHING_ASKED = Service()


def _only_set(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


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
    """One call. `metadata` (run and trial id) and `service` travel with it and are no part of its content.

    `turn` is which of the subject's replies the call is about, where it is about one, `repeat` whether a judge is asked
    a second time: for the record, never sent. `stands_for_tokens` is set on a small call that shows beforehand whether
    larger ones will be answered: the most tokens of those, so that it goes their way. Never sent either. `is_timed`
    asks for the answer as a stream whose pieces are timed.
    """

    model: ModelName
    messages: tuple[Message, ...]
    sampling: Sampling
    system: str | None = None
    form: AnswerForm | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    service: Service = NOTHING_ASKED
    turn: int | None = None
    repeat: int = 0
    stands_for_tokens: int | None = None
    is_timed: bool = False

    @cached_property
    def requested(self) -> dict[str, Any]:
        """Every parameter asked for, as a record shows it."""
        asked = {name: value for name, value in self.sampling.as_dict().items() if value is not None}
        return asked | self.service.as_dict()

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
    `repairs` counts characters that had to be replaced (see `core.text.repair`). `timing` is there if the request asked
    for it.
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
    timing: StreamTiming | None = None


class Model(Protocol):
    """One model at one provider."""

    async def converse(self, request: ModelRequest) -> ModelReply:
        """Make exactly one attempt.

        Raises:
            CallError: the subclass names what went wrong (see `core.errors`).
        """
        ...
