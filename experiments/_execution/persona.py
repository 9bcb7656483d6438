"""Who reads programs when there is no model? Two characters for the rehearsal server, with known leanings.

They look the programs up among those that come with trialbed, and are right, or revert, or err, at planted rates: so a
rehearsal has effects that an analysis must find. Programs they do not know they cannot predict.
"""

import json
from dataclasses import dataclass
from random import Random

from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall

from .problem import Case, Program, other
from .prompts import CALLED, CHOOSE
from .shipped import cases

_RAMBLES = "The program goes through its input step by step, and I would have to look more closely to be sure."


@dataclass(frozen=True)
class Leanings:
    """Rates of a rehearsed reader, 0 to 1; by program where there are two numbers: original, mutated.

    Args:
        correct: predicts what the program returns.
        reverts: predicts what the other one returns; the rest is neither.
        unreadable: says nothing that could be read.
        follows_letter: chooses by the letter alone, and then A.
        prefers_original: otherwise chooses the original.
    """

    correct: tuple[float, float] = (0.9, 0.7)
    reverts: tuple[float, float] = (0.02, 0.2)
    unreadable: float = 0.01
    follows_letter: float = 0.2
    prefers_original: float = 0.65


class Predictor:
    """A model that is shown one program."""

    name = "program reader"

    def __init__(self, leanings: Leanings | None = None) -> None:
        self._leanings = leanings or Leanings()

    def recognises(self, call: RehearsalCall) -> bool:
        return CALLED in call.last

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        if rng.random() < self._leanings.unreadable:
            return Answer(_RAMBLES)
        asked = _between(call.last, CALLED)
        case = _case(call.last, asked)
        value = "None"
        if case is not None:
            shown: Program = "original" if case.code in call.last else "mutated"
            value = _value(case, shown, self._leanings, rng)
        return Answer(f"{_RAMBLES}\n\n[ANSWER]\nassert {asked} == {value}\n[/ANSWER]")


class Chooser:
    """A model that is shown both."""

    name = "program chooser"

    def __init__(self, leanings: Leanings | None = None) -> None:
        self._leanings = leanings or Leanings()

    def recognises(self, call: RehearsalCall) -> bool:
        return CHOOSE in call.last

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        leanings = self._leanings
        if rng.random() < leanings.unreadable:
            return Answer(_RAMBLES)
        asked = _between(call.last, CHOOSE)
        case = _case(call.last, asked)
        letter, value = "A", "None"
        if case is not None and case.mutated_code is not None:
            first: Program = "original" if call.last.find(case.code) < call.last.find(case.mutated_code) else "mutated"
            wanted: Program = "original" if rng.random() < leanings.prefers_original else "mutated"
            letter = "A" if rng.random() < leanings.follows_letter or wanted == first else "B"
            value = _value(case, first if letter == "A" else other(first), leanings, rng)
        said = {"chosen_program": letter, "assertion": f"assert {asked} == {value}"}
        return Answer(f"{_RAMBLES}\n\n{json.dumps(said)}")


def _value(case: Case, shown: Program, leanings: Leanings, rng: Random) -> str:
    """What is predicted for the program shown, as a literal."""
    place = 0 if shown == "original" else 1
    right, others = (case.output, case.mutated_output or case.output)[:: 1 if shown == "original" else -1]
    drawn = rng.random()
    if drawn < leanings.correct[place]:
        return right
    if drawn < leanings.correct[place] + leanings.reverts[place]:
        return others
    return repr(("neither", case.row))


def _between(text: str, mark: str) -> str:
    """The call that stands in the paragraph after `mark`."""
    return text.partition(mark)[2].strip().partition("\n\n")[0]


def _case(text: str, asked: str) -> Case | None:
    """The known case whose call is asked for and one of whose programs stands in the prompt."""
    for case in cases():
        if case.call == asked and (case.code in text or (case.mutated_code is not None and case.mutated_code in text)):
            return case
    return None
