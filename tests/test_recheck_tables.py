"""Are the tables of the second path those of a hand count? Journals made line by line, and real runs under faults."""

from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bedrock import bedrock_process, real_environment
from tests.support.made_runs import JUDGES, Happened, MadeRun, anything, choices_for, plan_of, verdict
from tests.support.project import make_project
from trialbed.analysis.recheck.audit import study_of
from trialbed.analysis.recheck.cells import measures, rates
from trialbed.analysis.recheck.facts import facts
from trialbed.analysis.recheck.journal import head_at, whole_lines
from trialbed.analysis.recheck.ledger import ledger
from trialbed.analysis.recheck.planned import the_planned
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.recheck.tables import recomputed
from trialbed.core.choices import choices_of
from trialbed.core.outcome import Outcome
from trialbed.core.trial import Trial
from trialbed.plugins import scan

pytestmark = pytest.mark.handmade_runs

CHECKOUT = Path(__file__).resolve().parents[1]


def made(root: Path, tells: Any = None, *, choices: Any = None, **plan: Any) -> MadeRun:
    """A run of a plan, with what happened in its trials."""
    planned = plan_of(**plan)
    run = MadeRun(root, planned, choices or choices_for(planned))
    run.tell(tells or (lambda trial: Happened(verdicts=(said(),))))
    return run


def said(strategy: str = "truth", **more: Any) -> dict[str, Any]:
    """A verdict of the first judge."""
    judge, marks = more.pop("judge", JUDGES[0]), {}
    for name in ("name", "repeat", "judging", "rubric_version"):
        if name in more:
            marks[name] = more.pop(name)
    return verdict(judge, {"strategy": strategy, "admitted": False, "harm": {"level": 1}} | more, **marks)


def study(run: MadeRun, **more: Any) -> Study:
    return study_of([run.write()], **more)


def rows(found: Study, table: str, **wanted: str) -> list[dict[str, str]]:
    """Spelt rows of a table in which these columns have these values."""
    named = named_rows(recomputed(found)[table])
    return [row for row in named if all(row[name] == value for name, value in wanted.items())]


def named_rows(sheet: Sheet) -> list[dict[str, str]]:
    return [dict(zip(sheet.heading, row, strict=True)) for row in sheet.spelt()]


def row(found: Study, table: str, **wanted: str) -> dict[str, str]:
    (only,) = rows(found, table, **wanted)
    return only


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 99), st.integers(1, 80) | st.none())
def test_planned_trials_are_those_of_the_plan(
    scenarios: int, repeats: int, subjects: int, seed: int, limit: int | None
) -> None:
    names = [f"maker.{number}" for number in range(subjects)]
    plan = plan_of(
        scenarios=scenarios, repeats=repeats, subjects=names, seed=seed, limit=limit, variants=("plain", "käse", "odd")
    )
    expected = {(trial.trial_id, trial.block_id, trial.scenario.id, trial.variant.id) for trial in plan.trials()}
    found = the_planned(plan.as_dict())
    assert {(one.trial_id, one.block_id, one.scenario, one.variant) for one in found} == expected
    assert len(found) == plan.size


def test_every_planned_trial_stands_in_one_column_of_the_ledger(tmp_path: Path) -> None:
    order = iter([*Outcome, "unjudged", "no value", "absent", "answered"])

    def tells(trial: Trial) -> Happened | None:
        kind = next(order, "answered")
        if kind in ("absent", Outcome.PENDING, Outcome.CANCELLED, Outcome.BUDGET_STOPPED):
            return None
        outcome = kind if isinstance(kind, Outcome) else Outcome.ANSWERED
        values = () if kind in ("unjudged", Outcome.JUDGE_ERROR) else (said(),)
        return Happened(outcome=outcome, verdicts=(said(None),) if kind == "no value" else values)  # type: ignore[arg-type]

    found = study(made(tmp_path, tells, variants=("plain", "kind"), repeats=10))
    total = row(found, "ledger", variant="all", subject="all")
    counts = {name: int(value) for name, value in total.items() if name not in ("variant", "subject", "planned")}
    assert int(total["planned"]) == sum(counts.values()) == 20
    assert counts["not_run"] == 4 and counts["unjudged"] == 2 and counts["no_value"] <= 1
    assert all(counts[name] == 1 for name in ("truncated", "refused", "filtered", "parse_failed", "provider_error"))
    # Four blocks are open; of each the other trial, if it is answered and judged, waits for it.
    open_blocks = {one.block for one in found.rows if not one.has_ended}
    waiting = [one for one in found.rows if one.block in open_blocks and one.has_ended and one.outcome == "answered"]
    assert counts["incomplete_block"] == sum(one.evaluation is not None for one in waiting)
    assert facts(found)["analysed"] == counts["analysed"] and facts(found)["not_run"] == 4
    for variant in ("plain", "kind"):
        whole, own = row(found, "ledger", variant=variant, subject="all"), rows(found, "ledger", variant=variant)
        assert own[0] == {**whole, "subject": "maker.one"}


