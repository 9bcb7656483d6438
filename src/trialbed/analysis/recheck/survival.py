"""After which turn does it happen? The table `survival`.

Kaplan and Meier (J. Am. Stat. Assoc. 53, 1958, 457); intervals from Greenwood's variance on the log(-log) scale
(Kalbfleisch & Prentice 2002, section 1.4).
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from scipy.special import ndtri

from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import Cell, columns

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


def survival(study: Study) -> Sheet:
    sheet = Sheet("survival", SURVIVAL, [], key=("measure", "variant", "subject"))
    for measure in study.measures("survival"):
        place = study.place(measure)
        for subject, variant, rows in study.cells():
            counting = study.counting(rows, measure)
            times = study.numbers(counting, measure)
            happened = [row.evaluation is not None and not row.evaluation.is_censored[place] for row in counting]
            for step in kaplan_meier(list(zip(times, happened, strict=True)), study.choices.alpha):
                sheet.rows.append((measure.name, variant, subject, *step))
    return sheet


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
