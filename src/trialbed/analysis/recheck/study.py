"""Which trials does a cell of a table hold? One run, or several pooled, in the order in which tables stand."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from trialbed.analysis.recheck.rows import Row, RunRows, subjects_in
from trialbed.analysis.recheck.spans import Spans, began, spans_of
from trialbed.core.choices import Choices
from trialbed.core.measure import Measure

ALL = "all"


@dataclass(frozen=True)
class Study:
    """The rows of every run, and the choices of the first one."""

    choices: Choices
    runs: tuple[RunRows, ...]
    rows: tuple[Row, ...] = field(init=False)
    subjects: tuple[str, ...] = field(init=False)
    variants: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        plans = [run.plan for run in self.runs]
        subjects = [subject for plan in plans for subject in subjects_in(plan)]
        variants = [variant["id"] for plan in plans for variant in plan["variants"]]
        object.__setattr__(self, "rows", tuple(row for run in self.runs for row in run.rows))
        object.__setattr__(self, "subjects", tuple(dict.fromkeys(subjects)))
        object.__setattr__(self, "variants", tuple(dict.fromkeys(variants)))

    @property
    def strata(self) -> tuple[str, ...]:
        """The subjects, then all of them."""
        return (*self.subjects, ALL)

    @property
    def others(self) -> tuple[str, ...]:
        """The variants that are compared with the baseline."""
        return tuple(variant for variant in self.variants if variant != self.choices.baseline)

    @property
    def over_time(self) -> list[Measure]:
        return [measure for measure in self.choices.measures if measure.over_time]

    @cached_property
    def spans(self) -> Spans | None:
        """How the time is cut; None where nothing is measured over it."""
        return spans_of(self.rows, measures=len(self.over_time))

    def cluster(self, row: Row, measure: Measure) -> str:
        """Of a measure over time the block, if there are blocks; else what the scenario's id begins with."""
        if measure.over_time and self.spans is not None and self.spans.block is not None:
            return self.spans.block_at(began(row))
        return row.planned.cluster

    def measures(self, *kinds: str) -> list[Measure]:
        return [measure for measure in self.choices.measures if measure.kind in kinds]

    def main_measure(self) -> Measure | None:
        """The primary measure, else the category."""
        name = self.choices.primary or self.choices.category
        return None if name is None else self.choices.measure(name)

    def of_subject(self, subject: str) -> list[Row]:
        return [row for row in self.rows if subject in (ALL, row.planned.subject)]

    def cells(self) -> Iterator[tuple[str, str, list[Row]]]:
        """(subject, variant, all trials of the cell), also where there is none."""
        for subject in self.strata:
            rows = self.of_subject(subject)
            for variant in self.variants:
                yield subject, variant, [row for row in rows if row.planned.variant == variant]

    def place(self, measure: Measure) -> int:
        return self.choices.measures.index(measure)

    def value(self, row: Row, measure: Measure) -> float | str | None:
        """What the trial counts with for a measure; None if it does not count."""
        if not row.is_analysed or row.evaluation is None:
            return None
        return row.evaluation.values[self.place(measure)]

    def is_about(self, row: Row, measure: Measure) -> bool:
        """False for a judged trial that the measure does not concern."""
        if not row.is_analysed or row.evaluation is None:
            return True
        return row.evaluation.is_about[self.place(measure)]

    def number(self, row: Row, measure: Measure) -> float | None:
        """The same of a measure whose values are numbers."""
        value = self.value(row, measure)
        return None if value is None else float(value)

    def counting(self, rows: Iterable[Row], measure: Measure) -> list[Row]:
        return [row for row in rows if self.value(row, measure) is not None]

    def numbers(self, rows: Sequence[Row], measure: Measure) -> list[float]:
        values = (self.number(row, measure) for row in rows)
        return [value for value in values if value is not None]

    def category_measure(self) -> Measure | None:
        """The measure whose shares make the rates: the category, else the first binary one."""
        if self.choices.category is not None:
            return self.choices.measure(self.choices.category)
        return next(iter(self.measures("binary")), None)

    def category(self, row: Row, measure: Measure) -> str | None:
        """What the trial is counted as; of a binary measure its name, or "not" and its name."""
        value = self.value(row, measure)
        if value is None or measure.kind == "category":
            return None if value is None else str(value)
        return measure.name if value else f"not {measure.name}"

    def categories(self, measure: Measure) -> list[str]:
        """Every category that occurs, the most frequent first, ties by name."""
        counts = Counter(name for row in self.rows if (name := self.category(row, measure)) is not None)
        return sorted(counts, key=lambda name: (-counts[name], name))
