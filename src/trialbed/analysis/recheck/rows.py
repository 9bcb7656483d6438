"""What does one run's folder hold for the tables: one small row for each planned trial, from its newest record?

A record is parsed, what the tables need is kept, and the rest is let go: 20,000 trials take some 100 MB.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trialbed.analysis.recheck.journal import event_at, whole_lines
from trialbed.analysis.recheck.planned import Planned, subject_names, the_planned
from trialbed.core.choices import Choices
from trialbed.core.factor import Factor
from trialbed.core.measure import Measure, Value

ENDED = frozenset({"answered", "truncated", "refused", "filtered", "parse_failed", "provider_error", "judge_error"})
_LONGEST_LEVEL = 200
_KEPT_EVENTS = ("run_start", "deviation", "probe")


class DifferentChoices(ValueError):
    """Choices of an analysis are not those of its plan; the text names them."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one verdict says, as the measures read it. `judging` 0 is the run's own, n the n-th later one."""

    name: str
    judge: str | None
    judging: int
    repeat: int
    rubric_version: str | None
    prompt_hash: str | None
    values: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The verdict that counts: by measure what it says, whether a time ended without the event, and whether the measure
    is about this trial at all.

    `levels` are by factor, each with the JSON of what the trial's baseline must have in common with it.
    """

    values: tuple[Value | None, ...]
    is_censored: tuple[bool, ...]
    is_about: tuple[bool, ...]
    levels: tuple[tuple[str | None, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    role: str
    model: str
    is_repeated: bool
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(slots=True)
class Row:
    """One planned trial; `outcome` is None without a record. `fewest_words` is of its shortest reply.

    `opinions` are the verdicts of models, `evaluating` is the one (of a model or a rule) that became the evaluation.
    `asked` are (parameter, requested, sent) as text; `deviations` as the record has them.
    """

    run: str
    planned: Planned
    outcome: str | None = None
    is_block_complete: bool = False
    evaluation: Evaluation | None = None
    evaluating: Opinion | None = None
    opinions: tuple[Opinion, ...] = ()
    fewest_words: int | None = None
    calls: tuple[Call, ...] = ()
    asked: tuple[tuple[str, str, str], ...] = ()
    cost_usd: float | None = None
    started_at: str = ""
    timestamp: str = ""
    deviations: tuple[Mapping[str, Any], ...] = ()

    @property
    def has_ended(self) -> bool:
        return self.outcome is not None

    @property
    def is_analysed(self) -> bool:
        return self.outcome == "answered" and self.evaluation is not None and self.is_block_complete

    @property
    def block(self) -> tuple[str, str]:
        return self.run, self.planned.block_id

    @property
    def key(self) -> tuple[str, str]:
        return self.run, self.planned.trial_id


@dataclass(frozen=True)
class RunRows:
    """One run. `document` is its plan.json, `events` those of `_KEPT_EVENTS` in order."""

    name: str
    document: Mapping[str, Any]
    rows: list[Row]
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def plan(self) -> Mapping[str, Any]:
        plan: Mapping[str, Any] = self.document["plan"]
        return plan

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["e"] == kind]

    @property
    def is_analysed_as_locked(self) -> bool:
        """Whether every sitting had the same locked plan, and nothing declared since changes a choice of the analysis.

        A deviation is named by where it is: `experiments/NAME: CHOICE` or `experiments/NAME: CHOICE: more`.
        """
        starts = self.of_kind("run_start")
        locks = [start.get("lock") for start in starts]
        if not locks or not all(locks) or len({lock["hash"] for lock in locks if lock}) > 1:
            return False
        places = [str(event.get("what")).split(": ", 1) for event in self.of_kind("deviation")]
        changed = {place[1].split(":")[0] for place in places if len(place) == 2}
        return changed.isdisjoint(Choices.model_fields)


def choices_in(documents: Sequence[Mapping[str, Any]], *, otherwise: Choices | None = None) -> Choices:
    """The analysis of the newest plan.json that names measures, but for what a report may be asked for.

    Args:
        otherwise: the choices that were used. Where a plan decides, they must be its, apart from the margin of
            equivalence; where none does, they are taken; without both there are no measures.

    Raises:
        DifferentChoices: they are not the plan's.
    """
    planned = next((found for document in reversed(documents) if (found := _planned_choices(document))), None)
    if planned is not None and otherwise is not None:
        asked = planned.model_copy(update={"equivalence_margin": otherwise.equivalence_margin})
        if asked != otherwise:
            names = sorted(name for name in Choices.model_fields if getattr(asked, name) != getattr(otherwise, name))
            raise DifferentChoices(f"{', '.join(names)}: not as plan.json has decided")
    return otherwise or planned or _no_measures(documents[-1])


def _planned_choices(document: Mapping[str, Any]) -> Choices | None:
    chosen = document.get("analysis")
    if chosen is None or not chosen.get("measures"):
        return None
    return Choices.model_validate(chosen)


def _no_measures(document: Mapping[str, Any]) -> Choices:
    plan = document["plan"]
    baseline = next((variant["id"] for variant in plan["variants"] if variant.get("baseline")), "")
    return Choices(baseline=baseline, seed=plan["seed"])


def read_document(folder: Path) -> dict[str, Any]:
    """A run's plan.json.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    document: dict[str, Any] = json.loads((folder / "plan.json").read_bytes())
    return document


