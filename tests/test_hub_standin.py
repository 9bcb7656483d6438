"""Does the Hub stand-in answer the real clients as the Hub would, and are its faults observable?"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from huggingface_hub import (
    CommitInfo,
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    RepoFile,
    close_session,
    set_client_factory,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils._http import default_client_factory

from tests.standins.hub import FOREIGN_NAMESPACE, Fault, Faults, HubStandIn, hub_process

REPO = "user/x"
READ_TIMEOUT_S = 0.5
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: "**/*.jsonl"
dataset_info:
  features:
  - name: trial_id
    dtype: string
  - name: score
    dtype: float64
  - name: extra
    dtype: json
---
# stand-in
"""
SHARDS = {
    "data/run/part-1.jsonl": (
        '{"trial_id": "a", "score": 1.0, "extra": null}\n{"trial_id": "b", "score": null, "extra": []}\n'
    ),
    "data/run/part-2.jsonl": '{"trial_id": "c", "score": 2.5, "extra": {"k": [1, "x", null]}}\n',
}
GROWING = {"game_logs.jsonl": '{"trial_id": "g", "score": 0.5, "extra": {"k": {"z": 1.5}}}\n'}


@pytest.fixture(autouse=True)
def bounded_client() -> Iterator[None]:
    def factory() -> httpx.Client:
        client = default_client_factory()
        client.timeout = httpx.Timeout(READ_TIMEOUT_S)
        return client

    set_client_factory(factory)
    yield
    set_client_factory(default_client_factory)


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with HubStandIn(seed=7) as hub:
        client(hub).create_repo(REPO, repo_type="dataset", private=True)
        yield hub


def client(hub: HubStandIn, token: str | None = None) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=token or hub.token)


def put(api: HfApi, path: str = "data/a.jsonl", text: str = '{"a": 1}\n', parent: str | None = None) -> CommitInfo:
    operation = CommitOperationAdd(path, text.encode())
    return api.create_commit(
        REPO, [operation], repo_type="dataset", commit_message=f"add {path}", parent_commit=parent, num_threads=1
    )


def refused_with(status: int, call: Callable[[], object]) -> None:
    with pytest.raises(HfHubHTTPError) as raised:
        call()
    assert raised.value.response.status_code == status


