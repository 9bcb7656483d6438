"""Is a predicted value right, and is it the other program's? Pure."""

from typing import Any

from .._execution.problem import Case, Program, other
from .._execution.values import Value, same


def score(case: Case, shows: Program, said: Value) -> dict[str, Any]:
    """The values of a verdict. `reverted` is null where a reversion does not count; see `Case.counts_for_reversion`."""
    correct = same(said, case.value(shows))
    counts = case.counts_for_reversion
    return {
        "shows": shows,
        "said": repr(said),
        "expected": case.output if shows == "original" else case.mutated_output,
        "correct": correct,
        "reverted": (not correct and same(said, case.value(other(shows)))) if counts else None,
        "counts_for_reversion": counts,
    }
