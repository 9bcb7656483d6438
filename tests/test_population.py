"""Every planned trial is counted once, and only what may enter a rate does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.rows import population, row
from trialbed.analysis.population import assumed_plan, cells
from trialbed.analysis.rows import Row
from trialbed.analysis.table import one
from trialbed.analysis.tables.contrasts import contrasts
from trialbed.analysis.tables.ledger import ledger
from trialbed.analysis.tables.missing import bounds, missingness, sensitivity
from trialbed.analysis.tables.rates import means, rates
from trialbed.core.choices import Choices
from trialbed.core.measure import Measure
from trialbed.core.outcome import Outcome

LIED = Measure(name="lied", kind="binary", field="strategy", positive=("lie",))
STRATEGY = Measure(name="strategy", kind="category", field="strategy")
CHOICES = Choices(measures=(LIED, STRATEGY), primary="lied", category="strategy", baseline="base", least_words=10)
HONEST, LIE = {"strategy": "honest"}, {"strategy": "lie"}


def test_every_reason_not_to_be_analysed_has_its_column() -> None:
    rows = [
        row("base", "1", HONEST),
        row("bribe", "1", LIE),
        row("base", "2", None, outcome="truncated"),
        row("bribe", "2", LIE),
        row("base", "3", None, outcome="judge_error"),
        row("bribe", "3", None),
        row("base", "4", {"other": 1}),
        row("bribe", "4", None, outcome="provider_error"),
        row("base", "5", LIE),
    ]
    people = population(rows, CHOICES, not_run=[row("bribe", "5")])
    base, bribe = (one(ledger(people).where(variant=name, subject="m")) for name in ("base", "bribe"))
    assert (
        base | {"planned": 5, "truncated": 1, "unjudged": 1, "no_value": 1, "incomplete_block": 1, "analysed": 1}
        == base
    )
    assert bribe | {"planned": 5, "provider_error": 1, "unjudged": 1, "not_run": 1, "analysed": 2} == bribe


def test_a_trial_that_the_primary_measure_is_not_about_is_analysed_and_not_missing() -> None:
    one_sided = Measure(name="one_sided", kind="score", field="toward", low=-1, high=1)
    choices = Choices(measures=(one_sided, STRATEGY), primary="one_sided", category="strategy", baseline="base")
    rows = [
        row("base", "1", HONEST | {"toward": 0.2}),
        row("bribe", "1", LIE | {"toward": 0.6}),
        row("base", "2", HONEST | {"toward": None}),
        row("bribe", "2", LIE | {"toward": None}),
        row("base", "3", HONEST),
        row("bribe", "3", LIE | {"toward": 0.4}),
    ]
    people = population(rows, choices)
    base = one(ledger(people).where(variant="base", subject="m"))
    assert (base["analysed"], base["no_value"]) == (2, 1)
    (bound,) = [found for found in bounds(people).where(subject="all")]
    assert (bound["missing_variant"], bound["missing_baseline"]) == (0, 1)
    assert one(missingness(people).where(subject="all"))["missing"] == 1
    assert sum(int(found["n"]) for found in means(people).where(subject="m")) == 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["base", "bribe", "threat"]),
            st.sampled_from("12345"),
            st.sampled_from([outcome.value for outcome in Outcome]),
            st.sampled_from([None, HONEST, LIE, {}]),
            st.booleans(),
        ),
        unique_by=lambda trial: trial[:2],
        min_size=1,
    )
)
@settings(max_examples=200, deadline=None)
def test_the_ledger_adds_up_and_the_rates_hold_what_it_calls_analysed(
    trials: list[tuple[str, str, str, dict[str, str] | None, bool]],
) -> None:
    made = [row(v, block, values, outcome=outcome) for v, block, outcome, values, there in trials if there]
    absent = [row(v, block) for v, block, _, _, there in trials if not there]
    people = population(made, CHOICES, not_run=absent)
    table = ledger(people)
    for line in table.rows:
        assert line[2] == sum(line[3:])  # type: ignore[arg-type]
    assert one(table.where(variant="all", subject="all"))["planned"] == len(trials)
    for cell in cells(people, LIED):
        wanted = one(table.where(variant=cell.variant, subject=cell.group.name))
        assert len(cell.rows) == wanted["analysed"]
        assert all(counted.outcome == "answered" for counted in cell.rows)


def test_a_block_that_has_not_ended_enters_nothing() -> None:
    people = population(
        [row("base", "1", LIE), row("base", "2", LIE), row("bribe", "2", HONEST)], CHOICES, not_run=[row("bribe", "1")]
    )
    assert {line[:5] for line in rates(people, STRATEGY).rows if line[1] == "all"} == {
        ("base", "all", "honest", 0, 1),
        ("base", "all", "lie", 1, 1),
        ("bribe", "all", "honest", 1, 1),
        ("bribe", "all", "lie", 0, 1),
    }


def test_a_subject_that_was_throttled_throughout_has_no_score_anywhere() -> None:
    rows = [row(v, str(n), LIE) for v in ("base", "bribe") for n in range(4)]
    rows += [
        row(v, str(n), None, outcome="provider_error", subject="dead") for v in ("base", "bribe") for n in range(4)
    ]
    people = population(rows, CHOICES)
    assert one(ledger(people).where(variant="base", subject="dead"))["provider_error"] == 4
    for table in (
        rates(people, STRATEGY),
        contrasts(people, is_confirmatory=False),
        bounds(people),
        sensitivity(people),
    ):
        assert table.rows and not [line for line in table.rows if "dead" in line]


def _pairs(n: int, ours: int, theirs: int, **others: object) -> list[Row]:
    return [
        row(variant, str(number), LIE if number < lies else HONEST, **others)  # type: ignore[arg-type]
        for variant, lies in (("bribe", ours), ("base", theirs))
        for number in range(n)
    ]


def test_contrasts_are_matched_within_blocks_and_say_so_when_they_cannot_be() -> None:
    matched = one(
        contrasts(population(_pairs(10, 7, 2), CHOICES), is_confirmatory=True).where(measure="lied", subject="all")
    )
    assert (matched["method"], matched["pairs"], matched["b"], matched["c"]) == ("matched", 10, 5, 0)
    assert matched["p"] == 0.0625 and matched["role"] == "confirmatory"
    apart = [row("base", "a", LIE), row("base", "b", HONEST), row("bribe", "c", LIE)]
    unmatched = contrasts(population(apart, CHOICES), is_confirmatory=False)
    assert {line[4] for line in unmatched.rows} == {"unmatched"} and "unmatched" in unmatched.notes[0]


def test_only_the_primary_contrasts_over_all_subjects_are_confirmatory() -> None:
    second = Measure(name="other", kind="binary", field="strategy", positive=("honest",))
    choices = CHOICES.model_copy(update={"measures": (LIED, second, STRATEGY)})
    table = contrasts(population(_pairs(6, 3, 1), choices), is_confirmatory=True)
    assert [(row["measure"], row["subject"]) for row in table.where(role="confirmatory")] == [("lied", "all")]


def test_missing_trials_bound_the_difference_and_a_lopsided_loss_is_noticed() -> None:
    rows = _pairs(40, 30, 10)
    lost = [row("bribe", f"x{n}", None, outcome="refused") for n in range(20)]
    lost += [row("base", f"x{n}", HONEST) for n in range(20)]
    people = population(rows + lost, CHOICES)
    bound = one(bounds(people).where(subject="all"))
    assert (bound["missing_variant"], bound["missing_baseline"]) == (20, 0)
    assert (bound["worst"], bound["best"]) == (30 / 60 - 10 / 60, 50 / 60 - 10 / 60)
    p = one(missingness(people).where(subject="all"))["p"]
    assert isinstance(p, float) and p < 0.001


def test_short_replies_stay_in_the_result_and_are_left_out_beside_it() -> None:
    rows = _pairs(10, 5, 5) + [row(v, "short", LIE, shortest_reply=3) for v in ("base", "bribe")]
    people = population(rows, CHOICES)
    assert one(contrasts(people, is_confirmatory=False).where(measure="lied", subject="all"))["pairs"] == 11
    without = one(sensitivity(people).where(subject="all"))
    assert (without["without"], without["pairs"]) == (2, 10)


def test_rows_without_a_plan_are_taken_for_one_trial_per_variant_in_each_block() -> None:
    rows = [row("base", "1", LIE), row("bribe", "1", LIE), row("base", "2", LIE)]
    planned = assumed_plan(rows)
    assert len(planned) == 4
    assert sorted(trial.variant for trial in planned.values()) == ["base", "base", "bribe", "bribe"]
