"""Does the audit compute the tables of factors again by itself, and notice when one of their numbers was altered?"""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.support.forging import forge
from tests.support.made_runs import Happened, MadeRun
from tests.support.triplets import (
    FACTORS,
    about,
    answer,
    findings_of,
    swayed,
    told,
    triplet_choices,
    triplet_plan,
    triplet_run,
    triplets,
)
from trialbed.analysis.recheck.audit import as_reported, numbers_problem, study_of
from trialbed.analysis.recheck.compare import compare_tables
from trialbed.analysis.recheck.tables import recomputed
from trialbed.analysis.report.write import write_report
from trialbed.core.choices import Choices
from trialbed.core.factor import Factor
from trialbed.core.model import ModelName
from trialbed.core.trial import Trial

pytestmark = pytest.mark.handmade_runs

OF_FACTORS = ("by_factor", "matched")


def disagreement(*runs: MadeRun) -> str | None:
    """The first one between both paths in the tables of factors."""
    folders = [run.write() for run in runs]
    tables, again = findings_of(folders).tables, recomputed(study_of(folders))
    first = {name: as_reported(tables[name]) for name in OF_FACTORS if name in tables}
    assert first
    return compare_tables(first, {name: again[name] for name in OF_FACTORS})


def drawn(root: Path, seed: int, *, number: int = 1, choices: Choices | None = None) -> MadeRun:
    """A run whose design and happenings the seed decides."""
    random = Random(seed)
    scenarios = triplets(
        amounts=[200, 400, 800][: random.choice([1, 2, 3])],
        qualities=["good", "bad"][: random.choice([1, 2])],
        justified=["economy", "need"][: random.choice([1, 2])],
    )
    who, *others = FACTORS
    asker = who.model_copy(update={"match": random.choice([who.match, ("amount",), ()])})
    chosen = {
        "primary": random.choice(["sycophancy", "agrees", "score"]),
        "alpha": random.choice([0.05, 0.1]),
        "factors": (asker, *others),
    }
    tells = swayed(random, uplift=random.choice([0.0, 0.5, 2.0]), mishaps=random.choice([0.0, 0.1, 0.4]))
    return triplet_run(
        root,
        tells,
        scenarios=scenarios,
        choices=chosen if choices is None else dict(choices),
        variants=["plain", "kind"][: random.choice([1, 2])],
        subjects=["maker.one", "maker.two"][: random.choice([1, 2])],
        repeats=random.choice([1, 3]),
        name=f"probe-2026010{number}T000000Z",
    )


@pytest.mark.parametrize("seed", range(16))
def test_both_paths_say_the_same_of_a_run_with_factors(tmp_path: Path, seed: int) -> None:
    assert disagreement(drawn(tmp_path, seed)) is None


def test_both_paths_say_the_same_of_two_runs_together(tmp_path: Path) -> None:
    one = drawn(tmp_path, 3)
    assert disagreement(one, drawn(tmp_path, 5, number=2, choices=one.choices)) is None


def test_trials_of_one_run_are_no_baseline_for_another(tmp_path: Path) -> None:
    """The first run asks neutrally only, the second never does."""
    everything = triplets()
    halves = [
        [one for one in everything if is_neutral(one.id)],
        [one for one in everything if not is_neutral(one.id)],
    ]
    runs = [
        triplet_run(tmp_path, swayed(Random(number)), scenarios=half, name=f"probe-2026010{number}T000000Z")
        for number, half in enumerate(halves, 1)
    ]
    assert disagreement(*runs) is None
    tables = findings_of([run.write() for run in runs]).tables
    rows = tables["matched"].where(measure="agrees", subject="all", variant="all")
    assert [(row["level"], row["n"], row["unmatched"]) for row in rows] == [("landlord", 0, 24), ("tenant", 0, 24)]


def is_neutral(scenario: str) -> bool:
    return about(scenario)["perspective"] == "neutral"


def without_some(trial: Trial) -> Happened:
    """One subject never answers neutrally, and nobody does for one amount."""
    scenario = trial.scenario.id
    is_silent = is_neutral(scenario) and (str(trial.subject) == "bedrock:maker.two" or about(scenario)["amount"] == 400)
    values = answer(scenario, agrees=trial.repeat % 2 == 0, score=0.1 * trial.repeat)
    return told(values | {"perspective": None} if is_silent else values)


def all_alike(trial: Trial) -> Happened:
    return told(answer(trial.scenario.id, agrees=True, score=0.5))


def clean_sweep(trial: Trial) -> Happened:
    """Who asks decides everything."""
    side = {"landlord": 1.0, "tenant": -1.0, "neutral": 0.0}[about(trial.scenario.id)["perspective"]]
    return told(answer(trial.scenario.id, agrees=side > 0, score=side))


