"""From where does the spread come: scenario, judge, or what is left? The table `variance`.

Henderson's method 3 (Biometrics 9, 1953, 226; Searle, Casella & McCulloch, Variance Components, 1992, section 5.5):
what a factor explains beyond the other one (alone, if the other one is nested in it) is set equal to what it is
expected to be. With P the projection on a model and Z the levels of a factor, y'Py is expected to be the sum over
factors of variance * trace(Z'PZ), and rank(P) times the rest. Factors with one level, or with another level for each
value, are left out; a negative estimate becomes 0.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
_MOST_LEVELS = 500


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


def components(values: Sequence[float], factors: Mapping[str, Sequence[str]]) -> list[tuple[str, float, float]]:
    """(component, variance, share) of at most two factors and of the rest.

    Nothing without a spread, where the design cannot tell the factors apart, or with more than 500 levels of each.
    """
    n = len(values)
    if n < 2 or max(values) - min(values) < _NOTHING:
        return []
    told = {name: labels for name, labels in factors.items() if 1 < len(set(labels)) < n}
    if len(told) > 1 and min(len(set(labels)) for labels in told.values()) > _MOST_LEVELS:
        return []
    middle = math.fsum(values) / n
    solved = _solve(_equations([value - middle for value in values], told))
    if solved is None:
        return []
    kept = [max(0.0, amount) for amount in solved]
    total = math.fsum(kept)
    return [(name, amount, amount / total) for name, amount in zip([*told, _REST], kept, strict=True)]


@dataclass(frozen=True)
class _Model:
    """What a model of some factors explains, and what multiplies each variance in the expectation of that."""

    explained: float
    traces: tuple[float, ...]
    rank: int

    def beyond(self, smaller: "_Model") -> list[float]:
        """The difference of two models as an equation: multipliers, then the right side."""
        traces = [one - other for one, other in zip(self.traces, smaller.traces, strict=True)]
        return [*traces, self.rank - smaller.rank, self.explained - smaller.explained]


def _equations(values: Sequence[float], factors: Mapping[str, Sequence[str]]) -> list[list[float]]:
    """One for each factor and one for the rest, divided by the number of values."""
    n = len(values)
    labels = list(factors.values())
    nothing = _of_one(values, ["" for _ in values], labels)
    alone = [_of_one(values, one, labels) for one in labels]
    everything = _Model(math.fsum(value**2 for value in values), tuple(float(n) for _ in labels), n)
    if len(labels) < 2:
        whole = alone[0] if alone else nothing
        found = [whole.beyond(nothing)] if alone else []
    else:
        whole = _of_both(values, labels[0], labels[1])
        found = [
            alone[this].beyond(nothing) if _is_nested(labels[other], labels[this]) else whole.beyond(alone[other])
            for this, other in ((0, 1), (1, 0))
        ]
    return [[cell / n for cell in equation] for equation in (*found, everything.beyond(whole))]


def _of_one(values: Sequence[float], over: Sequence[str], labels: Sequence[Sequence[str]]) -> _Model:
    """A mean for each level."""
    return _Model(_squares(values, over), tuple(_times(of, over) for of in labels), len(set(over)))


def _of_both(values: Sequence[float], first: Sequence[str], second: Sequence[str]) -> _Model:
    """Two factors without interaction: the second one's normal equations after the first is taken out.

    With n_ij values in each pair of levels: C = diag(n_.j) - sum_i(n_ij n_ik / n_i.),
    r = y_.j - sum_i(n_ij y_i. / n_i.).
    """
    rows, cols, cells = Counter(first), Counter(second), Counter(zip(first, second, strict=True))
    of_rows, of_cols = _totals(values, first), _totals(values, second)
    names = sorted(cols)
    by_row: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for (row, col), count in cells.items():
        by_row[row].append((col, count))
    matrix = {col: {other: float(cols[col]) if col == other else 0.0 for other in names} for col in names}
    right = dict(of_cols)
    for row, here in by_row.items():
        for col, count in here:
            right[col] -= count * of_rows[row] / rows[row]
            for other, beside in here:
                matrix[col][other] -= count * beside / rows[row]
    explained, rank = _quadratic([[matrix[col][other] for other in names] for col in names], [right[c] for c in names])
    return _Model(_squares(values, first) + explained, (float(len(values)),) * 2, len(rows) + rank)


def _quadratic(matrix: list[list[float]], right: list[float]) -> tuple[float, int]:
    """r' C^- r of a positive semidefinite C, and its rank: elimination by the largest pivot that is left."""
    scale = max(matrix[place][place] for place in range(len(right)))
    left, total, rank = set(range(len(right))), 0.0, 0
    while left:
        pivot = max(left, key=lambda place: matrix[place][place])
        if matrix[pivot][pivot] <= _SINGULAR * max(1.0, scale):
            break
        left.remove(pivot)
        total += right[pivot] ** 2 / matrix[pivot][pivot]
        rank += 1
        for row in left:
            factor = matrix[row][pivot] / matrix[pivot][pivot]
            right[row] -= factor * right[pivot]
            for col in left:
                matrix[row][col] -= factor * matrix[pivot][col]
    return total, rank


def _is_nested(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """Whether each level of one factor is found in one level of the other only."""
    return len(set(zip(inner, outer, strict=True))) == len(set(inner))


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


def _totals(values: Sequence[float], over: Sequence[str]) -> dict[str, float]:
    members: dict[str, list[float]] = defaultdict(list)
    for value, level in zip(values, over, strict=True):
        members[level].append(value)
    return {level: math.fsum(of_level) for level, of_level in members.items()}


def _squares(values: Sequence[float], over: Sequence[str]) -> float:
    """The sum over levels of (their total)^2 / (their number of values)."""
    sizes = Counter(over)
    return math.fsum(total**2 / sizes[level] for level, total in _totals(values, over).items())


def _times(of: Sequence[str], over: Sequence[str]) -> float:
    """How often the variance of a factor is expected in the sum of squares over another's levels."""
    sizes, together = Counter(over), Counter(zip(over, of, strict=True))
    return math.fsum(count**2 / sizes[level] for (level, _), count in together.items())


def _solve(equations: list[list[float]]) -> list[float] | None:
    """Gauss and Jordan's elimination with pivots; None if the equations do not tell the unknowns apart."""
    rows = [list(equation) for equation in equations]
    for place in range(len(rows)):
        pivot = max(range(place, len(rows)), key=lambda at: abs(rows[at][place]))
        if abs(rows[pivot][place]) < _SINGULAR:
            return None
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [cell / rows[place][place] for cell in rows[place]]
        for other in range(len(rows)):
            if other != place:
                factor = rows[other][place]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[place], strict=True)]
    return [row[-1] for row in rows]
