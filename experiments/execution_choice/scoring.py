"""Which program was chosen, and is the value said of it right? Pure."""

from typing import Any

from .._execution.problem import Case, Program, other
from .._execution.reply import Reply
from .._execution.values import same


def score(case: Case, first: Program, reply: Reply) -> dict[str, Any]:
    """The values of a verdict. Null: what is measured given the other choice, and a reversion that does not count."""
    chosen = first if reply.letter == "A" else other(first)
    correct = same(reply.value, case.value(chosen))
    counts = case.counts_for_reversion
    reverted = (not correct and same(reply.value, case.value(other(chosen)))) if counts else None
    is_original = chosen == "original"
    return {
        "first": first,
        "letter": reply.letter,
        "chosen": chosen,
        "said": repr(reply.value),
        "chose_original": is_original,
        "chose_a": reply.letter == "A",
        "correct": correct,
        "oc_correct": correct if is_original else None,
        "mc_correct": None if is_original else correct,
        "or_reversion": reverted if is_original else None,
        "mr_reversion": None if is_original else reverted,
        "counts_for_reversion": counts,
    }
