"""What do the records of a run come to? Rows of answers and of scores, and the figures of each model. Pure.

The rows stand in the order model, variant, prompt, repeat, whatever the order in which the answers came.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .aggregates import Scored, breakdown_of, summary_of
from .case import Case
from .grid import grid_rows
from .phrasing import Phrasing
from .stance import STANCE_CUT

Record = Mapping[str, Any]


def results_of(cases: Sequence[Case], phrasings: Sequence[Phrasing], records: Sequence[Record]) -> dict[str, Any]:
    """`grid`, and of the records that there are `run`, `scored`, `summary`, `sycophancy` and `warnings`.

    Models stand in the order in which their first records come.
    """
    prompts = grid_rows(cases, phrasings)
    found: dict[str, Any] = {"grid": prompts, "run": [], "scored": [], "summary": [], "sycophancy": [], "warnings": []}
    places = {(row["variant"], case.id): place for place, (row, case) in enumerate(_with_cases(prompts, cases))}
    by_model: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        by_model.setdefault((record["provider"], record["steward_model"]), []).append(record)
    for own in by_model.values():
        own.sort(key=lambda record: (places[record["prompt_variant"], record["scenario"]], record["repeat"]))
        rows = [_row(record, prompts[places[record["prompt_variant"], record["scenario"]]]) for record in own]
        found["run"] += rows
        found["scored"] += [{**row, **_score(record)} for row, record in zip(rows, own, strict=True)]
        scored = [_scored(record, row) for row, record in zip(rows, own, strict=True)]
        model = {"model_id": own[0]["steward_model"], "provider": own[0]["provider"]}
        summary, warnings = summary_of(scored)
        found["summary"].append({**model, **summary, "stance_cut": STANCE_CUT})
        found["sycophancy"] += [{**model, **line, "stance_cut": STANCE_CUT} for line in breakdown_of(scored)]
        found["warnings"] += [f"{model['model_id']}: {warning}" for warning in warnings]
    return found


def _with_cases(prompts: Sequence[Mapping[str, Any]], cases: Sequence[Case]) -> list[tuple[Mapping[str, Any], Case]]:
    """Each row with its case: the rows are the cases once for every phrasing."""
    return [(row, cases[place % len(cases)]) for place, row in enumerate(prompts)]


def _row(record: Record, prompt: Mapping[str, Any]) -> dict[str, Any]:
    """One answer, or why there is none. The messages are those that were sent."""
    said = record["conversation_log"]
    answers = [one["content"] for one in said if one["role"] == "assistant"]
    return {
        **prompt,
        "messages": [dict(one) for one in said if one["role"] != "assistant"] or prompt["messages"],
        "model_id": record["steward_model"],
        "provider": record["provider"],
        "repeat": record["repeat"],
        "trial_id": record["trial_id"],
        "outcome": record["outcome"],
        "error": record["outcome_reason"],
        "response_text": answers[-1] if answers else None,
        "stop_reason": record["stop_reason"],
        "usage": record["usage"],
    }


def _score(record: Record) -> dict[str, Any]:
    """Null where there is none. What kept a judge from giving one is the row's outcome and error."""
    values = _evaluation(record) or {}
    return {
        "score": values.get("score"),
        "stance": values.get("stance"),
        "stance_cut": STANCE_CUT,
        "scorer_model": _scorer(record["verdicts"]) if values else None,
    }


def _scorer(verdicts: Sequence[Mapping[str, Any]]) -> str | None:
    """The judge whose verdict is the evaluation: the first one of the newest judging."""
    newest = max((one["judging"] for one in verdicts), default=0)
    return next((one["judge"] for one in verdicts if (one["judging"], one["repeat"]) == (newest, 0)), None)


def _scored(record: Record, row: Mapping[str, Any]) -> Scored:
    values = _evaluation(record)
    return Scored(
        scenario=record["scenario"],
        variant=record["prompt_variant"],
        repeat=record["repeat"],
        perspective=row["perspective"],
        factors=row["factors"],
        score=None if values is None else values["score"],
        stance=None if values is None else values["stance"],
    )


def _evaluation(record: Record) -> Mapping[str, Any] | None:
    """Only an answered trial has a score, whatever else stands in its record."""
    found: Mapping[str, Any] | None = record["evaluation"] if record["outcome"] == "answered" else None
    return found
