"""What do the choices of a run come to? Preference, bias, correctness and reversion, with counts and intervals. Pure.

A pair is the two orders of one problem and run. `order_consistency` is the share of pairs with two valid answers that
chose the same program both times; `letter_bias` the share of valid answers that chose A, 0.5 where the letter does not
matter. The last four are given the choice, with denominators of their own: an answer that chose nothing is in none.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._execution.problem import Case
from .._execution.shares import Asked, Record
from .._execution.traces import trace

_GIVEN_CHOICE = ("oc_correct", "mc_correct", "or_reversion", "mr_reversion")


def results_of(cases: Sequence[Case], variants: Sequence[Any], records: Sequence[Record]) -> dict[str, Any]:
    """`counts`, `summary` and `results`, which the command's file has under `execution_choice_…`."""
    first = {variant.id: variant.first for variant in variants}
    asked = Asked(records)
    pairs = [pair for pair in _pairs(asked.scored).values() if len(pair) == 2]
    invalid = asked.unreadable
    flips = sum(not _agrees(pair) for pair in pairs)
    return {
        "counts": {
            "trials": len(records),
            "outcomes": asked.outcomes(),
            "valid": len(asked.scored),
            "invalid": len(invalid),
            "chose_original": _count(asked, "chose_original", True),
            "chose_mutated": _count(asked, "chose_original", False),
            "chose_a": _count(asked, "chose_a", True),
            "chose_b": _count(asked, "chose_a", False),
            "pairs": len(pairs),
            "pairs_that_flipped": flips,
            "cases": len(cases),
        },
        "summary": {
            "preference_original": asked.share(_field("chose_original")),
            "preference_mutated": asked.share(lambda record: not record["evaluation"]["chose_original"]),
            "order_consistency": _consistency(pairs),
            "letter_bias": asked.share(_field("chose_a"), in_all=lambda _: False),
            **{name: asked.share(_field(name), in_all=lambda _: False) for name in _GIVEN_CHOICE},
            "invalid_rate": Asked([*asked.scored, *invalid]).rate_of(
                lambda record: record["outcome"] == "parse_failed"
            ),
        },
        "results": _traces(cases, first, records),
    }


def _field(name: str) -> Callable[[Record], bool | None]:
    def read(record: Record) -> bool | None:
        found: bool | None = record["evaluation"][name]
        return found

    return read


def _count(asked: Asked, name: str, value: bool) -> int:
    return sum(record["evaluation"][name] is value for record in asked.scored)


def _pairs(records: Sequence[Record]) -> Mapping[str, list[Record]]:
    """Valid answers by block: a block's trials differ only in the order."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record["block_id"]].append(record)
    return found


def _agrees(pair: Sequence[Record]) -> bool:
    one, other = pair
    return bool(one["evaluation"]["chosen"] == other["evaluation"]["chosen"])


def _consistency(pairs: Sequence[Sequence[Record]]) -> dict[str, Any]:
    agrees = {pair[0]["block_id"]: _agrees(pair) for pair in pairs}
    return Asked([pair[0] for pair in pairs]).rate_of(lambda record: agrees[record["block_id"]])


def _traces(cases: Sequence[Case], first: Mapping[str, str], records: Sequence[Record]) -> list[dict[str, Any]]:
    told: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        told[record["scenario"]].append(record)
    return [
        {
            **case.described(),
            "output": case.output,
            "mutated_output": case.mutated_output,
            "choices": [{"first": first[one["prompt_variant"]], **trace(one)} for one in _in_order(told[case.id])],
        }
        for case in cases
    ]


def _in_order(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (record["repeat"], record["prompt_variant"]))
