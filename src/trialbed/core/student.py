"""Who plays the other side of a dialogue, and how long may it go on? The seam between experiments and that model."""

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from trialbed.core.model import ModelName, Sampling
from trialbed.core.transcript import Transcript

SCRIPTED: Final = "scripted"
"""Instead of a model: the lines of the experiment's own script."""

_SPOKEN = frozenset({"end_turn", "stop_sequence", "max_tokens"})


class StudentFailed(Exception):
    """The student gave no line, so the dialogue cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What decides a dialogue beside the subject: a part of what a trial is.

    `student` None = a script. `turns` is the most replies of the subject; it may have fewer.
    """

    student: ModelName | None
    turns: int
    sampling: Sampling = field(default_factory=Sampling)

    def as_dict(self) -> dict[str, Any]:
        """As plain data; account numbers are masked. A script has no sampling."""
        if self.student is None:
            return {"student": SCRIPTED, "turns": self.turns}
        return {"student": str(self.student), "student_sampling": self.sampling.as_dict(), "turns": self.turns}


class Student(Protocol):
    @property
    def name(self) -> str: ...

    async def say(self, briefing: str, transcript: Transcript) -> str:
        """The next line of whoever wrote the user's side of `transcript`, which ends with a reply of the subject.

        Raises:
            StudentFailed: no line came.
        """
        ...


def is_a_line(stop_reason: str) -> bool:
    """Whether what a student said can be said to the subject: a long line that was cut short can, a refusal cannot."""
    return stop_reason in _SPOKEN
