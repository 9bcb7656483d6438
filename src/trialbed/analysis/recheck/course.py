"""How did a measure go over time? The tables `percentiles` and `over_time`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

from trialbed.analysis.recheck.order import interval, percentile
from trialbed.analysis.recheck.rows import Row
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.spans import Spans, began, moment_of
from trialbed.analysis.recheck.spreads import mean, robust_interval
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import Cell, columns
from trialbed.core.measure import Measure

PERCENTILES = columns(
    variant="text",
    subject="text",
    measure="text",
    n="count",
    missing="count",
    blocks="count",
    mean="number",
    lo_mean="number",
    hi_mean="number",
    p5="number",
    p25="number",
    p50="number",
    lo_p50="number",
    hi_p50="number",
    p75="number",
    p95="number",
    lo_p95="number",
    hi_p95="number",
    p99="number",
    min="number",
    max="number",
)
OVER_TIME = columns(
    measure="text",
    variant="text",
    subject="text",
    bin_start="text",
    n="count",
    p5="number",
    p25="number",
    p50="number",
    p75="number",
    p95="number",
)
_P5, _P25, _P50, _P75, _P95, _P99 = (Fraction(percent, 100) for percent in (5, 25, 50, 75, 95, 99))
_NONE = (None, None)


def percentiles(study: Study) -> Sheet:
    sheet = Sheet("percentiles", PERCENTILES, [], key=("variant", "subject", "measure"))
    spans = study.spans
    for variant, subject, rows in _groups(study) if spans else ():
        for measure in study.over_time:
            counting = study.counting(rows, measure)
            missing = sum(row.is_block_complete for row in rows) - len(counting)
            if counting and spans:
                told = _numbers(study, measure, counting, spans)
                sheet.rows.append((variant, subject, measure.name, len(counting), missing, *told))
    return sheet


def over_time(study: Study) -> Sheet:
    sheet = Sheet("over_time", OVER_TIME, [], key=("measure", "variant", "subject", "bin_start"))
    spans = study.spans
    for variant, subject, rows in _groups(study) if spans else ():
        if subject.endswith(":*"):
            continue
        for measure in study.over_time:
            bins: dict[int, list[float]] = defaultdict(list)
            for row in study.counting(rows, measure):
                value = study.number(row, measure)
                if value is not None and spans:
                    bins[spans.bin_at(began(row))].append(value)
            for start, values in bins.items():
                found = [percentile(sorted(values), share) for share in (_P5, _P25, _P50, _P75, _P95)]
                sheet.rows.append((measure.name, variant, subject, moment_of(start), len(values), *found))
    return sheet


def _groups(study: Study) -> Iterator[tuple[str, str, list[Row]]]:
    """(variant, subject, its trials that ended), also of all subjects of a provider that has several."""
    own: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in study.rows:
        if row.has_ended:
            own[row.planned.variant, row.planned.served_by].append(row)
    for (variant, subject), rows in own.items():
        yield variant, subject, rows
    for provider in {subject.split(":")[0] for _, subject in own}:
        for variant in study.variants:
            those = {at[1]: rows for at, rows in own.items() if at[0] == variant and at[1].startswith(f"{provider}:")}
            yield variant, f"{provider}:*", [row for rows in those.values() for row in rows] if len(those) > 1 else []


def _numbers(study: Study, measure: Measure, rows: Sequence[Row], spans: Spans) -> tuple[Cell, ...]:
    alpha = study.choices.alpha
    pairs = sorted(zip(study.numbers(rows, measure), map(began, rows), strict=True))
    values = [value for value, _ in pairs]
    blocks = None if spans.block is None else [spans.block_at(moment) for _, moment in pairs]
    count = None if blocks is None else len(set(blocks))
    names = [str(number) for number in range(len(values))] if blocks is None else blocks
    sure = None if count == 1 else robust_interval(values, names, alpha)
    p5, p25, p50, p75, p95, p99 = (percentile(values, share) for share in (_P5, _P25, _P50, _P75, _P95, _P99))
    middle, high = (interval(values, share, alpha, blocks) or _NONE for share in (_P50, _P95))
    return (
        *(count, mean(values), *(sure or _NONE), p5, p25, p50, *middle),
        *(p75, p95, *high, p99, values[0], values[-1]),
    )