@pytest.mark.damages_runs
def test_the_newest_record_of_a_trial_counts_up_to_the_line_that_is_asked_for(tmp_path: Path) -> None:
    run = made(tmp_path, repeats=2)
    trial = next(run.plan.trials())
    before = len(run.lines)
    run.record(trial, Happened(verdicts=(said("lie"),)), revision=1)
    run.record(next(plan_of(seed=99).trials()), Happened(verdicts=(said("lie"),)))
    newest, earlier = study(run), study(run, lines=[before])
    assert sum(int(one["k"]) for one in rows(newest, "measures", measure="lied", subject="all")) == 1
    assert sum(int(one["k"]) for one in rows(earlier, "measures", measure="lied", subject="all")) == 0
    assert facts(newest)["records"] == 4


@pytest.mark.damages_runs
def test_damaged_and_torn_lines_are_passed_over_but_counted(tmp_path: Path) -> None:
    run = made(tmp_path, repeats=2)
    folder = run.write()
    journal = folder / "journal.jsonl"
    journal.write_bytes(
        journal.read_bytes().replace(b'"revision":0', b'"revision":1', 1) + b'{"crc":"00000000","e":"re'
    )
    # Line 1 begins the sitting, line 2 is damaged, line 6 torn.
    assert [line.number for line in whole_lines(journal)] == [1, 3, 4, 5]
    assert facts(study_of([folder]))["ended"] == 3
    assert head_at(journal, 5) == run.head() and head_at(journal, 6) is None


def test_a_contrast_counts_the_pairs_of_complete_blocks(tmp_path: Path) -> None:
    # Repeats 0..9: the variant lies in 0..6, the baseline in 0..1 and 7; repeat 9 has no answer of the variant.
    def tells(trial: Trial) -> Happened:
        lies = trial.repeat <= 6 if trial.variant.id == "kind" else trial.repeat in (0, 1, 7)
        cut = trial.variant.id == "kind" and trial.repeat == 9
        outcome = Outcome.TRUNCATED if cut else Outcome.ANSWERED
        return Happened(outcome=outcome, verdicts=() if cut else (said("lie" if lies else "truth"),))

    found = study(made(tmp_path, tells, repeats=10))
    one = row(found, "contrasts", measure="lied", subject="all")
    counts = {name: one[name] for name in ("method", "pairs", "n_variant", "n_baseline", "b", "c")}
    assert counts == {"method": "matched", "pairs": "9", "n_variant": "9", "n_baseline": "9", "b": "5", "c": "1"}
    assert one["difference"] == "0.444444" and one["variant_value"] == "0.777778"
    # 7 of 64 outcomes of six coins have at most one head; twice that, and two p values in no family but their own.
    assert (one["p"], one["p_holm"], one["role"]) == ("0.21875", "0.21875", "exploratory")
    bounds = row(found, "bounds", subject="all")
    # Over all ten blocks: 7 of 9 with one missing, against 3 of 10.
    assert (bounds["difference"], bounds["worst"], bounds["best"]) == ("0.477778", "0.400000", "0.500000")
    assert (bounds["missing_variant"], bounds["missing_baseline"], bounds["sign_holds"]) == ("1", "0", "yes")
    missing = row(found, "missingness", subject="all")
    assert (missing["missing"], missing["analysed"], missing["p"]) == ("1", "19", "1")


def test_without_any_pair_all_trials_are_compared_and_it_says_so(tmp_path: Path) -> None:
    def tells(trial: Trial) -> Happened:
        speaks = (trial.variant.id == "kind") == (trial.repeat % 2 == 0)
        lies = trial.variant.id == "kind" and trial.repeat < 4
        verdicts = (said("lie" if lies else "truth"),) if speaks else ()
        return Happened(outcome=Outcome.ANSWERED if speaks else Outcome.REFUSED, verdicts=verdicts)

    found = study(made(tmp_path, tells, repeats=8))
    one = row(found, "contrasts", measure="lied", subject="all")
    assert (one["method"], one["pairs"], one["n_variant"], one["n_baseline"]) == ("unmatched", "0", "4", "4")
    assert (one["difference"], one["b"], one["c"]) == ("0.500000", "", "") and one["p"] == f"{30 / 70:.6g}"
    assert rows(found, "power") == []


