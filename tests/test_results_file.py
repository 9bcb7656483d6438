"""Is the one file of results there while a run goes on, whole at any moment, and worth no trial?"""

import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from tests.support.project import wait_until
from tests.torture.hub_material import keep, open_journal, record, trial_id
from trialbed.app.execution.book import kept
from trialbed.core.record import Record
from trialbed.engine.folder import write_whole
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.results_file import ResultsFile
from trialbed.sinks.sink import Sink, Witness

Rows = Sequence[dict[str, Any]]


class Hurried:
    """A clock whose sleeps are over at once, and written down. `monotonic` moves only by `pass_s`."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []
        self._now_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC)

    def monotonic(self) -> float:
        return self._now_s

    def pass_s(self, seconds: float) -> None:
        self._now_s += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        await anyio.lowlevel.checkpoint()


def to(path: Path) -> Callable[[Rows], None]:
    """Writes as the command does."""

    def write(rows: Rows) -> None:
        write_whole(path, orjson.dumps({"ended": len(rows), "rows": rows}), durable=False)

    return write


def file_of(
    journal: Journal, write: Callable[[Rows], None], said: list[str] | None = None, clock: Hurried | None = None
) -> ResultsFile:
    announce = ([] if said is None else said).append
    return ResultsFile(ledger=journal, keep=kept, write=write, announce=announce, clock=clock or Hurried())


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def told_of(path: Path) -> dict[str, Any]:
    """What the file says of each trial."""
    return {row["trial_id"]: row["repeat"] for row in read(path)["rows"]}


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


async def end(journal: Journal, sink: ResultsFile, *rows: Record) -> None:
    """Trials come to their end: durable first, then offered."""
    for row in rows:
        await keep(journal, row)
        sink.offer(row.trial_id)


async def until(holds: Callable[[], object]) -> None:
    with anyio.fail_after(20):
        while not holds():  # noqa: ASYNC110
            await anyio.sleep(0.005)  # what is waited for happens in another thread


async def test_it_is_a_sink_that_owes_nothing_and_hears_of_records_only(tmp_path: Path) -> None:
    async with open_journal(tmp_path) as journal:
        sink: Sink = file_of(journal, to(tmp_path / "results.json"))
        assert (sink.name, sink.owed) == ("results", 0)
        assert not isinstance(sink, Witness)
        sink.offer(trial_id(1))
        assert sink.owed == 0


async def test_the_file_is_there_after_the_first_result_and_follows_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        sink = file_of(journal, to(path))
        tasks.start_soon(sink.run)
        await anyio.wait_all_tasks_blocked()
        assert not path.exists(), "nothing has been said yet"
        for number in range(4):
            await end(journal, sink, record(number))
            await until(lambda number=number: path.exists() and read(path)["ended"] == number + 1)
        assert told_of(path) == {trial_id(number): number for number in range(4)}
        tasks.cancel_scope.cancel()


async def test_of_a_trial_that_was_told_again_the_newest_record_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    async with open_journal(tmp_path) as journal:
        sink = file_of(journal, to(path))
        first, second = record(1, 0), record(1, 1)
        for row in (first, record(2), second):
            await end(journal, sink, row)
            await sink.write_now()
        found = {row["trial_id"]: row for row in read(path)["rows"]}
        assert len(found) == 2
        assert found[trial_id(1)] == kept(orjson.loads(journal.record_line(trial_id(1))))
        assert found[trial_id(1)]["conversation_log"] == second.as_row()["conversation_log"][-1:]
        assert first.as_row()["conversation_log"] != second.as_row()["conversation_log"]


async def test_a_resumed_run_begins_with_what_is_there_without_a_new_result(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    async with open_journal(tmp_path) as journal:
        for row in (record(1), record(2, 0), record(2, 1), record(3)):
            await keep(journal, row)
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        sink = file_of(journal, to(path))
        tasks.start_soon(sink.run)
        await until(path.exists)
        assert told_of(path) == {trial_id(number): number for number in (1, 2, 3)}
        await end(journal, sink, record(4))
        await until(lambda: read(path)["ended"] == 4)
        tasks.cancel_scope.cancel()


async def test_a_reader_never_finds_half_a_file_nor_less_than_before(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    seen: list[int] = []
    troubles: list[str] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            try:
                seen.append(read(path)["ended"])
            except ValueError as error:
                troubles.append(f"after {len(seen)} looks: {error}")
                return

    async with open_journal(tmp_path) as journal:
        sink = file_of(journal, to(path))
        await end(journal, sink, record(0, size=50_000))
        await sink.write_now()
        reader = threading.Thread(target=look, name="reader")
        reader.start()
        try:
            for number in range(1, 60):
                await end(journal, sink, record(number, size=50_000))
                await sink.write_now()
            wait_until(lambda: troubles or (seen and seen[-1] == 60), "the reader sees the last of it")
        finally:
            is_over.set()
            reader.join()
    assert troubles == []
    assert seen == sorted(seen) and len(set(seen)) > 10
    assert names_in(tmp_path) == ["journal.jsonl", "results.json"]


async def test_many_results_at_once_are_one_write_and_none_is_forgotten_that_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    counts: list[int] = []
    may_go_on, is_writing = threading.Event(), threading.Event()

    def write(rows: Rows) -> None:
        is_writing.set()
        assert may_go_on.wait(20)
        counts.append(len(rows))
        to(path)(rows)

    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        sink = file_of(journal, write)
        await end(journal, sink, *map(record, range(20)))
        tasks.start_soon(sink.run)
        await until(is_writing.is_set)
        await end(journal, sink, *map(record, range(20, 25)))
        assert counts == []
        may_go_on.set()
        await until(lambda: len(counts) == 2)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert counts == [20, 25] and read(path)["ended"] == 25


@pytest.mark.parametrize(("took_s", "rest_s"), [(0.0, 2.0), (0.05, 2.0), (0.1, 2.0), (1.0, 20.0), (30.0, 600.0)])
async def test_it_is_written_every_two_seconds_at_most_and_a_long_one_less_often(
    tmp_path: Path, took_s: float, rest_s: float
) -> None:
    """No more than a twentieth of the time goes into it."""
    clock = Hurried()
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        sink = file_of(journal, lambda _: clock.pass_s(took_s), clock=clock)
        tasks.start_soon(sink.run)
        for number in range(3):
            await end(journal, sink, record(number))
            await until(lambda number=number: len(clock.slept_s) == number + 1)
        tasks.cancel_scope.cancel()
    assert clock.slept_s == pytest.approx([rest_s] * 3)


async def test_a_folder_that_refuses_is_said_once_costs_nothing_and_is_made_up_for_later(tmp_path: Path) -> None:
    folder, said = tmp_path / "out", list[str]()
    folder.write_text("a file where a folder should be", encoding="utf-8")
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        clock = Hurried()
        sink = file_of(journal, to(folder / "results.json"), said, clock)
        tasks.start_soon(sink.run)
        for number in range(3):
            await end(journal, sink, record(number))
            await until(lambda number=number: len(clock.slept_s) == number + 1)
        assert said == ["the results file cannot be written (Not a directory); the journal has every record"]
        assert sink.owed == 0 and len(list(journal.revisions())) == 3
        folder.unlink()
        folder.mkdir()
        await end(journal, sink, record(3))
        await until((folder / "results.json").exists)
        assert told_of(folder / "results.json") == {trial_id(number): number for number in range(4)}
        assert len(said) == 1
        tasks.cancel_scope.cancel()


async def test_the_end_of_a_run_does_not_wait_for_the_file(tmp_path: Path) -> None:
    """Whoever asked for it writes it once more from the journal, so a slow disk delays no exit."""
    written: list[int] = []
    async with open_journal(tmp_path) as journal:
        sink = file_of(journal, lambda rows: written.append(len(rows)))
        await end(journal, sink, record(1))
        with anyio.fail_after(1):
            await sink.flush(60.0)
    assert written == []


async def test_a_write_that_has_begun_is_finished_when_the_run_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    may_go_on, is_writing = threading.Event(), threading.Event()

    def write(rows: Rows) -> None:
        is_writing.set()
        assert may_go_on.wait(20)
        to(path)(rows)

    async with open_journal(tmp_path) as journal:
        async with anyio.create_task_group() as tasks:
            sink = file_of(journal, write)
            await end(journal, sink, record(1))
            tasks.start_soon(sink.run)
            await until(is_writing.is_set)
            tasks.cancel_scope.cancel()
            may_go_on.set()
        assert read(path)["ended"] == 1


def test_the_file_is_its_owners_alone_whatever_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("an older one", encoding="utf-8")
    path.chmod(0o644)
    to(path)([])
    assert read(path)["ended"] == 0 and path.stat().st_mode & 0o777 == 0o600


async def test_code_of_an_author_that_fails_is_said_once_and_costs_nothing(tmp_path: Path) -> None:
    said: list[str] = []

    def fail(_: Rows) -> None:
        raise ValueError("no such metric")

    async with open_journal(tmp_path) as journal:
        sink = file_of(journal, fail, said)
        for number in (1, 2):
            await end(journal, sink, record(number))
            await sink.write_now()
    (line,) = said
    assert line == "the results file cannot be made (ValueError: no such metric); the journal has every record"
