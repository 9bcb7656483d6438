"""Which readable files are missing beside a journal? And is Python's collector left as it was after a run?"""

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import anyio
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbed.app.collector import seldom_collected
from trialbed.core.clock import SystemClock
from trialbed.sinks.backups import Backups, missing
from trialbed.sinks.journal.file import JournalFile
from trialbed.sinks.journal.state import JournalState
from trialbed.sinks.journal.writer import Journal

BEGAN = 1_763_640_000
trials = st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0, 0, 1])), max_size=12)


def row(number: int, revision: int) -> dict[str, Any]:
    return {"run_id": f"run_baseline_{BEGAN}_{number}", "revision": revision}


async def missing_in(folder: Path, wanted: list[tuple[bool, int]]) -> list[str]:
    """What `missing` says of a journal of such trials: whether its file is there, and its revision."""
    state = JournalState()
    with JournalFile(folder / "journal.jsonl", state.take) as file:
        journal = Journal(file, state, clock=SystemClock(), patience_s=0.0, on_trouble=lambda _: None)
        for number, (has_file, revision) in enumerate(wanted):
            body = {"outcome": "answered", "revision": revision, "variant": "baseline"}
            journal.post("record", f"{number:020x}", **body, record=row(number, revision))
            if has_file:
                (folder / f"{row(number, revision)['run_id']}.json").touch()
        async with anyio.create_task_group() as group:
            group.start_soon(journal.keep)
            await journal.settle()
            journal.close()
        return missing(journal, folder, BEGAN)


@given(trials)
def test_files_that_are_not_there_or_may_be_older_are_named_oldest_first(wanted: list[tuple[bool, int]]) -> None:
    with TemporaryDirectory() as name:
        found = anyio.run(missing_in, Path(name), wanted)
    assert found == [f"{number:020x}" for number, (has_file, revision) in enumerate(wanted) if revision or not has_file]


class Rows:
    """A ledger of rows that are there."""

    def revisions(self) -> Iterator[tuple[str, int]]:
        return iter(())

    def record_line(self, trial_id: str) -> bytes:
        return orjson.dumps(row(int(trial_id, 16), 0))

    def record_size(self, trial_id: str) -> int:
        return len(self.record_line(trial_id))

    def sink_events(self, sink: str) -> list[dict[str, Any]]:
        return []

    async def write_sink_event(self, kind: Literal["sealed", "receipt"], sink: str, body: dict[str, Any]) -> None:
        raise AssertionError("files have no receipts")


@pytest.mark.parametrize("slow_s", [0.0, 0.05])
async def test_a_folder_that_is_slow_gets_a_thread_and_a_quick_one_none(tmp_path: Path, slow_s: float) -> None:
    threads: list[int] = []

    def write(path: Path, data: bytes) -> None:
        threads.append(threading.get_ident())
        time.sleep(slow_s)
        path.write_bytes(data)

    backups = Backups(ledger=Rows(), folder=tmp_path, write=write, announce=lambda _: None)
    async with anyio.create_task_group() as group:
        group.start_soon(backups.run)
        for number in range(3):
            backups.offer(f"{number:020x}")
            await backups.flush(10.0)
        group.cancel_scope.cancel()
    assert len(os.listdir(tmp_path)) == 3 and backups.owed == 0
    here = threading.get_ident()
    assert [one == here for one in threads] == ([True, False, False] if slow_s else [True, True, True])


def test_python_looks_for_cycles_as_before_when_a_run_is_over() -> None:
    before = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold() > before and gc.get_freeze_count() > 0
    assert gc.get_threshold() == before and gc.get_freeze_count() == 0
