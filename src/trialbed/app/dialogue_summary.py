"""What is said of a single dialogue when it is over? One JSON document, made of its record; or of its journal, if it
was stopped before there was one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from trialbed.app.artifact_ids import artifact_ids, nonce_of
from trialbed.app.parts import writes_to_s3
from trialbed.app.prepare import Prepared
from trialbed.app.s3 import s3_target
from trialbed.core.experiment import Experiment
from trialbed.core.outcome import Outcome
from trialbed.core.span import span_of, whole_seconds
from trialbed.core.trial import Trial
from trialbed.engine.folder import RunFolder
from trialbed.sinks.journal.state import JournalState, read_records

_PARTS = ("form", "substance", "purity")
_NOT_METRICS = ("n_turns", "n_judged", "n_unjudged")


@dataclass(frozen=True)
class Told:
    """What became of the one trial of a run: its newest record if there is one, and its answered calls.

    `run_id` is that of its files in a bucket, whether or not there are any; `run` is the name of the run's folder.
    """

    run: str
    run_id: str
    trial: Trial
    outcome: Outcome
    reason: str | None
    record: Mapping[str, Any] | None
    questions: Sequence[str]
    calls: Sequence[Mapping[str, Any]]


def told_of(folder: RunFolder, state: JournalState, prepared: Prepared) -> Told:
    """The only trial of a run, as its journal tells."""
    trial = next(prepared.plan.trials())
    run_id = artifact_ids(folder.began_unix_s, nonce_of(folder, state))(trial.trial_id)
    record = next(iter(read_records(folder.journal, state)), None)
    if record is not None:
        log = record["conversation_log"]
        questions = [said["content"] for said in log if said["role"] == "assistant"]
        outcome, reason = Outcome(record["outcome"]), record["outcome_reason"]
        return Told(folder.name, run_id, trial, outcome, reason, record, questions, record["calls"])
    answers = _answers(folder, state, trial.trial_id)
    questions = [answer["text"] for answer in answers if answer["call"]["role"] == "subject"]
    outcome = state.stopped.get(trial.trial_id, Outcome.PENDING)
    calls = [answer["call"] for answer in answers]
    return Told(folder.name, run_id, trial, outcome, None, None, questions, calls)


def summary_document(told: Told, prepared: Prepared) -> dict[str, Any]:
    """The summary of one dialogue. Where it may not be scored every metric is null; scores of single turns stay."""
    experiment: Experiment = prepared.found.experiment
    evaluation = None if told.record is None else told.record["evaluation"]
    found = experiment.summary(evaluation)
    turns = _turns(told)
    n_judged = sum(turn["score"] is not None for turn in turns)
    return {
        "run_id": told.run_id,
        "model": told.trial.subject.public_id,
        "scenario": told.trial.scenario.id,
        "prompt": told.trial.scenario.prompt,
        "n_turns": len(turns),
        "metrics": {name: value for name, value in found.items() if name not in _NOT_METRICS},
        "turns": turns,
        "s3_artifacts": artifacts(told.run_id, prepared),
        "timestamps": _times(told),
        "outcome": told.outcome.value,
        "outcome_reason": told.reason,
        "n_judged": n_judged,
        "n_unjudged": len(turns) - n_judged,
        "run": told.run,
    }


def artifacts(run_id: str, prepared: Prepared) -> dict[str, str] | None:
    """Where the dialogue's files are; None if they go to no bucket."""
    if not writes_to_s3(prepared):
        return None
    place = s3_target(prepared.settings).place.removesuffix("/")
    return {"raw": f"{place}/raw/runs/{run_id}/", "curated": f"{place}/curated/runs/{run_id}.json"}


def _turns(told: Told) -> list[dict[str, Any]]:
    """One entry a turn; scores are null for a turn that was not judged."""
    scored = {} if told.record is None else _verdicts_by_turn(told.record)
    return [
        {
            "turn": turn,
            "score": scored.get(turn, {}).get("overall_score"),
            **{part: scored.get(turn, {}).get(part) for part in _PARTS},
            "question": question,
        }
        for turn, question in enumerate(told.questions)
    ]


def _verdicts_by_turn(record: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """The values of the first judge's newest verdict of each turn."""
    found: dict[int, Mapping[str, Any]] = {}
    newest = max((verdict["judging"] for verdict in record["verdicts"]), default=0)
    for verdict in record["verdicts"]:
        of_a_turn = verdict["judge"] is not None and verdict.get("turn") is not None
        if of_a_turn and verdict["judging"] == newest and not verdict["repeat"]:
            found.setdefault(verdict["turn"], verdict["values"])
    return found


def _times(told: Told) -> dict[str, Any]:
    """In whole seconds; nothing has completed without a record."""
    if told.record is None:
        starts = [datetime.fromisoformat(call["started_at"]) for call in told.calls]
        started = whole_seconds(min(starts)) if starts else None
        return {"started_at": started, "completed_at": None, "duration_seconds": None}
    span = span_of(told.record)
    return {
        **{name: whole_seconds(moment) for name, moment in span._asdict().items()},
        "duration_seconds": round((span.completed_at - span.started_at).total_seconds()),
    }


def _answers(folder: RunFolder, state: JournalState, trial_id: str) -> list[dict[str, Any]]:
    """The answers of a trial without a record, in order."""
    found = []
    with folder.journal.open("rb") as file:
        for place in state.open_places.get(trial_id, ()):
            file.seek(place.offset)
            event = orjson.loads(file.read(place.length))
            if event["e"] == "answer":
                found.append(event)
    return found