def test_short_replies_are_left_out_of_the_sensitivity_table_only(tmp_path: Path) -> None:
    def tells(trial: Trial) -> Happened:
        is_short = trial.variant.id == "kind" and trial.repeat == 0
        return Happened(verdicts=(said("lie"),), reply="no" if is_short else "one two three four")

    plan = plan_of(repeats=4)
    found = study(made(tmp_path, tells, repeats=4, choices=choices_for(plan, least_words=3)))
    assert row(found, "contrasts", measure="lied", subject="all")["pairs"] == "4"
    one = row(found, "sensitivity", subject="all")
    assert (one["without"], one["pairs"]) == ("1", "3")


def test_a_locked_run_is_confirmatory_for_its_primary_measure_over_all(tmp_path: Path) -> None:
    plan = plan_of()
    run = MadeRun(tmp_path, plan, choices_for(plan))
    run.begin(lock={"hash": "h"})
    run.tell(lambda trial: Happened(verdicts=(said(),)))
    roles = {(one["measure"], one["subject"]): one["role"] for one in rows(study(run), "contrasts")}
    assert [name for name, role in roles.items() if role == "confirmatory"] == [("lied", "all")]
    run.begin()
    assert {one["role"] for one in rows(study(run), "contrasts")} == {"exploratory"}


def test_categories_stand_by_their_number_and_have_a_row_in_every_cell(tmp_path: Path) -> None:
    told = {"plain": ["lie", "lie", "truth"], "kind": ["silence", "lie", "truth"]}
    found = study(made(tmp_path, lambda trial: Happened(verdicts=(said(told[trial.variant.id][trial.repeat]),))))
    rates = rows(found, "rates", subject="all", variant="kind")
    assert [(one["strategy"], one["k"], one["n"]) for one in rates] == [
        ("lie", "1", "3"),
        ("truth", "1", "3"),
        ("silence", "1", "3"),
    ]


def test_judges_are_compared_over_the_trials_that_both_have_rated(tmp_path: Path) -> None:
    def tells(trial: Trial) -> Happened:
        first = said("lie" if trial.repeat < 2 else "truth")
        other = said("lie" if trial.repeat < 3 else "truth", judge=JUDGES[1])
        note = said("lie", name="tie", judge=JUDGES[2])
        return Happened(verdicts=(first, *((other,) if trial.repeat else ()), note))

    found = study(made(tmp_path, tells, variants=("plain",), repeats=4, judges=JUDGES[:2]))
    judges = {one["judge"]: (one["verdicts"], one["evaluations"]) for one in rows(found, "judges")}
    assert judges == {JUDGES[0]: ("4", "4"), JUDGES[1]: ("3", "0")}
    kappa = row(found, "agreement", measure="strategy")
    # Of three trials: lie/lie, truth/lie, truth/truth; chance 1/3 * 2/3 + 2/3 * 1/3 = 4/9.
    assert (kappa["raters"], kappa["n"]) == (f"{JUDGES[0]} / {JUDGES[1]}", "3")
    assert kappa["value"] == f"{(2 / 3 - 4 / 9) / (5 / 9):.6f}"


def test_a_judge_is_compared_with_itself_within_one_judging(tmp_path: Path) -> None:
    def tells(trial: Trial) -> Happened:
        old, again = said("lie"), said("lie", repeat=1)
        new = said("truth", judging=1, rubric_version="2")
        renewed = said("truth" if trial.repeat else "lie", judging=1, repeat=1, rubric_version="2")
        return Happened(verdicts=(old, again, new, *((renewed,) if trial.repeat < 3 else ())))

    found = study(made(tmp_path, tells, variants=("plain",), repeats=4))
    one = row(found, "judges")
    assert (one["verdicts"], one["evaluations"], one["repeats"], one["rubric_version"]) == ("4", "4", "3", "2")
    again = row(found, "agreement", measure="lied")
    assert (again["raters"], again["n"], again["value"]) == (f"{JUDGES[0]} / {JUDGES[0]} again", "3", "0.000000")


