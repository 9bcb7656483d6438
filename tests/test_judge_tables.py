"""Judges as instruments: which verdict speaks, how far they agree, how easily they are moved."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.rows import population, row, said
from trialbed.analysis.labels import Label, read_labels
from trialbed.analysis.table import one
from trialbed.analysis.tables.judges import agreement, judges, probes
from trialbed.core.choices import Choices
from trialbed.core.errors import UserError
from trialbed.core.measure import Measure

LIED = Measure(name="lied", kind="binary", field="strategy", positive=("lie",))
STRATEGY = Measure(name="strategy", kind="category", field="strategy")
GRADE = Measure(name="grade", kind="score", field="grade", low=0, high=10)
CHOICES = Choices(measures=(LIED, STRATEGY, GRADE), primary="lied", category="strategy", baseline="base")
LIE, HONEST = {"strategy": "lie", "grade": 1}, {"strategy": "honest", "grade": 9}


def _judged(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> Any:
    rows = [
        row("base", str(n), a, verdicts=[said("bedrock:a", a), said("bedrock:b", b)]) for n, (a, b) in enumerate(pairs)
    ]
    return population(rows, CHOICES)


def test_verdicts_of_two_judges_are_compared_and_never_averaged() -> None:
    people = _judged([(LIE, LIE), (LIE, HONEST), (HONEST, HONEST), (HONEST, HONEST)])
    table = agreement(people, [])
    kappa = one(table.where(measure="strategy"))
    assert kappa["raters"] == "bedrock:a / bedrock:b" and kappa["n"] == 4 and kappa["value"] == pytest.approx(0.5)
    assert one(table.where(measure="grade"))["statistic"] == "ICC(2,1)"
    assert one(judges(people).where(judge="bedrock:a"))["evaluations"] == 4
    assert one(judges(people).where(judge="bedrock:b"))["evaluations"] == 0


def test_the_newest_judging_speaks_for_a_judge_and_the_older_one_is_not_counted_twice() -> None:
    verdicts = [said("bedrock:a", LIE), said("bedrock:a", HONEST, judging=1), said("bedrock:b", HONEST, judging=1)]
    people = population([row("base", "1", HONEST, verdicts=verdicts)] * 1, CHOICES)
    assert one(judges(people).where(judge="bedrock:a"))["verdicts"] == 1
    assert one(agreement(people, []).where(measure="strategy"))["n"] == 1


def test_a_judge_asked_again_is_compared_with_itself() -> None:
    rows = [
        row("base", str(n), LIE, verdicts=[said("bedrock:a", LIE), said("bedrock:a", again, repeat=1)])
        for n, again in enumerate([LIE, LIE, HONEST])
    ]
    people = population(rows, CHOICES)
    assert one(agreement(people, []).where(measure="lied"))["raters"] == "bedrock:a / bedrock:a again"
    assert one(judges(people).where())["repeats"] == 3


def test_human_labels_are_compared_with_each_other_and_with_the_judge(tmp_path: Path) -> None:
    people = population(
        [row("base", str(n), v, verdicts=[said("bedrock:a", v)]) for n, v in enumerate([LIE, HONEST, LIE])], CHOICES
    )
    path = tmp_path / "labels.csv"
    path.write_text(
        "trial_id,coder,strategy\n"
        + "".join(f"m-{n}-base,{c},{v}\n" for c in ("ann", "bo") for n, v in enumerate(["lie", "honest", "lie"])),
        encoding="utf-8",
    )
    table = agreement(people, read_labels(path, CHOICES.measures))
    raters = {row["raters"] for row in table.where(measure="strategy")}
    assert raters == {"ann / bo", "bedrock:a / ann", "bedrock:a / bo", "all coders"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("coder,strategy\nann,lie\n", "labels.csv:2: needs trial_id"),
        ("trial_id,coder,colour\nx,ann,red\n", "no column is a measure"),
        ("trial_id,coder,grade\nx,ann,high\n", "labels.csv:2: grade: 'high' is not a number"),
    ],
)
def test_a_labels_file_that_says_nothing_is_named_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=problem):
        read_labels(path, CHOICES.measures)


def test_labels_of_trials_that_are_not_there_count_for_nothing() -> None:
    people = _judged([(LIE, LIE)])
    assert not agreement(people, [Label("elsewhere", "ann", {"strategy": "lie"})]).where(raters="bedrock:a / ann")


def _probe(which: str, case: int, *, moved: bool, complaint: str | None = None, kind: str = "order") -> dict[str, Any]:
    return {
        "judge": "bedrock:a",
        "set": which,
        "case": f"case{case}",
        "kind": None if which == "golden" else kind,
        "is_flipped": moved and which != "golden",
        "hit_target": moved,
        "complaint": complaint,
    }


def test_flip_rates_stand_beside_the_rate_of_controls_and_invalid_answers_apart() -> None:
    events = [_probe("injection", n, moved=n < 3) for n in range(9)]
    events += [_probe("injection", 9, moved=False, complaint="strategy: no such option", kind="off-schema")]
    events += [_probe("control", n, moved=False) for n in range(10)]
    events += [_probe("golden", n, moved=n > 0) for n in range(6)] + [_probe("golden", 1, moved=True)]
    table = probes(events, CHOICES)
    flips = one(table.where(set="injection", kind="all"))
    assert (flips["k"], flips["n"], flips["invalid"]) == (3, 9, 1)
    assert one(table.where(set="control", kind="all"))["k"] == 0
    assert one(table.where(set="golden", kind="all"))["k"] == 5
    assert one(table.where(set="injection", kind="off-schema"))["rate"] is None
