"""What will the run take that a command asks for? From earlier runs on disk, else from the experiment's code."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from trialbed.analysis.estimate import Estimate, Takes, between, from_seen
from trialbed.analysis.estimate_cells import Kind, Place, Seen, Took, collect, judged_more_often, merged
from trialbed.analysis.estimate_hours import Pace, hours
from trialbed.analysis.estimate_interval import CONFIDENCE, Interval
from trialbed.app.known import known_of
from trialbed.app.prepare import Prepared
from trialbed.app.pricing import price_of
from trialbed.core.errors import UserError
from trialbed.core.model import Usage
from trialbed.core.outcome import SETTLED
from trialbed.core.price import Price, cost_usd, tier_asked
from trialbed.core.trial import Trial
from trialbed.engine import folder as folders
from trialbed.engine.folder import RunFolder
from trialbed.sinks.journal.events import kind_of
from trialbed.sinks.journal.file import whole_lines
from trialbed.sinks.journal.state import JournalState, read_state

if TYPE_CHECKING:
    from trialbed.analysis.estimate_walk import Length

_MOST_RUNS = 3
_MOST_RECORDS = 3_000
_WALKED_SCENARIOS = 3
_WALKS: "tuple[Length, ...]" = ("shortest", "usual", "longest")
_SEEDS = range(3)
_PREFLIGHT = {
    "low": Usage(),
    "expected": Usage(input_tokens=40, output_tokens=8),
    "high": Usage(input_tokens=1_500, output_tokens=64),
}
"""Of the small call that is made to each model in each role before a run."""


def estimate(prepared: Prepared, *, fresh: bool = False) -> Estimate:
    """What is still to do of the plan; of a plan that is finished, what doing it again would take."""
    chosen = None if fresh else folders.find_resumable(prepared.settings.local_backup_dir, prepared.plan)
    notes = []
    state = JournalState()
    if chosen is not None and chosen.is_complete:
        notes.append(f"this plan is finished in run {chosen.folder.name}; the estimate is for running it --fresh")
    elif chosen is not None and chosen.folder.journal.exists():
        state = read_state(chosen.folder.journal)
        notes.append(f"run {chosen.folder.name} would be resumed; what it has done is not in the estimate")
    trials = _still_to_run(prepared, state)
    earlier = _earlier(prepared)
    tier = tier_asked(prepared.settings.service)
    known = {str(model): price_of(prepared.prices, model) for model in prepared.models}
    prices = {model: None if price is None else price.in_tier(tier) for model, price in known.items()}
    takes = _takes(prepared, trials, earlier, prices)
    length, because = hours(
        takes,
        trials=sum(trials.values()),
        concurrency=prepared.settings.max_concurrency,
        delay_s=prepared.settings.inter_run_delay,
        subjects=len(prepared.plan.subjects),
        latency_s=earlier.latency_s,
        paces=_paces(prepared, earlier),
        burndown={str(model): float(known_of(model).burndown) for model in prepared.models},
    )
    return Estimate(
        trials=sum(trials.values()),
        takes=_with_preflight(takes, prepared, prices) if trials else takes,
        hours=length,
        hours_because=because,
        runs=tuple(earlier.runs),
        seen=earlier.seen.count,
        prices_as_of=prepared.prices.as_of,
        unpriced=tuple(model for model, price in prices.items() if price is None),
        confidence=CONFIDENCE,
        spent_usd=state.costs.spent_usd,
        notes=tuple(notes),
    )


def _still_to_run(prepared: Prepared, state: JournalState) -> dict[Kind, int]:
    plan = prepared.plan
    if plan.limit is None and not state.recorded:
        return {
            _kind(prepared, scenario.id, variant.id, str(subject)): plan.repeats
            for scenario in plan.scenarios
            for variant in plan.variants
            for subject in plan.subjects
        }
    left = (trial for trial in plan.trials() if not _is_settled(trial, state))
    return dict(Counter(_kind(prepared, trial.scenario.id, trial.variant.id, str(trial.subject)) for trial in left))


def _is_settled(trial: Trial, state: JournalState) -> bool:
    recorded = state.recorded.get(trial.trial_id)
    return recorded is not None and recorded.outcome in SETTLED


def _kind(prepared: Prepared, scenario: str, variant: str, subject: str) -> Kind:
    plan = prepared.plan
    judges = tuple(map(str, plan.judges))
    return Kind(scenario, variant, subject, judges, plan.sampling.max_tokens, plan.version)


@dataclass
class _Earlier:
    """What the newest earlier runs have to tell. `paces` is by model, of the newest run that says anything."""

    seen: Seen = field(default_factory=Seen)
    runs: list[str] = field(default_factory=list)
    paces: dict[str, Pace] = field(default_factory=dict)
    latency_s: float | None = None


def _earlier(prepared: Prepared) -> _Earlier:
    """The newest runs of the experiment that have records, rehearsed ones only for a rehearsal."""
    found = _Earlier()
    parts: list[Seen] = []
    for folder in folders.runs_newest_first(prepared.settings.local_backup_dir):
        if len(parts) == _MOST_RUNS or not folder.name.startswith(f"{prepared.plan.experiment}-"):
            continue
        judging = _judging_of(folder, prepared)
        if judging is None or not folder.journal.exists():
            continue
        told = _read(folder)
        judges, share = judging
        if part := collect(told.records.values(), judges).trials:
            factor = (1 + prepared.plan.judge_repeat_share) / (1 + share)
            parts.append(Seen({kind: [judged_more_often(one, factor) for one in own] for kind, own in part.items()}))
            found.runs.append(folder.name)
            found.paces = told.paces | found.paces
    found.seen = merged(parts)
    found.latency_s = _latency_s(found.seen)
    return found


def _judging_of(folder: RunFolder, prepared: Prepared) -> tuple[tuple[str, ...], float] | None:
    """The judges of a run of the same experiment and of the same sort, real or rehearsed, and the share of its trials
    that they judged twice; else None."""
    try:
        plan = folder.read_plan()["plan"]
        is_rehearsal = any(str(subject).startswith("rehearsal:") for subject in plan["subjects"])
        if plan["experiment"] != prepared.plan.experiment or is_rehearsal != prepared.is_rehearsal:
            return None
        # Another student, or another number of turns, takes another number of calls.
        if plan.get("dialogue") != prepared.plan.as_dict().get("dialogue"):
            return None
        return tuple(plan["judges"]), float(plan.get("judge_repeat_share", 0.0))
    except (UserError, KeyError, TypeError):
        return None


@dataclass
class _Told:
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    paces: dict[str, Pace] = field(default_factory=dict)


def _read(folder: RunFolder) -> _Told:
    """The first records of a run, newest version of each; trials run in balanced order, so any cut is fair."""
    told = _Told()
    for _, line in whole_lines(folder.journal):
        kind = kind_of(line)
        if kind == "record":
            event = orjson.loads(line)
            if event["trial"] in told.records or len(told.records) < _MOST_RECORDS:
                told.records[event["trial"]] = event["record"]
        elif kind == "governor":
            event = orjson.loads(line)
            why = f"the quota learnt in {folder.name}"
            told.paces[event["model"]] = Pace(event.get("requests_per_s"), event.get("tokens_per_s"), why)
    return told


def _latency_s(seen: Seen) -> float | None:
    """Of an answered call, on average."""
    took = [one for trials in seen.trials.values() for trial in trials for one in trial.values()]
    calls = sum(one.calls for one in took)
    return sum(one.latency_s for one in took) / calls if calls else None


def _paces(prepared: Prepared, earlier: _Earlier) -> dict[str, Pace]:
    """Quotas the user has set; else those an earlier run has learnt."""
    rpm, tpm = prepared.settings.quota_rpm, prepared.settings.quota_tpm
    if rpm is None and tpm is None:
        return {model: pace for model, pace in earlier.paces.items() if model in set(map(str, prepared.models))}
    pace = Pace(None if rpm is None else rpm / 60, None if tpm is None else tpm / 60, "QUOTA_RPM, QUOTA_TPM")
    return {str(model): pace for model in prepared.models}


def _takes(
    prepared: Prepared, trials: Mapping[Kind, int], earlier: _Earlier, prices: Mapping[str, Price | None]
) -> Takes:
    if not trials:
        return Takes(Interval(0.0, 0.0, 0.0), Interval(0.0, 0.0, 0.0), ())
    if earlier.runs:
        return from_seen(trials, earlier.seen, prices)
    import anyio

    walks = anyio.run(_walk_all, prepared)

    def walked(kind: Kind) -> tuple[Mapping[Place, Took], Mapping[Place, Took], Mapping[Place, Took]]:
        of_kind = walks.get((kind.scenario, kind.variant)) or walks[(None, kind.variant)]
        often = 1 + prepared.plan.judge_repeat_share
        low, usual, high = (judged_more_often(_for_subject(walk, kind.subject), often) for walk in of_kind)
        return low, usual, high

    return between(trials, walked, prices)


_Walked = Sequence[Mapping[Place, Took]]


async def _walk_all(prepared: Prepared) -> dict[tuple[str | None, str], _Walked]:
    """Shortest, usual and longest walk by scenario and variant; under no scenario, the extremes of a variant's."""
    from trialbed.analysis.estimate_walk import extremes, walk

    found: dict[tuple[str | None, str], _Walked] = {}
    for trial in _one_of_each(prepared):
        by_length = [
            [await walk(prepared.found.experiment, prepared.plan, trial, length, seed=seed) for seed in _SEEDS]
            for length in _WALKS
        ]
        shortest, usual, longest = by_length
        ends = extremes(shortest, largest=False), extremes(longest, largest=True)
        found[(trial.scenario.id, trial.variant.id)] = [ends[0], usual[0], ends[1]]
    for variant in prepared.plan.variants:
        own = [walks for (_, name), walks in found.items() if name == variant.id] or list(found.values())
        low, high = extremes([w[0] for w in own], largest=False), extremes([w[2] for w in own], largest=True)
        found[(None, variant.id)] = [low, own[0][1], high]
    return found