def read_run(
    folder: Path, measures: tuple[Measure, ...], factors: tuple[Factor, ...] = (), *, lines: int | None = None
) -> RunRows:
    """The rows of a run from the first `lines` lines of its journal (None: from all)."""
    document = read_document(folder)
    rows = {planned.trial_id: Row(folder.name, planned) for planned in the_planned(document["plan"])}
    newest: dict[str, tuple[int, int]] = {}
    events = []
    journal = folder / "journal.jsonl"
    for line in whole_lines(journal, first=lines) if journal.exists() else ():
        if line.kind == "record" and line.trial in rows:
            newest[line.trial] = (line.offset, len(line.data))
        elif line.kind in _KEPT_EVENTS:
            events.append(line.event())
    for record in _records(journal, newest):
        _fill(rows[record["trial_id"]], record, measures, factors)
    _mark_complete_blocks(list(rows.values()))
    return RunRows(folder.name, document, list(rows.values()), events)


def _records(journal: Path, newest: Mapping[str, tuple[int, int]]) -> Iterator[dict[str, Any]]:
    if newest:
        for event in event_at(journal, sorted(newest.values())):
            yield event["record"]


def _mark_complete_blocks(rows: list[Row]) -> None:
    open_blocks = {row.block for row in rows if not row.has_ended}
    for row in rows:
        row.is_block_complete = row.block not in open_blocks


def _fill(row: Row, record: Mapping[str, Any], measures: tuple[Measure, ...], factors: tuple[Factor, ...]) -> None:
    if record["outcome"] not in ENDED:
        return
    row.outcome = record["outcome"]
    row.opinions = tuple(_opinion(verdict, measures) for verdict in record["verdicts"] if verdict["judge"] is not None)
    row.calls = tuple(_call(call) for call in record["calls"])
    row.asked = _asked(record)
    row.cost_usd = record["cost_usd"]
    row.started_at, row.timestamp = record["started_at"], record["timestamp"]
    row.deviations = tuple(record["deviations"])
    row.fewest_words = _fewest_words(record["conversation_log"])
    if record["evaluation"] is not None:
        first = _evaluating(record["verdicts"])
        row.evaluating = None if first is None else _opinion(first, measures)
        row.evaluation = Evaluation(
            values=tuple(measure.value_of(record["evaluation"]) for measure in measures),
            is_censored=tuple(measure.is_censored(record["evaluation"]) for measure in measures),
            is_about=tuple(_is_about(measure.field, record["evaluation"]) for measure in measures),
            levels=_levels(record["evaluation"], factors) if factors else (),
        )


def _is_about(field: str, evaluation: Mapping[str, Any]) -> bool:
    """Whether a trial is one that a measure of this field is about: null says that it is not."""
    found: Any = evaluation
    for name in field.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return True
        found = found[name]
    return found is not None


def _levels(evaluation: Mapping[str, Any], factors: tuple[Factor, ...]) -> tuple[tuple[str | None, str], ...]:
    brief = _brief(evaluation)
    return tuple((factor.level_of(brief), _common(factor.match_of(brief))) for factor in factors)


def _brief(value: Any) -> Any:
    """Without lists and long texts: they are no levels, and nothing that trials have in common."""
    if isinstance(value, Mapping):
        return {name: _brief(member) for name, member in value.items()}
    return None if isinstance(value, list) or (isinstance(value, str) and len(value) > _LONGEST_LEVEL) else value


def _common(values: tuple[Any, ...]) -> str:
    """The same text for the same values: 200.0 is 200."""
    plain = [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    return json.dumps(plain, sort_keys=True)


def _evaluating(verdicts: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The verdict that became the evaluation: the first main one of the newest judging."""
    main = [verdict for verdict in verdicts if not verdict.get("repeat")]
    newest = max((verdict.get("judging", 0) for verdict in main), default=0)
    return next((verdict for verdict in main if verdict.get("judging", 0) == newest), None)


def _opinion(verdict: Mapping[str, Any], measures: tuple[Measure, ...]) -> Opinion:
    return Opinion(
        name=verdict["name"],
        judge=verdict["judge"],
        judging=verdict.get("judging", 0),
        repeat=verdict.get("repeat", 0),
        rubric_version=verdict["rubric_version"],
        prompt_hash=verdict["prompt_hash"],
        values=tuple(measure.value_of(verdict["values"]) for measure in measures),
    )


def _call(call: Mapping[str, Any]) -> Call:
    return Call(
        role=call["role"],
        model=call["model"],
        is_repeated=len(call["attempts"]) > 1,
        input_tokens=call["usage"]["input_tokens"],
        output_tokens=call["usage"]["output_tokens"],
        cost_usd=call.get("cost_usd"),
    )


def _asked(record: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    requested, sent = record["requested_parameters"], record["sent_parameters"]
    names = list(dict.fromkeys([*requested, *sent]))
    pairs = ((name, as_text(requested.get(name)), as_text(sent.get(name))) for name in names)
    return tuple(pair for pair in pairs if pair[1] or pair[2])


def as_text(value: Any) -> str:
    """A parameter as a cell: as JSON has it, text without quotes, nothing for null."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _fewest_words(log: list[dict[str, str]]) -> int | None:
    counts = [len(said["content"].split()) for said in log if said["role"] == "assistant"]
    return min(counts, default=None)


def subjects_in(plan: Mapping[str, Any]) -> list[str]:
    return list(subject_names(plan).values())
