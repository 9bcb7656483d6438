"""How do one run's or several runs' trials become findings? Pools the sources, then has every table made. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from trialbed.analysis.cautions import cautions_of
from trialbed.analysis.facts import facts_of
from trialbed.analysis.findings import Findings
from trialbed.analysis.labels import Label
from trialbed.analysis.population import Planned, Population, assumed_plan
from trialbed.analysis.rows import Row
from trialbed.analysis.sample import sampled
from trialbed.analysis.source import Source
from trialbed.analysis.table import Cell, Table
from trialbed.analysis.tables.availability import availability, outages
from trialbed.analysis.tables.contrasts import contrasts
from trialbed.analysis.tables.costs import calls, deviations, parameters
from trialbed.analysis.tables.factors import by_factor, matched
from trialbed.analysis.tables.judges import agreement, judges, probes
from trialbed.analysis.tables.ledger import ledger
from trialbed.analysis.tables.missing import bounds, category_association, missingness, sensitivity
from trialbed.analysis.tables.over_time import over_time, percentiles
from trialbed.analysis.tables.power import power
from trialbed.analysis.tables.rates import binary_measures, means, rates
from trialbed.analysis.tables.spread import medians, survival, variance
from trialbed.analysis.timeline import Timeline, as_width
from trialbed.core.choices import Choices
from trialbed.core.errors import UserError

NameT = TypeVar("NameT")


def findings(
    sources: Sequence[Source], choices: Choices, *, choices_from: str, source: str, labels: Sequence[Label] = ()
) -> Findings:
    """Everything a report of these sources says.

    Raises:
        UserError: the runs must not be pooled.
    """
    _check_poolable(sources)
    population = _pooled(sources, choices)
    runs = tuple(one.info for one in sources)
    facts = facts_of(population, runs, hours=sum(one.hours for one in sources))
    tables = [*_tables(population, sources, facts, labels), *_tables_over_time(population)]
    readers = {one.info.name: one.read_record for one in sources}
    return Findings(
        title=" and ".join(dict.fromkeys(f"{run.experiment} {run.version}" for run in runs)),
        source=source,
        runs=runs,
        choices=choices,
        choices_from=choices_from,
        tables={table.name: table for table in tables if table.rows},
        facts=facts | _probe_facts(tables) | _time_facts(population.timeline),
        warnings=cautions_of(population, sources, {table.name: table for table in tables}),
        transcripts=sampled(population, lambda row: readers[row.run](row.trial_id)),
        transcripts_of=len(population.rows),
    )


def _tables(
    population: Population, sources: Sequence[Source], facts: Mapping[str, Any], labels: Sequence[Label]
) -> list[Table]:
    runs = [one.info for one in sources]
    category = population.category
    return [
        ledger(population),
        *([rates(population, category)] if category is not None else []),
        binary_measures(population),
        means(population),
        contrasts(population, is_confirmatory=all(run.keeps_its_analysis for run in runs)),
        by_factor(population),
        matched(population),
        *([category_association(population, category)] if category is not None else []),
        bounds(population),
        missingness(population),
        sensitivity(population),
        judges(population),
        agreement(population, labels),
        probes(newest_probes(sources), population.choices),
        variance(population),
        power(population, usd_per_trial=_usd_per_trial(facts), hours_per_trial=_per_trial(facts, "hours")),
        survival(population),
        medians(population),
        calls(population),
        parameters(population),
        deviations(runs),
    ]


def _tables_over_time(population: Population) -> list[Table]:
    timeline = population.timeline
    if timeline is None:
        return []
    return [
        percentiles(population, timeline),
        over_time(population, timeline),
        availability(population, timeline),
        outages(population, timeline),
    ]


def _time_facts(timeline: Timeline | None) -> dict[str, Cell]:
    if timeline is None:
        return {}
    return {
        "interval_s": None if timeline.interval_ms is None else timeline.interval_ms / 1000,
        "bin_s": None if timeline.bin_ms is None else timeline.bin_ms // 1000,
        "bin_width": None if timeline.bin_ms is None else as_width(timeline.bin_ms),
        "block_width": None if timeline.block_ms is None else as_width(timeline.block_ms),
    }


def _usd_per_trial(facts: Mapping[str, Any]) -> float | None:
    """None while any cost is unknown: what is known would be too little."""
    return None if facts["cost_is_complete"] == "no" else _per_trial(facts, "cost_usd")


def _per_trial(facts: Mapping[str, Any], name: str) -> float | None:
    amount, ended = facts[name], facts["ended"]
    return None if amount is None or not ended else amount / ended


def newest_probes(sources: Iterable[Source]) -> list[Mapping[str, Any]]:
    """The events of each judge's newest probing; a judge that was probed twice is not counted twice."""
    newest: dict[str, Any] = {}
    events = [event for one in sources for event in one.probes]
    for event in events:
        newest[event["judge"]] = event["at"]
    return [event for event in events if event["at"] == newest[event["judge"]]]


def _probe_facts(tables: Iterable[Table]) -> dict[str, Any]:
    """Flip rates over all judges, for the prose."""
    found: dict[str, Any] = {}
    table = next(table for table in tables if table.name == "probes")
    for which, name in (("injection", "injection"), ("control", "control"), ("golden", "golden")):
        rows = table.where(set=which, kind="all")
        n = sum(int(row["n"] or 0) for row in rows)
        if n:
            k = sum(int(row["k"] or 0) for row in rows)
            found |= {f"{name}_k": k, f"{name}_n": n, f"{name}_rate": k / n}
    return found


def _pooled(sources: Sequence[Source], choices: Choices) -> Population:
    rows: dict[tuple[str, str], Row] = {}
    planned: dict[tuple[str, str], Planned] = {}
    for one in sources:
        rows |= {(one.info.name, trial_id): row for trial_id, row in one.rows.items()}
        if one.planned is None:
            planned |= assumed_plan(one.rows.values())
        else:
            planned |= {(one.info.name, trial_id): trial for trial_id, trial in one.planned.items()}
    variants = _once(name for one in sources for name in one.variants)
    if any(one.planned is None for one in sources):
        variants = tuple(sorted(variants, key=lambda name: (name != choices.baseline, name)))
    return Population(rows, planned, variants, _once(name for one in sources for name in one.subjects), choices)


def _once(names: Iterable[NameT]) -> tuple[NameT, ...]:
    return tuple(dict.fromkeys(names))


def _check_poolable(sources: Sequence[Source]) -> None:
    """Raises:
    UserError: the runs are of different experiments, or one name stands for different words.
    """
    checks: list[tuple[str, Callable[[Source], Mapping[str, str]]]] = [
        ("experiments", lambda one: {"experiment": f"{one.info.experiment} {one.info.version}"}),
        ("words under one variant", lambda one: one.words),
    ]
    for what, read in checks:
        seen: dict[str, tuple[str, str]] = {}
        for one in sources:
            for name, content in read(one).items():
                run, before = seen.setdefault(name, (one.info.name, content))
                if before != content:
                    raise UserError(
                        f"RUN: {run} and {one.info.name} have different {what} ({name}); report them one by one"
                    )
