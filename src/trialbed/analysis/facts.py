"""Which numbers does the prose of a report use? By name, so that no sentence counts anything itself. Pure."""

import math
from collections.abc import Sequence
from datetime import datetime

from trialbed.analysis.findings import RunInfo
from trialbed.analysis.population import Population
from trialbed.analysis.table import Cell
from trialbed.core.outcome import Outcome


def facts_of(population: Population, runs: Sequence[RunInfo], *, hours: float) -> dict[str, Cell]:
    """Counts of trials, blocks and models, costs and times. What is not known is None."""
    planned, rows = population.planned, population.rows
    ended, analysed = population.ended, _analysed(population)
    costs = [row.cost_usd for row in rows.values()]
    known = [cost for cost in costs if cost is not None]
    repeats = {run.plan["repeats"] for run in runs if run.plan is not None}
    return {
        "runs": len(runs),
        "planned": len(planned),
        "records": len(rows),
        "ended": len(ended),
        "not_run": len(planned) - len(ended),
        "answered": sum(row.outcome == Outcome.ANSWERED for row in ended),
        "analysed": analysed,
        "excluded": len(ended) - analysed,
        "blocks_planned": len({trial.block for trial in planned.values()}),
        "blocks_complete": len(population.complete),
        "subjects": len(population.subjects),
        "variants": len(population.variants),
        "scenarios": _scenarios(population, runs),
        "repeats": repeats.pop() if len(repeats) == 1 else None,
        "cost_usd": math.fsum(known) if known else None,
        "cost_is_complete": "yes" if len(known) == len(costs) else "no",
        "hours": hours,
        "first_at": min((row.started_at for row in rows.values()), default=None),
        "last_at": max((row.timestamp for row in rows.values()), default=None),
        "first_day": _day(min((row.started_at for row in rows.values()), default=None)),
        "last_day": _day(max((row.timestamp for row in rows.values()), default=None)),
        "alpha": population.choices.alpha,
        "confidence_percent": f"{100 * (1 - population.choices.alpha):g}",
        "resamples": population.choices.resamples,
    }


def _analysed(population: Population) -> int:
    return sum(count for (_, _, standing), count in population.standings().items() if standing == "analysed")


def _scenarios(population: Population, runs: Sequence[RunInfo]) -> int:
    planned = {scenario["id"] for run in runs if run.plan is not None for scenario in run.plan["scenarios"]}
    return len(planned | {row.scenario for row in population.rows.values()})


def _day(moment: str | None) -> str | None:
    return None if moment is None else datetime.fromisoformat(moment).date().isoformat()
