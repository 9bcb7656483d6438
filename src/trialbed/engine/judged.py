"""What do the judges say of a finished transcript? Asks them once, and of a subsample a second time."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed.core.errors import Drained, UserError
from trialbed.core.experiment import Experiment
from trialbed.core.judge import AnswerUnreadable, JudgeFailed
from trialbed.core.model import Role
from trialbed.core.outcome import Outcome
from trialbed.core.plan import is_judged_twice
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.core.turn import JudgedTurn
from trialbed.core.verdict import Asking, Verdict
from trialbed.engine.asking import UNREADABLE, JudgesOf, unwrapped
from trialbed.engine.turns import judged_turns

_SUBJECT: Role = "subject"

Judged = tuple[Outcome, str | None, Sequence[Verdict]]
"""`answered` with verdicts, the first of which evaluates the trial; or `judge_error` or `parse_failed`, and why."""


async def judged(
    trial: Trial,
    transcript: Transcript,
    judges_of: JudgesOf,
    experiment: Experiment,
    *,
    judging: int,
    share: float,
    turns: Sequence[JudgedTurn] | None = None,
    calls: Sequence[Mapping[str, Any]] = (),
) -> Judged:
    """All verdicts on a transcript, main ones first.

    Args:
        judging: which judging this is, 0 = the run's own.
        share: of all trials, how many are judged twice. What comes of the second asking never decides the outcome: a
            judge that fails there has no second verdict, and the journal says why.
        turns: of an experiment that judges turns, what was found of them while the dialogue went on; None = nothing
            yet.
        calls: the answered calls of the trial, as records hold them, for an experiment that reads those.

    Raises:
        Drained: the run is stopping.
        UserError: the journal cannot be written any more.
    """
    outcome, reason, main = await _asked(trial, transcript, judges_of, experiment, Asking(judging), turns, calls)
    if outcome is not Outcome.ANSWERED or not main or not is_judged_twice(trial.seed, share):
        return outcome, reason, main
    _, _, second = await _asked(trial, transcript, judges_of, experiment, Asking(judging, repeat=1), None, calls)
    # A rule in code says the same twice, which tells nothing.
    return outcome, reason, (*main, *(verdict for verdict in second if verdict.judge is not None))


async def _asked(
    trial: Trial,
    transcript: Transcript,
    judges_of: JudgesOf,
    experiment: Experiment,
    asking: Asking,
    turns: Sequence[JudgedTurn] | None,
    calls: Sequence[Mapping[str, Any]],
) -> Judged:
    of_turns: tuple[Verdict, ...] = ()
    try:
        if experiment.judges_turns:
            if turns is None:
                turns = await judged_turns(trial, transcript, judges_of, experiment, asking)
            of_turns = verdicts_of(turns)
            verdicts = experiment.conclude(trial, transcript, turns)
        elif experiment.is_timed:
            verdicts = experiment.of_calls(trial, [call for call in calls if call["role"] == _SUBJECT])
        else:
            verdicts = await experiment.judge(trial, transcript, judges_of(asking))
        return Outcome.ANSWERED, None, (*(verdict.given_in(asking) for verdict in verdicts), *of_turns)
    except AnswerUnreadable as failure:
        return Outcome.PARSE_FAILED, f"{UNREADABLE}{failure}", of_turns
    except JudgeFailed as failure:
        return Outcome.JUDGE_ERROR, str(failure), of_turns
    except (Drained, UserError):
        raise
    except Exception as error:  # an author's code met something it did not expect; the transcript stays judgeable
        return *unwrapped(error, Outcome.JUDGE_ERROR), of_turns


def verdicts_of(turns: Sequence[JudgedTurn]) -> tuple[Verdict, ...]:
    """The verdicts of all turns, in their order."""
    return tuple(verdict for turn in turns for verdict in turn.verdicts)
