"""How does the rehearsal server behave? One frozen value, from code or from JSON."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trialbed.core.errors import UserError
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.faults import Fault, FaultPlan

Script = Callable[[RehearsalCall], Answer | Fault | None]


class ModelQuota(BaseModel):
    """What one model is allowed; None = without limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_second: float | None = Field(default=None, gt=0.0)
    tokens_per_minute: float | None = Field(default=None, gt=0.0)


class RehearsalConfig(FaultPlan):
    """Everything that decides what the server does; faults and mishaps are inherited.

    `latency_s` is a median, `latency_spread` the sigma of a lognormal around it (0 = always the median).
    A stream says its first word after `ttft_fraction` of the latency; then each piece waits
    `chunk_gap_s`, or, when that is None, the rest of the latency is spread evenly.
    Quotas are per model and None = without limit: a call reserves its input and maxTokens (or
    `unset_max_tokens`) of `tokens_per_minute`, and is settled to input + output x `output_burndown`.
    `model_quotas` has, by model id, quotas that hold instead of these two.
    `refuses` maps a model id, or "*" for all, to parameters answered with ValidationException:
    `temperature`, `topP`, `maxTokens`, `toolChoice`, `toolConfig`, `outputConfig`, `effort`, `serviceTier`,
    `performanceConfig`, `guardrailConfig`, `thinking`, `budget_tokens`, ...; a pair like `temperature+topP` is
    refused together only, and `stream` is any call that streams. `cachePoint` is refused with
    AccessDeniedException, as the service does.
    `expired_credentials` turns every request away, `expired_keys` those signed with one of these access keys.
    `scripted` is asked first, for every readable request; None = go on as usual.
    `log_path` is the JSONL file that gets one line per HTTP request; None = no log.
    """

    seed: int = 0
    host: Literal["127.0.0.1"] = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    latency_s: float = Field(default=0.0, ge=0.0)
    latency_spread: float = Field(default=0.0, ge=0.0)
    ttft_fraction: float = Field(default=0.3, ge=0.0, le=1.0)
    chunk_gap_s: float | None = Field(default=None, ge=0.0)
    chunk_chars: int = Field(default=40, ge=1)
    requests_per_second: float | None = Field(default=None, gt=0.0)
    tokens_per_minute: float | None = Field(default=None, gt=0.0)
    model_quotas: Mapping[str, ModelQuota] = Field(default_factory=dict)
    output_burndown: float = Field(default=1.0, ge=0.0)
    unset_max_tokens: int = Field(default=64_000, ge=1)
    denied_models: frozenset[str] = frozenset()
    unknown_models: frozenset[str] = frozenset()
    refuses: Mapping[str, frozenset[str]] = Field(default_factory=dict)
    expired_credentials: bool = False
    expired_keys: frozenset[str] = frozenset()
    log_path: Path | None = None
    scripted: Script | None = Field(default=None, exclude=True, repr=False)

    def quota_of(self, model_id: str) -> ModelQuota:
        """The quotas of one model."""
        given = self.model_quotas.get(model_id)
        if given is not None:
            return given
        return ModelQuota(requests_per_second=self.requests_per_second, tokens_per_minute=self.tokens_per_minute)

    @classmethod
    def from_json(cls, source: str) -> "RehearsalConfig":
        """From JSON text, or from the file that `source` names.

        Raises:
            UserError: the file cannot be read or holds something else, in one line.
        """
        is_text = source.lstrip().startswith("{")
        where = "rehearsal configuration" if is_text else source
        try:
            return cls.model_validate_json(source if is_text else Path(source).read_bytes())
        except OSError as error:
            raise UserError(f"{where}: cannot be read ({error.strerror}); name an existing JSON file") from error
        except ValidationError as error:
            first = error.errors()[0]
            member = ".".join(str(part) for part in first["loc"]) or "JSON"
            raise UserError(f"{where}: {member}: {first['msg']}") from error
