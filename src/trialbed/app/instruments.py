"""Does a judge of this run rate its own answers? Such verdicts are worth less, and a reader must be able to know."""

from collections.abc import Mapping, Sequence

from trialbed.app.known import family
from trialbed.core.model import ModelName


def self_judged(
    subjects: Sequence[ModelName], judges: Sequence[ModelName], behind: Mapping[ModelName, str] | None = None
) -> list[str]:
    """The judges (or students) that are one of the subjects, by name: in whichever region or inference profile.

    `behind` has the model that an application inference profile leads to, as far as that is known.
    """
    known = behind or {}
    asked = {_which(subject, known) for subject in subjects}
    return [str(judge) for judge in judges if _which(judge, known) in asked]


def self_judging_notice(judge: str, variable: str = "JUDGE_MODELS") -> str:
    """What the user is told of one such judge, whom `variable` names."""
    return f"{variable}: {judge} is a subject too and rates its own answers; name another judge, or one more beside it"


def self_taught_notice(student: str) -> str:
    """What the user is told of a student that is a subject too."""
    return (
        f"RUNNER_STUDENT_MODEL: {student} is the model under test too and talks with itself; name another, or scripted"
    )


def _which(model: ModelName, behind: Mapping[ModelName, str]) -> tuple[str, str]:
    return model.provider, family(model, behind.get(model))