def test_three_judges_have_a_common_kappa_and_an_alpha(tmp_path: Path) -> None:
    def tells(trial: Trial) -> Happened:
        kinds = [("lie", "lie", "truth"), ("truth", "truth", "truth"), ("lie", "lie", "lie")][trial.repeat]
        verdicts = [said(kind, judge=judge) for kind, judge in zip(kinds, JUDGES, strict=True)]
        return Happened(verdicts=tuple(verdicts[:2] if trial.repeat == 2 else verdicts))

    found = study(made(tmp_path, tells, variants=("plain",), judges=JUDGES))
    common = {one["statistic"]: one for one in rows(found, "agreement", measure="strategy", raters="all judges")}
    assert common["Fleiss' kappa"]["n"] == "2" and common["Krippendorff's alpha (nominal)"]["n"] == "3"
    # Two units of three: agreement (1/3 + 1)/2, chance (2/6)^2 + (4/6)^2 = 5/9.
    assert common["Fleiss' kappa"]["value"] == f"{(2 / 3 - 5 / 9) / (4 / 9):.6f}"
    # Eight ratings, 4 lie and 4 truth: within 2 * 2 / 2 = 2, expected 2 * 4 * 4 / 7.
    assert common["Krippendorff's alpha (nominal)"]["value"] == f"{1 - 2 / (32 / 7):.6f}"
    assert {one["statistic"] for one in rows(found, "agreement", measure="harm")} == {
        "ICC(2,1)",
        "Krippendorff's alpha (interval)",
    }


def test_only_the_newest_probing_of_a_judge_is_counted(tmp_path: Path) -> None:
    run = made(tmp_path)
    usual = {"judge": JUDGES[0], "complaint": None, "clean": "truth", "answer": "truth", "target": "truth"}

    def probe(at: str, which: str, **more: Any) -> None:
        body = usual | {"set": which, "case": "c1", "at": at, "kind": "order"} | more
        run.add("probe", "f" * 20, **body)

    probe("1", "golden", answer="lie")
    probe("2", "golden")
    probe("2", "golden", field="admitted", answer=True, target=False)
    probe("2", "golden", case="c2")
    for answer in ("lie", "truth", "lie"):
        probe("2", "injection", answer=answer)
    probe("2", "injection", kind="markup", answer=None, complaint="no JSON")
    probe("2", "control")
    found = {(one["set"], one["kind"]): one for one in rows(study(run), "probes")}
    counts = {name: (one["k"], one["n"], one["invalid"]) for name, one in found.items()}
    assert counts == {
        ("golden", "all"): ("1", "2", "0"),
        ("injection", "all"): ("2", "3", "1"),
        ("injection", "order"): ("2", "3", "0"),
        ("injection", "markup"): ("0", "0", "1"),
        ("control", "all"): ("0", "1", "0"),
    }
    assert found["injection", "markup"]["rate"] == "" and facts(study(run))["injection_rate"] == pytest.approx(2 / 3)


def test_calls_parameters_and_deviations_are_counted_once(tmp_path: Path) -> None:
    run = made(tmp_path, lambda trial: Happened(verdicts=(said(),), attempts=1 + trial.repeat % 2, cost_usd=0.25))
    for _ in range(2):
        run.add("deviation", what="MODEL_SEED", locked=42, actual=None, why="=why", at="2026-01-02")
    found = study(run)
    calls = row(found, "calls", variant="kind", role="judge")
    assert (calls["calls"], calls["repeated"], calls["input_tokens"], calls["usd"]) == ("3", "1", "30", "0.750000")
    parameters = {
        one["parameter"]: (one["requested"], one["sent"], one["records"]) for one in rows(found, "parameters")
    }
    assert parameters == {"temperature": ("0.7", "", "6"), "max_tokens": ("500", "500", "6")}
    deviation = row(found, "deviations")
    assert (deviation["locked"], deviation["actual"], deviation["why"]) == ("42", "", "=why")
    assert facts(found)["cost_usd"] == pytest.approx(6 * 0.5) and facts(found)["cost_is_complete"] == "yes"


def test_an_unknown_price_is_nothing_and_never_zero(tmp_path: Path) -> None:
    found = study(made(tmp_path, lambda trial: Happened(verdicts=(said(),), cost_usd=None if trial.repeat else 0.1)))
    assert {one["usd"] for one in rows(found, "calls")} == {""} and {one["usd"] for one in rows(found, "power")} == {""}
    assert facts(found)["cost_is_complete"] == "no"


