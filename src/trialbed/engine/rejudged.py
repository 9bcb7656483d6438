"""What becomes of a record whose transcript is judged (again)? Pure: the old row and new verdicts in, a new row out."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed.core.model import ModelName
from trialbed.core.outcome import Outcome
from trialbed.core.record import SCHEMA_VERSION, Record
from trialbed.core.verdict import Verdict
from trialbed.engine.recording import cost_of_calls, for_readers, judge_version, usage_of


def rejudged(
    record: Mapping[str, Any],
    verdicts: Sequence[Verdict],
    calls: Sequence[Mapping[str, Any]],
    *,
    judging: int,
    judges: Sequence[ModelName],
    unreadable: str | None = None,
    deviations: Sequence[Mapping[str, Any]] = (),
) -> Record:
    """The next revision of `record`, as it stands in a journal: old verdicts and calls first, then the new ones.

    `verdicts` (the first is the new evaluation) and `calls` are those of this judging alone. There are none where the
    answer turned out to be `unreadable`, which says why. What was said and when, and everything about the subject's
    calls, stays. Each new call says in its `judging` which it was made in; those of the run itself, and those made
    later in its place (`judging` 0), have no such member. `deviations` are all that the run has declared by now.
    """
    row = {name: value for name, value in record.items() if name != "model_config"}
    made_in = {"judging": judging} if judging else {}
    every = [*record["calls"], *({**for_readers(call), **made_in} for call in calls)]
    return Record.model_validate(
        {
            **row,
            "schema_version": SCHEMA_VERSION,
            "revision": record["revision"] + 1,
            "outcome": Outcome.ANSWERED if unreadable is None else Outcome.PARSE_FAILED,
            "outcome_reason": unreadable,
            "evaluation": None if unreadable is not None else for_readers(verdicts[0].values),
            "verdicts": [*record["verdicts"], *(for_readers(verdict.as_dict()) for verdict in verdicts)],
            "model_settings": {**record["model_config"], "judge_version": judge_version(judges, verdicts)},
            "judge_usage": usage_of([call for call in every if call["role"] == "judge"]),
            "cost_usd": cost_of_calls(every),
            "calls": every,
            "deviations": [for_readers(deviation) for deviation in deviations or record["deviations"]],
        }
    )


def has_verdict_of(record: Mapping[str, Any], judging: int) -> bool:
    """Whether a record holds a verdict of this judging. Rows of earlier versions do not say: the run's own."""
    return any(verdict.get("judging", 0) == judging for verdict in record["verdicts"])
