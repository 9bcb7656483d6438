"""Is the way of spans to a collector bounded in memory and time, whatever is put into it?"""

import time
from collections.abc import Callable, Mapping
from itertools import count

from tests.standins.otlp import Collector, Fault
from trialbed.core.clock import SystemClock
from trialbed.core.redact import Redactor
from trialbed.tracing.otlp import Destination, OtlpExporter
from trialbed.tracing.shipping import BATCH, MOST_WAITING, Shipping
from trialbed.tracing.span import FinishedSpan, nothing_more

_ids = count(1)


def shipping_to(collector: Collector) -> Shipping:
    def exporter() -> OtlpExporter:
        destination = Destination(f"{collector.url}/v1/traces", {})
        return OtlpExporter(destination, {"service.name": "test", "service.version": "0"}, Redactor())

    shipping = Shipping(exporter, where=collector.url, clock=SystemClock())
    shipping.begin()
    return shipping


def a_span(texts: Callable[[], Mapping[str, str]] = nothing_more) -> FinishedSpan:
    return FinishedSpan(1, next(_ids), None, "span", False, 1, 2, {"number": 1}, texts=texts)


async def test_more_spans_than_there_is_room_for_are_counted_and_never_waited_for() -> None:
    with Collector(lambda _: Fault(hangs=True)) as collector:
        shipping = shipping_to(collector)
        began = time.monotonic()
        for _ in range(2 * MOST_WAITING):
            shipping.take(a_span())
        assert len(shipping._waiting) <= MOST_WAITING
        shipped = await shipping.close()
        assert time.monotonic() - began < 4.0
    assert (shipped.taken, shipped.lost) == (0, 2 * MOST_WAITING)
    assert shipped.why == "no answer" and shipped.where == collector.url


async def test_a_burst_goes_out_whole_in_batches() -> None:
    with Collector() as collector:
        shipping = shipping_to(collector)
        for _ in range(MOST_WAITING // 2):
            shipping.take(a_span())
        shipped = await shipping.close()
    assert (shipped.taken, shipped.lost, shipped.why) == (MOST_WAITING // 2, 0, None)
    assert len({span.span_id for span in collector.spans}) == MOST_WAITING // 2
    assert len(collector.requests) >= MOST_WAITING // 2 // BATCH


async def test_a_span_that_cannot_be_told_costs_its_batch_and_not_the_rest() -> None:
    def fails() -> Mapping[str, str]:
        raise RuntimeError("theSecretInside")

    with Collector() as collector:
        shipping = shipping_to(collector)
        for number in range(3 * BATCH):
            shipping.take(a_span(fails if number == 0 else nothing_more))
        shipped = await shipping.close()
    assert 0 < shipped.lost <= BATCH and shipped.taken == 3 * BATCH - shipped.lost
    assert shipped.why is not None and "theSecretInside" not in shipped.why


async def test_without_a_span_there_is_nothing_to_wait_for_and_nobody_is_asked() -> None:
    with Collector() as collector:
        shipped = await shipping_to(collector).close()
    assert (shipped.taken, shipped.lost) == (0, 0) and collector.requests == []