def run_client(environment: dict[str, str], code: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


# Reading and writing


def test_a_commit_is_read_back_by_paths_info_tree_and_download(hub: HubStandIn, tmp_path: Path) -> None:
    api = client(hub)
    made = put(api, "data/run/part-1.jsonl")
    (info,) = api.get_paths_info(REPO, ["data/run/part-1.jsonl", "absent"], repo_type="dataset", revision=made.oid)
    assert isinstance(info, RepoFile)
    assert (info.path, info.size) == ("data/run/part-1.jsonl", 9)
    listed = [entry.path for entry in api.list_repo_tree(REPO, repo_type="dataset", recursive=True, expand=True)]
    assert listed == [".gitattributes", "data", "data/run", "data/run/part-1.jsonl"]
    kept = api.hf_hub_download(REPO, "data/run/part-1.jsonl", repo_type="dataset", cache_dir=tmp_path)
    assert Path(kept).read_text() == '{"a": 1}\n'
    assert hub.repo(REPO).rows() == [{"a": 1}]
    assert hub.bytes_received > 0


def test_a_tree_longer_than_a_page_is_listed_whole(hub: HubStandIn) -> None:
    operations = [CommitOperationAdd(f"data/{number}.jsonl", b"{}\n") for number in range(1200)]
    client(hub).create_commit(REPO, operations, repo_type="dataset", commit_message="many")
    assert len(list(client(hub).list_repo_tree(REPO, repo_type="dataset", path_in_repo="data"))) == 1200


def test_every_historical_commit_can_be_inspected(hub: HubStandIn) -> None:
    api = client(hub)
    first = put(api, text='{"a": 1}\n').oid
    second = api.create_commit(
        REPO, [CommitOperationDelete("data/a.jsonl")], repo_type="dataset", commit_message="delete"
    ).oid
    repo = hub.repo(REPO)
    assert repo.rows(revision=first) == [{"a": 1}]
    assert repo.rows() == []
    assert [commit.who for commit in repo.commits] == ["hub", "client", "client"]
    assert repo.commits[-1].parent == first
    assert [commit.commit_id for commit in api.list_repo_commits(REPO, repo_type="dataset")][:2] == [second, first]


def test_large_content_goes_through_lfs(tmp_path: Path) -> None:
    environment = {"HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path)}
    code = (
        "import sys; from huggingface_hub import HfApi; api = HfApi(endpoint=sys.argv[1], token=sys.argv[2])\n"
        "api.upload_file(path_or_fileobj=b'x' * 9, path_in_repo='a.jsonl', repo_id='user/x', repo_type='dataset')"
    )
    with HubStandIn(force_lfs=True) as hub:
        client(hub).create_repo(REPO, repo_type="dataset")
        code = code.replace("sys.argv[1]", repr(hub.endpoint)).replace("sys.argv[2]", repr(hub.token))
        run_client(environment, code)
        assert hub.repo(REPO).files()["a.jsonl"] == b"x" * 9
        assert [exchange.method for exchange in hub.log if exchange.path.startswith("/lfs-storage/")] == ["PUT"]


def test_a_file_named_by_gitignore_is_dropped_in_silence(hub: HubStandIn) -> None:
    put(client(hub), ".gitignore", "data/\n")
    put(client(hub), "data/a.jsonl")
    assert "data/a.jsonl" not in hub.repo(REPO).files()


def test_a_range_of_a_file_can_be_read(hub: HubStandIn) -> None:
    put(client(hub), text="0123456789")
    url = f"{hub.endpoint}/datasets/{REPO}/resolve/main/data/a.jsonl"
    headers = {"Authorization": f"Bearer {hub.token}"}
    got = [httpx.get(url, headers={**headers, "Range": f"bytes={span}"}) for span in ("2-4", "8-", "-3", "10-")]
    assert [answer.status_code for answer in got] == [206, 206, 206, 416]
    assert [answer.text for answer in got[:3]] == ["234", "89", "789"]


def test_invalid_yaml_in_a_card_is_refused(hub: HubStandIn) -> None:
    with pytest.raises(ValueError, match="Invalid metadata in README"):
        put(client(hub), "README.md", "---\na: [\n---\n")


# Who may do what


def test_an_existing_repo_keeps_its_visibility_whatever_create_asks(hub: HubStandIn) -> None:
    api = client(hub)
    api.create_repo("user/open", repo_type="dataset")
    refused_with(409, lambda: api.create_repo("user/open", repo_type="dataset", private=True))
    api.create_repo("user/open", repo_type="dataset", private=True, exist_ok=True)
    assert api.repo_info("user/open", repo_type="dataset").private is False
    api.update_repo_settings("user/open", repo_type="dataset", private=True)
    assert hub.repo("user/open").private is True


def test_tokens_decide_between_401_and_403(hub: HubStandIn) -> None:
    assert client(hub).whoami()["auth"]["accessToken"]["role"] == "write"
    refused_with(401, client(hub, "hf_wrong").whoami)
    refused_with(403, lambda: put(client(hub, hub.read_only_token)))
    refused_with(403, lambda: client(hub).create_repo(f"{FOREIGN_NAMESPACE}/x", repo_type="dataset"))
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=hub.endpoint, token=False).repo_info(REPO, repo_type="dataset")


def test_what_is_missing_is_named_as_the_client_knows_it(hub: HubStandIn) -> None:
    api = client(hub)
    with pytest.raises(RepositoryNotFoundError):
        api.repo_info("user/none", repo_type="dataset")
    with pytest.raises(RevisionNotFoundError):
        api.repo_info(REPO, repo_type="dataset", revision="0" * 40)
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download(REPO, "none", repo_type="dataset")


# Faults


def test_a_commit_with_a_stale_parent_answers_412(hub: HubStandIn) -> None:
    stale = hub.repo(REPO).head.oid
    put(client(hub), "data/a.jsonl")
    refused_with(412, lambda: put(client(hub), "data/b.jsonl", parent=stale))
    assert set(hub.repo(REPO).files()) == {".gitattributes", "data/a.jsonl"}


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.CONFLICT])
def test_a_refused_commit_has_happened_only_if_the_fault_says_after(hub: HubStandIn, fault: Fault) -> None:
    hub.faults = Faults.always(fault)
    with pytest.raises(HfHubHTTPError) as raised:
        put(client(hub))
    assert (raised.value.response.status_code == 409) is (fault is Fault.CONFLICT)
    assert (raised.value.response.status_code >= 500) is (fault is not Fault.CONFLICT)
    assert ("data/a.jsonl" in hub.repo(REPO).files()) is (fault is Fault.ERROR_AFTER)
    assert hub.fault_counts == {fault.value: 1}


