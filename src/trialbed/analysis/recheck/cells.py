"""How often, and how much, in each cell? The tables `rates`, `measures` and `means`."""

import math
from collections import Counter
from collections.abc import Sequence

from trialbed.analysis.recheck.rows import Row
from trialbed.analysis.recheck.shares import wilson
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.spreads import bootstrap_interval, by_cluster, mean, robust_interval, variance
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import Cell, columns
from trialbed.core.choices import Choices
from trialbed.core.measure import Measure

RATES = columns(
    variant="text", subject="text", strategy="text", k="count", n="count", rate="share", lo="share", hi="share"
)
MEASURES = columns(
    measure="text",
    variant="text",
    subject="text",
    k="count",
    n="count",
    rate="share",
    lo="share",
    hi="share",
    clusters="count",
    lo_cluster="share",
    hi_cluster="share",
)
MEANS = columns(
    measure="text",
    variant="text",
    subject="text",
    n="count",
    mean="number",
    sd="number",
    clusters="count",
    lo="number",
    hi="number",
    lo_boot="number",
    hi_boot="number",
)
_NONE = (None, None)


def rates(study: Study) -> Sheet:
    sheet = Sheet("rates", RATES, [], key=("variant", "subject", "strategy"))
    measure = study.category_measure()
    if measure is None:
        return sheet
    categories = study.categories(measure)
    for subject, variant, rows in study.cells():
        counting = study.counting(rows, measure)
        n = len(counting)
        counts = Counter(study.category(row, measure) for row in counting)
        for name in categories if n else ():
            k = counts[name]
            sheet.rows.append((variant, subject, name, k, n, k / n, *wilson(k, n, study.choices.alpha)))
    return sheet


def measures(study: Study) -> Sheet:
    sheet = Sheet("measures", MEASURES, [], key=("measure", "variant", "subject"))
    for measure in study.measures("binary"):
        for subject, variant, rows in study.cells():
            counting = study.counting(rows, measure)
            if counting:
                sheet.rows.append((measure.name, variant, subject, *_share(study, measure, counting)))
    return sheet


def means(study: Study) -> Sheet:
    sheet = Sheet("means", MEANS, [], key=("measure", "variant", "subject"))
    for measure in study.measures("score"):
        for subject, variant, rows in study.cells():
            counting = study.counting(rows, measure)
            if counting:
                sheet.rows.append((measure.name, variant, subject, *_mean(study, measure, counting)))
    return sheet


def _share(study: Study, measure: Measure, rows: Sequence[Row]) -> tuple[Cell, ...]:
    values, clusters = study.numbers(rows, measure), [row.planned.cluster for row in rows]
    n, k, alpha = len(values), round(sum(values)), study.choices.alpha
    robust = robust_interval(values, clusters, alpha) if len(set(clusters)) > 1 else None
    return k, n, k / n, *wilson(k, n, alpha), len(set(clusters)), *(robust or _NONE)


def _mean(study: Study, measure: Measure, rows: Sequence[Row]) -> tuple[Cell, ...]:
    rows = sorted(rows, key=lambda row: row.key)
    values, clusters = study.numbers(rows, measure), [study.cluster(row, measure) for row in rows]
    robust = robust_interval(values, clusters, study.choices.alpha)
    drawn = _drawn(values, clusters, study.choices)
    sd = math.sqrt(variance(values)) if len(values) > 1 else None
    return len(values), mean(values), sd, len(set(clusters)), *(robust or _NONE), *(drawn or _NONE)


def _drawn(values: Sequence[float], clusters: Sequence[str], choices: Choices) -> tuple[float, float] | None:
    """Of clusters, or of trials where all are of one; none for a single trial."""
    if len(values) == 1:
        return None
    sums, sizes = by_cluster(values, clusters) if len(set(clusters)) > 1 else (list(values), [1] * len(values))
    return bootstrap_interval(sums, sizes, alpha=choices.alpha, resamples=choices.resamples, seed=choices.seed)
