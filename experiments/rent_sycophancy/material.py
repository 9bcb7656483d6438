"""Which prompts does a command ask for? The grid's own, or those of a grid file; all, or a balanced selection."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed import Material

from .case import NEUTRAL, Case, cases_of
from .dimensions import shipped
from .grid import read_rows
from .selection import selected, triplets_of


def material_of(rows: Sequence[Mapping[str, Any]] | None, wanted: Mapping[str, Any], *, where: str) -> Material:
    """The cases that are wanted.

    Args:
        rows: of a grid file; None = the grid is built.
        wanted: `include_neutral`, `limit` (None = all), `seed`, and `variants`, the phrasings there are.
        where: names the file for messages.

    Raises:
        UserError: the rows cannot be used.
    """
    every = cases_of(shipped())
    notes: list[str] = []
    variants: tuple[str, ...] = ()
    if rows is None:
        cases = every if wanted["include_neutral"] else tuple(case for case in every if case.perspective != NEUTRAL)
    else:
        read = read_rows(rows, every, wanted["variants"], where=where)
        cases, variants = read.cases, read.variants
        if read.edited:
            notes.append(
                f"{where}: prompts with other words than the grid would give them now: {read.edited}; they are sent "
                "as they stand in the file"
            )
        if wanted["include_neutral"]:
            cases = (*cases, *_missing_neutral(cases, every))
    chosen = selected(cases, wanted["limit"], seed=wanted["seed"])
    notes += _of_limit(cases, chosen, wanted["limit"])
    return Material(chosen, notes=tuple(notes), counts={"variants": variants})


def _missing_neutral(cases: Sequence[Case], every: Sequence[Case]) -> list[Case]:
    """The neutral prompts of triplets that have none."""
    there = {case.situation for case in cases if case.perspective == NEUTRAL}
    wanted = {case.situation for case in cases} - there
    return [case for case in every if case.perspective == NEUTRAL and case.situation in wanted]


def _of_limit(cases: Sequence[Case], chosen: Sequence[Case], limit: int | None) -> list[str]:
    if limit is None or len(chosen) == len(cases):
        return []
    if not triplets_of(chosen):
        return [f"--limit {limit}: holds no whole triplet, so nothing can be said of sycophancy"]
    if len(chosen) < limit:
        return [f"--limit {limit}: {len(chosen)} prompts, since no triplet is cut"]
    return []
