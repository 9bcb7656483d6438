"""What became of each payload of one attempt? Sends a parcel, reads the answer, and keeps to the log what there was."""

import logging
from collections.abc import Sequence

from yarl import URL

from trialbed.core.clock import Clock
from trialbed.sinks.ingest.answers import Answer, fault_of_error, fault_of_result, faults_of_batch
from trialbed.sinks.ingest.bodies import ERROR, Payload, array_of, key_of_batch
from trialbed.sinks.ingest.client import Client
from trialbed.sinks.ingest.faults import IngestFault, NoArrays
from trialbed.sinks.ingest.target import IngestTarget

_log = logging.getLogger("trialbed.ingest")

Faults = dict[str, IngestFault | None]
"""Why a payload is not there, by its idempotency key; None = it is."""


async def send(
    payloads: Sequence[Payload], *, as_array: bool, client: Client, target: IngestTarget, clock: Clock
) -> Faults:
    """Make one attempt. Only results go as an array; without one there is one payload.

    Raises:
        NoArrays: the server does not take this array; nothing is known of what was in it.
    """
    keys = [payload.key for payload in payloads]
    try:
        if as_array:
            batch_key = key_of_batch(keys)
            answer = await _post(payloads, target.results, array_of(payloads), batch_key, client, clock)
            return faults_of_batch(answer, keys, clock.now())
        (payload,) = payloads
        is_error = payload.kind == ERROR
        url = target.errors if is_error else target.results
        answer = await _post(payloads, url, payload.text, payload.key, client, clock)
        fault_of = fault_of_error if is_error else fault_of_result
        return {payload.key: fault_of(answer, clock.now())}
    except NoArrays:
        raise
    except IngestFault as fault:
        return dict.fromkeys(keys, fault)


async def _post(payloads: Sequence[Payload], url: URL, body: bytes, key: str, client: Client, clock: Clock) -> Answer:
    first = payloads[0]
    what = first.kind if len(payloads) == 1 else f"{len(payloads)} {first.kind}s"
    models = ", ".join(dict.fromkeys(payload.model for payload in payloads))
    began = clock.monotonic()
    said = "cut"
    try:
        answer = await client.post(url, body, key)
        said = f"HTTP {answer.status}"
    except IngestFault as fault:
        said = str(fault)
        raise
    finally:
        _log.debug("%s of %s: %s, %.3f s", what, models, said, clock.monotonic() - began)
    return answer
