"""The journal's format, its torn tails and its group commit: nothing acknowledged is ever lost."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, get_args

import anyio
import anyio.to_thread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.journal import is_whole as is_whole_by_hand
from tests.support.journal import whole_prefix
from tests.support.measure import at_most
from tests.support.project import CHECKOUT, wait_until
from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.outcome import RECORDED, SETTLED, Outcome
from trialbed.sinks.journal import file as journal_file
from trialbed.sinks.journal.events import NO_LINE, Kind, decode, encode, is_whole, record_in
from trialbed.sinks.journal.file import JournalFile, whole_lines
from trialbed.sinks.journal.state import JournalState, read_records, read_state
from trialbed.sinks.journal.writer import Journal, JournalFailed
from trialbed.sinks.lines import json_line

GOLDEN = Path(__file__).parent / "golden" / "journal.jsonl"
GOLDEN_WITHOUT_CHAIN = GOLDEN.with_name("journal_without_chain.jsonl")
KINDS = get_args(Kind)
TRIALS = [f"{number:020x}" for number in range(4)]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
bodies = st.dictionaries(
    texts.filter(lambda key: key not in ("crc", "prev", "e", "trial")), texts | st.integers(0, 2**53)
)
plain_events = st.tuples(st.sampled_from(["plan_grown", "attempt"]), st.none() | st.sampled_from(TRIALS), bodies)


def test_a_line_that_was_damaged_inside_the_journal_is_counted_and_costs_only_itself(tmp_path: Path) -> None:
    lines = six_lines()
    damaged = lines[3].replace(b"baseline", b"baselime")
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"".join([*lines[:3], damaged, *lines[4:]]))
    state = JournalState()
    with JournalFile(path, state.take) as file:
        assert (file.damaged_lines, file.torn_bytes) == (1, 0)
    assert state.lines == len(lines) - 1 and not state.is_settled(TRIALS[0])


async def test_nobody_is_shown_a_record_before_it_is_on_disk(tmp_path: Path) -> None:
    state = JournalState()
    with JournalFile(tmp_path / "journal.jsonl", state.take) as file:
        journal = a_journal(file, state)
        row = {"trial_id": TRIALS[0]}
        journal.post("record", TRIALS[0], outcome="answered", revision=0, variant="baseline", record=row)
        assert list(journal.revisions()) == []
        async with anyio.create_task_group() as group:
            group.start_soon(journal.keep)
            await journal.settle()
            assert list(journal.revisions()) == [(TRIALS[0], 0)]
            assert json.loads(journal.record_line(TRIALS[0])) == row
            journal.close()


def event_of(kind: str, trial: str | None, /, **body: Any) -> bytes:
    return encode(kind, trial, body, prev=NO_LINE)  # type: ignore[arg-type]


def record_event(trial: str, outcome: Outcome, revision: int = 0) -> bytes:
    row = {"trial_id": trial, "outcome": outcome.value, "revision": revision}
    return event_of("record", trial, outcome=outcome.value, revision=revision, variant="baseline", record=row)


def answer_event(trial: str, text: str = "Grüße — \u2028 ok") -> bytes:
    return event_of("answer", trial, request="abc", text=text, call={"role": "subject"})


def six_lines() -> list[bytes]:
    """The beginning of a plausible journal, of every sort of line that counts."""
    return [
        event_of("run_start", None, planned=3, sinks=[]),
        event_of("trial_start", TRIALS[0]),
        answer_event(TRIALS[0]),
        record_event(TRIALS[0], Outcome.ANSWERED),
        answer_event(TRIALS[1]),
        record_event(TRIALS[1], Outcome.REFUSED),
    ]


def reopened(path: Path, data: bytes) -> tuple[bytes, list[bytes], list[bytes]]:
    """A journal with `data` in it, opened once: what is left of it, the lines it handed out, what was put aside."""
    for aside in path.parent.glob("journal.torn-*"):
        aside.unlink()
    path.write_bytes(data)
    taken: list[bytes] = []
    with JournalFile(path, lambda _offset, line: taken.append(line + b"\n")):
        pass
    return path.read_bytes(), taken, [aside.read_bytes() for aside in path.parent.glob("journal.torn-*")]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a test may keep a journal; properties write it anew each time."""
    return tmp_path_factory.mktemp("run") / "journal.jsonl"


