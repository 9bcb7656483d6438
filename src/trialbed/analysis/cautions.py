"""What must a reader know before any number? Sentences, the gravest first. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from trialbed.analysis.population import ALL, Population
from trialbed.analysis.source import Source
from trialbed.analysis.table import Table
from trialbed.core.choices import Choices

_REPEATED_SHARE = 0.05


def cautions_of(population: Population, sources: Sequence[Source], tables: Mapping[str, Table]) -> tuple[str, ...]:
    """Every warning that applies."""
    return (
        *_of_sources(population, sources),
        *_of_subjects(population),
        *_of_outages(tables),
        *_of_judges(population, tables),
        *_of_missing(population, tables),
        *_of_calls(tables),
        *factor_cautions(population.choices, population.variants, tables["matched"]),
    )


def _of_sources(population: Population, sources: Sequence[Source]) -> Iterator[str]:
    if any(one.planned is None for one in sources):
        yield (
            "These rows come without their plan: planned trials are taken to be one per variant in every block that "
            "occurs, so that trials of blocks that left no row at all are not seen."
        )
    not_run = sum(count for (_, _, standing), count in population.standings().items() if standing == "not_run")
    if not_run:
        yield (
            f"The run is not complete: {not_run} of {len(population.planned)} planned trials have not been run. Only "
            "complete blocks are analysed; looking at a result before its end, and stopping for what it shows, raises "
            "the rate of false findings."
        )
    for one in sources:
        if one.strangers:
            yield f"{one.info.name}: {one.strangers} records belong to no planned trial and are left out."
    if len({str(one.info.plan and one.info.plan["sampling"]) for one in sources}) > 1:
        yield "The pooled runs were made with different sampling parameters."


def _of_subjects(population: Population) -> Iterator[str]:
    analysed = {row.subject for row in population.analysed}
    for subject in population.subjects:
        if subject not in analysed:
            yield f"{subject} has no trial that can be analysed: it has no rate and no score anywhere."


def _of_outages(tables: Mapping[str, Table]) -> Iterator[str]:
    for row in tables["outages"].where(answered_at=None) if "outages" in tables else ():
        under = "" if row["variant"] == ALL else f" under {row['variant']}"
        yield f"{row['subject']} has not answered{under} since {row['first_at']}: {row['failures']}."


def _of_judges(population: Population, tables: Mapping[str, Table]) -> Iterator[str]:
    judges = tables["judges"]
    used = [row for row in judges.where() if row["evaluations"]]
    if len(used) > 1:
        yield (
            f"The evaluations come from {len(used)} instruments (judge, rubric and prompt differ); see the table of "
            "judges before comparing."
        )
    for row in judges.where(judges_itself="yes"):
        yield f"{row['judge']} judges its own answers among others."
    if judges.rows and len({row["judge"] for row in judges.where()}) == 1 and not tables["agreement"].rows:
        yield "One judge, asked once: nothing is known of its reliability from this run."


def _of_missing(population: Population, tables: Mapping[str, Table]) -> Iterator[str]:
    for row in tables["missingness"].where():
        p = row["p"]
        if isinstance(p, float) and p < population.choices.alpha:
            yield f"Trials are missing more often under some variants than under others ({row['subject']})."
    flips = [row["variant"] for row in tables["bounds"].where(subject="all", sign_holds="no") if row["difference"]]
    missing = sum(
        int(row["missing_variant"] or 0) + int(row["missing_baseline"] or 0) for row in tables["bounds"].where()
    )
    if flips and missing:
        yield (
            f"The missing trials could turn the sign of the difference for: {', '.join(map(str, flips))}; see the "
            "worst and best case."
        )


def _of_calls(tables: Mapping[str, Table]) -> Iterator[str]:
    rows = tables["calls"].where()
    again, all_calls = (sum(int(row[name] or 0) for row in rows) for name in ("repeated", "calls"))
    if all_calls and again / all_calls > _REPEATED_SHARE:
        yield f"{again} of {all_calls} calls took more than one attempt: what is asked again is selected."


def factor_cautions(choices: Choices, variants: Sequence[str], matched: Table) -> Iterator[str]:
    """Of each factor, which trials have no baseline; the most of them that any one measure leaves out."""
    variant = ALL if len(variants) > 1 else next(iter(variants), "")
    for factor in choices.factors:
        counts: dict[tuple[str, str], list[int]] = {}
        for row in matched.where(factor=factor.name, variant=variant):
            if row["subject"] != ALL:
                place = (str(row["subject"]), str(row["level"]))
                counts.setdefault(place, []).append(int(row["unmatched"] or 0))
        without = [_so_many(subject, level, found) for (subject, level), found in counts.items() if max(found)]
        if without:
            yield (
                f"{factor.label}: {', '.join(without)} have no baseline ({factor.baseline}) that matches them and are "
                "compared with nothing."
            )


def _so_many(subject: str, level: str, counts: Sequence[int]) -> str:
    most = max(counts)
    about = "up to " if min(counts) < most else ""
    return f"{about}{most} {'trial' if most == 1 else 'trials'} of {subject} ({level})"
