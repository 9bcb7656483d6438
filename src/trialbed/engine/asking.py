"""How are the judges of one asking had, and what does it mean if the author's code fails with them?"""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from trialbed.core.conversation import TurnEnded
from trialbed.core.errors import Drained, GaveUp, ModelStopped, UserError
from trialbed.core.judge import AnswerUnreadable, Judge, JudgeFailed
from trialbed.core.outcome import Outcome
from trialbed.core.student import StudentFailed
from trialbed.core.verdict import Asking

UNREADABLE = "the answer cannot be read: "
"""How the reason of a `parse_failed` begins whose transcript is whole: another reader may try again."""
_MOST_REASON_CHARS = 500


class JudgesOf(Protocol):
    """Makes the judges of one trial for one asking; about one turn, where one is named."""

    def __call__(self, asking: Asking, turn: int | None = None) -> Sequence[Judge]: ...


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
        if isinstance(leaf, GaveUp | ModelStopped | StudentFailed):
            return Outcome.PROVIDER_ERROR, str(leaf)
        if isinstance(leaf, AnswerUnreadable):
            return Outcome.PARSE_FAILED, f"{UNREADABLE}{leaf}"
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
