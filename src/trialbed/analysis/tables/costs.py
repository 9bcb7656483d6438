"""What was asked, as what, and at which price? Calls, parameters, deviations."""

from collections import Counter
from collections.abc import Sequence

from trialbed.analysis.findings import RunInfo
from trialbed.analysis.population import Population
from trialbed.analysis.table import Cell, Table, columns
from trialbed.core.canonical import canonical_json


def calls(population: Population) -> Table:
    """Answered calls by cell, role and model; repeated ones beside them, since what is asked again is selected."""
    sums: dict[tuple[str, str, str, str], list[float]] = {}
    unknown: set[tuple[str, str, str, str]] = set()
    for row in population.rows.values():
        for one in row.calls:
            key = (row.variant, row.subject, one.role, one.model)
            own = sums.setdefault(key, [0, 0, 0, 0, 0.0])
            for place, amount in enumerate((one.calls, one.repeated, one.input_tokens, one.output_tokens)):
                own[place] += amount
            own[4] += one.usd or 0.0
            if one.usd is None:
                unknown.add(key)
    order = {name: place for names in (population.variants, population.subjects) for place, name in enumerate(names)}
    ordered = sorted(sums, key=lambda key: (order.get(key[1], 0), order.get(key[0], 0), key[2] != "subject", key[3]))
    rows: list[tuple[Cell, ...]] = []
    for key in ordered:
        usd = None if key in unknown else sums[key][4]
        rows.append((*key, *(int(amount) for amount in sums[key][:4]), usd))
    return Table(
        "calls",
        "Calls, tokens and cost",
        columns(
            variant="text",
            subject="text",
            role="text",
            model="text",
            calls="count",
            repeated="count",
            input_tokens="count",
            output_tokens="count",
            usd="number",
        ),
        tuple(rows),
        ("repeated: answered calls that took more than one attempt. An empty cost is unknown, not zero.",),
    )


def parameters(population: Population) -> Table:
    counts = Counter((row.subject, *one) for row in population.rows.values() for one in row.parameters)
    ordered = sorted(counts, key=lambda key: tuple("" if part is None else part for part in key))
    return Table(
        "parameters",
        "Parameters as asked for and as sent",
        columns(subject="text", parameter="text", requested="text", sent="text", records="count"),
        tuple((*key, counts[key]) for key in ordered),
    )


def deviations(runs: Sequence[RunInfo]) -> Table:
    rows = [
        (run.name, *(_text(one.get(name)) for name in ("what", "locked", "actual", "why", "at")))
        for run in runs
        for one in run.deviations
    ]
    return Table(
        "deviations",
        "Deviations from the locked plan",
        columns(run="text", what="text", locked="text", actual="text", why="text", at="text"),
        tuple(rows),
    )


def _text(value: object) -> str | None:
    """As JSON has it, text without quotes."""
    return value if value is None or isinstance(value, str) else canonical_json(value)
