"""What do scenarios' levels change, going by TABLES.md? The tables `by_factor` and `matched`.

Plain loops over trials. Wilson's interval is got from its two roots, the difference's from Zou and Donner's formula.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scipy.special import ndtri, stdtr, stdtrit

from trialbed.analysis.recheck.rows import Row
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.spreads import mean, robust_interval
from trialbed.analysis.recheck.study import ALL, Study
from trialbed.analysis.table import Cell, columns
from trialbed.core.factor import Factor
from trialbed.core.measure import Measure

BY_FACTOR = columns(
    factor="text",
    level="text",
    measure="text",
    subject="text",
    n="count",
    mean="number",
    clusters="count",
    lo="number",
    hi="number",
)
MATCHED = (
    *columns(factor="text", measure="text", variant="text", subject="text", level="text", baseline="text"),
    *columns(n="count", n_baseline="count", unmatched="count", value="number", baseline_value="number"),
    *columns(difference="number", clusters="count", lo="number", hi="number", p="p"),
)
_NONE = (None, None)
_NO_SPREAD = 1e-9
_ROUNDING = 1e-12

Place = tuple[str, str, str, str]
"""Run, subject, variant, and what else must be the same."""


@dataclass(frozen=True)
class Pooled:
    """Some trials against their baselines: how sure each mean is, and how they go together."""

    n: int
    n_baseline: int
    clusters: int
    value: float
    baseline: float
    v_1: float
    v_0: float
    covariance: float
    largest: float

    @property
    def difference(self) -> float:
        return self.value - self.baseline

    @property
    def error(self) -> float | None:
        """Of the difference; None where clusters show no spread."""
        squared = self.v_1 + self.v_0 - 2 * self.covariance
        error = math.sqrt(squared) if squared > 0 else 0.0
        return error if self.clusters > 1 and error > _ROUNDING * self.largest else None


def by_factor(study: Study) -> Sheet:
    sheet = Sheet("by_factor", BY_FACTOR, [], key=("factor", "level", "measure", "subject"))
    measure = study.main_measure()
    if measure is None or measure.kind not in ("binary", "score"):
        return sheet
    for place, factor in enumerate(study.choices.factors):
        for subject in study.strata:
            by_level: dict[str, list[Row]] = defaultdict(list)
            for row in study.counting(study.of_subject(subject), measure):
                level, _ = _at(row, place)
                if level is not None:
                    by_level[level].append(row)
            for level, rows in by_level.items():
                sheet.rows.append((factor.name, level, measure.name, subject, *_mean(study, measure, rows)))
    return sheet


def matched(study: Study) -> Sheet:
    sheet = Sheet("matched", MATCHED, [], key=("factor", "measure", "variant", "subject", "level"))
    for place, factor in enumerate(study.choices.factors):
        for measure in study.measures("binary", "score") if factor.baseline is not None else ():
            for cells in _compared(study, place, factor, measure):
                sheet.rows.append((factor.name, measure.name, *cells))
    return sheet


def _compared(study: Study, place: int, factor: Factor, measure: Measure) -> Iterator[tuple[Cell, ...]]:
    counting = study.counting(study.rows, measure)
    levels = {level for row in counting if (level := _at(row, place)[0]) is not None}
    if factor.baseline not in levels:
        return
    baselines: dict[Place, list[Row]] = defaultdict(list)
    cells: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in counting:
        level = _at(row, place)[0]
        if level == factor.baseline:
            baselines[_where(row, place)].append(row)
        elif level is not None:
            for variant in {row.planned.variant, ALL if len(study.variants) > 1 else row.planned.variant}:
                cells[variant, row.planned.subject, level].append(row)
                cells[variant, ALL, level].append(row)
    for (variant, subject, level), rows in cells.items():
        pairs = [(row, baselines.get(_where(row, place), [])) for row in rows]
        yield variant, subject, level, factor.baseline, *_difference(study, measure, pairs)


def _at(row: Row, place: int) -> tuple[str | None, str]:
    return (None, "") if row.evaluation is None else row.evaluation.levels[place]


def _where(row: Row, place: int) -> Place:
    return row.run, row.planned.subject, row.planned.variant, _at(row, place)[1]


def _difference(study: Study, measure: Measure, pairs: Sequence[tuple[Row, list[Row]]]) -> tuple[Cell, ...]:
    """The cells from `n` on."""
    alpha = study.choices.alpha
    kept = [(row, against) for row, against in pairs if against]
    unmatched = len(pairs) - len(kept)
    if not kept:
        return 0, 0, unmatched, *(None,) * 7
    pooled = _pooled(study, measure, kept)
    p, interval, error = None, None, pooled.error
    if error is not None:
        p = 2 * float(stdtr(pooled.clusters - 1, -abs(pooled.difference) / error))
        reach = float(stdtrit(pooled.clusters - 1, 1 - alpha / 2)) * error
        interval = pooled.difference - reach, pooled.difference + reach
    if measure.kind == "binary":
        interval = mover(pooled, alpha)
    counts = (pooled.n, pooled.n_baseline, unmatched)
    values = (pooled.value, pooled.baseline, pooled.difference, pooled.clusters)
    return *counts, *values, *(interval or _NONE), p


def _pooled(study: Study, measure: Measure, kept: Sequence[tuple[Row, list[Row]]]) -> Pooled:
    values = study.numbers([row for row, _ in kept], measure)
    weights: dict[tuple[str, str], float] = defaultdict(float)
    theirs: dict[tuple[str, str], Row] = {}
    for against, count in _counted(kept):
        for row in against:
            theirs[row.key] = row
            weights[row.key] += count / len(against)
    n, value = len(values), mean(values)
    numbers = dict(zip(theirs, study.numbers(list(theirs.values()), measure), strict=True))
    baseline = math.fsum(weights[key] * number for key, number in numbers.items()) / n
    ours = _sums((row.planned.cluster, one - value) for (row, _), one in zip(kept, values, strict=True))
    other = _sums((theirs[key].planned.cluster, weights[key] * (one - baseline)) for key, one in numbers.items())
    g = min(len(ours), len(other))
    factor = g / (g - 1) / n**2 if g > 1 else 0.0
    return Pooled(
        n=n,
        n_baseline=len(theirs),
        clusters=g,
        value=value,
        baseline=baseline,
        v_1=factor * math.fsum(one * one for one in ours.values()),
        v_0=factor * math.fsum(one * one for one in other.values()),
        covariance=factor * math.fsum(one * other.get(cluster, 0.0) for cluster, one in ours.items()),
        largest=max(map(abs, (*values, *numbers.values()))),
    )


def _counted(kept: Sequence[tuple[Row, list[Row]]]) -> list[tuple[list[Row], int]]:
    """Each set of baseline trials, and of how many trials it is the baseline."""
    sets: dict[int, list[Row]] = {}
    counts: dict[int, int] = defaultdict(int)
    for _, against in kept:
        sets[id(against)] = against
        counts[id(against)] += 1
    return [(sets[name], counts[name]) for name in sets]


def _sums(residuals: Iterable[tuple[str, float]]) -> dict[str, float]:
    parts: dict[str, list[float]] = defaultdict(list)
    for cluster, one in residuals:
        parts[cluster].append(one)
    return {cluster: math.fsum(those) for cluster, those in parts.items()}


def mover(pooled: Pooled, alpha: float) -> tuple[float, float] | None:
    """Zou and Donner (Stat. Med. 27, 2008, 1693), from the Wilson interval of each side."""
    g, p, q = pooled.clusters, pooled.value, pooled.baseline
    if g < 2:
        return None
    low_1, high_1 = wilson_of(p, pooled.v_1, pooled.n, g, alpha)
    low_0, high_0 = wilson_of(q, pooled.v_0, pooled.n_baseline, g, alpha)
    r = _correlation(pooled)
    below = _reach(p - low_1, high_0 - q, r)
    above = _reach(high_1 - p, q - low_0, r)
    return max(-1.0, p - q - below), min(1.0, p - q + above)


def _correlation(pooled: Pooled) -> float:
    """Newcombe's correction (Stat. Med. 17, 1998, 2635, method 10) makes a positive one smaller."""
    if pooled.error is None or min(math.sqrt(pooled.v_1), math.sqrt(pooled.v_0)) <= _NO_SPREAD:
        return 0.0
    r = pooled.covariance / math.sqrt(pooled.v_1 * pooled.v_0)
    if r <= 0:
        return max(-1.0, r)
    scale = math.sqrt(pooled.value * (1 - pooled.value) * pooled.baseline * (1 - pooled.baseline))
    return max(0.0, min(1.0, r) - 1 / (2 * pooled.n * scale))


