"""Which mutant of a program becomes its problem? Seeded, and after really running what is to be chosen from.

Kinds are tried in an order of chance, the edits of a kind likewise, so that kinds come out about as often as programs
allow and not as often as their tokens do. An edit qualifies if

- the mutant gives a literal on every test case, within the limits;
- on every case it either gives the same text as the original or something clearly different: a value that is unequal
  even to a reader who takes 1, 1.0 and True for one, and floats within a millionth for one;
- on at least one case it is clearly different;
- it gives the same again in another process with the cases the other way round: chance, or something that one call
  leaves behind for the next, has no part in it.

The first one that is clearly different on every case is taken; if there is none, the first that qualifies. No more than
`MOST_TRIED` edits are tried.
"""

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from .mutator import KINDS, Kind, Mutation, mutant, mutations
from .sandbox import Failure, Gave, Limits, run
from .values import RELATIVE_TOLERANCE

FOR_MUTANTS = Limits(cpu_s=1)
"""A mutant that loops without end is common, and costs all the time it may have."""


MOST_TRIED = 200
"""So many endless mutants take some minutes; a program with more edits than that has long had one that qualifies."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A mutant and what it gives on each case, as text."""

    program: str
    mutation: Mutation
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A case on which a program gave nothing that could be recorded."""

    case: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Unsteady:
    """A case on which a program did not give the same again."""

    case: int


def outputs_of(program: str, calls: Sequence[str], *, limits: Limits) -> tuple[str, ...] | Failed | Unsteady:
    """What each call gives as text, twice the same."""
    outcomes = run(program, calls, limits=limits)
    outputs: list[str] = []
    for case, outcome in enumerate(outcomes):
        if not isinstance(outcome, Gave):
            return Failed(case, outcome)
        outputs.append(outcome.text)
    again = run(program, calls[::-1], limits=limits)[::-1]
    for case, outcome in enumerate(again):
        if outcome != outcomes[case]:
            return Unsteady(case)
    return tuple(outputs)


def choose(
    program: str,
    calls: Sequence[str],
    outputs: Sequence[str],
    *,
    chance: Random,
    kinds: Sequence[Kind] = KINDS,
    limits: Limits = FOR_MUTANTS,
) -> Chosen | None:
    """A mutant of a program whose calls give `outputs`; None if none qualifies."""
    second_best = None
    for mutation in islice(_shuffled(mutations(program), kinds, chance), MOST_TRIED):
        text = mutant(program, mutation)
        gives = outputs_of(text, calls, limits=limits)
        if isinstance(gives, Failed | Unsteady):
            continue
        apart = [tells_apart(own, other) for own, other in zip(outputs, gives, strict=True)]
        doubtful = any(own != other and not far for own, other, far in zip(outputs, gives, apart, strict=True))
        if doubtful or not any(apart):
            continue
        chosen = Chosen(text, mutation, gives)
        if all(apart):
            return chosen
        second_best = second_best or chosen
    return second_best


def tells_apart(output: str, other: str) -> bool:
    """Whether two literals are clearly different values."""
    return not _alike(ast.literal_eval(output), ast.literal_eval(other))


def _shuffled(found: Sequence[Mutation], kinds: Sequence[Kind], chance: Random) -> list[Mutation]:
    by_kind = {kind: [mutation for mutation in found if mutation.kind == kind] for kind in kinds}
    order = chance.sample(list(by_kind), len(by_kind))
    return [mutation for kind in order for mutation in chance.sample(by_kind[kind], len(by_kind[kind]))]


def _alike(one: object, other: object) -> bool:
    match one, other:
        case (int() | float(), int() | float()):
            return math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE, abs_tol=RELATIVE_TOLERANCE)
        case ([*_], [*_]) if type(one) is type(other):
            return len(one) == len(other) and all(map(_alike, one, other))
        case (dict(), dict()):
            return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
        case _:
            return one == other
