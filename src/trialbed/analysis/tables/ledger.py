"""Where did every planned trial go? From planned to analysed, each exclusion named."""

from collections.abc import Iterable

from trialbed.analysis.population import ALL, Population
from trialbed.analysis.table import Cell, Table, columns

STANDINGS = (
    "not_run",
    "truncated",
    "refused",
    "filtered",
    "parse_failed",
    "provider_error",
    "unjudged",
    "incomplete_block",
    "no_value",
    "analysed",
)


def ledger(population: Population) -> Table:
    """One row for every planned cell, for every variant over all subjects, and for everything."""
    counts = population.standings()

    def row(variant: str, subject: str, variants: Iterable[str], subjects: Iterable[str]) -> tuple[Cell, ...]:
        cells = [(one, other) for one in variants for other in subjects]
        every = [sum(counts[(*cell, standing)] for cell in cells) for standing in STANDINGS]
        return variant, subject, sum(every), *every

    rows = [
        row(variant, subject, [variant], [subject])
        for subject in population.subjects
        for variant in population.variants
    ]
    rows += [row(variant, ALL, [variant], population.subjects) for variant in population.variants]
    rows.append(row(ALL, ALL, population.variants, population.subjects))
    kinds = {"variant": "text", "subject": "text", "planned": "count", **dict.fromkeys(STANDINGS, "count")}
    return Table(
        "ledger",
        "From planned to analysed: every planned trial, counted once",
        columns(**kinds),  # type: ignore[arg-type]  # the kinds are literals above
        tuple(row for row in rows if row[2]),
    )
