"""What do the tests of the ingest sink send? Records of measurements, good ones and failed ones, and a run's sink."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import anyio

from tests.standins.ingest import IngestStandIn
from tests.torture.hub_material import keep, trial_id
from tests.torture.hub_material import record as any_record
from trialbed.core.clock import SystemClock
from trialbed.core.outcome import Outcome
from trialbed.core.record import Record
from trialbed.sinks.ingest.bodies import Kind, key_of
from trialbed.sinks.ingest.sink import IngestSink
from trialbed.sinks.ingest.target import IngestTarget, Pace
from trialbed.sinks.journal.writer import Journal

NONCE = "0123456789abcdef0123"
FAST = Pace(gather_s=0.05, retry_first_s=0.01, retry_most_s=0.05, rejected_most_s=0.05, connect_s=5.0, attempt_s=0.5)
THROTTLED = "ThrottlingException: too many requests (after 3 attempts)"


def measurement(index: int, *, model: str = "amazon.nova-pro-v1:0", revision: int = 0, tps: float = 42.5) -> Record:
    """The record of a trial that was answered and measured."""
    gaps = [round(Random(index).random() / 50, 6) for _ in range(20)]
    return any_record(index).model_copy(
        update={
            "revision": revision,
            "outcome": Outcome.ANSWERED,
            "outcome_reason": None,
            "evaluation": {"tokens_per_second": tps, "times_between_tokens": gaps},
            "steward_model": model,
        }
    )


def failure(
    index: int, reason: str = THROTTLED, outcome: Outcome = Outcome.PROVIDER_ERROR, *, revision: int = 0
) -> Record:
    """The record of a trial that failed."""
    update = {"revision": revision, "outcome": outcome, "outcome_reason": reason, "evaluation": None}
    return any_record(index).model_copy(update=update)


def for_ingest(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a test's experiment has for its server."""
    found = record["evaluation"]
    if found is None:
        return None
    return {
        "provider": record["provider"],
        "model_name": record["steward_model"],
        "run_ts": record["started_at"],
    } | found


def sink_of(journal: Journal, server: IngestStandIn | str, said: list[str] | None = None, **changes: Any) -> IngestSink:
    """A sink as the app builds it, in more of a hurry. `changes` are of its parts or of its pace."""
    url = server if isinstance(server, str) else server.url
    key = "nobody-listens-to-this" if isinstance(server, str) else server.key
    target = IngestTarget(url, key, changes.pop("batch_size", 1))
    parts = {name: changes.pop(name) for name in ("for_ingest", "nonce") if name in changes}
    return IngestSink(
        ledger=journal,
        target=target,
        **({"nonce": NONCE, "for_ingest": for_ingest} | parts),
        clock=SystemClock(),
        random=Random(7),
        announce=([] if said is None else said).append,
        pace=replace(FAST, **changes),
    )


async def add(journal: Journal, row: Record, sink: IngestSink | None = None) -> None:
    """A record that is durable, and offered."""
    await keep(journal, row)
    if sink is not None:
        sink.offer(row.trial_id)


async def add_many(journal: Journal, count: int) -> None:
    for index in range(count):
        await add(journal, measurement(index))


def key(index: int, kind: Kind = "result") -> str:
    return key_of(NONCE, trial_id(index), kind)


async def until(holds: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait for what happens in another thread, or by another task."""
    with anyio.fail_after(timeout_s):
        while not holds():  # noqa: ASYNC110
            await anyio.sleep(0.005)