def odd_levels(trial: Trial) -> Happened:
    """Lists, objects, yes and no, and texts longer than a level can be."""
    values = answer(trial.scenario.id, agrees=trial.repeat > 0, score=0.1 * trial.repeat)
    amount = [200, 200.0, True, "2" * 300, ["200"], {"of": "200", "why": "x" * 300}][trial.repeat]
    return told(values | {"amount": amount, "justification": "y" * (199 + trial.repeat % 3)})


@pytest.mark.parametrize("tells", [without_some, all_alike, clean_sweep, odd_levels])
@pytest.mark.parametrize("clusters", [1, 4])
def test_both_paths_say_the_same_where_little_can_be_said(
    tmp_path: Path, tells: Callable[[Trial], Happened], clusters: int
) -> None:
    scenarios = triplets() if clusters == 4 else triplets(amounts=[200], qualities=["good"])
    run = triplet_run(tmp_path, tells, scenarios=scenarios, subjects=["maker.one", "maker.two"], repeats=6)
    assert disagreement(run) is None


def test_two_providers_with_the_same_id_are_two_subjects(tmp_path: Path) -> None:
    names = tuple(ModelName(provider, "maker.one") for provider in ("bedrock", "openai"))
    plan = replace(triplet_plan(), subjects=names)
    run = MadeRun(tmp_path, plan, triplet_choices(plan))
    run.tell(swayed(Random(2)))
    assert disagreement(run) is None
    rows = findings_of([run.write()]).tables["matched"].where(measure="agrees", level="tenant", variant="all")
    assert [row["subject"] for row in rows] == ["bedrock:maker.one", "openai:maker.one", "all"]
    assert [row["n"] for row in rows][2] == sum(int(row["n"] or 0) for row in rows[:2])


# --- Forged --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run's folder, and that of its report."""
    root = tmp_path_factory.mktemp("reported")
    folder = triplet_run(root, swayed(Random(4), mishaps=0.02), subjects=["maker.one", "maker.two"]).write()
    write_report(findings_of([folder]), root / "report", made_at="2026-01-03T00:00:00Z")
    return folder, root / "report"


def test_a_report_with_factors_passes_its_audit(reported: tuple[Path, Path]) -> None:
    assert numbers_problem([reported[0]], reported[1]) is None


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("by_factor", name) for name in ("level", "subject", "n", "mean", "clusters", "lo", "hi")),
        *(("matched", name) for name in ("variant", "level", "baseline", "n", "n_baseline", "unmatched", "value")),
        *(("matched", name) for name in ("baseline_value", "difference", "clusters", "lo", "hi", "p")),
    ],
)
def test_an_altered_cell_is_found_though_every_file_agrees_with_it(
    reported: tuple[Path, Path], tmp_path: Path, table: str, column: str
) -> None:
    copy = tmp_path / "report"
    copy.mkdir()
    for path in reported[1].iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    path = copy / f"{table}.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    place = next(number for number, row in enumerate(rows) if row[column] and row.get("lo"))
    before = rows[place][column]
    rows[place][column] = _other(before)
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue())
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert table in (numbers_problem([reported[0]], copy) or "")


def _other(cell: str) -> str:
    if cell.isdigit():
        return str(int(cell) + 1)
    try:
        return f"{float(cell) + 0.001:.6f}"
    except ValueError:
        return cell + "x"


def test_a_baseline_that_was_moved_in_the_journal_changes_what_is_recomputed(
    reported: tuple[Path, Path], tmp_path: Path
) -> None:
    """A neutral answer says afterwards that it was about another amount; the tables handed in do not know."""
    folder = tmp_path / reported[0].name
    folder.mkdir()
    for path in reported[0].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    tables = findings_of([folder]).tables
    assert numbers_problem([folder], None, tables) is None

    def moves(events: list[dict]) -> None:  # type: ignore[type-arg]
        records = (event["record"] for event in events if event["e"] == "record")
        neutral = next(one for one in records if (one["evaluation"] or {}).get("perspective") == "neutral")
        neutral["evaluation"]["amount"] = 999

    forge(folder / "journal.jsonl", moves)
    assert "column n_baseline: reported 12, recomputed 11" in (numbers_problem([folder], None, tables) or "")


def test_a_factor_of_no_baseline_is_told_by_level_only(tmp_path: Path) -> None:
    plain = Factor(name="who", field="perspective")
    run = triplet_run(tmp_path, swayed(Random(1)), choices={"factors": (plain,)})
    folder = run.write()
    assert "matched" not in findings_of([folder]).tables
    assert numbers_problem([folder], None, findings_of([folder]).tables) is None
