"""What does a report say? Everything it shows, as values: numbers in tables, facts for prose, transcripts to read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trialbed.analysis.table import Cell, Table
from trialbed.core.choices import Choices


@dataclass(frozen=True)
class RunInfo:
    """What is known of one run beside its trials. Rows of a dataset have no plan and no journal.

    Args:
        plan: the `plan` member of plan.json: words, models, sampling, seed, repeats.
        lock: {hash, locked_at, file, matches} of the locked plan it was made under; None = none.
        deviations: [{what, locked, actual, why, at}].
        journal_lines, journal_head: how many lines were read, and the chain's value at the last one.
        judgings: the `judging_start` events of later judgings.
    """

    name: str
    experiment: str
    version: str
    plan_hash: str
    planned: int | None
    plan: Mapping[str, Any] | None
    began_at: str | None
    ended_at: str | None
    is_rehearsal: bool
    is_complete: bool
    lock: Mapping[str, Any] | None = None
    deviations: tuple[Mapping[str, Any], ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    journal_lines: int | None = None
    journal_head: str | None = None
    judgings: tuple[Mapping[str, Any], ...] = ()

    @property
    def keeps_its_analysis(self) -> bool:
        """Whether it was made under a locked plan, and no declared deviation changes what is measured or how."""
        changed = {_attribute(str(one.get("what"))) for one in self.deviations}
        return self.lock is not None and not changed & Choices.model_fields.keys()


@dataclass(frozen=True)
class Told:
    """One trial to read. `category` is its value of the category measure, None if it has none.

    `log` is the record's conversation_log, `verdicts` the record's verdicts. All of it is untrusted text.
    """

    run: str
    run_id: str
    trial_id: str
    scenario: str
    variant: str
    subject: str
    outcome: str
    reason: str | None
    category: str | None
    log: tuple[Mapping[str, str], ...]
    verdicts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Findings:
    """`tables` by name, in the order of the report (see TABLES.md).

    `facts` are the numbers and names that the prose uses, by name: a sentence takes every number from here.
    `choices_from` says where the analysis was decided: plan, experiment or data. `warnings` are sentences a reader
    must see first.
    `transcripts` are a seeded sample, balanced over cells, of `transcripts_of` records.
    """

    title: str
    source: str
    runs: tuple[RunInfo, ...]
    choices: Choices
    choices_from: str
    tables: Mapping[str, Table]
    facts: Mapping[str, Cell]
    warnings: tuple[str, ...] = ()
    transcripts: tuple[Told, ...] = ()
    transcripts_of: int = 0

    @property
    def is_confirmatory(self) -> bool:
        """Whether every run was made under a locked plan and is analysed as it says."""
        return bool(self.runs) and all(run.keeps_its_analysis for run in self.runs)


def _attribute(what: str) -> str:
    """Of a deviation like `experiments/dilemma: measures: deceived.positive`: the choice, `measures`."""
    return what.partition(": ")[2].partition(":")[0]
