"""Where did every planned trial end up? The tables `ledger`, `bounds` and `missingness`."""

from collections import Counter
from collections.abc import Iterable, Sequence

from trialbed.analysis.recheck.association import associated
from trialbed.analysis.recheck.rows import Row
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.spreads import mean
from trialbed.analysis.recheck.study import ALL, Study
from trialbed.analysis.table import Cell, Column, columns
from trialbed.core.measure import Measure

NONE_MISSING, NOT_TESTABLE = "none missing", "not testable"
_BY_OUTCOME = ("truncated", "refused", "filtered", "parse_failed", "provider_error")
_STATES = ("not_run", *_BY_OUTCOME, "unjudged", "incomplete_block", "no_value", "analysed")
LEDGER = (*columns(variant="text", subject="text", planned="count"), *(Column(state, "count") for state in _STATES))
BOUNDS = columns(
    measure="text",
    subject="text",
    variant="text",
    baseline="text",
    difference="number",
    worst="number",
    best="number",
    missing_variant="count",
    missing_baseline="count",
    sign_holds="text",
)
MISSINGNESS = columns(subject="text", missing="count", analysed="count", test="text", p="p", cramers_v="number")


def state_of(row: Row, study: Study) -> str:
    """The one column of the ledger in which a trial is counted."""
    if row.outcome is None:
        return "not_run"
    if row.outcome in _BY_OUTCOME:
        return row.outcome
    if row.outcome == "judge_error" or row.evaluation is None:
        return "unjudged"
    if not row.is_block_complete:
        return "incomplete_block"
    measure = study.main_measure()
    is_silent = measure is not None and study.value(row, measure) is None and study.is_about(row, measure)
    return "no_value" if is_silent else "analysed"


def ledger(study: Study) -> Sheet:
    cells = [(variant, subject, rows) for subject, variant, rows in study.cells()]
    cells.append((ALL, ALL, list(study.rows)))
    return Sheet("ledger", LEDGER, [_states(study, *cell) for cell in cells if cell[2]], key=("variant", "subject"))


def bounds(study: Study) -> Sheet:
    sheet = Sheet("bounds", BOUNDS, [], key=("measure", "subject", "variant"))
    measure = _primary(study)
    ends = None if measure is None else _ends(measure)
    if measure is None or ends is None:
        return sheet
    for subject in study.strata:
        rows = _in_complete_blocks(study.of_subject(subject))
        baseline = _Cell(study, measure, rows, study.choices.baseline)
        for variant in study.others:
            cell = _Cell(study, measure, rows, variant)
            if cell.values and baseline.values:
                sheet.rows.append(
                    (measure.name, subject, variant, study.choices.baseline, *_bounds(cell, baseline, ends))
                )
    return sheet


def missingness(study: Study) -> Sheet:
    sheet = Sheet("missingness", MISSINGNESS, [], key=("subject",))
    measure = study.main_measure()
    if measure is None:
        return sheet
    for subject in study.strata:
        rows = _in_complete_blocks(study.of_subject(subject))
        cells = [_Cell(study, measure, rows, variant) for variant in study.variants]
        missing, counted = sum(cell.missing for cell in cells), sum(len(cell.values) for cell in cells)
        if missing + counted:
            found = associated([(cell.missing, len(cell.values)) for cell in cells], seed=study.choices.seed)
            untested: tuple[Cell, ...] = (NOT_TESTABLE if missing else NONE_MISSING, None, None)
            told = untested if found is None else (found.test, found.p, found.cramers_v)
            sheet.add((subject, missing, counted, *told), p=0.0 if found is None else found.slack)
    return sheet


class _Cell:
    """What a cell's trials of complete blocks say, and how many of them say nothing."""

    def __init__(self, study: Study, measure: Measure, rows: Iterable[Row], variant: str) -> None:
        here = [row for row in rows if row.planned.variant == variant and study.is_about(row, measure)]
        self.values = [value for row in here if (value := study.value(row, measure)) is not None]
        self.missing = len(here) - len(self.values)

    def mean_with(self, missing_are: float) -> float:
        """Of all trials, were the missing ones all this."""
        return mean([*map(float, self.values), *[missing_are] * self.missing])


def _bounds(cell: _Cell, baseline: _Cell, ends: tuple[float, float]) -> tuple[Cell, ...]:
    low, high = ends
    difference = mean([*map(float, cell.values)]) - mean([*map(float, baseline.values)])
    worst = cell.mean_with(low) - baseline.mean_with(high)
    best = cell.mean_with(high) - baseline.mean_with(low)
    # No difference has no sign that could hold.
    holds = _sign(difference) != 0 and _sign(worst) == _sign(difference) == _sign(best)
    return difference, worst, best, cell.missing, baseline.missing, "yes" if holds else "no"


def _primary(study: Study) -> Measure | None:
    return None if study.choices.primary is None else study.choices.measure(study.choices.primary)


def _ends(measure: Measure) -> tuple[float, float] | None:
    """The ends of a measure's scale, if it has any."""
    if measure.kind == "binary":
        return 0.0, 1.0
    return None if measure.low is None or measure.high is None else (measure.low, measure.high)


def _sign(value: float) -> int:
    return 0 if abs(value) < 1e-12 else (1 if value > 0 else -1)


def _in_complete_blocks(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.is_block_complete]


def _states(study: Study, variant: str, subject: str, rows: Sequence[Row]) -> tuple[Cell, ...]:
    counts = Counter(state_of(row, study) for row in rows)
    return (variant, subject, len(rows), *(counts[state] for state in _STATES))