# -- the format


def test_the_golden_file_is_what_is_written() -> None:
    lines = GOLDEN.read_bytes().splitlines(keepends=True)
    prev = NO_LINE
    for line in lines:
        event = decode(line[:-1])
        kind, trial = event.pop("e"), event.pop("trial", None)
        body = {key: value for key, value in event.items() if key not in ("crc", "prev")}
        assert encode(kind, trial, body, prev=prev) == line
        prev = hashlib.sha256(line[:-1]).hexdigest()[:32]
    assert {decode(line[:-1])["e"] for line in lines} == set(KINDS), "a kind of event is not pinned"


@pytest.mark.parametrize("golden", [GOLDEN, GOLDEN_WITHOUT_CHAIN], ids=["chained", "of an earlier version"])
def test_a_golden_journal_reads_as_it_always_did(golden: Path) -> None:
    state = read_state(golden)
    assert {name: count for name, count in state.outcomes(4).items() if count} == {
        "answered": 1,
        "judge_error": 1,
        "cancelled": 1,
        "pending": 1,
    }
    assert [record["trial_id"][:4] for record in read_records(golden, state)] == ["aaaa", "bbbb"]
    deviations = [["MODEL_TEMPERATURE", 0.7, 0.2, "the provider caps it", "2026-11-20T12:00:00.000Z"]]
    assert [list(one.values()) for one in state.deviations] == (deviations if golden == GOLDEN else [])


@given(kind=st.sampled_from(KINDS), trial=st.none() | st.sampled_from(TRIALS), body=bodies)
def test_a_line_is_ascii_and_gives_back_what_was_put_in(kind: str, trial: str | None, body: dict[str, Any]) -> None:
    line = event_of(kind, trial, **body)
    assert line.isascii() and line.endswith(b"\n") and line.count(b"\n") == 1 and b"\r" not in line
    assert is_whole_by_hand(line[:-1])
    event = decode(line[:-1])
    assert {key: value for key, value in event.items() if key not in ("crc", "prev", "e", "trial")} == body
    assert (event["e"], event.get("trial")) == (kind, trial)


@given(body=bodies, at=st.integers(0), by=st.integers(1, 255))
def test_a_line_with_one_changed_byte_is_not_taken_for_whole(body: dict[str, Any], at: int, by: int) -> None:
    line = bytearray(event_of("answer", TRIALS[0], **body)[:-1])
    at %= len(line)
    line[at] ^= by
    assert not is_whole(bytes(line))


# -- torn tails


def test_a_journal_cut_at_any_byte_of_its_last_lines_keeps_all_whole_lines(path: Path) -> None:
    lines = six_lines()
    data = b"".join(lines)
    for end in range(len(b"".join(lines[:3])), len(data) + 1):
        whole = whole_prefix(data[:end])
        left, taken, aside = reopened(path, data[:end])
        assert left == whole == b"".join(taken)
        assert aside == ([data[len(whole) : end]] if end > len(whole) else [])


def test_a_byte_flipped_anywhere_in_the_last_line_costs_that_line_only(path: Path) -> None:
    *lines, last = six_lines()
    for at in range(len(last)):
        torn = last[:at] + bytes([last[at] ^ 1]) + last[at + 1 :]
        left, taken, aside = reopened(path, b"".join([*lines, torn]))
        assert left == b"".join(lines) == b"".join(taken)
        assert aside == [torn]


