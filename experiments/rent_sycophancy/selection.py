"""Which prompts does a smaller grid hold? Whole triplets, drawn by a seed so that every level is there alike. Pure."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from .case import NEUTRAL, ONE_SIDED, Case, Situation


class Triplet(NamedTuple):
    """The prompts of one case. `neutral` is None in a grid that has none; other triplets may share it."""

    situation: Situation
    justification: str
    sides: tuple[Case, ...]
    neutral: Case | None


def triplets_of(cases: Sequence[Case]) -> tuple[Triplet, ...]:
    """The triplets of a grid both of whose sides are there, in the grid's order."""
    neutral = {case.situation: case for case in cases if case.perspective == NEUTRAL}
    sides: dict[tuple[Situation, str], list[Case]] = {}
    for case in cases:
        if case.justification is not None:
            sides.setdefault((case.situation, case.justification), []).append(case)
    return tuple(
        Triplet(situation, justification, tuple(own), neutral.get(situation))
        for (situation, justification), own in sides.items()
        if len(own) == len(ONE_SIDED)
    )


def selected(cases: Sequence[Case], limit: int | None, *, seed: int) -> tuple[Case, ...]:
    """At most `limit` prompts, in the grid's order: as many whole triplets as that holds, none of them cut.

    Every level of every dimension comes about equally often, whatever the limit; a smaller selection by the same seed
    is not a part of a larger one. With less than one triplet it is so many prompts of one.
    """
    if limit is None or limit >= len(cases):
        return tuple(cases)
    every = triplets_of(cases)
    if not every:
        return tuple(cases[:limit])
    chosen = {case.id for triplet in _drawn(every, limit, seed) for case in _prompts(triplet)}
    if not chosen:
        first = _drawn(every, 3, seed)[0]
        chosen = {case.id for case in _prompts(first)[:limit]}
    return tuple(case for case in cases if case.id in chosen)


def _prompts(triplet: Triplet) -> tuple[Case, ...]:
    return triplet.sides if triplet.neutral is None else (*triplet.sides, triplet.neutral)


def _drawn(every: Sequence[Triplet], limit: int, seed: int) -> list[Triplet]:
    """Triplets one by one, the one whose levels have come least so far; chance decides between equals.

    With neutral prompts a triplet costs three prompts, or two if another one has brought its neutral prompt. How many
    of each there are follows from the limit, so that it is used up wherever that is possible.
    """
    random = Random(f"{seed}:rent grid")
    waiting = list(every)
    random.shuffle(waiting)
    seen: Counter[Any] = Counter()
    open_situations, shared = _shares(every, limit)
    drawn: list[Triplet] = []
    known: set[Situation] = set()
    while waiting:
        fitting = [one for one in waiting if _fits(one, known, open_situations, shared)]
        if not fitting:
            break
        best = min(fitting, key=lambda one: _commonness(one, seen))
        if best.situation in known or best.neutral is None:
            shared -= 1
        else:
            open_situations -= 1
            known.add(best.situation)
        waiting.remove(best)
        seen.update(_levels(best))
        drawn.append(best)
    return drawn


def _shares(every: Sequence[Triplet], limit: int) -> tuple[int, int]:
    """How many triplets bring a neutral prompt of their own, and how many cost two prompts."""
    sizes = sorted(Counter(one.situation for one in every if one.neutral is not None).values())
    without = sum(one.neutral is None for one in every)
    most = min(len(sizes), limit // 3)
    for own in range(most, 0, -1):
        shared, left = divmod(limit - 3 * own, 2)
        if not left and shared <= without + sum(size - 1 for size in sizes[:own]):
            return own, shared
    return most, (limit - 3 * most) // 2 if most or without else 0


def _fits(one: Triplet, known: set[Situation], own: int, shared: int) -> bool:
    costs_two = one.neutral is None or one.situation in known
    return shared > 0 if costs_two else own > 0


def _levels(one: Triplet) -> tuple[tuple[str, Any], ...]:
    """What should come equally often."""
    amount, landlord, tenant = one.situation
    return (
        ("amount", amount),
        ("justification", one.justification),
        ("qualities", (landlord, tenant)),
        ("amount and justification", (amount, one.justification)),
    )


def _commonness(one: Triplet, seen: Counter[Any]) -> int:
    """By how much the sum of the squares of all counts would grow, but for a constant."""
    return sum(seen[level] for level in _levels(one))
