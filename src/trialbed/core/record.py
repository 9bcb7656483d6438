"""What does a sink see? One closed, versioned row per trial; every key is always there.

Readers of older data rely on `run_id`, `timestamp`, `experiment_version`, `code_commit`, `steward_model`,
`prompt_variant`, `model_config`, `python_version`, `evaluation` and `conversation_log`: these names stay.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from trialbed.core.outcome import Outcome

SCHEMA_VERSION = 2


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Said(_Closed):
    role: str
    content: str


class SubjectConfig(_Closed):
    """Sampling as asked for, and which exact models played. `seed` is the trial's own."""

    temperature: float | None
    top_p: float | None
    seed: int
    max_tokens: int
    steward_version: str
    judge_version: str | None


class Parameters(_Closed):
    """Parameters as asked for, or as they stood on the wire; null = not asked for, or not sent.

    `thinking` is "enabled" (with at most `thinking_tokens`) or "adaptive"; `guardrail` is `id:version`. Rows of
    `schema_version` 1 have the first three only. A closed struct, not free form: the Hub's reader turns 0.7
    inside a JSON column into 0.7000000000000001.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    thinking: str | None = None
    thinking_tokens: int | None = None
    effort: str | None = None
    guardrail: str | None = None
    service_tier: str | None = None
    latency: str | None = None
    prompt_cache: bool | None = None


class TokenUsage(_Closed):
    """Sums over all answered calls of the trial, in tokens."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    total_tokens: int


class Record(_Closed):
    """One trial, whole. Times are ISO-8601 UTC with Z, durations seconds, money US dollars.

    `evaluation` is null unless a verdict was valid. `calls` holds every answered call with its attempts,
    stop reason, usage, parameters and request id; `verdicts` every valid verdict.
    """

    schema_version: int = SCHEMA_VERSION
    run: str
    run_id: str
    trial_id: str
    block_id: str
    plan_hash: str
    revision: int
    timestamp: str
    started_at: str
    experiment: str
    experiment_version: str
    scenario: str
    prompt_variant: str
    repeat: int
    outcome: Outcome
    outcome_reason: str | None
    evaluation: dict[str, Any] | None
    verdicts: list[dict[str, Any]]
    conversation_log: list[Said]
    provider: str
    steward_model: str
    # Under this name in the data; pydantic keeps `model_config` for itself.
    model_settings: SubjectConfig = Field(serialization_alias="model_config")
    requested_parameters: Parameters
    sent_parameters: Parameters
    echoed_parameters: dict[str, Any]
    unsupported: list[str]
    seed_sent: bool
    stop_reason: str | None
    request_ids: list[str]
    usage: TokenUsage
    judge_usage: TokenUsage
    cost_usd: float | None
    latency_s: float
    calls: list[dict[str, Any]]
    text_repairs: int
    deviations: list[dict[str, Any]]
    code_commit: str | None
    python_version: str
    provenance: dict[str, Any]

    def as_row(self) -> dict[str, Any]:
        """Plain JSON data with the published names, always in the same order."""
        return self.model_dump(mode="json", by_alias=True)

    def as_json(self) -> bytes:
        """The same row as JSON in UTF-8, written at once. NaN and infinities become null."""
        return to_json(self, by_alias=True, inf_nan_mode="null")


FREE_FORM = (
    "evaluation",
    "verdicts",
    "echoed_parameters",
    "calls",
    "deviations",
    "provenance",
)
"""Columns whose shape depends on the experiment or the model; readers must take them as JSON."""
