"""What do the judges say of a finished transcript? Asks them once, and of a subsample a second time."""

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from trialbed.core.conversation import TurnEnded
from trialbed.core.errors import Drained, GaveUp, ModelStopped, UserError
from trialbed.core.experiment import Experiment
from trialbed.core.judge import Judge, JudgeFailed
from trialbed.core.outcome import Outcome
from trialbed.core.plan import is_judged_twice
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.core.verdict import Asking, Verdict

JudgesOf = Callable[[Asking], Sequence[Judge]]
"""Makes the judges of one trial for one asking."""

Judged = tuple[Outcome, str | None, Sequence[Verdict]]
"""`answered` with verdicts, the first of which evaluates the trial; or `judge_error` with the reason."""

_MOST_REASON_CHARS = 500


async def judged(
    trial: Trial, transcript: Transcript, judges_of: JudgesOf, experiment: Experiment, *, judging: int, share: float
) -> Judged:
    """All verdicts on a transcript, main ones first.

    Args:
        judging: which judging this is, 0 = the run's own.
        share: of all trials, how many are judged twice. What comes of the second asking never decides the outcome: a
            judge that fails there has no second verdict, and the journal says why.

    Raises:
        Drained: the run is stopping.
        UserError: the journal cannot be written any more.
    """
    outcome, reason, main = await _asked(trial, transcript, judges_of, experiment, Asking(judging))
    if outcome is not Outcome.ANSWERED or not main or not is_judged_twice(trial.seed, share):
        return outcome, reason, main
    _, _, second = await _asked(trial, transcript, judges_of, experiment, Asking(judging, repeat=1))
    # A rule in code says the same twice, which tells nothing.
    return outcome, reason, (*main, *(verdict for verdict in second if verdict.judge is not None))


async def _asked(
    trial: Trial, transcript: Transcript, judges_of: JudgesOf, experiment: Experiment, asking: Asking
) -> Judged:
    try:
        verdicts = await experiment.judge(trial, transcript, judges_of(asking))
        return Outcome.ANSWERED, None, tuple(verdict.given_in(asking) for verdict in verdicts)
    except JudgeFailed as failure:
        return Outcome.JUDGE_ERROR, str(failure), ()
    except (Drained, UserError):
        raise
    except Exception as error:  # an author's code met something it did not expect; the transcript stays judgeable
        return *unwrapped(error, Outcome.JUDGE_ERROR), ()


def unwrapped(error: Exception, outcome: Outcome) -> tuple[Outcome, str]:
    """What an unexpected exception means; a group that holds one of ours counts as that one.

    Raises:
        Drained, UserError: the group held one.
    """
    leaves = _leaves(error)
    for kind in (UserError, Drained):
        for leaf in leaves:
            if isinstance(leaf, kind):
                raise leaf
    for leaf in leaves:
        if isinstance(leaf, TurnEnded):
            return leaf.outcome, leaf.reason
        if isinstance(leaf, GaveUp | ModelStopped):
            return Outcome.PROVIDER_ERROR, str(leaf)
        if isinstance(leaf, JudgeFailed):
            return Outcome.JUDGE_ERROR, str(leaf)
    leaf = leaves[0]
    frames = traceback.extract_tb(leaf.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else ""
    return outcome, f"{where}{type(leaf).__name__}: {leaf}"[:_MOST_REASON_CHARS]


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