def _reach(one: float, other: float, r: float) -> float:
    return math.sqrt(max(0.0, (one - other) ** 2 + 2 * (1 - r) * one * other))


def wilson_of(p: float, variance: float, n: int, g: int, alpha: float) -> tuple[float, float]:
    """Both roots of (x - p)^2 = z^2 x(1 - x)/m, for as many rows m as n rows of g clusters are worth."""
    same = p * (1 - p) <= 0 or math.sqrt(variance) <= _NO_SPREAD
    m = min(float(n), float(g) if same else p * (1 - p) / variance)
    if n > 1:
        m *= min(1.0, float(stdtrit(n - 1, 1 - alpha / 2)) / float(stdtrit(g - 1, 1 - alpha / 2))) ** 2
    z_2 = float(ndtri(1 - alpha / 2)) ** 2
    # (1 + z^2/m) x^2 - (2p + z^2/m) x + p^2 = 0
    a, half_b = 1 + z_2 / m, p + z_2 / (2 * m)
    root = math.sqrt(max(0.0, half_b**2 - a * p * p))
    low = 0.0 if p == 0 else max(0.0, (half_b - root) / a)
    return low, 1.0 if p == 1 else min(1.0, (half_b + root) / a)


def _mean(study: Study, measure: Measure, rows: Sequence[Row]) -> tuple[Cell, ...]:
    """The cells from `n` on."""
    values, clusters = study.numbers(rows, measure), [study.cluster(row, measure) for row in rows]
    middle, n, g, alpha = mean(values), len(values), len(set(clusters)), study.choices.alpha
    if measure.kind == "score":
        return n, middle, g, *(robust_interval(values, clusters, alpha) or _NONE)
    if g < 2:
        return n, middle, g, *_NONE
    squares = math.fsum(
        one * one for one in _sums(zip(clusters, (value - middle for value in values), strict=True)).values()
    )
    return n, middle, g, *wilson_of(middle, g / (g - 1) * squares / n**2, n, g, alpha)
