"""Which prompts does a smaller grid hold? Whole triplets, drawn by a seed so that every level is there alike. Pure."""

from collections import Counter
from collections.abc import Sequence, Set
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
    """At most `limit` prompts, in the grid's order: whole triplets, so many that no more prompts of whole ones fit.

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

    With neutral prompts a triplet costs three prompts, or two if another one has brought its neutral prompt. One is
    drawn only if the rest can still come to the most prompts that whole triplets make within the limit.
    """
    random = Random(f"{seed}:rent grid")
    waiting = list(every)
    random.shuffle(waiting)
    seen: Counter[Any] = Counter()
    known: set[Situation] = set()
    drawn: list[Triplet] = []
    left = next(total for total in range(limit, -1, -1) if _comes_to(total, waiting, known))
    while left:
        rarest_first = sorted(waiting, key=lambda one: _commonness(one, seen))
        best = next(one for one in rarest_first if _leaves_enough(one, left, waiting, known))
        left -= _cost(best, known)
        known.add(best.situation)
        waiting.remove(best)
        seen.update(_levels(best))
        drawn.append(best)
    return drawn


def _cost(one: Triplet, known: Set[Situation]) -> int:
    return len(one.sides) + (one.neutral is not None and one.situation not in known)


def _leaves_enough(one: Triplet, left: int, waiting: Sequence[Triplet], known: Set[Situation]) -> bool:
    """Whether what waits beside it comes to exactly the rest of `left` prompts."""
    cost = _cost(one, known)
    return cost <= left and _comes_to(left - cost, [two for two in waiting if two is not one], {*known, one.situation})


def _comes_to(total: int, waiting: Sequence[Triplet], known: Set[Situation]) -> bool:
    """Whether some of the triplets that wait cost exactly `total` prompts.

    So many situations whose neutral prompt is not there yet are opened by one triplet of three prompts, and the rest is
    made of triplets of two: the more of those wait in them the better, so the largest are opened.
    """
    closed = Counter(one.situation for one in waiting if _cost(one, known) > len(ONE_SIDED))
    cheap = len(waiting) - sum(closed.values())
    sizes = sorted(closed.values(), reverse=True)
    return any(
        (rest := total - 3 * opened) >= 0 and rest % 2 == 0 and rest // 2 <= cheap + sum(sizes[:opened]) - opened
        for opened in range(len(sizes) + 1)
    )


def _levels(one: Triplet) -> tuple[tuple[str, Any], ...]:
    """What should come equally often."""
    amount, landlord, tenant = one.situation
    return (
        ("amount", amount),
        ("justification", one.justification),
        ("landlord", landlord),
        ("tenant", tenant),
        ("qualities", (landlord, tenant)),
        ("amount and justification", (amount, one.justification)),
        ("situation", one.situation),
    )


def _commonness(one: Triplet, seen: Counter[Any]) -> int:
    """By how much the sum of the squares of all counts would grow, but for a constant."""
    return sum(seen[level] for level in _levels(one))
