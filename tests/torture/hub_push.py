"""A process that makes records and pushes them, to be killed at any moment and started again.

    python -m tests.torture.hub_push FOLDER --rows 400 --again 0.1 --rate 200 --layout shards

HF_ENDPOINT and HF_TOKEN say where to. It prints `done` when everything is confirmed, and every announcement.
"""

import argparse
import os
import sys
from pathlib import Path
from random import Random

import anyio

from tests.torture.hub_material import FAST, REPO, card, keep, open_journal, record, target, trial_id
from trialbed.core.clock import SystemClock
from trialbed.sinks.hub.sink import HubSink
from trialbed.sinks.journal.writer import Journal

PROMPT_S = 60.0


def wanted_revision(index: int, again: float) -> int:
    """How often trial `index` is judged again; the same in every process."""
    random = Random(f"again:{index}")
    return 0 if random.random() >= again else random.choice([1, 1, 2])


async def produce(journal: Journal, sink: HubSink, options: argparse.Namespace) -> None:
    """Record what is not recorded yet: first every trial, then those that are judged again."""
    for revision in range(3):
        for index in range(options.rows):
            known = journal.state.recorded.get(trial_id(index))
            if (known is not None and known.revision >= revision) or wanted_revision(index, options.again) < revision:
                continue
            await keep(journal, record(index, revision, size=options.size))
            sink.offer(trial_id(index))
            await anyio.sleep(1 / options.rate)


async def push(options: argparse.Namespace) -> int:
    """Everything the sink's owner does in a run."""
    goal = target(None, os.environ["HF_TOKEN"], layout=options.layout, repo_id=options.repo)
    async with open_journal(options.folder) as journal:
        sink = HubSink(
            ledger=journal,
            target=goal,
            card=card(),
            clock=SystemClock(),
            random=Random(options.seed),
            announce=lambda line: print(line, file=sys.stderr, flush=True),
            pace=FAST,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sink.run, name="hub")
            await produce(journal, sink, options)
            await sink.flush(PROMPT_S)
            tasks.cancel_scope.cancel()
    if sink.owed:
        print(f"{sink.owed} owed", flush=True)
        return 1
    print("done", flush=True)
    return 0


def main() -> int:
    """Push until everything is confirmed."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.hub_push", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repo", default=REPO)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--again", type=float, default=0.0, help="share of the trials that is judged again")
    parser.add_argument("--rate", type=float, default=200.0, help="records a second")
    parser.add_argument("--size", type=int, default=200, help="most bytes of an answer, before hex")
    parser.add_argument("--layout", default="shards")
    parser.add_argument("--seed", type=int, default=0)
    return anyio.run(push, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
