"""Which tables does a report have, and who computes each again?"""

from trialbed.analysis.recheck import (
    agreement,
    association,
    cells,
    contrasts,
    course,
    factors,
    ledger,
    power,
    probes,
    silences,
    survival,
    usage,
)
from trialbed.analysis.recheck import variance as spread
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import Study


def recomputed(study: Study) -> dict[str, Sheet]:
    """Every table by name; those with nothing to say have no rows."""
    is_confirmatory = all(run.is_analysed_as_locked for run in study.runs)
    sheets = (
        ledger.ledger(study),
        cells.rates(study),
        cells.measures(study),
        cells.means(study),
        contrasts.contrasts(study, is_confirmatory=is_confirmatory),
        factors.by_factor(study),
        factors.matched(study),
        association.association(study),
        ledger.bounds(study),
        ledger.missingness(study),
        contrasts.sensitivity(study),
        agreement.judges(study),
        agreement.agreement(study),
        probes.probes(study),
        spread.variance(study),
        power.power(study),
        survival.survival(study),
        survival.medians(study),
        usage.calls(study),
        usage.parameters(study),
        usage.deviations(study),
        course.percentiles(study),
        course.over_time(study),
        silences.availability(study),
        silences.outages(study),
    )
    return {sheet.name: sheet for sheet in sheets}
