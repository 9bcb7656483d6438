"""Rows of records that were never made, for the analysis alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbed.analysis.population import Planned, Population
from trialbed.analysis.rows import Row, Said
from trialbed.core.choices import Choices

RUN = "e-20261120T000000Z"


def said(
    judge: str | None, values: Mapping[str, Any], *, repeat: int = 0, judging: int = 0, name: str = "main"
) -> Said:
    return Said(name, judge, "1", "hash", repeat, judging, values)


def row(
    variant: str,
    block: str,
    values: Mapping[str, Any] | None = None,
    *,
    outcome: str = "answered",
    subject: str = "m",
    scenario: str = "s",
    verdicts: Sequence[Said] = (),
    shortest_reply: int | None = 20,
) -> Row:
    """The record of one trial; its id is made of its place."""
    trial = f"{subject}-{block}-{variant}"
    return Row(
        run=RUN,
        trial_id=trial,
        run_id=f"run_{trial}",
        block=f"{RUN}/{subject}-{block}",
        scenario=scenario,
        variant=variant,
        subject=subject,
        outcome=outcome,
        evaluation=values,
        verdicts=tuple(verdicts),
        shortest_reply=shortest_reply,
        calls=(),
        parameters=(),
        cost_usd=0.01,
        started_at="2026-11-20T00:00:00.000Z",
        timestamp="2026-11-20T01:00:00.000Z",
    )


def population(rows: Sequence[Row], choices: Choices, *, not_run: Sequence[Row] = ()) -> Population:
    """Of these rows; `not_run` were planned and have no record."""
    everything = [*rows, *not_run]
    variants = [choices.baseline, *sorted({one.variant for one in everything} - {choices.baseline})]
    return Population(
        rows={(one.run, one.trial_id): one for one in rows},
        planned={
            (one.run, one.trial_id): Planned((one.run, one.trial_id), one.block, one.variant, one.subject)
            for one in everything
        },
        variants=tuple(variants),
        subjects=tuple(dict.fromkeys(one.subject for one in everything)),
        choices=choices,
    )
