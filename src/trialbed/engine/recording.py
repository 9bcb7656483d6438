"""How does a finished trial become a record? Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from trialbed.core.model import NOTHING_ASKED, ModelName, Role, Service, Usage
from trialbed.core.outcome import Outcome
from trialbed.core.plan import Plan
from trialbed.core.record import Record
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.core.verdict import Verdict


@dataclass(frozen=True)
class RunFacts:
    """What is the same for all records of a run. `began_unix_s` is when the run first started.

    `service` is that of this sitting: one that resumes the run may have another. `deviations` are all that the run
    has had so far from a locked plan.
    """

    run: str
    began_unix_s: int
    plan: Plan
    provenance: Mapping[str, Any]
    service: Service = NOTHING_ASKED
    deviations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Ended:
    """How one trial ended. Times are ISO-8601 with Z."""

    outcome: Outcome
    reason: str | None
    transcript: Transcript
    verdicts: Sequence[Verdict]
    notes: Sequence[Verdict]
    calls: Sequence[Mapping[str, Any]]
    repairs: int
    started_at: str
    ended_at: str


def run_id(facts: RunFacts, trial: Trial) -> str:
    """`run_<variant>_<unix seconds of the run's start>_<number of the trial within its variant>`."""
    return f"run_{trial.variant.id}_{facts.began_unix_s}_{trial.index}"


def build_record(facts: RunFacts, trial: Trial, ended: Ended, *, revision: int) -> Record:
    """The record of `trial`; `revision` counts earlier records of the same trial in this run."""
    plan = facts.plan
    asked = [call for call in ended.calls if call["role"] == "subject"]
    last: Mapping[str, Any] = asked[-1] if asked else {}
    evaluated = ended.outcome is Outcome.ANSWERED and ended.verdicts
    # In one piece, not of parts made one by one: checking the row costs a third of that.
    return Record.model_validate(
        {
            "run": facts.run,
            "run_id": run_id(facts, trial),
            "trial_id": trial.trial_id,
            "block_id": trial.block_id,
            "plan_hash": plan.plan_hash,
            "revision": revision,
            "timestamp": ended.ended_at,
            "started_at": ended.started_at,
            "experiment": plan.experiment,
            "experiment_version": plan.version,
            "scenario": trial.scenario.id,
            "prompt_variant": trial.variant.id,
            "repeat": trial.repeat,
            "outcome": ended.outcome,
            "outcome_reason": ended.reason,
            "evaluation": for_readers(ended.verdicts[0].values) if evaluated else None,
            "verdicts": [for_readers(verdict.as_dict()) for verdict in (*ended.verdicts, *ended.notes)],
            "conversation_log": ended.transcript.as_log(),
            "provider": trial.subject.provider,
            "steward_model": trial.subject.public_id,
            "model_settings": _config(trial, plan.judges, ended.verdicts),
            "requested_parameters": _requested(facts, trial, last),
            "sent_parameters": last.get("sent_parameters", {}),
            "echoed_parameters": for_readers(last.get("echoed_parameters", {})),
            "unsupported": last.get("unsupported", []),
            "seed_sent": False,
            "stop_reason": last.get("stop_reason"),
            "request_ids": [call["request_id"] for call in asked if call["request_id"]],
            "usage": usage_of(asked),
            "judge_usage": usage_of([call for call in ended.calls if call["role"] == _JUDGE]),
            "cost_usd": cost_of_calls(ended.calls),
            "latency_s": round(float(sum(call["latency_s"] for call in asked)), 6),
            "calls": [for_readers(call) for call in ended.calls],
            "text_repairs": ended.repairs,
            "deviations": [for_readers(deviation) for deviation in facts.deviations],
            "code_commit": facts.provenance.get("code_commit"),
            "python_version": str(facts.provenance.get("python_version", "")),
            "provenance": facts.provenance,
        }
    )


def cost_of_calls(calls: Sequence[Mapping[str, Any]]) -> float | None:
    """What all answered calls have cost; None if that is not known of any one of them."""
    known = [float(call["cost_usd"]) for call in calls if call.get("cost_usd") is not None]
    return round(math.fsum(known), _COST_DECIMALS) if len(known) == len(calls) else None


def _requested(facts: RunFacts, trial: Trial, last: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was asked for: in the last answered call, where there is one."""
    asked: Mapping[str, Any] | None = last.get("requested_parameters")
    return trial.sampling.as_dict() | facts.service.as_dict() if asked is None else asked


_JUDGE: Role = "judge"
_KINDS_OF_TOKEN = tuple(kind.name for kind in fields(Usage))
_AS_THEY_ARE = frozenset({str, int, type(None)})
_DECIMALS = 9
_COST_DECIMALS = 12
"""One token of the cheapest model costs some 1e-8 dollars."""


def for_readers(value: Any) -> Any:
    """Numbers of free form rounded to nine decimals.

    The Hub's usual reader keeps about ten decimals inside JSON columns and changes the rest without a word;
    what we write must be what everybody reads.
    """
    # Most of it is plain dicts of text and whole numbers; asking what kind of thing each is would be most of the work.
    if type(value) is dict or isinstance(value, Mapping):
        return {key: inner if type(inner) in _AS_THEY_ARE else for_readers(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return round(float(value), _DECIMALS)
    return [for_readers(inner) for inner in value] if isinstance(value, list | tuple) else value


def judge_version(judges: Sequence[ModelName], verdicts: Sequence[Verdict]) -> str | None:
    """The model whose verdict evaluates a trial; without any, the first that was to be asked."""
    named = next((verdict.judge for verdict in verdicts if verdict.judge), None)
    if named is not None:
        return next((model.public_id for model in judges if str(model) == named), named)
    return judges[0].public_id if judges else None


def _config(trial: Trial, judges: Sequence[ModelName], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "temperature": trial.sampling.temperature,
        "top_p": trial.sampling.top_p,
        "seed": trial.seed,
        "max_tokens": trial.sampling.max_tokens,
        "steward_version": trial.subject.public_id,
        "judge_version": judge_version(judges, verdicts),
    }


def usage_of(calls: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Sums over `calls`; a kind of token that a call does not name was not used."""
    sums = {kind: sum(call["usage"].get(kind, 0) for call in calls) for kind in _KINDS_OF_TOKEN}
    return {**sums, "total_tokens": sum(sums.values())}
