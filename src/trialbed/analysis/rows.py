"""What does the analysis need of a record? Pure: one light row per record, texts left out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from trialbed.core.canonical import canonical_json

_LONGEST_TEXT = 200
"""What is longer is a judge's reasoning or a quote, never a category."""


class Said(NamedTuple):
    """One verdict. `repeat` and `judging`: see `core.verdict`."""

    name: str
    judge: str | None
    rubric_version: str | None
    prompt_hash: str | None
    repeat: int
    judging: int
    values: Mapping[str, Any]


class Calls(NamedTuple):
    """The answered calls of one trial to one model in one role. `usd` is None if any cost is unknown."""

    role: str
    model: str
    calls: int
    repeated: int
    input_tokens: int
    output_tokens: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """The newest record of one trial.

    Args:
        block: names the block among all runs.
        served_by: the subject with its provider, whatever its name.
        shortest_reply: words of the subject's shortest reply; None if there is none.
        parameters: (name, as requested, as sent), as texts; None = not there.
    """

    run: str
    trial_id: str
    run_id: str
    block: str
    scenario: str
    variant: str
    subject: str
    outcome: str
    evaluation: Mapping[str, Any] | None
    verdicts: tuple[Said, ...]
    shortest_reply: int | None
    calls: tuple[Calls, ...]
    parameters: tuple[tuple[str, str | None, str | None], ...]
    cost_usd: float | None
    started_at: str
    timestamp: str
    served_by: str = ""


def served_by(record: Mapping[str, Any]) -> str:
    """The subject of a record with its provider, `provider:model`."""
    return f"{record['provider']}:{record['steward_model']}"


def row_of(record: Mapping[str, Any], run: str, names: Mapping[str, str]) -> Row:
    """The row of a record; records of every schema version are taken. `names`: of subjects, by `served_by`."""
    evaluation, subject = record["evaluation"], served_by(record)
    return Row(
        run=run,
        trial_id=record["trial_id"],
        run_id=record["run_id"],
        block=block_name(run, record["block_id"]),
        scenario=record["scenario"],
        variant=record["prompt_variant"],
        subject=names.get(subject, record["steward_model"]),
        outcome=record["outcome"],
        evaluation=None if evaluation is None else _short(evaluation),
        verdicts=tuple(_said(verdict) for verdict in record["verdicts"]),
        shortest_reply=_shortest_reply(record["conversation_log"]),
        calls=_calls(record["calls"]),
        parameters=_parameters(record["requested_parameters"], record["sent_parameters"]),
        cost_usd=record["cost_usd"],
        started_at=record["started_at"],
        timestamp=record["timestamp"],
        served_by=subject,
    )


def block_name(run: str, block_id: str) -> str:
    return f"{run}/{block_id}"


def _said(verdict: Mapping[str, Any]) -> Said:
    return Said(
        name=verdict["name"],
        judge=verdict["judge"],
        rubric_version=verdict["rubric_version"],
        prompt_hash=verdict["prompt_hash"],
        repeat=verdict.get("repeat") or 0,
        judging=verdict.get("judging") or 0,
        values=_short(verdict["values"]),
    )


def _short(values: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            kept[name] = _short(value)
        elif not isinstance(value, str | list) or (isinstance(value, str) and len(value) <= _LONGEST_TEXT):
            kept[name] = value
    return kept


def _shortest_reply(log: Sequence[Mapping[str, Any]]) -> int | None:
    return min((len(said["content"].split()) for said in log if said["role"] == "assistant"), default=None)


def _calls(calls: Sequence[Mapping[str, Any]]) -> tuple[Calls, ...]:
    by_model: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for call in calls:
        by_model[call["role"], call["model"]].append(call)
    return tuple(_calls_of(role, model, own) for (role, model), own in by_model.items())


def _calls_of(role: str, model: str, calls: Sequence[Mapping[str, Any]]) -> Calls:
    costs = [call.get("cost_usd") for call in calls]
    known = [cost for cost in costs if cost is not None]
    return Calls(
        role=role,
        model=model,
        calls=len(calls),
        repeated=sum(len(call["attempts"]) > 1 for call in calls),
        input_tokens=sum(call["usage"]["input_tokens"] for call in calls),
        output_tokens=sum(call["usage"]["output_tokens"] for call in calls),
        usd=sum(known) if len(known) == len(costs) else None,
    )


def _parameters(
    requested: Mapping[str, Any], sent: Mapping[str, Any]
) -> tuple[tuple[str, str | None, str | None], ...]:
    names = dict.fromkeys((*requested, *sent))
    both = ((name, _text(requested.get(name)), _text(sent.get(name))) for name in names)
    return tuple((name, asked, put) for name, asked, put in both if asked is not None or put is not None)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else canonical_json(value)
