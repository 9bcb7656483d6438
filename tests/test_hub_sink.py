"""Does every row get to the Hub once, readable and in its newest revision, whatever the Hub does?"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, close_session, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from tests.standins.hub import Faults, HubStandIn
from tests.support.measure import at_most, slowdown
from tests.torture.hub import MIX, MOST_BYTES, Case, push_to_the_end, unloadable, violations
from tests.torture.hub_material import FAST, REPO, RUN, card, keep, open_journal, record, target, trial_id
from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.sinks.hub.sink import HubSink
from trialbed.sinks.journal.writer import Journal

OLD_LINES = b'{"trial_id":"old","answer":"caf\xc3\xa9"}\n{ "run" : "r0", "n": 1 }\r\nnot json\n'


@pytest.fixture(autouse=True)
def own_session() -> Iterator[None]:
    """Leave the client library as other tests expect it."""
    yield
    close_session()
    set_client_factory(default_client_factory)


class Said(list[str]):
    """The announcements."""

    def __contains__(self, part: object) -> bool:
        return any(str(part) in line for line in self)


def sink_of(journal: Journal, hub: HubStandIn, said: Said | None = None, **changes: Any) -> HubSink:
    """A sink as the app builds it."""
    check = changes.pop("check_published", False)
    return HubSink(
        ledger=journal,
        target=target(hub.endpoint, changes.pop("token", hub.token), **changes),
        card=card(),
        clock=SystemClock(),
        random=Random(7),
        announce=(said if said is not None else Said()).append,
        pace=FAST,
        check_published=check,
    )


async def add(journal: Journal, indexes: range, revision: int = 0, **changes: Any) -> None:
    """Records that nobody has offered yet."""
    async with anyio.create_task_group() as tasks:
        for index in indexes:
            tasks.start_soon(keep, journal, record(index, revision, **changes))


async def until(holds: Callable[[], object]) -> None:
    with anyio.fail_after(10):
        while not holds():  # noqa: ASYNC110
            await anyio.sleep(0.002)  # what is waited for happens in another thread


def newest(journal: Journal) -> dict[str, bytes]:
    return {trial: journal.record_line(trial) for trial, _ in journal.revisions()}


def on_the_hub(hub: HubStandIn) -> dict[str, bytes]:
    """Lines by trial; a trial that is there twice fails."""
    rows: dict[str, bytes] = {}
    for path, content in hub.repo(REPO).files().items():
        if path.startswith("data/"):
            for line in content.splitlines():
                trial = json.loads(line)["trial_id"]
                assert trial not in rows
                rows[trial] = line
    return rows


def api_of(hub: HubStandIn) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=hub.token)


def put(hub: HubStandIn, path: str, content: bytes) -> None:
    api_of(hub).create_repo(REPO, repo_type="dataset", private=True, exist_ok=True)
    operation = CommitOperationAdd(path, content)
    api_of(hub).create_commit(REPO, [operation], commit_message="theirs", repo_type="dataset")


async def test_what_is_owed_at_the_start_is_pushed_and_confirmed(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(30))
            sink = sink_of(journal, hub)
            assert sink.owed == 30
            await sink.flush(10)
            assert sink.owed == 0
            assert on_the_hub(hub) == newest(journal)
            assert hub.repo(REPO).private
            assert sink_of(journal, hub).owed == 0
        assert unloadable(hub, tmp_path, hub.repo(REPO).commits, Random(0)) == []


async def test_rows_offered_while_it_runs_are_sent_without_a_flush(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
            sink = sink_of(journal, hub)
            tasks.start_soon(sink.run)
            for index in range(20):
                await keep(journal, record(index))
                sink.offer(trial_id(index))
            await until(lambda: not sink.owed)
            tasks.cancel_scope.cancel()
            assert on_the_hub(hub) == newest(journal)


@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("layout", ["shards", "append"])
async def test_every_row_is_there_once_at_every_commit_under_the_fault_mix(
    tmp_path: Path, seed: int, layout: str
) -> None:
    with HubStandIn(MIX, seed=seed) as hub:
        async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
            sink = sink_of(journal, hub, layout=layout)
            tasks.start_soon(sink.run)
            for index in range(120):
                await keep(journal, record(index, size=3000))
                sink.offer(trial_id(index))
                await anyio.sleep(0.008)
            await sink.flush(30)
            tasks.cancel_scope.cancel()
            assert sink.owed == 0
            payload = sum(len(line) + 1 for line in newest(journal).values())
        assert violations(hub.repo(REPO).commits, layout) == []
        if layout == "shards":
            assert hub.bytes_received <= MOST_BYTES * payload


@pytest.mark.parametrize("layout", ["shards", "append"])
async def test_a_row_judged_again_takes_the_place_of_the_old_one_in_one_commit(tmp_path: Path, layout: str) -> None:
    with HubStandIn(MIX, seed=5) as hub:
        async with open_journal(tmp_path) as journal:
            sink = sink_of(journal, hub, layout=layout)
            for revision, indexes in enumerate([range(40), range(10, 20), range(15, 50)]):
                await add(journal, indexes, revision)
                for index in indexes:
                    sink.offer(trial_id(index))
                await sink.flush(30)
            assert sink.owed == 0
            rows = newest(journal)
        commits = hub.repo(REPO).commits
        assert violations(commits, layout) == []
        paths = [path for path in commits[-1].tree if path.endswith(".jsonl")]
        lines = [line for path in paths for line in commits[-1].tree[path].content.splitlines()]
        assert sorted(lines) == sorted(rows.values())


def test_a_process_killed_in_the_middle_of_a_push_is_resumed_without_loss_or_doubling(tmp_path: Path) -> None:
    case = Case(seed=3, layout="shards", again=0.2, kills=3, faults=MIX, force_lfs=False)
    with HubStandIn(MIX, seed=3) as hub:
        assert push_to_the_end(case, hub, tmp_path, rows=150) == []
        assert violations(hub.repo(REPO).commits, "shards") == []
        assert len(hub.repo(REPO).rows()) == 150


async def test_a_shard_sealed_before_a_crash_is_committed_with_the_same_bytes(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        put(hub, "x.txt", b"x")
        async with open_journal(tmp_path) as journal:
            await add(journal, range(5))
            hub.faults = Faults(error_before=1.0)
            await sink_of(journal, hub).flush(0.5)
            (seal,) = journal.sink_events("hub")
            hub.faults = Faults()
            await sink_of(journal, hub).flush(5)
            assert seal["path"] in hub.repo(REPO).files()
            assert on_the_hub(hub) == newest(journal)


@pytest.mark.parametrize("faults", [Faults(error_before=1.0), Faults(error_after=1.0)])
async def test_a_newer_revision_after_a_crash_supersedes_what_was_sealed(tmp_path: Path, faults: Faults) -> None:
    with HubStandIn() as hub:
        put(hub, "x.txt", b"x")
        async with open_journal(tmp_path) as journal:
            await add(journal, range(5))
            hub.faults = faults
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(sink_of(journal, hub).flush, 5)
                await until(lambda: hub.fault_counts)
                hub.faults = Faults(outage=True)
                tasks.cancel_scope.cancel()
            await add(journal, range(2, 4), 1)
            hub.faults = Faults()
            sink = sink_of(journal, hub)
            await sink.flush(5)
            assert sink.owed == 0
            assert on_the_hub(hub) == newest(journal)
            assert len({event["path"] for event in journal.sink_events("hub") if event["e"] == "sealed"}) == 2
        assert violations(hub.repo(REPO).commits, "shards") == []


async def test_a_given_up_shard_that_turns_up_late_is_taken_away_again(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        put(hub, "x.txt", b"x")
        async with open_journal(tmp_path) as journal:
            await add(journal, range(5))
            hub.faults = Faults(error_before=1.0)
            await sink_of(journal, hub).flush(0.3)
            (seal,) = journal.sink_events("hub")
            late = b"".join(line + b"\n" for line in newest(journal).values())
            await add(journal, range(2), 1)
            hub.faults = Faults()
            await sink_of(journal, hub).flush(5)
            put(hub, seal["path"], late)
            await sink_of(journal, hub, check_published=True).flush(5)
            assert on_the_hub(hub) == newest(journal)


async def test_rows_somebody_deleted_are_sent_again_when_asked_to_check(tmp_path: Path) -> None:
    said = Said()
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(5))
            await sink_of(journal, hub).flush(5)
            (path,) = [path for path in hub.repo(REPO).files() if path.startswith("data/")]
            operation = CommitOperationDelete(path)
            api_of(hub).create_commit(REPO, [operation], commit_message="gone", repo_type="dataset")
            sink = sink_of(journal, hub, said, check_published=True)
            await sink.flush(5)
            assert on_the_hub(hub) == newest(journal)
            assert "5 rows are no longer" in said
            assert sink_of(journal, hub).owed == 0


async def test_a_hanging_hub_holds_up_neither_the_loop_nor_the_end(tmp_path: Path) -> None:
    with HubStandIn(Faults(hang_all=True)) as hub:
        async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
            await add(journal, range(5))
            sink = sink_of(journal, hub)
            tasks.start_soon(sink.run)
            worst = 0.0
            for _ in range(50):
                before = time.monotonic()
                await anyio.sleep(0.01)
                worst = max(worst, time.monotonic() - before)
            assert worst < 0.3 * slowdown()
            with at_most(0.8):
                await sink.flush(0.3)
            tasks.cancel_scope.cancel()
            assert sink.owed == 5


def test_a_process_ends_at_once_although_the_hub_hangs(tmp_path: Path) -> None:
    script = """
