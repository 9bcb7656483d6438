"""From where does the spread come: scenario, judge, or what is left? The table `variance`.

Henderson's method 1 (Biometrics 9, 1953, 226; Searle, Casella & McCulloch, Variance Components, 1992, section 5.3):
sums of squared totals over a factor's levels are set equal to what they are expected to be. Factors with one level, or
with another level for each value, are left out; a negative estimate becomes 0.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

from trialbed.analysis.recheck.agreement import judges_of, main_names, newest_of
from trialbed.analysis.recheck.rows import Row
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import columns
from trialbed.core.measure import Measure

VARIANCE = columns(measure="text", component="text", variance="number", share="share")
_SCENARIO, _JUDGE, _REST = "scenario", "judge", "repeat"
_NOTHING = 1e-12
_SINGULAR = 1e-9


def variance(study: Study) -> Sheet:
    sheet = Sheet("variance", VARIANCE, [], key=("measure", "component"))
    for measure in study.measures("binary", "score"):
        rated = _ratings(study, measure)
        values = _without_cell_means(rated)
        factors = {
            _SCENARIO: [row.planned.scenario for row, _, _ in rated],
            _JUDGE: [judge for _, judge, _ in rated],
        }
        for component, amount, share in components(values, factors):
            sheet.rows.append((measure.name, component, amount, share))
    return sheet


def components(values: Sequence[float], factors: dict[str, list[str]]) -> list[tuple[str, float, float]]:
    """(component, variance, share) of every factor that can be told, and of the rest; nothing without a spread."""
    n = len(values)
    if n < 2 or max(values) - min(values) < _NOTHING:
        return []
    told = {name: labels for name, labels in factors.items() if 1 < len(set(labels)) < n}
    names = [*told, _REST]
    # The rest is a factor too, with a level for each value.
    labels: list[Sequence[Hashable]] = [*told.values(), range(n)]
    one: Sequence[Hashable] = [0] * n
    middle = math.fsum(values) / n
    centred = [value - middle for value in values]
    seen = [(_squares(centred, over) - _squares(centred, one)) / n for over in labels]
    expected = [[(_times(of, over) - _times(of, one)) / n for of in labels] for over in labels]
    solved = _solve(expected, seen)
    if solved is None:
        return []
    kept = [max(0.0, amount) for amount in solved]
    total = math.fsum(kept)
    return [(name, amount, amount / total) for name, amount in zip(names, kept, strict=True)]


def _ratings(study: Study, measure: Measure) -> list[tuple[Row, str, float]]:
    """(trial, judge, value) over trials that count: every judge's newest verdict; else what the trial counts with."""
    names, judges, place = main_names(study), judges_of(study), study.place(measure)
    found: list[tuple[Row, str, float]] = []
    for row in study.counting(study.rows, measure):
        opinions = [opinion for judge in judges if (opinion := newest_of(row, judge, names)) is not None]
        if not opinions:
            found.append((row, "", float(study.value(row, measure) or 0.0)))
        for opinion in opinions:
            value = opinion.values[place]
            if value is not None:
                found.append((row, opinion.judge or "", float(value)))
    return found


def _without_cell_means(rated: Sequence[tuple[Row, str, float]]) -> list[float]:
    cells: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row, _, value in rated:
        cells[row.planned.variant, row.planned.subject].append(value)
    means = {cell: math.fsum(values) / len(values) for cell, values in cells.items()}
    return [value - means[row.planned.variant, row.planned.subject] for row, _, value in rated]


def _squares(values: Sequence[float], over: Sequence[Hashable]) -> float:
    """The sum over levels of (their total)^2 / (their number of values)."""
    totals: dict[Hashable, list[float]] = defaultdict(list)
    for value, level in zip(values, over, strict=True):
        totals[level].append(value)
    return math.fsum(math.fsum(level) ** 2 / len(level) for level in totals.values())


def _times(of: Sequence[Hashable], over: Sequence[Hashable]) -> float:
    """How often the variance of a factor is expected in the sum of squares over another's levels."""
    sizes, together = Counter(over), Counter(zip(over, of, strict=True))
    return math.fsum(count**2 / sizes[level] for (level, _), count in together.items())


def _solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float] | None:
    """Gauss and Jordan's elimination with pivots; None if the equations do not tell the unknowns apart."""
    rows = [[*row, end] for row, end in zip(matrix, right, strict=True)]
    size = len(rows)
    for place in range(size):
        pivot = max(range(place, size), key=lambda at: abs(rows[at][place]))
        if abs(rows[pivot][place]) < _SINGULAR:
            return None
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [cell / rows[place][place] for cell in rows[place]]
        for other in range(size):
            if other != place:
                factor = rows[other][place]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[place], strict=True)]
    return [row[-1] for row in rows]