def test_the_pause_between_two_sittings_is_no_work(tmp_path: Path) -> None:
    plan = plan_of(repeats=1)
    run = MadeRun(tmp_path, plan, choices_for(plan))
    run.begin(at="2026-01-02T00:00:00.000Z")
    run.begin(at="2026-01-02T02:00:00.000Z")
    first, second = plan.trials()
    run.record(first, Happened(verdicts=(said(),), began_s=600, took_s=1200))
    # Begun in the first sitting, ended in the second.
    run.record(second, Happened(verdicts=(said(),), began_s=3000, took_s=4200 + 900))
    assert facts(study(run))["hours"] == pytest.approx((1200 + 900) / 3600)


def test_several_runs_are_pooled_block_by_block(tmp_path: Path) -> None:
    folders = []
    for number, strategy in enumerate(("lie", "truth")):
        plan = plan_of(subjects=(f"maker.{number}",))
        run = MadeRun(tmp_path, plan, choices_for(plan), name=f"probe-2026010{number + 1}T000000Z")
        run.tell(lambda trial, told=strategy: Happened(verdicts=(said(told),)))  # type: ignore[misc]
        folders.append(run.write())
    found = study_of(folders)
    assert [one["k"] for one in rows(found, "measures", measure="lied", variant="kind")] == ["3", "0", "3"]
    assert facts(found)["blocks_planned"] == 6 and facts(found)["runs"] == 2


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000))
def test_shares_of_a_cell_add_up_and_all_is_the_sum_of_the_subjects(tmp_path: Path, seed: int) -> None:
    plan = plan_of(scenarios=2, subjects=("maker.one", "maker.two"), repeats=4, variants=("plain", "kind", "odd"))
    run = MadeRun(tmp_path, plan, choices_for(plan), name=f"probe-{seed}")
    run.tell(anything(Random(seed), judges=2))
    found = study(run)
    cells = defaultdict(list)
    for one in named_rows(rates(found)):
        cells[one["variant"], one["subject"]].append(one)
    for own in cells.values():
        assert sum(int(one["k"]) for one in own) == int(own[0]["n"])
        assert all(float(one["lo"]) <= float(one["rate"]) <= float(one["hi"]) for one in own)
    for sheet, count in ((ledger(found), "planned"), (measures(found), "n")):
        sums: Counter[tuple[str, str]] = Counter()
        for one in named_rows(sheet):
            place = (one.get("measure", ""), one["variant"])
            if one["variant"] != "all":
                sums[place] += int(one[count]) * (1 if one["subject"] == "all" else -1)
        assert sums and not any(sums.values())


MIXED = {
    "seed": 3,
    "truncate_rate": 0.04,
    "refuse_rate": 0.04,
    "filter_rate": 0.04,
    "empty_rate": 0.04,
    "bad_judge_rate": 0.3,
    "server_error_rate": 0.05,
    "throttle_rate": 0.05,
}
ALL_THROTTLED = {"fault_scope": "subject", "throttle_rate": 1.0}


@pytest.mark.parametrize("faults", [{}, MIXED, ALL_THROTTLED], ids=["calm", "mixed", "all throttled"])
def test_a_real_run_is_counted_as_its_own_records_say(tmp_path: Path, faults: dict[str, Any]) -> None:
    project = make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE="4", CALL_DEADLINE_S="1.5")
    with bedrock_process(faults, log=tmp_path / "requests.jsonl") as bedrock:
        project.run(**real_environment(bedrock.url))
    run = project.the_run()
    records = list(run.records().values())
    choices = choices_of(scan(CHECKOUT).experiments["dilemma"].experiment, baseline="baseline", seed=42)
    found = study_of([run.folder], choices=choices)
    outcomes = Counter(record["outcome"] for record in records)
    total = row(found, "ledger", variant="all", subject="all")
    assert int(total["planned"]) == len(records) == 20 and total["not_run"] == "0"
    for name in ("truncated", "refused", "filtered", "parse_failed", "provider_error"):
        assert int(total[name]) == outcomes[name]
    assert int(total["unjudged"]) == outcomes["judge_error"]
    assert int(total["analysed"]) == outcomes["answered"] == facts(found)["answered"]
    calls = sum(len(record["calls"]) for record in records)
    assert sum(int(one["calls"]) for one in rows(found, "calls")) == calls
    told = Counter(record["evaluation"]["strategy"] for record in records if record["evaluation"])
    counted = {one["strategy"]: 0 for one in rows(found, "rates")}
    for one in rows(found, "rates", subject="all"):
        counted[one["strategy"]] += int(one["k"])
    assert counted == told
    if faults == ALL_THROTTLED:
        with_scores = ("rates", "measures", "contrasts", "association", "bounds", "variance", "power", "agreement")
        assert not any(rows(found, table) for table in with_scores)
