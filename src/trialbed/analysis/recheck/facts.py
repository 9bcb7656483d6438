"""Which numbers stand in sentences? The facts of a report that journals decide."""

import math
from datetime import datetime

from trialbed.analysis.recheck.hours import hours_of
from trialbed.analysis.recheck.ledger import state_of
from trialbed.analysis.recheck.probes import CONTROL, GOLDEN, INJECTION, probes
from trialbed.analysis.recheck.spans import in_words
from trialbed.analysis.recheck.study import ALL, Study
from trialbed.analysis.table import Cell


def facts(study: Study) -> dict[str, Cell]:
    """By name."""
    return _counts(study) | _costs(study) | _times(study) | _choices(study) | _probed(study) | _spans(study)


def _counts(study: Study) -> dict[str, Cell]:
    ended = [row for row in study.rows if row.has_ended]
    analysed = sum(state_of(row, study) == "analysed" for row in ended)
    blocks = {row.block for row in study.rows}
    repeats = {run.plan["repeats"] for run in study.runs}
    return {
        "runs": len(study.runs),
        "planned": len(study.rows),
        "ended": len(ended),
        "not_run": len(study.rows) - len(ended),
        "analysed": analysed,
        "excluded": len(ended) - analysed,
        "answered": sum(row.outcome == "answered" for row in ended),
        "records": len(ended),
        "blocks_planned": len(blocks),
        "blocks_complete": len(blocks - {row.block for row in study.rows if not row.has_ended}),
        "subjects": len(study.subjects),
        "variants": len(study.variants),
        "scenarios": len({scenario["id"] for run in study.runs for scenario in run.plan["scenarios"]}),
        "repeats": next(iter(repeats)) if len(repeats) == 1 else None,
    }


def _costs(study: Study) -> dict[str, Cell]:
    """What is known of the cost, and whether that is all."""
    ended = [row for row in study.rows if row.has_ended]
    known = [row.cost_usd for row in ended if row.cost_usd is not None]
    return {
        "cost_usd": math.fsum(known) if known else None,
        "cost_is_complete": "yes" if len(known) == len(ended) else "no",
    }


def _times(study: Study) -> dict[str, Cell]:
    ended = [row for row in study.rows if row.has_ended]
    first = min((row.started_at for row in ended), default=None)
    last = max((row.timestamp for row in ended), default=None)
    return {
        "hours": hours_of(study.runs),
        "first_at": first,
        "last_at": last,
        "first_day": _day(first),
        "last_day": _day(last),
    }


def _choices(study: Study) -> dict[str, Cell]:
    return {
        "alpha": study.choices.alpha,
        "confidence_percent": f"{100 * (1 - study.choices.alpha):g}",
        "resamples": study.choices.resamples,
    }


def _probed(study: Study) -> dict[str, Cell]:
    """Over all judges, of each set."""
    found: dict[str, Cell] = {}
    sheet = probes(study)
    for which in (GOLDEN, INJECTION, CONTROL):
        counts = [row for row in sheet.spelt() if row[1] == which and row[2] == ALL]
        k, n = sum(int(row[3]) for row in counts), sum(int(row[4]) for row in counts)
        if n:
            found |= {f"{which}_k": k, f"{which}_n": n, f"{which}_rate": k / n}
    return found


def _spans(study: Study) -> dict[str, Cell]:
    """Of what is measured over time."""
    spans = study.spans
    if spans is None:
        return {}
    return {
        "interval_s": None if spans.step is None else spans.step / 1000,
        "bin_s": None if spans.bin is None else spans.bin // 1000,
        "bin_width": None if spans.bin is None else in_words(spans.bin),
        "block_width": None if spans.block is None else in_words(spans.block),
    }


def _day(moment: str | None) -> str | None:
    return None if moment is None else datetime.fromisoformat(moment).date().isoformat()
