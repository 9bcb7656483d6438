"""After which turn does it happen? The tables `survival` and `medians`.

Kaplan and Meier (J. Am. Stat. Assoc. 53, 1958, 457); intervals from Greenwood's variance on the log(-log) scale
(Kalbfleisch & Prentice 2002, section 1.4); the median's from Brookmeyer and Crowley (Biometrics 38, 1982, 29). Log-rank
test: Mantel (Cancer Chemother. Rep. 50, 1966, 163), of two groups.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from scipy.special import chdtrc, ndtri

from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import Cell, columns
from trialbed.core.measure import Measure

SURVIVAL = columns(
    measure="text",
    variant="text",
    subject="text",
    time="number",
    at_risk="count",
    events="count",
    survival="share",
    lo="share",
    hi="share",
)


MEDIANS = columns(
    measure="text",
    variant="text",
    subject="text",
    n="count",
    events="count",
    median="number",
    lo="number",
    hi="number",
    p="p",
)
_HALF = 0.5
Seen = list[tuple[float, bool]]
"""Each trial's time, and whether it was the event."""


def survival(study: Study) -> Sheet:
    sheet = Sheet("survival", SURVIVAL, [], key=("measure", "variant", "subject"))
    for measure in study.measures("survival"):
        for (subject, variant), seen in _seen(study, measure).items():
            for step in kaplan_meier(seen, study.choices.alpha):
                sheet.rows.append((measure.name, variant, subject, *step))
    return sheet


def medians(study: Study) -> Sheet:
    sheet = Sheet("medians", MEDIANS, [], key=("measure", "variant", "subject"))
    for measure in study.measures("survival"):
        seen = _seen(study, measure)
        for (subject, variant), own in seen.items():
            beside = [] if variant == study.choices.baseline else seen.get((subject, study.choices.baseline), [])
            steps = list(kaplan_meier(own, study.choices.alpha))
            times = [_first_at_most_half(steps, column) for column in (3, 4, 5)]
            events = sum(happened for _, happened in own)
            sheet.add((measure.name, variant, subject, len(own), events, *times, log_rank(own, beside)))
    return sheet


def _seen(study: Study, measure: Measure) -> dict[tuple[str, str], Seen]:
    """By subject and variant, where any trial counts."""
    place = study.place(measure)
    found: dict[tuple[str, str], Seen] = {}
    for subject, variant, rows in study.cells():
        counting = study.counting(rows, measure)
        happened = [row.evaluation is not None and not row.evaluation.is_censored[place] for row in counting]
        if counting:
            found[subject, variant] = list(zip(study.numbers(counting, measure), happened, strict=True))
    return found


def _first_at_most_half(steps: Sequence[tuple[Cell, ...]], column: int) -> Cell:
    """The first time whose survival (or an end of its interval) is one half or less, but for rounding."""
    for step in steps:
        value = step[column]
        if isinstance(value, float) and value <= _HALF + (1e-12 if column == 3 else 0.0):
            return step[0]
    return None


def log_rank(one: Seen, other: Seen) -> float | None:
    """The chance of curves this different if both are one; None where no event tells anything."""
    far = variance = 0.0
    for time in sorted({time for time, happened in (*one, *other) if happened}):
        at_risk = [sum(end >= time for end, _ in group) for group in (one, other)]
        events = [sum(end == time and happened for end, happened in group) for group in (one, other)]
        n, d = sum(at_risk), sum(events)
        far += events[0] - d * at_risk[0] / n
        if n > 1:
            variance += at_risk[0] * at_risk[1] * d * (n - d) / (n * n * (n - 1))
    if variance < 1e-12:
        return None
    return float(chdtrc(1, far * far / variance))


def kaplan_meier(seen: Sequence[tuple[float, bool]], alpha: float) -> Iterator[tuple[Cell, ...]]:
    """(time, at_risk, events, survival, lo, hi) of every time; seen are (time, whether it was the event)."""
    z = float(ndtri(1 - alpha / 2))
    ending = Counter(time for time, _ in seen)
    happening = Counter(time for time, happened in seen if happened)
    at_risk, left, greenwood = len(seen), 1.0, 0.0
    for time in sorted(ending):
        events = happening[time]
        left *= (at_risk - events) / at_risk
        lo = hi = None
        if events < at_risk:
            greenwood += events / (at_risk * (at_risk - events))
        if 0 < left < 1:
            # log(-log S) moves by z * error / |log S|; back on the scale of S that is an exponent.
            width = math.exp(z * math.sqrt(greenwood) / -math.log(left))
            lo, hi = left**width, left ** (1 / width)
        yield time, at_risk, events, left, lo, hi
        at_risk -= ending[time]
