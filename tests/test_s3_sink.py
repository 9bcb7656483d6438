"""Does the bucket get every turn as it happens and every record in its newest revision, whatever S3 does?"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import orjson
import pytest

from tests.standins.s3 import Faults, S3StandIn
from tests.support.measure import at_most
from tests.support.s3_material import FAST, Turn, record, turns
from tests.test_s3_store import use
from tests.torture.hub_material import keep, open_journal, trial_id
from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.record import Record
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.s3.book import owed_as_journalled
from trialbed.sinks.s3.objects import objects_of_record
from trialbed.sinks.s3.sink import S3Sink
from trialbed.sinks.s3.target import S3Target
from trialbed.sinks.sink import Sink, Witness

TARGET = S3Target(S3StandIn.bucket, "study")
MIX = Faults(slow_down=0.04, error_after=0.04, cut_before=0.04, cut_after=0.04, hang=0.01, damaged=0.03, lose_tail=0.03)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3StandIn]:
    with S3StandIn(seed=1) as stand_in:
        use(stand_in, monkeypatch)
        yield stand_in


def run_id(trial: str) -> str:
    return f"run-{trial}"


def summary_of(evaluation: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return {"overall_score": None} if evaluation is None else evaluation


def sink_of(journal: Journal, said: list[str] | None = None, **changes: Any) -> S3Sink:
    """A sink as the app builds it."""
    parts: dict[str, Any] = {"target": TARGET, "pace": FAST, "announce": ([] if said is None else said).append}
    return S3Sink(
        ledger=journal,
        run_id_of=run_id,
        summarise=summary_of,
        clock=SystemClock(),
        random=Random(7),
        **(parts | changes),
    )


def expected(journal: Journal, target: S3Target = TARGET) -> dict[str, bytes]:
    """What the bucket must hold: the objects of every newest record."""
    objects: dict[str, bytes] = {}
    for trial, _ in journal.revisions():
        row = orjson.loads(journal.record_line(trial))
        made = objects_of_record(target, run_id(trial), row, summary_of(row["evaluation"]))
        objects |= {one.key: one.body for one in made}
    return objects


def tell(sink: S3Sink, index: int, dialogue: list[Turn]) -> None:
    """What a run tells of a dialogue as it goes on."""
    for turn in dialogue:
        sink.turn_taken(trial_id(index), turn.taken)
        sink.turn_judged(trial_id(index), turn.judged, turn.judge_calls)


async def add(journal: Journal, row: Record, sink: S3Sink | None = None) -> None:
    """A record that is durable, and offered."""
    await keep(journal, row)
    if sink is not None:
        sink.offer(row.trial_id)


async def until(holds: Callable[[], object]) -> None:
    with anyio.fail_after(20):
        while not holds():  # noqa: ASYNC110
            await anyio.sleep(0.005)  # what is waited for happens in another thread


def receipts(journal: Journal) -> list[dict[str, Any]]:
    return journal.sink_events("s3")


async def test_it_is_a_sink_and_a_witness(tmp_path: Path) -> None:
    async with open_journal(tmp_path) as journal:
        sink: Sink = sink_of(journal)
        assert isinstance(sink, Witness)
        assert (sink.name, sink.owed) == ("s3", 0)


async def test_turns_and_judgements_arrive_before_the_record_which_then_brings_the_rest(
    tmp_path: Path, s3: S3StandIn
) -> None:
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        sink = sink_of(journal)
        tasks.start_soon(sink.run)
        dialogue = turns(1)
        tell(sink, 1, dialogue)
        assert sink.owed == 1
        await until(lambda: not sink.owed)
        early = s3.objects
        await add(journal, record(1, dialogue), sink)
        await until(lambda: not sink.owed)
        tasks.cancel_scope.cancel()
        everything = expected(journal)
        assert s3.objects == everything
        assert early == {key: body for key, body in everything.items() if "/raw/" in key}
        assert len(s3.puts) == len(everything)


async def test_what_is_owed_at_the_start_is_sent_by_a_flush_alone(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        for index in range(20):
            await add(journal, record(index, turns(index, 2)))
        sink = sink_of(journal)
        assert sink.owed == 20
        await sink.flush(20)
        assert sink.owed == 0
        assert s3.objects == expected(journal)
        assert len(receipts(journal)) == 2
        requests = len(s3.log)
        again = sink_of(journal)
        assert again.owed == 0
        await again.flush(5)
        assert len(s3.log) == requests


async def test_a_resumed_run_sends_nothing_again_that_has_a_receipt(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        sink = sink_of(journal)
        tell(sink, 1, turns(1))
        await sink.flush(5)
        sent = len(s3.puts)
        resumed = sink_of(journal)
        tell(resumed, 1, turns(1))
        assert resumed.owed == 0
        await add(journal, record(1, turns(1)), resumed)
        await resumed.flush(5)
        assert s3.objects == expected(journal)
        assert [key for key in s3.puts[sent:]] == [f"study/curated/runs/{run_id(trial_id(1))}.json"]


@pytest.mark.parametrize("seed", [21, 22, 23])
async def test_everything_is_there_under_the_fault_mix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    said: list[str] = []
    with S3StandIn(MIX, seed=seed) as s3:
        use(s3, monkeypatch)
        async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
            sink = sink_of(journal, said)
            tasks.start_soon(sink.run)
            for index in range(15):
                dialogue = turns(index)
                for turn in dialogue:
                    tell(sink, index, [turn])
                    await anyio.sleep(0.005)
                await add(journal, record(index, dialogue), sink)
            await sink.flush(60)
            tasks.cancel_scope.cancel()
            assert (sink.owed, sink.stopped) == (0, None)
            assert s3.objects == expected(journal)
            assert s3.fault_counts
            assert sink_of(journal).owed == 0


async def test_a_record_judged_again_replaces_its_judgements_and_its_summary(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        sink = sink_of(journal)
        first, again = turns(1), turns(1, judging=1)
        tell(sink, 1, first)
        await add(journal, record(1, first), sink)
        await sink.flush(5)
        before = s3.objects
        await add(journal, record(1, first, again, revision=1), sink)
        assert sink.owed == 1
        await sink.flush(5)
        after = s3.objects
        assert after == expected(journal)
        changed = {key for key in after if after[key] != before[key]}
        assert changed == {key for key in after if "/judge_" in key or "/curated/" in key}
        assert sink_of(journal).owed == 0


async def test_no_receipt_speaks_for_an_object_that_is_being_replaced(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        sink = sink_of(journal)
        tell(sink, 1, turns(1, 1))
        await sink.flush(5)
        s3.faults = Faults(cut_after=1.0)
        tell(sink, 1, turns(1, 1, judging=1))
        await sink.flush(0.3)
        s3.faults = Faults()
        # It happened, and the process that might have heard of it is gone: the first judging's own words come back.
        resumed = sink_of(journal)
        tell(resumed, 1, turns(1, 1))
        await resumed.flush(5)
        await add(journal, record(1, turns(1, 1)), resumed)
        await resumed.flush(5)
        assert s3.objects == expected(journal)


def test_a_process_killed_in_the_middle_is_resumed_without_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """
import anyio, pathlib, sys
from tests.test_s3_sink import *
async def main(folder):
    async with open_journal(folder) as journal, anyio.create_task_group() as tasks:
        sink = sink_of(journal)
        tasks.start_soon(sink.run)
        for index in range(1000):
            tell(sink, index, turns(index))
            await add(journal, record(index, turns(index)), sink)
            await anyio.sleep(0.02)