@settings(deadline=None)
@given(events=st.lists(plain_events, max_size=6), tail=st.binary(max_size=60), chunk=st.integers(1, 200))
def test_garbage_behind_the_last_line_is_put_aside_whatever_it_is(
    path: Path, events: list[tuple[str, str | None, dict[str, Any]]], tail: bytes, chunk: int
) -> None:
    lines = [event_of(kind, trial, **body) for kind, trial, body in events]
    data = b"".join(lines) + tail
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_file, "_CHUNK_BYTES", chunk)
        left, taken, aside = reopened(path, data)
        assert left == b"".join(lines) == b"".join(taken)
        assert b"".join(aside) == tail
        path.write_bytes(data)
        assert [(data[at : at + len(line)], line) for at, line in whole_lines(path)] == [
            (line[:-1], line[:-1]) for line in lines
        ]


def test_a_torn_tail_never_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for tail in (b"first", b"second", b"third"):
        with path.open("ab") as file:
            file.write(tail)
        with JournalFile(path) as journal:
            assert journal.torn_bytes == len(tail)
        if tail == b"second":
            (tmp_path / "journal.torn-0").unlink()
    assert {aside.read_bytes() for aside in tmp_path.glob("journal.torn-*")} == {b"second", b"third"}


def test_a_reader_passes_over_a_line_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with JournalFile(path) as journal:
        journal.append(b"".join(six_lines()))
        with path.open("ab") as other:
            other.write(record_event(TRIALS[2], Outcome.ANSWERED)[:40])
        assert read_state(path).outcomes(3)["pending"] == 1
        assert read_state(path).lines == 6


# -- what a journal says


outcomes_of_records = st.sampled_from(sorted(RECORDED))
happenings = st.lists(
    st.one_of(
        st.builds(record_event, st.sampled_from(TRIALS), outcomes_of_records, st.integers(0, 3)),
        st.builds(partial(event_of, "trial_start"), st.sampled_from(TRIALS)),
        st.builds(partial(event_of, "trial_stopped", outcome="cancelled"), st.sampled_from(TRIALS)),
        st.builds(answer_event, st.sampled_from(TRIALS), texts),
    ),
    max_size=30,
)


@given(lines=happenings, planned=st.integers(len(TRIALS), 9))
def test_every_planned_trial_is_in_exactly_one_outcome(lines: list[bytes], planned: int) -> None:
    state, at = JournalState(), 0
    newest: dict[str, str] = {}
    for line in lines:
        state.take(at, line[:-1])
        at += len(line)
        event = json.loads(line)
        newest |= {event["trial"]: event["outcome"]} if event["e"] == "record" else {}
    counts = state.outcomes(planned)
    assert sum(counts.values()) == planned
    for outcome in RECORDED:
        assert counts[outcome] == list(newest.values()).count(outcome)
    for trial in TRIALS:
        assert state.is_settled(trial) == (newest.get(trial) in SETTLED)


# -- writing


def a_journal(file: JournalFile, state: JournalState, *, patience_s: float = 0.0) -> Journal:
    return Journal(file, state, clock=SystemClock(), patience_s=patience_s, on_trouble=lambda _: None)


async def test_what_is_known_while_writing_equals_what_is_read_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    state = JournalState()
    with JournalFile(path, state.take) as file:
        journal = a_journal(file, state)
        async with anyio.create_task_group() as group:
            group.start_soon(journal.keep)
            async with anyio.create_task_group() as writers:
                for number in range(300):
                    journal.post("trial_start", f"{number:020x}")
                    body = {"outcome": "answered", "revision": 0, "variant": "baseline", "record": {"n": number}}
                    writers.start_soon(partial(journal.write, "record", f"{number:020x}", **body))
            journal.close()
        assert json.loads(journal.record_line(f"{299:020x}")) == {"n": 299}
    assert vars(read_state(path)) == vars(state)
    assert state.lines == 600


async def test_an_answer_is_still_put_on_disk_when_everything_around_it_is_cancelled(tmp_path: Path) -> None:
    state = JournalState()
    with JournalFile(tmp_path / "journal.jsonl", state.take) as file:
        journal = a_journal(file, state)

        async def kept() -> None:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.05)
                await journal.write("plan_grown", None, said="late")
                journal.close()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(journal.keep)
                group.start_soon(kept)
                group.cancel_scope.cancel()
    assert read_state(tmp_path / "journal.jsonl").lines == 1


