"""Do the parts of the Hub sink that ask nobody do what they say, whatever they are given?"""

import json
from random import Random
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from datasets import Features
from hypothesis import given
from hypothesis import strategies as st

from tests.torture.hub_material import FAST, REPO, card, record
from trialbed.core.errors import UserError
from trialbed.core.record import FREE_FORM
from trialbed.sinks.hub import card as cards
from trialbed.sinks.hub import shards
from trialbed.sinks.hub.book import book_of, owed, owed_as_journalled
from trialbed.sinks.hub.faults import Conflicted, QuotaReached, Refused, Unreached
from trialbed.sinks.hub.features import as_yaml, fits, record_features, widened
from trialbed.sinks.hub.merge import merge, newest_in
from trialbed.sinks.hub.session import retry_after_s
from trialbed.sinks.hub.shards import Line, Seal, cuts, folder_of, sealed
from trialbed.sinks.hub.target import repo_id_problem
from trialbed.sinks.hub.waiting import wait_s
from trialbed.sinks.lines import json_line

RUN = "r1"


def line_of(trial: str, revision: int, run: str = RUN) -> Line:
    return Line(trial, revision, json_line({"run": run, "trial_id": trial, "revision": revision}))


lines_of_a_run = st.lists(
    st.builds(line_of, st.sampled_from("abcdefgh"), st.integers(0, 3)), unique_by=lambda line: line.trial_id
)
foreign = st.one_of(
    st.binary(max_size=20).filter(lambda raw: b"\n" not in raw),
    st.builds(lambda line: line.data, st.builds(line_of, st.sampled_from("abc"), st.integers(0, 3), st.just("other"))),
    st.sampled_from([b"", b"{}", b"[1]", b'{"trial_id": "a"}', b'{"run":"r1"}', b'{"a": "\\ud800"}', b"{torn", b"x\r"]),
)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_cutting_keeps_every_line_in_order_and_no_shard_is_too_large(sizes: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_BYTES", 50)
        patch.setattr(shards, "SHARD_ROWS", 7)
        lines = [Line(str(number), 0, b"x" * size) for number, size in enumerate(sizes)]
        groups = list(cuts(lines))
    assert [line for group in groups for line in group] == lines
    for group in groups:
        assert 0 < len(group) <= 7
        assert len(group) == 1 or sum(len(line.data) + 1 for line in group) <= 50


@given(lines_of_a_run)
def test_a_seal_read_back_from_the_journal_is_the_same(lines: list[Line]) -> None:
    seal, content = sealed(RUN, 3, lines, ["data/r1/old.jsonl"])
    assert Seal.of_event(json.loads(json_line(seal.as_event()))) == seal
    assert content.count(b"\n") == len(lines)
    assert seal.path == f"data/r1/part-00003-{seal.sha256[:8]}.jsonl"


@pytest.mark.parametrize("run", ["plain_2026-1", "../x", "a/b", "..", "a b", "é" * 80, ".hidden", "-x"])
def test_the_folder_of_a_run_is_one_safe_path_segment(run: str) -> None:
    folder = folder_of(run)
    name = folder.removeprefix("data/")
    assert "/" not in name
    assert ".." not in name
    assert name.isascii()
    assert not name.startswith((".", "-"))


@given(
    st.lists(
        st.one_of(
            foreign,
            st.builds(lambda line: line.data, st.builds(line_of, st.sampled_from("abcdefgh"), st.integers(0, 3))),
        )
    ),
    lines_of_a_run,
    st.booleans(),
)
def test_merging_keeps_foreign_lines_and_every_trial_once_in_its_newest_revision(
    old: list[bytes], lines: list[Line], ends_with_newline: bool
) -> None:
    before = b"\n".join(old) + (b"\n" if ends_with_newline else b"")
    merged = merge(before, RUN, lines).content
    there = newest_in(before, RUN)
    expected = {**there, **{line.trial_id: max(line.revision, there.get(line.trial_id, -1)) for line in lines}}
    assert newest_in(merged, RUN) == expected
    wanted = {line.trial_id for line in lines}
    ours = [raw for raw in merged.split(b"\n") if raw.startswith(b'{"run":"r1","trial_id"')]
    for trial in wanted:
        assert sum(json.loads(raw)["trial_id"] == trial for raw in ours) == 1
    kept = [raw for raw in before.split(b"\n") if not (raw.startswith(b'{"run":"r1","trial_id"'))]
    left = [raw for raw in merged.split(b"\n") if not (raw.startswith(b'{"run":"r1","trial_id"'))]
    assert [raw for raw in left if raw] == [raw for raw in kept if raw]
    assert merge(merged, RUN, lines).content == merged


def test_merging_nothing_changes_not_a_byte() -> None:
    before = b'\xff\n\n{"run":"r1","trial_id":"a","revision":0}\r\nlast'
    assert merge(before, RUN, []).content == before


def test_the_features_are_what_datasets_reads_and_every_row_fits_them() -> None:
    columns = record_features()
    read = Features._from_yaml_list(as_yaml(columns))
    row = record(1).as_row()
    assert list(read) == list(row) == list(columns)
    assert {name for name, feature in columns.items() if feature == "json"} == set(FREE_FORM)
    for index in range(50):
        row = record(index, index % 3).as_row()
        assert all(fits(value, columns[name]) for name, value in row.items())
        assert widened(columns, row) is columns


@pytest.mark.parametrize(
    ("value", "feature", "expected"),
    [
        (1, "float64", True),
        (True, "int64", False),
        (1, "bool", False),
        (1.5, "int64", False),
        ("x", "int64", False),
        (None, ["string"], True),
        ([None, "x"], ["string"], True),
        ([1], ["string"], False),
        ({"a": 1}, {"a": "int64", "b": "string"}, True),
        ({"c": 1}, {"a": "int64"}, False),
        ([], {"a": "int64"}, False),
        ([{"x": [1]}], "json", True),
    ],
)
def test_a_value_fits_a_feature_only_if_a_reader_can_take_it(value: Any, feature: Any, expected: bool) -> None:
    assert fits(value, feature) is expected


def test_foreign_columns_and_shapes_are_read_as_json() -> None:
    columns = widened(record_features(), {"usage": 3, "extra": [1], "run": "x"})
    assert (columns["usage"], columns["extra"], columns["run"]) == ("json", "json", "string")


def make(before: str | None, run: str = "run_1", **changes: Any) -> str:
    options = {"repo_id": REPO, "columns": record_features(), "has_growing_file": False, **changes}
    return cards.card(before, card(run), **options)


def test_a_card_made_twice_is_the_same() -> None:
    once = make(None)
    assert make(once) == once


def test_a_card_lists_every_run_once() -> None:
    text = make(make(make(None, "run_1"), "run_2"), "run_1")
    assert text.count("### run_1\n") == text.count("### run_2\n") == 1
    assert text.count("trialbed:begin") == 1


def test_the_text_of_the_user_is_kept() -> None:
    before = (
        "---\nlicense: cc-by-4.0  # mine\nconfigs:\n- config_name: notes\n  data_files: notes/*.csv\n"
        "pretty_name: 'Mine: all'\n---\n# My words\n\ncafé\r\n\nafter\n"
    )
    text = make(before)
    assert "# My words\n\ncafé\r\n\nafter\n" in text
    assert "license: cc-by-4.0  # mine\n" in text
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["pretty_name"] == "Mine: all"
    assert [config["config_name"] for config in header["configs"]] == ["notes", "default"]
    edited = text.replace("# My words", "# Other words") + "\nbelow\n"
    assert make(edited) == edited


def test_a_default_configuration_of_the_user_is_not_replaced() -> None:
    text = make("---\nconfigs:\n- config_name: default\n  data_files: own.csv\n---\n")
    configs = yaml.safe_load(text.split("---\n")[1])["configs"]
    assert [config["config_name"] for config in configs] == ["default", "trials"]
    assert make(text) == text


def test_a_header_that_cannot_be_read_is_refused_not_overwritten() -> None:
    with pytest.raises(Refused, match=r"README\.md"):
        make("---\na: [\n---\nwords\n")


def test_a_card_shows_no_account_number_and_no_markup() -> None:
    text = make(None)
    assert "123456789012" not in text
    assert "<b>" not in text


def test_a_card_names_the_growing_file_only_when_there_is_one() -> None:
    assert "game_logs.jsonl" not in make(None)
    assert "game_logs.jsonl" in make(None, has_growing_file=True)


def event(kind: str, repo: str = REPO, **body: Any) -> dict[str, Any]:
    return {"e": kind, "sink": "hub", "repo": repo, "layout": "shards", **body}


def test_the_book_follows_seals_receipts_and_replacements() -> None:
    first, _ = sealed(RUN, 0, [line_of("a", 0), line_of("b", 0)])
    second, _ = sealed(RUN, 1, [line_of("a", 1), line_of("b", 0)], [first.path])
    events = [event("sealed", **first.as_event()), event("receipt", path=first.path, removed=[], rows=2, oid="x")]
    revisions = [("a", 1), ("b", 0), ("c", 0)]
    assert owed(revisions, book_of(events, repo_id=REPO, layout="shards")) == ["a", "c"]
    events.append(event("sealed", **second.as_event()))
    assert list(book_of(events, repo_id=REPO, layout="shards").open) == [second.path]
    events.append(event("receipt", path=second.path, removed=[first.path], rows=2, oid="y"))
    book = book_of(events, repo_id=REPO, layout="shards")
    assert (list(book.live), list(book.dead), book.next_sequence) == ([second.path], [first.path], 2)
    assert owed(revisions, book) == ["c"]
    assert owed_as_journalled(revisions, events) == 1


def test_events_of_another_repo_do_not_count() -> None:
    seal, _ = sealed(RUN, 0, [line_of("a", 0)])
    events = [event("sealed", **seal.as_event()), event("receipt", path=seal.path, removed=[], rows=1, oid="x")]
    assert owed([("a", 0)], book_of(events, repo_id="user/else", layout="shards")) == ["a"]


def test_the_same_repo_in_another_layout_is_refused() -> None:
    seal, _ = sealed(RUN, 0, [line_of("a", 0)])
    with pytest.raises(UserError, match="HF_LAYOUT"):
        book_of([event("sealed", **seal.as_event())], repo_id=REPO, layout="append")


def test_nothing_is_known_of_what_is_owed_before_anything_was_sent() -> None:
    assert owed_as_journalled([("a", 0)], []) is None


@pytest.mark.parametrize(
    "repo_id",
    [
        "your-username/your-dataset",
        "username/dataset",
        "dataset",
        "",
        "a/b/c",
        "your_name/x",
        "me/your-dataset",
        "<user>/<set>",
        "a b/c",
        "user/my-dataset",
        "a/..",
        "/x",
    ],
)
def test_a_placeholder_is_refused_with_what_to_do(repo_id: str) -> None:
    problem = repo_id_problem(repo_id)
    assert problem is not None
    assert problem.startswith("HF_REPO_ID: ")
    assert "\n" not in problem


@pytest.mark.parametrize("repo_id", ["alice/dilemma-runs", "user/rows", "Org-1/set.v2_x", "username/tone-study"])
def test_a_real_name_is_taken(repo_id: str) -> None:
    assert repo_id_problem(repo_id) is None


@given(st.integers(1, 500), st.integers(0, 1000))
def test_a_wait_is_never_longer_than_its_cap(failures: int, seed: int) -> None:
    random = Random(seed)
    assert 0 <= wait_s(Unreached("x"), failures=failures, pace=FAST, random=random) <= FAST.retry_most_s
    assert 0 <= wait_s(Conflicted("x"), failures=failures, pace=FAST, random=random) <= FAST.retry_most_s
    assert wait_s(QuotaReached("x", 7.0), failures=failures, pace=FAST, random=random) >= 7.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"ratelimit": '"commits";r=0;t=55'}, 55.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_the_hub_asks_for_is_read(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers) == expected
