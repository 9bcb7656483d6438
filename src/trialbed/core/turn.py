"""What is known of one turn of a trial, when taken and when judged? A turn is one reply of the subject."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trialbed.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """A reply that is on disk. `turn` counts from 0; `call` is its entry in the record's `calls`."""

    turn: int
    asked: str
    said: str
    call: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JudgedTurn:
    """What was found of one turn: those of models first, then of rules in code.

    `failure` says why no model's verdict could be had; such a turn counts apart and never as 0.
    """

    turn: int
    verdicts: tuple[Verdict, ...] = ()
    failure: str | None = None

    @property
    def of_judges(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.judge is not None)
