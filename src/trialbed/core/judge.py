"""What is a judge asked, and what may it answer? The seam between experiments and judging."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from trialbed.core.verdict import Verdict

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class JudgeFailed(Exception):
    """A judge gave no valid answer; the text says why. The transcript stays judgeable."""


class AnswerUnreadable(Exception):
    """The subject's answer came whole and does not say what was asked for; the text says why.

    The trial becomes `parse_failed`. Raised by `Experiment.judge`, so that a better reader can try again without a
    call: `trialbed judge` reads such transcripts anew.
    """


@dataclass(frozen=True)
class JudgeTask(Generic[AnswerT]):
    """One question to a judge about some material.

    `answer` is the schema of the reply; every `Literal` in it is an option list, shuffled per trial.
    `check` may refuse an answer that fits the schema (e.g. a quote that does not occur); it returns
    the complaint the judge is shown when it is asked once more, or None.
    """

    name: str
    question: str
    material: str
    answer: type[AnswerT]
    rubric_version: str = "1"
    check: Callable[[AnswerT], str | None] = lambda _: None


@dataclass(frozen=True)
class Ruling(Generic[AnswerT]):
    """A valid answer of a judge, and the verdict that goes on record for it."""

    answer: AnswerT
    verdict: Verdict


class Judge(Protocol):
    @property
    def name(self) -> str: ...

    async def ask(self, task: JudgeTask[AnswerT]) -> Ruling[AnswerT]:
        """Put a task to this judge.

        Raises:
            JudgeFailed: no valid answer could be had.
        """
        ...