import anyio, os, pathlib, sys
from tests.test_hub_sink import *
async def main(folder):
    goal = target(None, os.environ["HF_TOKEN"])
    async with open_journal(folder) as journal:
        await add(journal, range(3))
        sink = HubSink(ledger=journal, target=goal, card=card(), clock=SystemClock(), random=Random(1), announce=print)
        await sink.flush(0.5)
        print(sink.owed, flush=True)
anyio.run(main, pathlib.Path(sys.argv[1]))
"""
    with HubStandIn(Faults(hang_all=True)) as hub:
        environment = {**os.environ, **hub.client_environment(tmp_path / "home")}
        command = [sys.executable, "-c", script, str(tmp_path)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "3\n"
            process.wait(2.0)


async def test_words_and_header_of_an_existing_card_are_kept(tmp_path: Path) -> None:
    with HubStandIn(MIX, seed=2) as hub:
        hub.faults = Faults()
        put(hub, "README.md", b"---\nlicense: mit\n---\n# Mine\r\n\xe6\xbc\xa2\n")
        hub.faults = MIX
        async with open_journal(tmp_path) as journal:
            await add(journal, range(5))
            await sink_of(journal, hub).flush(20)
        text = hub.repo(REPO).files()["README.md"]
        assert b"# Mine\r\n\xe6\xbc\xa2\n" in text
        assert b"license: mit\n" in text
        assert f"### {RUN}\n".encode() in text


@pytest.mark.parametrize("rival", ["file", "append"])
async def test_lines_of_others_in_the_growing_file_are_kept_byte_for_byte(tmp_path: Path, rival: Any) -> None:
    with HubStandIn() as hub:
        put(hub, "game_logs.jsonl", OLD_LINES)
        hub.faults = Faults(error_after=0.3, cut_before=0.1, rival_every=2, rival=rival)
        async with open_journal(tmp_path) as journal:
            sink = sink_of(journal, hub, layout="append")
            for start in range(0, 30, 10):
                await add(journal, range(start, start + 10))
                for index in range(start, start + 10):
                    sink.offer(trial_id(index))
                await sink.flush(20)
            assert sink.owed == 0
            rows = set(newest(journal).values())
        for commit in hub.repo(REPO).commits[2:]:
            assert commit.tree["game_logs.jsonl"].content.startswith(OLD_LINES)
        lines = hub.repo(REPO).files()["game_logs.jsonl"].split(b"\n")
        assert rows <= set(lines)
        assert len(lines) == len(set(lines))


async def test_foreign_rows_of_other_shapes_do_not_break_load_dataset(tmp_path: Path) -> None:
    old = b'{"trial_id":"old","usage":"none","extra":{"a":[1]}}\n{"trial_id":"older","calls":{"a":1}}\n'
    with HubStandIn() as hub:
        put(hub, "game_logs.jsonl", old)
        async with open_journal(tmp_path) as journal:
            await add(journal, range(5))
            await sink_of(journal, hub, layout="append").flush(5)
        assert unloadable(hub, tmp_path, hub.repo(REPO).commits[-1:], Random(0)) == []


@pytest.mark.parametrize("faults", [Faults(outage=True), Faults(read_error=1.0), Faults(read_cut=1.0)])
async def test_a_hub_that_cannot_be_reached_is_not_an_empty_one(tmp_path: Path, faults: Faults) -> None:
    said = Said()
    with HubStandIn() as hub:
        put(hub, "game_logs.jsonl", OLD_LINES)
        hub.faults = faults
        async with open_journal(tmp_path) as journal:
            await add(journal, range(3))
            sink = sink_of(journal, hub, said, layout="append")
            await sink.flush(1.0)
            assert sink.owed == 3
            assert sink.stopped is None
            assert len(said) == 1
            hub.faults = Faults()
            await sink.flush(5)
            assert sink.owed == 0
        assert hub.repo(REPO).files()["game_logs.jsonl"].startswith(OLD_LINES)


async def test_a_gitignore_in_the_repo_does_not_swallow_rows(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        put(hub, ".gitignore", b"data/\n*.jsonl\n")
        async with open_journal(tmp_path) as journal:
            await add(journal, range(3))
            await sink_of(journal, hub).flush(5)
            assert on_the_hub(hub) == newest(journal)


async def test_large_files_go_through_lfs_once(tmp_path: Path) -> None:
    with HubStandIn(Faults(error_before=0.3, upload_error=0.2), seed=3, force_lfs=True) as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(30), size=5000)
            await sink_of(journal, hub).flush(20)
            assert on_the_hub(hub) == newest(journal)


async def test_a_public_dataset_is_refused_when_a_private_one_was_asked_for(tmp_path: Path) -> None:
    said = Said()
    with HubStandIn() as hub:
        api_of(hub).create_repo(REPO, repo_type="dataset", private=False)
        async with open_journal(tmp_path) as journal:
            await add(journal, range(3))
            await sink_of(journal, hub, said).flush(5)
        assert "HF_PRIVATE" in said
        assert len(hub.repo(REPO).commits) == 1


@pytest.mark.parametrize("token", ["hf_nobody_has_this_one_0000", HubStandIn.read_only_token])
async def test_a_token_that_may_not_write_is_said_once_and_not_tried_again(tmp_path: Path, token: str) -> None:
    said = Said()
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
            await add(journal, range(3))
            sink = sink_of(journal, hub, said, token=token)
            tasks.start_soon(sink.run)
            await until(lambda: sink.stopped)
            requests = len(hub.log)
            sink.offer(trial_id(0))
            await sink.flush(1)
            assert len(hub.log) == requests
            assert (len(said), sink.owed) == (1, 3)
            assert "HF_TOKEN" in said
            assert token not in said


async def test_rehearsals_are_never_sent(tmp_path: Path) -> None:
    said = Said()
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(3), provider="rehearsal")
            sink = sink_of(journal, hub, said)
            await sink.flush(5)
            assert (sink.owed, sink.refused, len(said)) == (0, 3, 1)
            assert hub.repo_ids == []


async def test_one_repo_does_not_get_a_run_in_both_layouts(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(3))
            await sink_of(journal, hub).flush(5)
            with pytest.raises(UserError, match="HF_LAYOUT"):
                sink_of(journal, hub, layout="append")


async def test_another_repo_gets_everything(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(3))
            await sink_of(journal, hub).flush(5)
            await sink_of(journal, hub, repo_id="user/second", layout="append").flush(5)
            assert len(hub.repo("user/second").files()["game_logs.jsonl"].splitlines()) == 3


async def test_commits_are_paced_but_for_the_last(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal, anyio.create_task_group() as tasks:
            sink = sink_of(journal, hub, commit_every_s=30.0)
            tasks.start_soon(sink.run)
            for index in range(20):
                await keep(journal, record(index))
                sink.offer(trial_id(index))
                await anyio.sleep(0.01)
            assert hub.repo_ids == []
            await sink.flush(5)
            tasks.cancel_scope.cancel()
            assert sink.owed == 0


async def test_a_hundred_thousand_rows_are_taken_up_in_seconds(tmp_path: Path) -> None:
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

    events: list[dict[str, Any]] = []
    for part in range(99):
        rows = [[f"{number:020x}", 0] for number in range(part * 1000, part * 1000 + 1000)]
        seal = {"path": f"p{part}", "sha256": "", "blob": "", "bytes": 1, "rows": rows, "removes": []}
        common = {"repo": REPO, "layout": "shards"}
        events.append({"e": "sealed", **common, **seal})
        events.append({"e": "receipt", **common, "path": f"p{part}", "oid": "", "rows": 1000, "removed": []})
    with at_most(3):
        sink = HubSink(
            ledger=Ledger(),
            target=target(None, "hf_x"),
            card=card(),
            clock=SystemClock(),
            random=Random(1),
            announce=print,
        )
    assert sink.owed == 1000
