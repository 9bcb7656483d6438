"""Which subject is first in what is measured over time, and which are not shown to be behind it? Pure; no numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from trialbed.analysis.report.forest import Row, rows_of
from trialbed.analysis.table import Cell, Table
from trialbed.core.choices import Choices
from trialbed.core.measure import Measure


@dataclass(frozen=True)
class Leader:
    """`first` and `last` are rows of `percentiles`, by their medians; `last` is None if there is one subject only.

    `beside` are subjects whose interval of the median overlaps with that of the first.
    """

    measure: Measure
    variant: str
    first: int
    last: int | None
    beside: tuple[str, ...]


def leaders(table: Table | None, choices: Choices) -> list[Leader]:
    """Of each measure of which one end is better: under the baseline, or the first variant that was measured."""
    found: list[Leader] = []
    for measure in choices.measures:
        rows = [(place, row) for place, row in rows_of(table) if row["measure"] == measure.name]
        variants = list(dict.fromkeys(str(row["variant"]) for _, row in rows))
        if measure.better is None or not variants:
            continue
        variant = choices.baseline if choices.baseline in variants else variants[0]
        found.append(_leader(measure, variant, [one for one in rows if _is_subject(one[1], variant)]))
    return found


def _is_subject(row: dict[str, Cell], variant: str) -> bool:
    return row["variant"] == variant and not str(row["subject"]).endswith(":*")


def _leader(measure: Measure, variant: str, rows: Sequence[Row]) -> Leader:
    ordered = sorted(rows, key=lambda one: float(one[1]["p50"] or 0), reverse=measure.better == "higher")
    first, *others = ordered
    beside = tuple(str(row["subject"]) for _, row in others if _overlap(first[1], row))
    return Leader(measure, variant, first[0], others[-1][0] if others else None, beside)


def _overlap(one: dict[str, Cell], other: dict[str, Cell]) -> bool:
    """Whether the intervals of both medians have a point in common; without an interval nothing is shown."""
    ends = [row[name] for row in (one, other) for name in ("lo_p50", "hi_p50")]
    if any(end is None for end in ends):
        return True
    lo, hi, other_lo, other_hi = (float(end or 0) for end in ends)
    return lo <= other_hi and other_lo <= hi