def _one_of_each(prepared: Prepared) -> Iterable[Trial]:
    """A trial of each variant in up to three scenarios."""
    plan = prepared.plan
    scenarios: dict[str, set[str]] = {variant.id: set() for variant in plan.variants}
    wanted = min(_WALKED_SCENARIOS, len(plan.scenarios))
    for trial in plan.trials():
        done = scenarios[trial.variant.id]
        if len(done) < wanted and trial.scenario.id not in done:
            done.add(trial.scenario.id)
            yield trial
        if all(len(one) == wanted for one in scenarios.values()):
            return


def _for_subject(walk: Mapping[Place, Took], subject: str) -> Mapping[Place, Took]:
    return {(role, subject if role == "subject" else model): took for (role, model), took in walk.items()}


def _with_preflight(takes: Takes, prepared: Prepared, prices: Mapping[str, Price | None]) -> Takes:
    """The money of the small calls before the run added."""
    if takes.usd is None:
        return takes
    student = () if prepared.student is None else (prepared.student,)
    called = [prices.get(str(model)) for model in (*prepared.plan.subjects, *prepared.plan.judges, *student)]
    sums = {name: sum(cost_usd(usage, price) or 0.0 for price in called) for name, usage in _PREFLIGHT.items()}
    return Takes(takes.calls, takes.usd.plus(Interval(**sums)), takes.models)
