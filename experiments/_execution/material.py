"""What do an experiment's options make of a data set? From rows and options to scenarios, for both experiments."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed import Material

from . import shipped
from .loading import Wanted, load


def material_of(rows: Sequence[Mapping[str, Any]] | None, wanted: Mapping[str, Any], *, where: str) -> Material:
    """The cases with a mutant, and those without where they are wanted.

    Args:
        rows: None = the problems that come with trialbed.
        wanted: `num_problems` (0 or less = all), `start_index`, `skip_boolean`, `include_missing_mutations`; each may
            be left out.

    Raises:
        UserError: the rows cannot be used, or none is left.
    """
    most = int(wanted.get("num_problems") or 0)
    loaded = load(
        shipped.rows() if rows is None else rows,
        Wanted(
            most=most if most > 0 else None,
            start=int(wanted.get("start_index") or 0),
            skips_boolean=bool(wanted.get("skip_boolean")),
            takes_unmutated=bool(wanted.get("include_missing_mutations")),
        ),
        where=where,
    )
    return Material(
        scenarios=tuple(case for case in loaded.cases if case.has_mutant),
        baseline_only=tuple(case for case in loaded.cases if not case.has_mutant),
        notes=tuple(f"{where}: {note}" for note in loaded.notes),
        counts={"problems": loaded.problems, "test_cases": len(loaded.cases), "skipped": dict(loaded.skipped)},
    )
