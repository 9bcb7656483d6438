"""How do the objects of a batch get to the store? Several at once, until one of them cannot."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import anyio

from trialbed.sinks.s3.faults import Refused, S3Fault
from trialbed.sinks.s3.objects import S3Object
from trialbed.sinks.s3.store import Store


@dataclass
class Delivery:
    """How far one has got: `confirmed` are there, by key; `fault` went wrong first, or is the user's to settle."""

    confirmed: dict[str, S3Object] = field(default_factory=dict)
    fault: S3Fault | None = None

    async def carry_out(self, objects: Iterable[S3Object], store: Store, *, concurrency: int) -> None:
        """Put the objects. After a fault no further one is begun: a service that is busy is not asked 2,000 times."""
        waiting = iter(objects)
        async with anyio.create_task_group() as group:
            for number in range(concurrency):
                group.start_soon(self._work, waiting, store, name=f"s3: put {number}")

    async def _work(self, waiting: Iterator[S3Object], store: Store) -> None:
        while self.fault is None and (what := next(waiting, None)) is not None:
            try:
                await store.put(what)
            except S3Fault as fault:
                if self.fault is None or isinstance(fault, Refused):
                    self.fault = fault
            else:
                self.confirmed[what.key] = what