anyio.run(main, pathlib.Path(sys.argv[1]))
"""

    async def finish(s3: S3StandIn) -> None:
        async with open_journal(tmp_path) as journal:
            sink = sink_of(journal)
            print(f"{sink.owed} records owed after the kill")
            sent = len(s3.puts)
            await sink.flush(60)
            assert sink.owed == 0
            everything, there = expected(journal), s3.objects
            assert everything.items() <= there.items()
            assert len(s3.puts) - sent < len(everything)

    with S3StandIn(seed=4) as s3:
        use(s3, monkeypatch)
        with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=dict(os.environ)) as process:
            with anyio.from_thread.start_blocking_portal() as portal:
                portal.call(until, lambda: len(s3.puts) > 60 or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        anyio.run(finish, s3)


@pytest.mark.parametrize(
    ("bucket", "refusal", "part"),
    [("not-there", None, "No such bucket: not-there"), (S3StandIn.bucket, (403, "AccessDenied"), "s3:PutObject")],
)
async def test_a_bucket_that_refuses_is_told_of_once_and_not_asked_again(
    tmp_path: Path, s3: S3StandIn, bucket: str, refusal: tuple[int, str] | None, part: str
) -> None:
    said: list[str] = []
    s3.faults = Faults(refusal=refusal)
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        for index in range(3):
            await add(journal, record(index, turns(index)))
        sink = sink_of(journal, said, target=S3Target(bucket))
        tasks.start_soon(sink.run)
        await until(lambda: sink.stopped)
        requests = len(s3.log)
        tell(sink, 4, turns(4))
        await add(journal, record(4, turns(4)), sink)
        await sink.flush(1)
        await anyio.sleep(0.1)
        assert len(s3.log) == requests
        assert (len(said), sink.owed) == (1, 4)
        assert said[0].startswith("S3: ")
        assert part in said[0]
        assert "3 trials are kept" in said[0]
        assert s3.objects == {}


async def test_a_flush_that_is_refused_ends_the_task_too(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        sink = sink_of(journal)
        tasks.start_soon(sink.run)
        await anyio.lowlevel.checkpoint()
        s3.faults = Faults(refusal=(403, "AccessDenied"))
        await add(journal, record(1, turns(1)), sink)
        with anyio.fail_after(10):
            await sink.flush(5)
    assert sink.stopped is not None


async def test_without_credentials_it_stops_and_keeps(
    tmp_path: Path, s3: S3StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with open_journal(tmp_path) as journal:
        await add(journal, record(1, turns(1)))
        sink = sink_of(journal, said)
        await sink.flush(5)
        assert (sink.owed, len(said)) == (1, 1)
        assert "AWS_ACCESS_KEY_ID" in said[0]


async def test_expired_credentials_are_read_anew_until_they_are_renewed(
    tmp_path: Path, s3: S3StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    s3.faults = Faults(refusal=(400, "ExpiredToken"))
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        await add(journal, record(1, turns(1)))
        sink = sink_of(journal, said)
        tasks.start_soon(sink.run)
        await until(lambda: said)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIARENEWED000000000")
        s3.faults = Faults()
        await until(lambda: not sink.owed)
        tasks.cancel_scope.cancel()
        assert "AKIARENEWED000000000" in s3.log[-1].headers["Authorization"]
        assert "renew them" in said[0]
        assert "getting through again" in said[1]


async def test_a_hanging_service_holds_up_neither_a_flush_nor_the_end(tmp_path: Path, s3: S3StandIn) -> None:
    s3.faults = Faults(hang=1.0)
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        for index in range(3):
            await add(journal, record(index, turns(index)))
        sink = sink_of(journal, pace=replace(FAST, answer_s=60.0))
        tasks.start_soon(sink.run)
        await until(lambda: s3.log)
        with at_most(0.8):
            await sink.flush(0.3)
        with at_most(0.5):
            tasks.cancel_scope.cancel()
    assert (sink.owed, sink.stopped) == (3, None)


async def test_what_got_through_before_a_cut_has_its_receipt(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        await add(journal, record(1, turns(1, 8)))
        pace = replace(FAST, answer_s=60.0, concurrency=1)
        sink = sink_of(journal, pace=pace)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sink.flush, 30)
            await until(lambda: len(s3.puts) >= 3)
            s3.faults = Faults(hang=1.0)
            # The put under way and whatever else was begun by now ends by being cut off.
            await anyio.sleep(0.2)
            tasks.cancel_scope.cancel()
        s3.faults = Faults()
        (receipt,) = receipts(journal)
        assert 2 <= len(receipt["objects"]) < 17
        before = len(s3.puts)
        await sink_of(journal, pace=pace).flush(30)
        assert len(s3.puts) - before == 17 - len(receipt["objects"])
        assert s3.objects == expected(journal)


async def test_an_outage_is_told_of_once_and_so_is_its_end(tmp_path: Path, s3: S3StandIn) -> None:
    said: list[str] = []
    s3.faults = Faults(slow_down=1.0)
    async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
        await add(journal, record(1, turns(1)))
        sink = sink_of(journal, said)
        tasks.start_soon(sink.run)
        await until(lambda: len(s3.log) > 100)
        s3.faults = Faults()
        await until(lambda: not sink.owed)
        tasks.cancel_scope.cancel()
    assert [line.startswith("S3: ") for line in said] == [True, True]
    assert "1 trials wait and are safe in the journal" in said[0]


async def test_another_place_gets_everything(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        assert owed_as_journalled(journal.revisions(), receipts(journal)) is None
        for index in range(3):
            await add(journal, record(index, turns(index)))
        await sink_of(journal).flush(5)
        assert owed_as_journalled(journal.revisions(), receipts(journal)) == 0
        elsewhere = S3Target(s3.bucket, "elsewhere")
        assert owed_as_journalled(journal.revisions(), receipts(journal), elsewhere.place) is None
        await sink_of(journal, target=elsewhere).flush(5)
        await add(journal, record(1, turns(1), turns(1, judging=1), revision=1))
        for place in (None, TARGET.place, elsewhere.place):
            assert owed_as_journalled(journal.revisions(), receipts(journal), place) == 1
        assert s3.objects.keys() >= expected(journal, elsewhere).keys() | expected(journal).keys()


async def test_of_too_many_live_objects_the_oldest_wait_for_their_record(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        sink = sink_of(journal)
        for index in range(1001):
            (turn,) = turns(index, 1)
            tell(sink, index, [turn])
        assert sink.owed == 1000
        await add(journal, record(0, turns(0, 1)), sink)
        assert sink.owed == 1001


async def test_a_journal_that_cannot_be_written_is_the_users_to_know(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        await add(journal, record(1, turns(1)))
        sink = sink_of(journal)
        journal.close()
        await anyio.sleep(0.05)
        with pytest.raises(UserError):
            await sink.flush(5)
        assert sink.owed == 1


async def test_objects_above_the_bound_go_in_parts(tmp_path: Path, s3: S3StandIn) -> None:
    async with open_journal(tmp_path) as journal:
        (turn,) = turns(1, 1)
        long = replace(turn, taken=replace(turn.taken, said="漢" * (3 * 1024 * 1024)))
        sink = sink_of(journal)
        tell(sink, 1, [long])
        await sink.flush(20)
        assert sink.owed == 0
        assert any("partNumber" in seen.query for seen in s3.log)
        await add(journal, record(1, [long]), sink)
        await sink.flush(20)
        assert s3.objects == expected(journal)
        assert s3.open_uploads == []


async def test_a_hundred_thousand_receipted_records_are_taken_up_in_seconds() -> None:
    class Ledger:
        def revisions(self) -> Iterator[tuple[str, int]]:
            return ((f"{number:020x}", 0) for number in range(100_000))

        def record_line(self, trial_id: str) -> bytes:
            raise AssertionError("nothing is read before it is sent")

        def record_size(self, trial_id: str) -> int:
            return 10_000

        def sink_events(self, sink: str) -> list[dict[str, Any]]:
            return events

        async def write_sink_event(self, kind: Any, sink: str, body: dict[str, Any]) -> None: ...

    events = [
        {"e": "receipt", "place": TARGET.place, "records": [[f"{part * 1000 + n:020x}", 0] for n in range(1000)]}
        for part in range(99)
    ]
    with at_most(2):
        sink = S3Sink(
            ledger=Ledger(),
            target=TARGET,
            run_id_of=run_id,
            summarise=summary_of,
            clock=SystemClock(),
            random=Random(1),
            announce=print,
        )
    assert sink.owed == 1000
