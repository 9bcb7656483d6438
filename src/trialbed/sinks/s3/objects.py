"""What does each file in a bucket hold? Pure: what is known of a turn, or a whole record, made into names and bytes.

A file made while a dialogue goes on and the one made of its record are the same to the byte.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from trialbed.core.turn import TurnTaken
from trialbed.sinks.s3.target import S3Target

_DECIMALS = 9
_FIRST = ("overall_score", "form", "substance", "purity")
_LAST = ("rationale",)


class S3Object(NamedTuple):
    """One file: its whole name, prefix included, and its content, a JSON document in UTF-8."""

    key: str
    body: bytes


def turn_object(target: S3Target, run_id: str, taken: TurnTaken) -> S3Object:
    """One exchange, under the names that readers of the benchmark know."""
    usage = taken.call["usage"]
    document = {
        "run_id": run_id,
        "turn": taken.turn,
        "student_prompt": taken.asked,
        "ai_response": taken.said,
        "tokens": {"input": usage["input_tokens"], "output": usage["output_tokens"]},
        "latency_ms": round(taken.call["latency_s"] * 1000),
        "timestamp": _end_of(taken.call),
    }
    return S3Object(f"{_raw(target, run_id)}turn_{taken.turn:03d}.json", _json(document))


def judge_objects(
    target: S3Target,
    run_id: str,
    turn: int,
    verdicts: Sequence[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
) -> list[S3Object]:
    """What was found of one turn: a file for each judge, what rules in code found in every one of them.

    Args:
        verdicts: of this turn alone, as `Verdict.as_dict` gives them; those of the newest judging count, and of that
            the first asking.
        calls: the record's; those to judges about this turn count.
    """
    by_model = [one for one in verdicts if one["judge"] is not None and not one.get("repeat", 0)]
    newest = max((one.get("judging", 0) for one in by_model), default=0)
    rules = {
        one["name"]: one["values"]
        for one in verdicts
        if one["judge"] is None and one.get("judging", 0) == newest and not one.get("repeat", 0)
    }
    own = [one for one in by_model if one.get("judging", 0) == newest]
    return [
        S3Object(
            f"{_raw(target, run_id)}judge_{turn:03d}{'' if number == 1 else f'_{number}'}.json",
            _json(_judgement(run_id, turn, verdict, rules, calls)),
        )
        for number, verdict in enumerate(own, start=1)
    ]


def curated_object(target: S3Target, run_id: str, record: Mapping[str, Any], summary: Mapping[str, Any]) -> S3Object:
    """The summary of one dialogue; `summary` is what its experiment says of the record's evaluation."""
    document = {
        "run_id": run_id,
        "model": record["steward_model"],
        "scenario": record["scenario"],
        "variant": record["prompt_variant"],
        "outcome": record["outcome"],
        "n_turns": sum(said["role"] == "assistant" for said in record["conversation_log"]),
        **{name: value for name, value in summary.items() if name != "n_turns"},
        "timestamps": _times(record),
        "trial_id": record["trial_id"],
    }
    return S3Object(f"{target.prefix}curated/runs/{run_id}.json", _json(document))


def objects_of_record(
    target: S3Target, run_id: str, record: Mapping[str, Any], summary: Mapping[str, Any]
) -> list[S3Object]:
    """Every file of a record, its summary last: where that lies, all of them do."""
    turns = list(_turns(record))
    found = [turn_object(target, run_id, taken) for taken in turns]
    for taken in turns:
        own = [verdict for verdict in record["verdicts"] if verdict.get("turn") == taken.turn]
        found += judge_objects(target, run_id, taken.turn, own, record["calls"])
    return [*found, curated_object(target, run_id, record, summary)]


def _turns(record: Mapping[str, Any]) -> Iterator[TurnTaken]:
    """The exchanges of a record: each answered call to the subject belongs to a line and, mostly, to a reply."""
    log = [said for said in record["conversation_log"] if said["role"] != "system"]
    calls = [call for call in record["calls"] if call["role"] == "subject"]
    at = 0
    for turn, call in enumerate(calls):
        if at >= len(log):
            return
        asked, at = log[at]["content"], at + 1
        has_reply = at < len(log) and log[at]["role"] == "assistant"
        said = log[at]["content"] if has_reply else ""
        at += has_reply
        yield TurnTaken(turn, asked, said, call)


def _judgement(
    run_id: str,
    turn: int,
    verdict: Mapping[str, Any],
    rules: Mapping[str, Any],
    calls: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    values = verdict["values"]
    others = {name: value for name, value in values.items() if name not in (*_FIRST, *_LAST)}
    return {
        "run_id": run_id,
        "turn": turn,
        **{name: values[name] for name in _FIRST if name in values},
        **rules,
        **{name: values[name] for name in _LAST if name in values},
        **others,
        "judge_model": verdict["judge"].partition(":")[2],
        "timestamp": _judged_at(turn, verdict, calls),
    }


def _judged_at(turn: int, verdict: Mapping[str, Any], calls: Sequence[Mapping[str, Any]]) -> str | None:
    """When the judge's last answer about this turn came, in the judging that the verdict is of."""
    judging = verdict.get("judging", 0)
    own = [
        call
        for call in calls
        if call["role"] == "judge"
        and call.get("turn") == turn
        and call["model"] == verdict["judge"]
        and call.get("judging", 0) == judging
    ]
    return _end_of(own[-1]) if own else None


def _raw(target: S3Target, run_id: str) -> str:
    return f"{target.prefix}raw/runs/{run_id}/"


def _times(record: Mapping[str, Any]) -> dict[str, str]:
    """From the first call, also if that was in an earlier sitting, to when the record was made."""
    starts = [call["started_at"] for call in record["calls"]]
    return {
        "started_at": _second(_moment(min(starts, default=record["started_at"]))),
        "completed_at": _second(_moment(record["timestamp"])),
    }


def _end_of(call: Mapping[str, Any]) -> str:
    return _second(_moment(call["started_at"]) + timedelta(seconds=call["latency_s"]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(_rounded(document), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _rounded(value: Any) -> Any:
    """Numbers to nine decimals, as records have them."""
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return round(value, _DECIMALS)
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value
