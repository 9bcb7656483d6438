"""What do the answers of a run come to? OC, OR, MC, MR with their counts and intervals, and a trace of each problem.

OC: shown the original, answers what it returns. OR: shown the original, answers what the mutant returns. MC and MR: the
same with the mutant shown. Pure.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from .._execution.problem import PROGRAMS, Case, Program
from .._execution.shares import Asked, Record
from .._execution.traces import trace

_NAMES: Mapping[Program, tuple[str, str]] = {"original": ("OC", "OR"), "mutated": ("MC", "MR")}


def results_of(cases: Sequence[Case], variants: Sequence[Any], records: Sequence[Record]) -> dict[str, Any]:
    """`metrics_counts`, `metrics_summary` and `results`, as their names in the command's file are."""
    shows = {variant.id: variant.shows for variant in variants}
    by_case = {case.id: case for case in cases}
    shown = {
        program: Asked([one for one in records if shows[one["prompt_variant"]] == program]) for program in PROGRAMS
    }
    return {
        "metrics_counts": {
            **{
                program: {"trials": len(asked.records), "outcomes": asked.outcomes()}
                for program, asked in shown.items()
            },
            "cases": len(cases),
            "cases_that_count_for_reversion": sum(case.counts_for_reversion for case in cases),
            "cases_with_a_boolean": sum(case.is_boolean for case in cases),
            "cases_with_equal_outputs": sum(case.has_mutant and not case.tells_apart for case in cases),
        },
        "metrics_summary": _summary(shown, by_case),
        "results": _traces(cases, shows, records),
    }


def _summary(shown: Mapping[Program, Asked], by_case: Mapping[str, Case]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for program, asked in shown.items():
        correct, reverted = _NAMES[program]
        found[correct] = asked.share(lambda record: record["evaluation"]["correct"])
        found[reverted] = asked.share(
            lambda record: record["evaluation"]["reverted"],
            in_all=lambda record: by_case[record["scenario"]].counts_for_reversion,
        )
    return {name: found[name] for name in ("OC", "OR", "MC", "MR")}


def _traces(cases: Sequence[Case], shows: Mapping[str, Program], records: Sequence[Record]) -> list[dict[str, Any]]:
    told: defaultdict[tuple[str, Program], list[Record]] = defaultdict(list)
    for record in records:
        told[record["scenario"], shows[record["prompt_variant"]]].append(record)
    return [
        {
            **case.described(),
            **{
                program: {"output": output, "generations": [trace(one) for one in _in_order(told[case.id, program])]}
                for program, output in zip(PROGRAMS, (case.output, case.mutated_output), strict=True)
            },
        }
        for case in cases
    ]


def _in_order(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record["repeat"])