def test_repeating_a_commit_that_happened_sends_nothing_and_succeeds(hub: HubStandIn) -> None:
    hub.faults = Faults(error_after=1.0)
    with pytest.raises(HfHubHTTPError):
        put(client(hub))
    assert put(client(hub)).oid == hub.repo(REPO).head.oid
    assert hub.fault_counts == {"error_after": 1}


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER])
def test_a_cut_commit_is_a_transport_error_whether_it_happened_or_not(hub: HubStandIn, fault: Fault) -> None:
    hub.faults = Faults.always(fault)
    kinds: set[type[Exception]] = set()
    for text in ("first\n", "second\n"):
        with pytest.raises(httpx.TransportError) as raised:
            put(client(hub), text=text)
        kinds.add(raised.type)
    assert kinds == {httpx.RemoteProtocolError, httpx.ReadError}
    assert ("data/a.jsonl" in hub.repo(REPO).files()) is (fault is Fault.CUT_AFTER)
    assert hub.log[-1].status is None


@pytest.mark.parametrize("fault", [Fault.HANG_BEFORE, Fault.HANG_AFTER])
def test_a_hanging_commit_ends_with_the_clients_patience(hub: HubStandIn, fault: Fault) -> None:
    hub.faults = Faults.always(fault)
    with pytest.raises(httpx.ReadTimeout):
        put(client(hub))
    assert ("data/a.jsonl" in hub.repo(REPO).files()) is (fault is Fault.HANG_AFTER)


def test_every_nth_commit_is_throttled_with_a_retry_after(hub: HubStandIn) -> None:
    hub.faults = Faults(throttle_every=2, retry_after_s=7)
    put(client(hub), "data/a.jsonl")
    with pytest.raises(HfHubHTTPError) as raised:
        put(client(hub), "data/b.jsonl")
    assert raised.value.response.status_code == 429
    assert raised.value.response.headers["Retry-After"] == "7"


def test_a_rival_moves_the_parent_just_before_every_nth_commit(hub: HubStandIn) -> None:
    hub.faults = Faults(rival_every=1)
    parent = hub.repo(REPO).head.oid
    refused_with(412, lambda: put(client(hub), parent=parent))
    put(client(hub))
    assert [commit.who for commit in hub.repo(REPO).commits] == ["hub", "rival", "rival", "client"]
    assert "rival/2.txt" in hub.repo(REPO).files()


def test_an_appending_rival_adds_its_line_to_the_growing_file(hub: HubStandIn) -> None:
    put(client(hub), "game_logs.jsonl", '{"trial_id": "a"}\n')
    hub.faults = Faults(rival="append")
    head = hub.commit_as_rival(REPO)
    assert hub.repo(REPO).head.oid == head
    assert hub.repo(REPO).rows("game_logs.jsonl") == [{"trial_id": "a"}, {"trial_id": "rival-1"}]


def test_reads_can_fail_and_be_cut_midway(hub: HubStandIn) -> None:
    put(client(hub))
    hub.faults = Faults(read_error=1.0)
    with pytest.raises(HfHubHTTPError):
        client(hub).get_paths_info(REPO, ["data/a.jsonl"], repo_type="dataset")
    hub.faults = Faults(read_cut=1.0)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        client(hub).get_paths_info(REPO, ["data/a.jsonl"], repo_type="dataset")
    assert hub.fault_counts == {"read_error": 1, "read_cut": 1}


def test_a_failing_upload_step_is_retried_by_the_client(hub: HubStandIn) -> None:
    hub.faults = Faults(upload_error=1.0)
    switch = threading.Timer(0.5, lambda: setattr(hub, "faults", Faults()))
    switch.start()
    put(client(hub))
    switch.join()
    assert hub.fault_counts == {"upload_error": 1}


def test_an_outage_answers_503_to_everything(hub: HubStandIn) -> None:
    hub.faults = Faults(outage=True)
    refused_with(503, client(hub).whoami)
    refused_with(503, lambda: client(hub).repo_info(REPO, repo_type="dataset"))


