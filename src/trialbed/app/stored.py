"""What can be said and done of a run on disk, without the settings it was made with?"""

from dataclasses import dataclass
from typing import Any

from trialbed.core.outcome import SETTLED
from trialbed.engine.folder import RunFolder
from trialbed.sinks.hub.book import book_of, owed
from trialbed.sinks.hub.book import owed_as_journalled as owed_to_some_repo
from trialbed.sinks.journal.state import JournalState, read_state


@dataclass(frozen=True)
class Status:
    """How a run stands; `owed` is by sink, `is_running` whether a process is writing it now.

    `governor` has, by model, the newest limits and counts of its pace (see `core.pace.lane.Pace`).
    `cost` has `spent_usd`, `presumed_usd`, `limit_usd` (of the newest sitting) and `unknown_calls`.
    `lock` has hash, time and file of the locked plan that the newest sitting was held to, and whether it matched;
    None = there was none.
    """

    run: str
    planned: int
    plan_hash: str
    outcomes: dict[str, int]
    owed: dict[str, int]
    per_variant: dict[str, dict[str, int]]
    started: int
    answered_calls: int
    failed_attempts: dict[str, int]
    cost: dict[str, float | int | None]
    governor: dict[str, dict[str, Any]]
    lock: dict[str, Any] | None
    deviations: list[dict[str, Any]]
    is_running: bool
    is_complete: bool
    path: str

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def status_of(folder: RunFolder) -> Status:
    """Read the journal as it is now; a line being written is passed over.

    Raises:
        UserError: the folder is no run.
    """
    known = folder.read_plan()
    state = read_state(folder.journal) if folder.journal.exists() else JournalState()
    outcomes = state.outcomes(known["planned"])
    owed_now = owed_by_sink(state)
    is_running = _is_locked(folder)
    left = known["planned"] - len(state.recorded) + sum(1 for r in state.recorded.values() if r.outcome not in SETTLED)
    return Status(
        run=folder.name,
        planned=known["planned"],
        plan_hash=known["plan_hash"],
        outcomes=outcomes,
        owed=owed_now,
        per_variant=_per_variant(known, state),
        started=len(state.started),
        answered_calls=state.answered_calls,
        failed_attempts=dict(state.failed_attempts),
        cost=_cost(state, is_running=is_running),
        governor={model: _pace(event) for model, event in state.paces.items()},
        lock=state.run_starts[-1].get("lock") if state.run_starts else None,
        deviations=state.deviations,
        is_running=is_running,
        is_complete=left == 0 and not any(owed_now.values()),
        path=str(folder.path),
    )


def _cost(state: JournalState, *, is_running: bool) -> dict[str, float | int | None]:
    """Nothing known is null and not 0; what is known is a lower bound while there are calls of unknown cost.

    What was in flight when a run was cut may have been paid; what is in flight now is not counted.
    """
    costs = state.costs
    limit = next((start.get("max_cost_usd") for start in reversed(state.run_starts)), None)
    return {
        "spent_usd": None if costs.unknown and not costs.spent_usd else costs.spent_usd,
        "presumed_usd": costs.presumed_usd + (0.0 if is_running else costs.unheard_usd),
        "limit_usd": limit,
        "unknown_calls": costs.unknown,
    }


def _pace(event: dict[str, Any]) -> dict[str, Any]:
    """The newest word of a model's governor, without what only the journal needs."""
    return {name: value for name, value in event.items() if name not in ("crc", "prev", "e", "model", "why")}


def owed_by_sink(state: JournalState) -> dict[str, int]:
    """Records that each sink of the run has not confirmed. A run that uploads nowhere owes nothing."""
    return _owed_to_hub(state) | _owed_to_s3(state) | _owed_to_ingest(state)


def _owed_to_ingest(state: JournalState) -> dict[str, int]:
    """To the server that the newest sitting with one was to send to, else to where `push` did."""
    from trialbed.sinks.ingest.bodies import kind_of_outcome
    from trialbed.sinks.ingest.book import Owing, owed_as_journalled

    place = next((start["ingest"]["place"] for start in reversed(state.run_starts) if start.get("ingest")), None)
    events = [event for event in state.sink_events if event["sink"] == "ingest"]
    owing = [
        Owing(trial, recorded.revision, kind_of_outcome(recorded.outcome)) for trial, recorded in state.recorded.items()
    ]
    count = owed_as_journalled(owing, events, place)
    return {} if count is None else {"ingest": count}


def _owed_to_s3(state: JournalState) -> dict[str, int]:
    """To the place that the newest sitting with one was to write to, else to where `push` or `judge` did."""
    from trialbed.sinks.s3.book import book_of, owed, owed_as_journalled

    place = next((start["s3"]["place"] for start in reversed(state.run_starts) if start.get("s3")), None)
    events = [event for event in state.sink_events if event["sink"] == "s3"]
    revisions = [(trial, recorded.revision) for trial, recorded in state.recorded.items()]
    if place is not None:
        return {"s3": len(owed(revisions, book_of(events, place)))}
    count = owed_as_journalled(revisions, events)
    return {} if count is None else {"s3": count}


def _owed_to_hub(state: JournalState) -> dict[str, int]:
    hub = next((start["hub"] for start in reversed(state.run_starts) if start.get("hub")), None)
    events = [event for event in state.sink_events if event["sink"] == "hub"]
    revisions = ((trial, recorded.revision) for trial, recorded in state.recorded.items())
    if hub is not None:
        return {"hub": len(owed(revisions, book_of(events, repo_id=hub["repo"], layout=hub["layout"])))}
    # No sitting uploaded, but `push` may have begun to.
    count = owed_to_some_repo(revisions, events)
    return {} if count is None else {"hub": count}


def _per_variant(known: dict[str, Any], state: JournalState) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {
        variant: {"planned": planned} for variant, planned in known.get("per_variant", {}).items()
    }
    for recorded in state.recorded.values():
        row = table.setdefault(recorded.variant, {})
        row[recorded.outcome.value] = row.get(recorded.outcome.value, 0) + 1
    return table


def _is_locked(folder: RunFolder) -> bool:
    import fcntl

    if not folder.journal.exists():
        return False
    with folder.journal.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