@pytest.mark.parametrize("natively", [True, False])
async def test_who_is_cancelled_while_writing_goes_on_until_it_is_on_disk_and_then_no_further(
    natively: bool, tmp_path: Path
) -> None:
    state, steps = JournalState(), list[str]()
    with JournalFile(tmp_path / "journal.jsonl", state.take) as file:
        journal = a_journal(file, state)

        async def writing() -> None:
            await journal.write("plan_grown", None, said="paid for")
            steps.append(f"{state.lines} on disk")
            await anyio.sleep(30)
            steps.append("went on")

        async def scoped(scope: anyio.CancelScope) -> None:
            with scope:
                await writing()
            task = asyncio.current_task()
            steps.append(f"{task.cancelling() if task else None} left to cancel")

        scope = anyio.CancelScope()
        task = asyncio.create_task(writing() if natively else scoped(scope))
        await asyncio.sleep(0)
        if natively:
            task.cancel()
        else:
            scope.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not steps, "nothing is written before the journal is kept"
        keeper = asyncio.create_task(journal.keep())
        with anyio.fail_after(5):
            await asyncio.wait([task])
            journal.close()
            await keeper
    assert task.cancelled() is natively
    assert steps == (["1 on disk"] if natively else ["1 on disk", "0 left to cancel"])


async def test_lines_of_a_busy_loop_go_to_disk_together_and_a_lone_one_at_once(tmp_path: Path) -> None:
    class Counting(JournalFile):
        appends = 0

        def append(self, data: bytes) -> None:
            self.appends += 1
            super().append(data)

    state = JournalState()
    with Counting(tmp_path / "journal.jsonl", state.take) as file:
        journal = a_journal(file, state)
        async with anyio.create_task_group() as group:
            group.start_soon(journal.keep)
            await journal.write("plan_grown", None, said="alone")
            assert file.appends == 1
            for number in range(200):
                journal.post("plan_grown", None, number=number)
                await asyncio.sleep(0)
            await journal.settle()
            journal.close()
    assert state.lines == 201
    assert file.appends <= 50


async def test_a_write_after_the_end_fails_instead_of_waiting_for_ever(tmp_path: Path) -> None:
    state = JournalState()
    with JournalFile(tmp_path / "journal.jsonl", state.take) as file:
        journal = a_journal(file, state)
        journal.close()
        await journal.keep()
        with anyio.fail_after(5), pytest.raises(JournalFailed):
            await journal.write("plan_grown", None)


async def test_what_is_on_disk_is_acknowledged_although_the_journal_ends_with_it(tmp_path: Path) -> None:
    state = JournalState()
    with JournalFile(tmp_path / "journal.jsonl", state.take) as file:
        journal = a_journal(file, state)

        async def close() -> None:
            journal.close()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(journal.keep)
                group.start_soon(journal.write, "plan_grown")
                group.start_soon(close)
    assert read_state(tmp_path / "journal.jsonl").lines == 1


def test_last_words_come_after_what_was_given_before_them(tmp_path: Path) -> None:
    state = JournalState()
    with JournalFile(tmp_path / "journal.jsonl", state.take) as file:
        journal = a_journal(file, state)
        for number in range(5):
            journal.post("plan_grown", None, n=number)
        journal.flush_now()
    lines = [decode(line)["n"] for _, line in whole_lines(tmp_path / "journal.jsonl")]
    assert lines == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("sync_s", "kept"), [(0.2, [0, 1]), (1.5, [0])])
async def test_last_words_do_not_wait_long_for_a_commit_that_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync_s: float, kept: list[int]
) -> None:
    state, syncing, real = JournalState(), threading.Event(), os.fdatasync

    def slow_sync(fd: int) -> None:
        syncing.set()
        time.sleep(sync_s)
        real(fd)

    with JournalFile(tmp_path / "journal.jsonl", state.take) as file:
        journal = a_journal(file, state)
        monkeypatch.setattr(os, "fdatasync", slow_sync)
        async with anyio.create_task_group() as group:
            group.start_soon(journal.keep)
            journal.post("plan_grown", None, n=0)
            await anyio.to_thread.run_sync(syncing.wait)
            monkeypatch.setattr(os, "fdatasync", real)
            journal.post("plan_grown", None, n=1)
            with at_most(1.0):
                journal.flush_now()
            assert [decode(line)["n"] for _, line in whole_lines(tmp_path / "journal.jsonl")] == kept
            journal.close()


