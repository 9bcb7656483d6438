"""What does one judge, or one rule, say of a transcript? Absent means not judged; never 0."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from trialbed.core.text import repair


class Asking(NamedTuple):
    """Which asking of the judges: `judging` 0 = by the run itself, n = by the n-th `trialbed judge`; `repeat` 0 = the
    main one, 1 = a second one about the same material, made to see whether a judge agrees with itself."""

    judging: int = 0
    repeat: int = 0


FIRST = Asking()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`values` are what was found; `judge` names the model, or is None for a rule in code.

    `repeat` and `judging` say in which asking it was given (see `Asking`); rows of earlier versions lack them, which
    means 0. `turn` is that of one reply, from 0; None = it is about the whole transcript.

    Raises:
        TypeError: a value is not plain data, or a number that JSON cannot hold.
    """

    name: str
    values: Mapping[str, Any]
    judge: str | None = None
    rubric_version: str | None = None
    prompt_hash: str | None = None
    repeat: int = 0
    judging: int = 0
    turn: int | None = None

    def __post_init__(self) -> None:
        # Here, where its author is told and one trial is touched; on the way to disk it would be the whole run.
        for key, value in self.values.items():
            _check_plain(value, f"verdict {self.name!r}: {key}")

    @classmethod
    def of(cls, name: str, /, **values: Any) -> "Verdict":
        """A verdict reached by code alone: `Verdict.of("exact", right=True)`."""
        return cls(name=name, values=values)

    def given_in(self, asking: Asking) -> "Verdict":
        """The same verdict as one of this asking."""
        if (self.judging, self.repeat) == asking:
            return self
        return replace(self, judging=asking.judging, repeat=asking.repeat)

    def about(self, turn: int) -> "Verdict":
        """The same verdict as one about this turn."""
        return self if self.turn == turn else replace(self, turn=turn)

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "judge": self.judge,
            "rubric_version": self.rubric_version,
            "prompt_hash": self.prompt_hash,
            "repeat": self.repeat,
            "judging": self.judging,
            **({} if self.turn is None else {"turn": self.turn}),
            "values": dict(self.values),
        }


def _check_plain(value: object, where: str) -> None:
    match value:
        case None | bool():
            pass
        case str():
            if repair(value)[1]:
                raise TypeError(f"{where} holds half a character (a lone surrogate)")
        case int() if -(2**63) <= value < 2**63:
            pass
        case float() if math.isfinite(value):
            pass
        case int() | float():
            raise TypeError(f"{where} is {value}, a number that no reader of the data can hold")
        case Mapping():
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise TypeError(f"{where} has a key that is not text: {key!r}")
                _check_plain(key, where)
                _check_plain(inner, f"{where}.{key}")
        case list() | tuple():
            for inner in value:
                _check_plain(inner, where)
        case _:
            raise TypeError(f"{where} is a {type(value).__name__}; give text, a number, a bool, a list or a dict")
