"""How are the stored transcripts of a run judged (again)? No subject is asked; what was judged before is kept."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import orjson

from trialbed.core.clock import iso_z
from trialbed.core.errors import Drained
from trialbed.core.experiment import Experiment
from trialbed.core.model import ModelName
from trialbed.core.outcome import SETTLED, Outcome
from trialbed.core.tracing import UNTRACED, RunSpan
from trialbed.engine.asking import UNREADABLE
from trialbed.engine.calls import Calls
from trialbed.engine.judged import judged
from trialbed.engine.rejudged import has_verdict_of, rejudged
from trialbed.engine.sitting import LastLine, Sitting, sit
from trialbed.engine.stored_plan import StoredPlan, transcript_of
from trialbed.engine.trial_log import open_log
from trialbed.engine.trial_run import IN_DIALOGUE, JudgeMaker
from trialbed.sinks.journal.writer import Journal

JUDGEABLE = frozenset({Outcome.ANSWERED, Outcome.JUDGE_ERROR, Outcome.PARSE_FAILED})
"""Of those that failed to be parsed only the ones whose transcript is whole; see `asking.UNREADABLE`."""
_AT_A_TIME_PER_SLOT = 2
_MOST_REASON_CHARS = 160


@dataclass(frozen=True)
class ToJudge:
    """The trials of one judging: `left` by trial id with their variants, in the order of their records; `done` have
    their new record already; `cut_short` are without a whole dialogue."""

    left: Mapping[str, str]
    done: int
    cut_short: int


@dataclass
class Tally:
    """What has come of a sitting so far. `reasons` counts why judges gave no verdict."""

    judged: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return self.reasons.total()


@dataclass(frozen=True)
class Judging:
    """The parts of one sitting at the `number`-th judging of a run, built by the application.

    `share` of the trials are judged twice. `deviations` are all from a locked plan, as records carry them.
    """

    sitting: Sitting
    number: int
    stored: StoredPlan
    experiment: Experiment
    calls: Calls
    judges: tuple[ModelName, ...]
    make_judges: JudgeMaker
    share: float
    to_judge: ToJudge
    deviations: tuple[Mapping[str, Any], ...]
    redact: Callable[[str], str]
    span: RunSpan = UNTRACED
    tally: Tally = field(default_factory=Tally)


def number_of(
    judgings: list[dict[str, Any]], facts: Mapping[str, Any], *, fresh: bool, first: int = 1, goes_on: bool = False
) -> int:
    """The number of the judging that a command begins or goes on with.

    It goes on with the newest one if that has the same `facts` (members of its `judging_start`) and was not finished;
    with `goes_on` also if it was, since answers may have come after it.
    `first` is the number of the first one: 0 where what is judged is as good as judged by the run itself, because it
    asked no judge or the same ones.
    """
    starts = [event for event in judgings if event["e"] == "judging_start"]
    if not starts:
        return first
    newest = starts[-1]
    finished = {event["n"] for event in judgings if event["e"] == "judging_stop" and event["complete"]}
    is_the_same = all(newest.get(name) == value for name, value in facts.items())
    number = int(newest["n"])
    return number if is_the_same and (goes_on or number not in finished) and not fresh else number + 1


def to_judge(journal: Journal, number: int) -> ToJudge:
    """Which trials are left in this judging. Reads every record once."""
    left: dict[str, str] = {}
    done = cut_short = 0
    for trial_id, _ in journal.revisions():
        recorded = journal.state.recorded[trial_id]
        if recorded.outcome not in JUDGEABLE:
            continue
        record = orjson.loads(journal.record_line(trial_id))
        reason = record["outcome_reason"] or ""
        if recorded.outcome is Outcome.PARSE_FAILED and not reason.startswith(UNREADABLE):
            continue
        if reason.startswith(IN_DIALOGUE):
            cut_short += 1
        elif has_verdict_of(record, number):
            done += 1
        else:
            left[trial_id] = recorded.variant
    return ToJudge(left, done, cut_short)


async def carry_out_judging(judging: Judging) -> None:
    """Judge what has no record of this judging yet.

    Raises:
        ExceptionGroup: of UserError, when the journal cannot be written any more.
    """

    def last_line() -> LastLine:
        return "judging_stop", how_it_stands(judging)

    await sit(judging.sitting, partial(_all_trials, judging), last_line=last_line)


def how_it_stands(judging: Judging) -> dict[str, Any]:
    """Why the sitting ends, and what is left to do: `complete` of this judging, `run_complete` of the run itself."""
    outcomes = judging.sitting.journal.state.outcomes(judging.stored.plan.size)
    not_run = sum(count for name, count in outcomes.items() if Outcome(name) not in SETTLED)
    owed = {sink.name: sink.owed for sink in judging.sitting.sinks}
    return {
        "n": judging.number,
        "complete": judging.tally.judged == len(judging.to_judge.left),
        "why": judging.sitting.drain.why or "finished",
        "judged": judging.to_judge.done + judging.tally.judged,
        "failed": judging.tally.failed,
        "plan_hash": judging.stored.plan_hash,
        "run_complete": not not_run and not any(owed.values()),
        "owed": owed,
        "at": iso_z(judging.sitting.clock.now()),
    }


async def _all_trials(judging: Judging) -> None:
    """A bounded number of workers take one trial after another: memory does not grow with the run."""
    waiting = iter(judging.to_judge.left.items())
    workers = min(_AT_A_TIME_PER_SLOT * judging.sitting.max_concurrency, len(judging.to_judge.left))
    async with anyio.create_task_group() as group:
        for _ in range(workers):
            group.start_soon(_work, judging, waiting, name="judging")


async def _work(judging: Judging, waiting: Iterator[tuple[str, str]]) -> None:
    for trial_id, variant in waiting:
        if judging.sitting.drain.is_begun:
            return
        judging.sitting.progress.running += 1
        try:
            outcome = await _one(judging, trial_id)
        except Drained:
            # Its answers are on disk: whoever goes on with this judging need not ask for them again.
            return
        finally:
            judging.sitting.progress.running -= 1
        judging.sitting.progress.ended(variant, outcome)


async def _one(judging: Judging, trial_id: str) -> Outcome:
    """Judge one transcript and put the record on disk that follows from it."""
    record = orjson.loads(judging.sitting.journal.record_line(trial_id))
    trial = judging.stored.trial_of(record)
    log = open_log(judging.sitting.journal, trial_id, judging.span.trial(trial))
    outcome, reason, verdicts = await judged(
        trial,
        transcript_of(record["conversation_log"]),
        partial(judging.make_judges, trial, log, judging.calls),
        judging.experiment,
        judging=judging.number,
        share=judging.share,
        calls=record["calls"],
    )
    is_unreadable = outcome is Outcome.PARSE_FAILED
    unreadable = judging.redact(reason or "") if is_unreadable else None
    if is_unreadable and (record["outcome"], record["outcome_reason"]) == (outcome, unreadable) and not log.calls:
        judging.tally.judged += 1
        log.span.ended(outcome)
        return outcome
    if not is_unreadable and (outcome is not Outcome.ANSWERED or not verdicts):
        said = judging.redact(reason or "the experiment gave no verdict")
        await log.judging_failed(judging.number, said)
        judging.tally.reasons[said[:_MOST_REASON_CHARS]] += 1
        log.span.ended(Outcome.JUDGE_ERROR, said)
        return Outcome.JUDGE_ERROR
    row = rejudged(
        record,
        () if is_unreadable else verdicts,
        log.calls,
        judging=judging.number,
        judges=judging.judges,
        unreadable=unreadable,
        deviations=judging.deviations,
    )
    await log.recorded(row)
    log.span.ended(outcome)
    judging.tally.judged += 1
    for sink in judging.sitting.sinks:
        sink.offer(trial_id)
    return outcome
