"""Which trials were planned, which ended, and which may enter a rate? Pure.

The rules are in TABLES.md, under "Which trials".
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

from trialbed.analysis.rows import Row
from trialbed.analysis.timeline import Timeline, began_ms, timeline_of
from trialbed.core.choices import Choices
from trialbed.core.cluster import cluster_of
from trialbed.core.measure import Measure, Value
from trialbed.core.outcome import RECORDED, Outcome

ALL = "all"
_ENDED = frozenset(outcome.value for outcome in RECORDED)


class Planned(NamedTuple):
    """One trial of a plan. `key` is (run, trial id)."""

    key: tuple[str, str]
    block: str
    variant: str
    subject: str


@dataclass(frozen=True)
class Population:
    """All trials of a report.

    `planned` is empty for rows that come without a plan: then what is there was planned. `variants` stand baseline
    first or in the plan's order, `subjects` in the plan's order.
    """

    rows: Mapping[tuple[str, str], Row]
    planned: Mapping[tuple[str, str], Planned]
    variants: tuple[str, ...]
    subjects: tuple[str, ...]
    choices: Choices
    _left_out: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    # Every table asks for the same again, and there may be a hundred thousand rows.
    _counted: dict[Measure, "tuple[tuple[Row, Value], ...]"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def complete(self) -> frozenset[str]:
        """Blocks of which every planned trial has ended."""
        open_blocks = {trial.block for trial in self.planned.values() if not self._has_ended(trial.key)}
        return frozenset({trial.block for trial in self.planned.values()} - open_blocks)

    @cached_property
    def analysed(self) -> tuple[Row, ...]:
        """The rows that may enter a rate, in the order of their keys."""
        return tuple(row for key, row in sorted(self.rows.items()) if self._may_enter(key, row))

    @cached_property
    def ended(self) -> tuple[Row, ...]:
        return tuple(row for key, row in sorted(self.rows.items()) if self._has_ended(key))

    def without(self, left_out: Iterable[tuple[str, str]]) -> "Population":
        """The same with some trials left out of every rate; they stay in the blocks."""
        return Population(
            self.rows, self.planned, self.variants, self.subjects, self.choices, frozenset(left_out) | self._left_out
        )

    def counted(self, measure: Measure) -> Iterator[tuple[Row, Value]]:
        """The rows for which a measure counts, with its value."""
        if measure not in self._counted:
            both = ((row, measure.value_of(row.evaluation)) for row in self.analysed)
            self._counted[measure] = tuple((row, value) for row, value in both if value is not None)
        yield from self._counted[measure]

    @property
    def groups(self) -> "tuple[Group, ...]":
        """Every subject, then all of them together."""
        return (*(Group(subject, frozenset({subject})) for subject in self.subjects), Group(ALL, None))

    @cached_property
    def main(self) -> Measure | None:
        """The primary measure, else the category."""
        name = self.choices.primary or self.choices.category
        return None if name is None else self.choices.measure(name)

    @cached_property
    def category(self) -> Measure | None:
        """The measure whose shares make the rate table: the category, else the first that is yes or no."""
        if self.choices.category is not None:
            return self.choices.measure(self.choices.category)
        return next((measure for measure in self.choices.measures if measure.kind == "binary"), None)

    @cached_property
    def timeline(self) -> Timeline | None:
        """None where nothing is measured over time, or no trial has ended."""
        measures = sum(measure.over_time for measure in self.choices.measures)
        return timeline_of(self.ended, measures=measures) if measures else None

    def cluster(self, row: Row, measure: Measure) -> str:
        """Rows of one cluster depend on each other: those of one family of scenarios; over time, those of one block."""
        if measure.over_time and self.timeline is not None and self.timeline.block_ms is not None:
            return str(self.timeline.block_of(began_ms(row)))
        return cluster_of(row.scenario)

    def standing(self, trial: Planned) -> str:
        """In which column of the ledger a planned trial is counted."""
        row = self.rows.get(trial.key)
        if row is None or row.outcome not in _ENDED:
            return "not_run"
        if row.outcome == Outcome.JUDGE_ERROR:
            return "unjudged"
        if row.outcome != Outcome.ANSWERED:
            return row.outcome
        if row.evaluation is None:
            return "unjudged"
        if trial.block not in self.complete:
            return "incomplete_block"
        main = self.main
        if main is not None and main.value_of(row.evaluation) is None and main.is_about(row.evaluation):
            return "no_value"
        return "analysed"

    def standings(self) -> Counter[tuple[str, str, str]]:
        """(variant, subject, column of the ledger) → planned trials."""
        return Counter((trial.variant, trial.subject, self.standing(trial)) for trial in self.planned.values())

    def _has_ended(self, key: tuple[str, str]) -> bool:
        row = self.rows.get(key)
        return row is not None and row.outcome in _ENDED

    def _may_enter(self, key: tuple[str, str], row: Row) -> bool:
        return (
            row.outcome == Outcome.ANSWERED
            and row.evaluation is not None
            and row.block in self.complete
            and key not in self._left_out
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Some subjects under one name; `only` None = all."""

    name: str
    only: frozenset[str] | None

    def has(self, subject: str) -> bool:
        return self.only is None or subject in self.only

    @property
    def is_pooled(self) -> bool:
        return self.only is None


class Cell(NamedTuple):
    """What counts of one variant in one group, in the order of (run, trial id)."""

    group: Group
    variant: str
    rows: list[Row]
    values: list[Value]
    cluster: Callable[[Row], str]

    @property
    def numbers(self) -> list[float]:
        return [float(value) for value in self.values]

    @property
    def clusters(self) -> list[str]:
        return [self.cluster(row) for row in self.rows]


def cells(population: Population, measure: Measure) -> Iterator[Cell]:
    """Every group and variant in which the measure counts anywhere, groups outermost."""
    own: dict[tuple[str, str], list[tuple[Row, Value]]] = {}
    for row, value in population.counted(measure):
        own.setdefault((row.variant, row.subject), []).append((row, value))
    for group in population.groups:
        for variant in population.variants:
            found = [pair for at, pairs in own.items() if at[0] == variant and group.has(at[1]) for pair in pairs]
            if found:
                found.sort(key=lambda pair: (pair[0].run, pair[0].trial_id))
                rows, values = [row for row, _ in found], [value for _, value in found]
                yield Cell(group, variant, rows, values, partial(population.cluster, measure=measure))


def assumed_plan(rows: Iterable[Row]) -> dict[tuple[str, str], Planned]:
    """The trials of rows that come without a plan: in each block one for every variant that occurs in its run."""
    rows = tuple(rows)
    variants: dict[str, set[str]] = {}
    blocks: dict[str, Row] = {}
    there: set[tuple[str, str]] = set()
    planned = {}
    for row in rows:
        variants.setdefault(row.run, set()).add(row.variant)
        blocks.setdefault(row.block, row)
        there.add((row.block, row.variant))
        planned[row.run, row.trial_id] = Planned((row.run, row.trial_id), row.block, row.variant, row.subject)
    for block, row in blocks.items():
        for variant in sorted(variants[row.run]):
            if (block, variant) not in there:
                key = (row.run, f"{block} {variant}")
                planned[key] = Planned(key, block, variant, row.subject)
    return planned
