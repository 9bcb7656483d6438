"""Which transcripts go into a report? A seeded sample that leaves no kind of trial out, within a size. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from trialbed.analysis.findings import Told
from trialbed.analysis.population import Population
from trialbed.analysis.rows import Row
from trialbed.core.canonical import canonical_json

MOST = 700
MOST_CHARS = 5_000_000


def sampled(
    population: Population,
    read_record: Callable[[Row], dict[str, Any]],
    *,
    most: int = MOST,
    most_chars: int = MOST_CHARS,
) -> tuple[Told, ...]:
    """Round and round over all kinds of trials (variant, subject, outcome, category), one of each at a time."""
    told: list[Told] = []
    chars = 0
    for row, category in _in_turns(_by_kind(population), seed=population.choices.seed):
        one = _told(row, category, read_record(row))
        chars += len(canonical_json([dict(said) for said in one.log])) + len(canonical_json(list(one.verdicts)))
        if told and (len(told) >= most or chars > most_chars):
            break
        told.append(one)
    order = {name: number for number, name in enumerate(population.variants)}
    return tuple(sorted(told, key=lambda one: (order.get(one.variant, 0), one.subject, one.run, one.run_id)))


_Kinds = dict[tuple[str, ...], list[tuple[Row, str | None]]]


def _by_kind(population: Population) -> _Kinds:
    kinds: defaultdict[tuple[str, ...], list[tuple[Row, str | None]]] = defaultdict(list)
    choices = population.choices
    measure = None if choices.category is None else choices.measure(choices.category)
    for _, row in sorted(population.rows.items()):
        value = None if measure is None else measure.value_of(row.evaluation)
        category = None if value is None else str(value)
        kinds[row.variant, row.subject, row.outcome, category or ""].append((row, category))
    return kinds


def _in_turns(kinds: _Kinds, *, seed: int) -> Iterator[tuple[Row, str | None]]:
    draw = Random(f"{seed}:transcripts")
    queues = [own for _, own in sorted(kinds.items())]
    for own in queues:
        draw.shuffle(own)
    for turn in range(max(map(len, queues), default=0)):
        yield from (own[turn] for own in queues if turn < len(own))


def _told(row: Row, category: str | None, record: dict[str, Any]) -> Told:
    return Told(
        run=row.run,
        run_id=row.run_id,
        trial_id=row.trial_id,
        scenario=row.scenario,
        variant=row.variant,
        subject=row.subject,
        outcome=row.outcome,
        reason=record["outcome_reason"],
        category=category,
        log=tuple(record["conversation_log"]),
        verdicts=tuple(record["verdicts"]),
    )
