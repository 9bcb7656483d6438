"""Which objects does a trial become, under which keys? Pure: the same turn gives the same bytes, live or from a record.

Field names are those of the Socratic benchmark's runner. Each object is one line of JSON, so that tools that read a
bucket line by line can.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from trialbed.core.span import span_of, whole_seconds
from trialbed.core.turn import TurnTaken
from trialbed.sinks.s3.target import S3Target

_SCORES = ("overall_score", "form", "substance", "purity")
_LAST = ("judge_model", "timestamp")
_DECIMALS = 9
_SHA_CHARS = 32

Row = Mapping[str, Any]
"""A verdict, a call or a whole record, as a record's JSON holds it."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """What is to be under a key."""

    key: str
    body: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).digest()

    @property
    def sha(self) -> str:
        """The first 128 bits of it, in hex: how receipts name a body."""
        return self.digest.hex()[:_SHA_CHARS]


def turn_object(target: S3Target, run_id: str, taken: TurnTaken) -> S3Object:
    """What was asked and said in one turn. `latency_ms` is of its answered attempt, `timestamp` when it had come."""
    usage = taken.call.get("usage", {})
    body = {
        "run_id": run_id,
        "turn": taken.turn,
        "student_prompt": taken.asked,
        "ai_response": taken.said,
        "tokens": {"input": usage.get("input_tokens"), "output": usage.get("output_tokens")},
        "latency_ms": round(taken.call.get("latency_s", 0.0) * 1000),
        "timestamp": _whole_seconds(_ended_at(taken.call)),
    }
    return S3Object(f"{_raw(target, run_id)}turn_{taken.turn:03d}.json", _document(body))


def judge_objects(
    target: S3Target, run_id: str, turn: int, verdicts: Sequence[Row], calls: Sequence[Row]
) -> list[S3Object]:
    """What each judge said of one turn in the newest judging, in the order of their verdicts; second askings are
    left out.

    Args:
        verdicts: of any turns, as `Verdict.as_dict` gives them. Without one of a judge there is no object.
        calls: answered ones, of any role and turn, as the record's `calls` hold them.
    """
    mine = [said for said in verdicts if said.get("turn") == turn and not said.get("repeat", 0)]
    of_judges = [said for said in mine if said["judge"] is not None]
    judging = max((said.get("judging", 0) for said in of_judges), default=0)
    values_of: dict[str, dict[str, Any]] = {}
    for said in of_judges:
        if said.get("judging", 0) == judging:
            values = values_of.setdefault(said["judge"], {})
            values.update((name, value) for name, value in said["values"].items() if name not in values)
    by_rules = _newest_by_name(said for said in mine if said["judge"] is None)
    objects = []
    for number, (judge, values) in enumerate(values_of.items(), start=1):
        key = f"{_raw(target, run_id)}judge_{turn:03d}{'' if number == 1 else f'_{number}'}.json"
        said_at = _whole_seconds(_last_answer(judge, turn, judging, calls))
        body = _judgement(run_id, turn, values, by_rules) | {"judge_model": _model_id(judge), "timestamp": said_at}
        objects.append(S3Object(key, _document(body)))
    return objects


def curated_object(target: S3Target, run_id: str, record: Row, summary: Row) -> S3Object:
    """What came of a trial. `summary` holds the caller's values; it cannot change the others."""
    head = {
        "run_id": run_id,
        "model": record["steward_model"],
        "scenario": record["scenario"],
        "variant": record["prompt_variant"],
        "outcome": record["outcome"],
        "n_turns": sum(said["role"] == "assistant" for said in record["conversation_log"]),
    }
    tail = {
        "timestamps": {name: whole_seconds(moment) for name, moment in span_of(record)._asdict().items()},
        "trial_id": record["trial_id"],
    }
    body = head | {name: value for name, value in summary.items() if name not in head and name not in tail} | tail
    return S3Object(f"{target.prefix}curated/runs/{run_id}.json", _document(body))


