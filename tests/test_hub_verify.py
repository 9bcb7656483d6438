"""Does verify see every way in which the Hub and the journal can differ?"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, close_session, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from tests.standins.hub import Faults, HubStandIn
from tests.test_hub_sink import add, sink_of
from tests.torture.hub_material import FAST, REPO, RUN, open_journal, target, trial_id
from trialbed.core.errors import UserError
from trialbed.sinks.hub.verify import VerifyReport, verify
from trialbed.sinks.journal.writer import Journal


@pytest.fixture(autouse=True)
def own_session() -> Iterator[None]:
    """Leave the client library as other tests expect it."""
    yield
    close_session()
    set_client_factory(default_client_factory)


async def report_of(hub: HubStandIn, journal: Journal, layout: str = "shards", planned: int = 6) -> VerifyReport:
    goal = target(hub.endpoint, hub.token, layout=layout)
    ids = [trial_id(index) for index in range(planned)]
    return await asyncio.to_thread(verify, goal, RUN, ids, journal, pace=FAST)


def change(hub: HubStandIn, path: str, content: bytes) -> None:
    api = HfApi(endpoint=hub.endpoint, token=hub.token)
    operation = CommitOperationAdd(path, content)
    api.create_commit(REPO, [operation], commit_message="theirs", repo_type="dataset")


@pytest.mark.parametrize("layout", ["shards", "append"])
async def test_a_whole_push_is_fine_and_what_has_no_record_yet_is_counted(tmp_path: Path, layout: str) -> None:
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(5))
            await sink_of(journal, hub, layout=layout).flush(5)
            hub.faults = Faults(read_error=0.2, read_cut=0.1)
            report = await report_of(hub, journal, layout)
            assert report.ok
            assert (report.published, report.recorded, report.pending) == (5, 5, 1)
            assert json.loads(json.dumps(report.as_dict()))["ok"] is True
            assert len(report.lines()) == 2


async def test_every_difference_is_named(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(5))
            await sink_of(journal, hub).flush(5)
            (path,) = [path for path in hub.repo(REPO).files() if path.startswith("data/")]
            lines = hub.repo(REPO).files()[path].splitlines()
            ids = [json.loads(line)["trial_id"] for line in lines]
            altered = lines[1].replace(b'"dilemma"', b'"changed"', 1)
            stranger = lines[4].replace(ids[4].encode(), b"0123456789abcdef0123")
            change(hub, path, b"\n".join([lines[0], lines[0], altered, lines[2], b'{"torn', stranger]))
            await add(journal, range(2, 3), 1)
            stale = trial_id(2)
            report = await report_of(hub, journal)
            assert not report.ok
            assert report.doubled == (ids[0],)
            assert ids[1] == stale or report.changed == (ids[1],)
            assert report.stale == (stale,)
            assert set(report.missing) == {ids[3], ids[4]} - {stale}
            assert report.unknown == ("0123456789abcdef0123",)
            assert report.unreadable == (f"{path}:5",)
            assert all("\n" not in line for line in report.lines())


async def test_a_row_in_both_layouts_is_doubled(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(2))
            await sink_of(journal, hub).flush(5)
            change(hub, "game_logs.jsonl", journal.record_line(trial_id(0)) + b"\n" + b'{"run":"other"}\n')
            report = await report_of(hub, journal)
            assert report.doubled == (trial_id(0),)
            assert report.unknown == ()


async def test_a_hub_that_cannot_be_read_is_the_users_to_know(tmp_path: Path) -> None:
    with HubStandIn(Faults(outage=True)) as hub:
        async with open_journal(tmp_path) as journal:
            await add(journal, range(2))
            with pytest.raises(UserError, match="cannot be read"):
                await report_of(hub, journal)
