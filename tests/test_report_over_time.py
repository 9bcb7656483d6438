"""Does a report say how fast each model was, for how long it was silent, and no more than its measurements show?"""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.page_text import PageText
from tests.support.timed_runs import DECODE, FIRST_TEXT, MEDIANS, SPEED, World, timed_run
from tests.test_recheck_audit import first_path
from trialbed.analysis.findings import Findings
from trialbed.analysis.report.page import render
from trialbed.analysis.report.write import write_report
from trialbed.analysis.table import one
from trialbed.core.measure import Measure

MADE_AT = "2026-01-10T00:00:00Z"
SLOW, FAST = "bedrock:maker.slow", "groq:llama-fast"


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Seven days; one model is out for 25 hours of them."""
    return first_path([timed_run(tmp_path_factory.mktemp("week"), World()).write()])


def words(found: Findings) -> str:
    """Of the whole page."""
    return " ".join(" ".join(part for part in _texts(render(found, made_at=MADE_AT, beside=[]))).split())


def _texts(markup: str) -> list[str]:
    return [element.text for element in PageText(markup).elements if element.tag == "main"]


def test_every_planted_median_lies_in_its_interval(week: Findings) -> None:
    for subject, median in MEDIANS.items():
        for variant in ("short", "long_context"):
            row = one(week.tables["percentiles"].where(subject=subject, variant=variant, measure=SPEED.name))
            assert row["blocks"] in (13, 14) and row["n"] + row["missing"] == 336
            assert 0.9 * median < row["lo_p50"] < row["p50"] < row["hi_p50"] < 1.1 * median
            assert row["min"] < row["p5"] < row["p25"] < row["p50"] < row["p75"] < row["p95"] < row["p99"] < row["max"]


def test_a_provider_with_several_models_has_a_row_of_all_and_one_with_a_single_model_has_none(week: Findings) -> None:
    rows = week.tables["percentiles"].where(measure=SPEED.name, variant="short")
    assert {row["subject"] for row in rows} == {*MEDIANS, "bedrock:*"}
    pooled, slow = (one([row for row in rows if row["subject"] == name]) for name in ("bedrock:*", SLOW))
    assert (pooled["n"], pooled["missing"]) == (336 + 286, 50) and pooled["min"] == slow["min"]


def test_the_planted_outage_is_found_to_the_minute(week: Findings) -> None:
    row = one(week.tables["outages"].where())
    assert (row["subject"], row["variant"], row["trials"]) == (SLOW, "all", 100)
    assert (row["first_at"], row["last_at"]) == ("2026-01-04T02:00:00Z", "2026-01-05T02:30:03Z")
    assert (row["answered_at"], row["failures"]) == ("2026-01-05T03:00:00Z", "provider_error 100")
    bins = week.tables["availability"].where(subject=SLOW, variant="all", answered=0)
    assert [row["bin_start"] for row in bins[:: len(bins) - 1]] == ["2026-01-04T02:00:00Z", "2026-01-05T00:00:00Z"]
    assert {row["share"] for row in week.tables["availability"].where(subject=FAST)} == {1.0}
    assert sum(int(row["failed"]) for row in week.tables["availability"].where(variant="all")) == 100


def test_a_bin_without_an_answer_has_no_number(week: Findings) -> None:
    silent = {row["bin_start"] for row in week.tables["availability"].where(subject=SLOW, answered=0)}
    measured = {row["bin_start"] for row in week.tables["over_time"].where(subject=SLOW)}
    assert len(silent) == 12 and silent.isdisjoint(measured)
    counts = [row["n"] for row in week.tables["over_time"].where(subject=SLOW, variant="short", measure=SPEED.name)]
    assert sum(counts) == 286 and 0 not in counts


def test_bins_hold_the_percentiles_of_their_own_measurements(tmp_path: Path) -> None:
    run = timed_run(tmp_path, World(cycles=60))
    found = first_path([run.write()])
    row = found.tables["over_time"].where(subject=FAST, variant="short", measure=SPEED.name)[2]
    records = [json.loads(line)["record"] for line in run.lines if b'"e":"record"' in line]
    start = row["bin_start"][:-1]
    values = [
        record["evaluation"]["tokens_per_second"]
        for record in records
        if record["steward_model"] == "llama-fast" and record["prompt_variant"] == "short"
        if start <= record["started_at"] < start.replace("T02", "T03")
    ]
    assert start == "2026-01-02T02:00:00" and len(values) == row["n"] == 2
    assert row["p50"] == pytest.approx(np.median(values)) and row["p25"] is None


def test_what_one_reads_first_names_the_fastest_and_the_silent(week: Findings) -> None:
    said = words(week)
    row = one(week.tables["percentiles"].where(subject=FAST, variant="short", measure=SPEED.name))
    interval = f"{row['p50']:.3f}, 95 % interval {row['lo_p50']:.3f} to {row['hi_p50']:.3f}"
    assert f"First by Tokens per second (short, highest median): {FAST}, median {interval}; last: {SLOW}" in said
    assert f"First by Seconds to the first text (short, lowest median): {FAST}" in said
    assert (
        f"No answer from {SLOW} between 2026-01-04T02:00:00Z and 2026-01-05T02:30:03Z: 100 trials in succession "
        "(provider_error 100). It answered again at 2026-01-05T03:00:00Z." in said
    )
    assert "Bins are 2 h long" in said and "the spread between blocks of 12 h" in said
    assert "Hyndman & Fan" in said and "Woodruff" in said and "depend on each other" in said


def test_a_model_that_is_still_silent_is_a_warning_at_the_top(tmp_path: Path) -> None:
    found = first_path([timed_run(tmp_path, World(cycles=96, out={SLOW: (60, 95)})).write()])
    assert f"{SLOW} has not answered since 2026-01-03T06:00:00Z: provider_error 72." in found.warnings
    assert "It has not answered since." in words(found)


def test_a_model_that_never_answered_is_seen_too(tmp_path: Path) -> None:
    found = first_path([timed_run(tmp_path, World(cycles=96, out={SLOW: (0, 95)})).write()])
    assert found.tables["percentiles"].where(subject=SLOW) == []
    assert one(found.tables["outages"].where())["trials"] == 192
    assert f"{SLOW} has not answered since 2026-01-02T00:00:00Z: provider_error 192." in found.warnings
    assert "no value" in words(found)


def test_one_silent_variant_is_named_and_is_not_hidden_by_the_others(tmp_path: Path) -> None:
    world = World(cycles=48, out={f"{SLOW} long_context": (10, 47)})
    found = first_path([timed_run(tmp_path, world).write()])
    row = one(found.tables["outages"].where())
    assert (row["variant"], row["first_at"], row["failures"]) == (
        "long_context",
        "2026-01-02T05:00:03Z",
        "provider_error 38",
    )
    assert (
        f"{SLOW} has not answered under long_context since 2026-01-02T05:00:03Z: provider_error 38." in found.warnings
    )


def test_models_that_are_equally_fast_are_not_told_apart(tmp_path: Path) -> None:
    twins = {"groq:a": 50.0, "openai:b": 50.5, "openai:c": 20.0}
    found = first_path([timed_run(tmp_path, World(cycles=96, medians=twins, out={})).write()])
    said = words(found)
    first, other = ("groq:a", "openai:b") if "median): groq:a" in said else ("openai:b", "groq:a")
    assert "last: openai:c, median" in said and f"Not shown to be behind it: {other}." in said
    assert first != other and "No subject was without an answer for two intervals or more" in said


def test_one_model_of_two_providers_is_two_subjects(tmp_path: Path) -> None:
    both = {"groq:llama": 300.0, "together:llama": 80.0}
    found = first_path([timed_run(tmp_path, World(cycles=48, medians=both, out={})).write()])
    rows = found.tables["percentiles"].where(measure=SPEED.name, variant="short")
    assert [(row["subject"], round(row["p50"], -2)) for row in rows] == [("groq:llama", 300), ("together:llama", 100)]
    for table in ("ledger", "means", "contrasts", "calls", "parameters"):
        assert {row["subject"] for row in found.tables[table].where()} - {"all"} == set(both), table


def test_a_single_cycle_is_reported_without_a_course(tmp_path: Path) -> None:
    found = first_path([timed_run(tmp_path, World(cycles=1, out={})).write()])
    row = one(found.tables["percentiles"].where(subject=FAST, variant="short", measure=SPEED.name))
    assert (row["n"], row["blocks"], row["lo_p50"], row["lo_mean"], row["p95"]) == (1, None, None, None, None)
    assert row["p50"] == row["min"] == row["mean"]
    assert len(found.tables["over_time"].where(subject=FAST)) == 4 and "outages" not in found.tables
    assert "nothing can be said about a course" in words(found)
    assert "over_time" in found.tables and found.facts["bin_s"] is None


def test_too_few_cycles_for_blocks_are_taken_as_independent_and_the_page_says_so(tmp_path: Path) -> None:
    found = first_path([timed_run(tmp_path, World(cycles=20, out={})).write()])
    row = one(found.tables["percentiles"].where(subject=FAST, variant="short", measure=SPEED.name))
    assert row["blocks"] is None and row["lo_p50"] is not None
    said = words(found)
    assert "may be too narrow" in said and "Woodruff" not in said


def test_a_value_that_is_not_there_is_missing_and_not_zero(tmp_path: Path) -> None:
    world = World(cycles=60, out={})
    run = timed_run(tmp_path, world)
    decode = DECODE.model_copy(update={"over_time": True})
    run.choices = run.choices.model_copy(update={"measures": (SPEED, decode)})
    found = first_path([run.write()])
    row = one(found.tables["percentiles"].where(subject=FAST, variant="short", measure=decode.name))
    assert (row["n"], row["missing"]) == (40, 20) and row["min"] > 0


@pytest.fixture(scope="module")
def written(week: Findings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(week, tmp_path_factory.mktemp("written"), made_at=MADE_AT).parent


def test_each_measure_has_its_figures(written: Path) -> None:
    names = {path.stem for path in written.glob("fig_*.svg")}
    assert {
        f"fig_{kind}_{measure.name}" for kind in ("over_time", "percentiles") for measure in (SPEED, FIRST_TEXT)
    } < names
    assert "fig_availability" in names
    drawn = (written / f"fig_over_time_{SPEED.name}.svg").read_text(encoding="utf-8")
    for text in (FAST, SLOW, "groq, short", "bedrock, long_context", "Tokens per second"):
        assert f"<!-- {text}" in drawn, text
    with (written / "percentiles.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 16


def test_the_same_findings_give_the_same_bytes(week: Findings, written: Path, tmp_path: Path) -> None:
    again = write_report(week, tmp_path / "again", made_at=MADE_AT).parent
    for path in written.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_run_without_such_a_measure_has_a_report_as_before(tmp_path: Path) -> None:
    plain = World(cycles=30, is_over_time=False, out={SLOW: (10, 14)})
    found = first_path([timed_run(tmp_path, plain).write()])
    over = first_path([timed_run(tmp_path / "over", replace(plain, is_over_time=True)).write()])
    new = {"percentiles", "over_time", "availability", "outages"}
    assert over.tables.keys() - found.tables.keys() == new and not new & found.tables.keys()
    assert {name: over.tables[name] for name in found.tables} == found.tables
    assert over.facts.keys() - found.facts.keys() == {"interval_s", "bin_s", "bin_width", "block_width"}
    folder = write_report(found, tmp_path / "report", made_at=MADE_AT).parent
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "over-time" not in page and "polyline" not in page and "over time" not in page.lower()
    assert not [path for path in folder.iterdir() if "over_time" in path.name or "availability" in path.name]
    assert (
        "better" not in (folder / "manifest.json").read_text()
        and "over_time" not in (folder / "manifest.json").read_text()
    )


def test_a_measure_that_is_none_over_time_is_kept_as_before() -> None:
    fields = {"name", "kind", "field", "title", "positive", "low", "high", "censored_field"}
    assert DECODE.model_dump(mode="json").keys() == fields
    assert SPEED.model_dump(mode="json").keys() == {*fields, "over_time", "better"}
    assert Measure.model_validate(SPEED.model_dump(mode="json")) == SPEED
    assert Measure.model_validate(DECODE.model_dump(mode="json")) == DECODE


@pytest.mark.parametrize("wrong", [{"kind": "binary", "over_time": True}, {"kind": "score", "better": "higher"}])
def test_only_a_score_goes_over_time_and_only_such_a_one_has_a_better_end(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="belongs to a score"):
        Measure.model_validate({"name": "m", "field": "f", **wrong})


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10_000), st.integers(2, 90), st.sampled_from([1, 60, 1_800, 90_000]))
def test_counts_add_up_whatever_happened(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cycles: int, step: int
) -> None:
    world = World(cycles=cycles, interval_s=step, seed=seed, out={SLOW: (seed % cycles, seed % cycles + seed % 7)})
    found = first_path([timed_run(tmp_path_factory.mktemp("any"), world).write()])
    tables = found.tables
    ended = sum(int(row["ended"]) for row in tables["availability"].where(variant="all"))
    assert ended == found.facts["ended"] == cycles * 2 * len(MEDIANS)
    for row in tables["percentiles"].where(measure=SPEED.name):
        if row["subject"].endswith("*"):
            continue
        place = {"variant": row["variant"], "subject": row["subject"]}
        bins = tables["over_time"].where(measure=SPEED.name, **place)
        assert sum(int(one["n"]) for one in bins) == row["n"]
        assert math.isclose(row["n"] + row["missing"], cycles)
        assert all(row["min"] <= one["p50"] <= row["max"] for one in bins)
        mean = one(
            tables["means"].where(measure=SPEED.name, variant=row["variant"], subject=row["subject"].split(":")[1])
        )
        assert (mean["n"], mean["mean"]) == (row["n"], pytest.approx(row["mean"]))