def test_stopping_releases_every_hanging_connection() -> None:
    ended: list[Exception] = []

    def ask(api: HfApi) -> None:
        try:
            api.whoami()
        except httpx.TransportError as error:
            ended.append(error)

    with HubStandIn(Faults(hang_all=True)) as hub:
        asking = threading.Thread(target=ask, args=(client(hub),))
        asking.start()
        while not hub.log:
            time.sleep(0.01)
    asking.join(2)
    assert len(ended) == 1
    assert hub.fault_counts == {"hang_all": 1}


def test_one_seed_gives_the_same_faults_again() -> None:
    def faults_of(seed: int) -> list[Fault | None]:
        mix = Faults(error_before=0.3, conflict=0.3, error_after=0.3)
        with HubStandIn(mix, seed=seed) as hub:
            client(hub).create_repo(REPO, repo_type="dataset")
            for number in range(12):
                try:
                    put(client(hub), f"data/{number}.jsonl")
                except HfHubHTTPError:
                    continue
            return [exchange.fault for exchange in hub.log if "/commit/" in exchange.path]

    assert faults_of(3) == faults_of(3) != faults_of(4)


def test_faults_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to at most 1"):
        Faults(error_before=0.7, cut_after=0.7)
    with pytest.raises(ValueError, match="keys among"):
        Faults.from_json('{"eror_before": 0.5}')
    assert Faults.from_json(Faults(rival_every=3).to_json()) == Faults(rival_every=3)


# Outliving the process


def test_the_stand_in_runs_as_a_process_and_keeps_its_state(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "log.jsonl"
    with hub_process(seed=1, state_dir=state, log_file=log) as process:
        api = HfApi(endpoint=process.endpoint, token=HubStandIn.token)
        api.create_repo(REPO, repo_type="dataset", private=True)
        put(api)
        process.set_faults(Faults(error_after=1.0))
        with pytest.raises(HfHubHTTPError):
            put(api, "data/b.jsonl", '{"b": 2}\n')
    close_session()
    last = json.loads(log.read_text().splitlines()[-1])
    assert last["fault"] == "error_after"
    assert process.process.returncode == 0
    with HubStandIn(state_dir=state) as hub:
        assert hub.repo(REPO).private is True
        assert hub.repo(REPO).rows() == [{"a": 1}, {"b": 2}]
        put(client(hub), "data/c.jsonl", '{"c": 3}\n', parent=hub.repo(REPO).head.oid)


# datasets.load_dataset

LOAD = """
import json, datasets
for repo in {repos!r}:
    rows = datasets.load_dataset(repo, split="train")
    print(json.dumps([dict(row) for row in rows]))
"""


def test_load_dataset_reads_shards_and_the_growing_file_through_one_card(tmp_path: Path) -> None:
    repos = {"user/shards": SHARDS, "user/growing": GROWING, "user/both": SHARDS | GROWING}
    with HubStandIn() as hub:
        for repo_id, files in repos.items():
            client(hub).create_repo(repo_id, repo_type="dataset", private=True)
            operations = [CommitOperationAdd(path, text.encode()) for path, text in files.items()]
            operations.append(CommitOperationAdd("README.md", CARD.encode()))
            client(hub).create_commit(repo_id, operations, repo_type="dataset", commit_message="publish")
        printed = run_client(hub.client_environment(tmp_path), LOAD.format(repos=list(repos)))
        loaded = [json.loads(line) for line in printed.splitlines()]
        expected = [
            [json.loads(line) for text in files.values() for line in text.splitlines()] for files in repos.values()
        ]
        assert loaded == expected
        assert {exchange.host for exchange in hub.strays} <= {"datasets-server.127.0.0.1"}


def test_load_dataset_at_a_commit_asks_no_other_host(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        client(hub).create_repo(REPO, repo_type="dataset", private=True)
        put(client(hub), "README.md", CARD)
        oid = put(client(hub), "data/run/part-2.jsonl", SHARDS["data/run/part-2.jsonl"]).oid
        put(client(hub), "data/run/part-3.jsonl", "torn {")
        code = f"import datasets; print(len(datasets.load_dataset({REPO!r}, revision={oid!r}, split='train')))"
        assert run_client(hub.client_environment(tmp_path), code) == "1\n"
        assert hub.strays == []