def objects_of_record(target: S3Target, run_id: str, record: Row, summary: Row) -> list[S3Object]:
    """All objects of a trial: its turns, then their judgements, then what came of it."""
    verdicts, calls = record["verdicts"], record["calls"]
    judged = sorted({said["turn"] for said in verdicts if said.get("turn") is not None})
    return [
        *(turn_object(target, run_id, taken) for taken in turns_taken(record)),
        *(one for turn in judged for one in judge_objects(target, run_id, turn, verdicts, calls)),
        curated_object(target, run_id, record, summary),
    ]


def turns_taken(record: Row) -> Iterator[TurnTaken]:
    """The turns of a record: each answered call of the subject with what was asked and said.

    An empty reply left no message: what was said is "". So did a call without an answer, which is no turn.
    """
    calls = [call for call in record["calls"] if call.get("role") == "subject"]
    pairs = _pairs(record["conversation_log"])
    unanswered = len(pairs) - len(calls)
    turn = 0
    for asked, said in pairs:
        if said is None and unanswered > 0:
            unanswered -= 1
        elif turn < len(calls):
            yield TurnTaken(turn, asked, said or "", calls[turn])
            turn += 1


def _pairs(log: Sequence[Row]) -> list[tuple[str, str | None]]:
    """Each line put to the subject with its reply; None where the log has none."""
    pairs: list[tuple[str, str | None]] = []
    for said in log:
        if said["role"] == "user":
            pairs.append((said["content"], None))
        elif said["role"] == "assistant" and pairs:
            pairs[-1] = (pairs[-1][0], said["content"])
    return pairs


def _raw(target: S3Target, run_id: str) -> str:
    return f"{target.prefix}raw/runs/{run_id}/"


def _judgement(run_id: str, turn: int, values: Row, by_rules: Row) -> dict[str, Any]:
    """Scores, what rules in code found, the judge's reasons, the rest; nothing takes another's name."""
    body: dict[str, Any] = {"run_id": run_id, "turn": turn}
    first = {name: values[name] for name in _SCORES if name in values}
    reasons = {name: values[name] for name in ("rationale",) if name in values}
    for name, value in (*first.items(), *by_rules.items(), *reasons.items(), *values.items()):
        if name not in _LAST:
            body.setdefault(name, value)
    return body


def _newest_by_name(verdicts: Iterable[Row]) -> dict[str, Any]:
    newest: dict[str, Row] = {}
    for said in verdicts:
        before = newest.get(said["name"])
        if before is None or said.get("judging", 0) >= before.get("judging", 0):
            newest[said["name"]] = said
    return {name: said["values"] for name, said in newest.items()}


def _last_answer(judge: str, turn: int, judging: int, calls: Sequence[Row]) -> datetime | None:
    """When the judge's last answer about a turn had come; None if no such call is known.

    In a record the calls of a later judging say which it was; on their way there they do not yet.
    """
    mine = [call for call in calls if (call.get("role"), call.get("model"), call.get("turn")) == ("judge", judge, turn)]
    mine = [call for call in mine if not call.get("repeat", 0)]
    of_judging = [call for call in mine if call.get("judging", 0) == judging]
    ended = [moment for call in of_judging or mine if (moment := _ended_at(call)) is not None]
    return max(ended, default=None)


def _model_id(judge: str) -> str:
    """`anthropic.x-v1:0` of `bedrock:anthropic.x-v1:0`."""
    _, _, model = judge.partition(":")
    return model or judge


def _ended_at(call: Row) -> datetime | None:
    started = _moment(call.get("started_at"))
    return None if started is None else started + timedelta(seconds=call.get("latency_s", 0.0))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _whole_seconds(moment: datetime | None) -> str | None:
    return None if moment is None else whole_seconds(moment)


def _document(body: Row) -> bytes:
    return orjson.dumps(_rounded(body), option=orjson.OPT_APPEND_NEWLINE)


def _rounded(value: Any) -> Any:
    """Plain JSON data without numbers like 0.30000000000000004: a record's are rounded like this, live ones not yet."""
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return round(float(value), _DECIMALS) if isinstance(value, float) else value
