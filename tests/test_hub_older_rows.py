"""Can a dataset that was begun by an older version still be read, every old value as it was?"""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, close_session, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from tests.standins.hub import HubStandIn
from tests.torture.hub_material import FAST, REPO, RUN, card, keep, open_journal, record, target
from trialbed.core.clock import SystemClock
from trialbed.core.record import Parameters
from trialbed.sinks.hub.card import card as readme
from trialbed.sinks.hub.features import record_features
from trialbed.sinks.hub.sink import HubSink
from trialbed.sinks.lines import json_line

OLD_RUN, OLD_PATH = "dilemma_20260101_1", "data/dilemma_20260101_1/part-00000-0a1b2c3d.jsonl"
PARAMETERS = ("requested_parameters", "sent_parameters")
IN_VERSION_1 = ("temperature", "top_p", "max_tokens")
NEW = {
    "thinking": "enabled",
    "thinking_tokens": 2048,
    "effort": "low",
    "guardrail": "abc123:1",
    "service_tier": "flex",
    "latency": "optimized",
    "prompt_cache": True,
}
LOAD = """
import datasets, json, sys
print(json.dumps(list(datasets.load_dataset(sys.argv[1], split="train"))))
"""


@pytest.fixture(autouse=True)
def own_session() -> Any:
    """Leave the client library as other tests expect it."""
    yield
    close_session()
    set_client_factory(default_client_factory)


def of_version_1(index: int) -> dict[str, Any]:
    """A row as version 1 wrote it."""
    row = record(index, run=OLD_RUN).as_row() | {"schema_version": 1}
    temperature = Random(index).choice([0.7, 1.0, None])
    asked = {"temperature": temperature, "top_p": None, "max_tokens": 500 + index}
    return row | {"requested_parameters": asked, "sent_parameters": {**asked, "top_p": 0.95}}


def card_of_version_1(path: str) -> bytes:
    """The README with the columns as they were then."""
    columns = record_features()
    for column in PARAMETERS:
        struct = columns[column]
        assert isinstance(struct, dict)
        columns = {**columns, column: {name: struct[name] for name in IN_VERSION_1}}
    text = readme(None, card(OLD_RUN), repo_id=REPO, columns=columns, has_growing_file=not path.startswith("data/"))
    return text.encode()


def loaded(hub: HubStandIn, home: Path) -> dict[tuple[str, str], dict[str, Any]]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), **hub.client_environment(home)}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, REPO], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(done.stdout)
    by_key = {(row["run"], row["trial_id"]): row for row in rows}
    assert len(by_key) == len(rows)
    return by_key


@pytest.mark.parametrize(("layout", "path"), [("shards", OLD_PATH), ("append", "game_logs.jsonl")])
async def test_rows_of_version_1_and_2_are_read_together_and_none_changes(
    tmp_path: Path, layout: str, path: str
) -> None:
    old = [of_version_1(index) for index in range(20)]
    with HubStandIn() as hub:
        api = HfApi(endpoint=hub.endpoint, token=hub.token)
        api.create_repo(REPO, repo_type="dataset", private=True)
        lines = b"".join(json_line(row) + b"\n" for row in old)
        files = {path: lines, "README.md": card_of_version_1(path)}
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        api.create_commit(REPO, operations, commit_message="before", repo_type="dataset")
        before = loaded(hub, tmp_path / "before")
        async with open_journal(tmp_path) as journal:
            for index in range(20):
                parameters = Parameters(temperature=1.0, max_tokens=4000, **(NEW if index % 2 else {}))
                changes = {"requested_parameters": parameters, "sent_parameters": parameters}
                await keep(journal, record(index).model_copy(update=changes))
            sink = HubSink(
                ledger=journal,
                target=target(hub.endpoint, hub.token, layout=layout),
                card=card(),
                clock=SystemClock(),
                random=Random(7),
                announce=lambda _: None,
                pace=FAST,
            )
            await sink.flush(10)
            assert sink.owed == 0
        rows = loaded(hub, tmp_path / "after")
    assert len(rows) == 40 and len(before) == 20
    for key, was in before.items():
        assert rows[key]["schema_version"] == 1
        for column in PARAMETERS:
            now = rows[key].pop(column)
            assert now == {**dict.fromkeys(Parameters.model_fields), **was[column]}
        assert rows[key] == {name: value for name, value in was.items() if name not in PARAMETERS}
    for row in old:
        assert before[OLD_RUN, row["trial_id"]]["sent_parameters"] == row["sent_parameters"]
    for (run, _), row in rows.items():
        if run == RUN:
            expected = NEW if row["repeat"] % 2 else dict.fromkeys(NEW)
            assert row["schema_version"] == 2
            assert row["sent_parameters"] == {"temperature": 1.0, "top_p": None, "max_tokens": 4000, **expected}