ACKNOWLEDGE = """
import os, sys
from functools import partial
from pathlib import Path
import anyio
from trialbed.core.clock import SystemClock
from trialbed.sinks.journal.file import JournalFile
from trialbed.sinks.journal.state import JournalState
from trialbed.sinks.journal.writer import Journal

synced, real = 0, os.fdatasync

def watched(fd):
    global synced
    size = os.fstat(fd).st_size
    real(fd)
    synced = size

os.fdatasync = watched

async def write_for_ever(journal, number):
    while True:
        place = await journal.write("plan_grown", None, n=number, text="x" * (number % 700))
        assert synced > place.offset + place.length, "acknowledged before it was on disk"
        os.write(1, b"%d\\n" % number)
        number += 20

async def main():
    state = JournalState()
    with JournalFile(Path(sys.argv[1]), state.take) as file:
        journal = Journal(file, state, clock=SystemClock(), patience_s=0, on_trouble=print)
        async with anyio.create_task_group() as group:
            group.start_soon(journal.keep)
            for first in range(20):
                group.start_soon(write_for_ever, journal, first)

anyio.run(main)
"""


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_acknowledged_that_a_kill_could_still_take_away(tmp_path: Path, seed: int) -> None:
    acknowledged, path = tmp_path / "acknowledged", tmp_path / "journal.jsonl"
    with acknowledged.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", ACKNOWLEDGE, path], stdout=out, stderr=subprocess.PIPE)
        try:
            wait_until(lambda: acknowledged.stat().st_size > 2000 * (seed + 1), "acknowledgements")
            time.sleep(0.007 * seed)
        finally:
            process.kill()
            _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()
    numbers = {int(line) for line in acknowledged.read_bytes().split(b"\n")[:-1]}
    with JournalFile(path):
        pass
    assert numbers <= {decode(line)["n"] for _, line in whole_lines(path)}


FULL_DISK = """
import resource, sys
from pathlib import Path
from trialbed.sinks.journal.events import NO_LINE, encode
from trialbed.sinks.journal.file import JournalFile

line = encode("plan_grown", None, {"text": "x" * 1000}, prev=NO_LINE)
with JournalFile(Path(sys.argv[1])) as journal:
    journal.append(line * 3)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(line) * 5 + 100, resource.RLIM_INFINITY))
    try:
        journal.append(line * 4)
    except OSError as error:
        print(error.strerror)
    print(journal.path.stat().st_size == journal.size == len(line) * 3)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.append(line * 4)
    print(journal.path.read_bytes() == line * 7)
"""


def test_a_write_that_the_disk_cuts_short_leaves_no_trace_and_can_be_made_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "journal.jsonl")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines() == ["File too large", "True", "True"], done.stderr


# -- one writer


def test_a_second_writer_is_refused_in_one_line(tmp_path: Path) -> None:
    with JournalFile(tmp_path / "journal.jsonl"), pytest.raises(UserError, match="another process is writing this run"):
        JournalFile(tmp_path / "journal.jsonl")


def test_a_folder_that_may_not_be_written_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"journal\.jsonl: Not a directory; the run needs a folder it may write"):
        (tmp_path / "file").write_text("")
        JournalFile(tmp_path / "file" / "journal.jsonl")


@given(bodies, st.sampled_from(["baseline", "bribe-2", "record", "a_b"]))
def test_a_record_is_cut_out_of_its_line_as_the_very_bytes_that_were_written(row: dict[str, Any], variant: str) -> None:
    line = event_of("record", TRIALS[0], outcome="answered", revision=3, variant=variant, record=row)
    assert record_in(line[:-1]) == json_line(row)
